"""The figures of a month that an assessment needs (AY 6.3): calls, orders, what was met, mistakes, attendance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from clock import local_date
from ivr.models import Call
from ivr.operator_figures import operator_figures
from ivr.operators.models import Ticket
from orders.assessment.attendance import attendance
from orders.book.models import COUNTED_STATES, DemandRecord, OrderChange, OrderRow
from orders.hotline_settings import calendar
from orders.reporting.calls import OperatorFigures
from orders.reporting.period import Period
from orders.retailers.models import RetailerRow
from orders.staff.models import Feedback, StaffRow
from orders.windows import is_order_day


@dataclass(frozen=True, slots=True)
class AssessmentFigures:
    """One person's month. `due_met` of `due_talked` retailers that were due on the day they talked to this person have
    an order of that day; `granted_packs` of `requested_packs` were met in the orders saved; `corrected` of them were
    changed afterwards, as approved; `complaints` are requests about service by shops that talked to this person last.
    `mean_talk_s` is None without a conversation."""

    calls: int = 0
    unanswered: int = 0
    callbacks: int = 0
    mean_talk_s: int | None = None
    orders: int = 0
    packs: int = 0
    due_talked: int = 0
    due_met: int = 0
    requested_packs: int = 0
    granted_packs: int = 0
    corrected: int = 0
    complaints: int = 0
    days: int = 0
    hours: float = 0.0

    def as_kept(self) -> dict[str, Any]:
        """The figures as an assessment keeps them."""
        return asdict(self)

    @classmethod
    def from_kept(cls, kept: dict[str, Any]) -> AssessmentFigures:
        """The figures an assessment kept; those it did not know yet are none."""
        return cls(**{name: value for name, value in kept.items() if name in cls.__slots__})


def first_call_day(session: Session) -> date | None:
    """The day of the line's first call; None before it."""
    began = session.scalar(select(func.min(Call.started_at)))
    return local_date(began) if began is not None else None


def assessment_figures(session: Session, people: Sequence[StaffRow], period: Period) -> dict[int, AssessmentFigures]:
    """The figures of these people in a period, by their ids."""
    work = {one.staff_id: one for one in operator_figures(session, period)}
    return {person.id: _of(session, person, period, work.get(person.id)) for person in people}


def _of(session: Session, person: StaffRow, period: Period, work: OperatorFigures | None) -> AssessmentFigures:
    talked, met = _due(session, person, period)
    order_ids = _orders(session, person, period)
    requested, granted = session.execute(
        select(
            func.coalesce(func.sum(DemandRecord.requested_packs), 0),
            func.coalesce(func.sum(DemandRecord.granted_packs), 0),
        ).where(DemandRecord.order_id.in_(order_ids), ~DemandRecord.withdrawn)
    ).one()
    corrected = session.scalar(
        select(func.count(func.distinct(OrderChange.order_id))).where(
            OrderChange.order_id.in_(order_ids), OrderChange.state == "approved"
        )
    )
    days = attendance(session, person.id, period)
    seconds = sum(day.seconds for day in days)
    mean = work.mean_talk if work is not None else None
    return AssessmentFigures(
        calls=work.taken if work else 0,
        unanswered=work.unanswered if work else 0,
        callbacks=work.callbacks if work else 0,
        mean_talk_s=None if mean is None else round(mean / timedelta(seconds=1)),
        orders=work.orders if work else 0,
        packs=work.packs if work else 0,
        due_talked=talked,
        due_met=met,
        requested_packs=int(requested),
        granted_packs=int(granted),
        corrected=corrected or 0,
        complaints=_complaints(session, person, period),
        days=len(days),
        hours=round(seconds / 3600, 1),
    )


def _orders(session: Session, person: StaffRow, period: Period) -> list[int]:
    """The orders of the period that this person saved, or whose call they took, saved by its caller."""
    taken = select(Ticket.call_key).where(Ticket.taken_by == person.id, period.covers(Ticket.taken_at))
    return list(
        session.scalars(
            select(OrderRow.id).where(
                OrderRow.business_day.between(period.first, period.last),
                or_(
                    OrderRow.saved_by == person.name,
                    OrderRow.saved_by.is_(None) & OrderRow.call_key.in_(taken),
                ),
                OrderRow.state.in_((*COUNTED_STATES, "cancelled")),
            )
        )
    )


def _due(session: Session, person: StaffRow, period: Period) -> tuple[int, int]:
    """The retailers that talked to this person on their order day, and those of them with an order of that day."""
    rows = session.execute(
        select(RetailerRow, Ticket.taken_at)
        .join(Call, Call.customer_code == RetailerRow.customer_code)
        .join(Ticket, Ticket.call_key == Call.call_key)
        .where(Ticket.taken_by == person.id, period.covers(Ticket.taken_at))
    ).all()
    open_days = calendar(session)
    due = {
        (retailer.id, day)
        for retailer, taken_at in rows
        if taken_at is not None and is_order_day(retailer, day := local_date(taken_at), open_days)
    }
    if not due:
        return 0, 0
    ordered = session.execute(
        select(OrderRow.retailer_id, OrderRow.business_day).where(
            OrderRow.business_day.between(period.first, period.last),
            OrderRow.retailer_id.in_({retailer_id for retailer_id, _ in due}),
            OrderRow.state.in_(COUNTED_STATES),
        )
    )
    met: set[tuple[int, date]] = {(retailer_id, day) for retailer_id, day in ordered}
    return len(due), len(due & met)


def _complaints(session: Session, person: StaffRow, period: Period) -> int:
    """Requests about service in the period by shops that, before them, talked to this person last."""
    last = (
        select(Ticket.taken_by)
        .join(Call, Call.call_key == Ticket.call_key)
        .where(
            Call.customer_code == RetailerRow.customer_code,
            Ticket.taken_by.is_not(None),
            Ticket.taken_at <= Feedback.recorded_at,
        )
        .order_by(Ticket.taken_at.desc(), Ticket.id.desc())
        .limit(1)
        .correlate(RetailerRow, Feedback)
        .scalar_subquery()
    )
    return (
        session.scalar(
            select(func.count())
            .select_from(Feedback)
            .join(RetailerRow, RetailerRow.id == Feedback.retailer_id)
            .where(Feedback.kind == "service", period.covers(Feedback.recorded_at), last == person.id)
        )
        or 0
    )
