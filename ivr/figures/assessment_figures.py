"""The figures of a month that an assessment needs (AY 6.3): calls, orders, what was met, mistakes, attendance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, func, select
from sqlalchemy.orm import Session

from clock import local_date
from ivr.figures.operator_figures import operator_figures
from ivr.models import Call
from ivr.operators.models import Ticket
from orders.assessment.attendance import attendance_totals
from orders.book.models import COUNTED_STATES, DemandRecord, OrderChange, OrderRow
from orders.reporting.calls import OperatorFigures
from orders.reporting.period import Period
from orders.retailers.lookup import PLAN, OrderPlanKey, due_days
from orders.retailers.models import RetailerRow
from orders.staff.models import Feedback, StaffRow


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
    ids = [person.id for person in people]
    work = {one.staff_id: one for one in operator_figures(session, period)}
    due, demand = _due(session, ids, period), _demand(session, ids, period)
    complaints, seats = _complaints(session, period), attendance_totals(session, period)
    figures = {}
    for number in ids:
        own = work.get(number) or OperatorFigures("")
        talked, met = due.get(number, (0, 0))
        requested, granted, corrected = demand.get(number, (0, 0, 0))
        days, seconds = seats.get(number, (0, 0))
        figures[number] = AssessmentFigures(
            calls=own.taken,
            unanswered=own.unanswered,
            callbacks=own.callbacks,
            mean_talk_s=None if own.mean_talk is None else round(own.mean_talk / timedelta(seconds=1)),
            orders=own.orders,
            packs=own.packs,
            due_talked=talked,
            due_met=met,
            requested_packs=requested,
            granted_packs=granted,
            corrected=corrected,
            complaints=complaints.get(number, 0),
            days=days,
            hours=round(seconds / 3600, 1),
        )
    return figures


def _orders(ids: Sequence[int], period: Period) -> CompoundSelect[int, int]:
    """The orders of the period with the person who saved them, or who took the call in which the caller did: columns
    `staff_id` and `order_id`."""
    of_period = (
        OrderRow.business_day.between(period.first, period.last),
        OrderRow.state.in_((*COUNTED_STATES, "cancelled")),
    )
    saved = (
        select(StaffRow.id.label("staff_id"), OrderRow.id.label("order_id"))
        .join(OrderRow, OrderRow.saved_by == StaffRow.name)
        .where(StaffRow.id.in_(ids), *of_period)
    )
    taken = (
        select(Ticket.taken_by.label("staff_id"), OrderRow.id.label("order_id"))
        .join(OrderRow, OrderRow.call_key == Ticket.call_key)
        .where(Ticket.taken_by.in_(ids), period.covers(Ticket.taken_at), OrderRow.saved_by.is_(None), *of_period)
    )
    return saved.union(taken)


def _demand(session: Session, ids: Sequence[int], period: Period) -> dict[int, tuple[int, int, int]]:
    """The packs requested in the orders of each person, those granted, and the orders that were changed afterwards, as
    approved."""
    orders = _orders(ids, period).cte("of_people")
    of_period = select(orders.c.order_id)
    requested, granted = func.sum(DemandRecord.requested_packs), func.sum(DemandRecord.granted_packs)
    demand = (
        select(DemandRecord.order_id, requested.label("requested"), granted.label("granted"))
        .where(DemandRecord.order_id.in_(of_period), ~DemandRecord.withdrawn)
        .group_by(DemandRecord.order_id)
        .subquery()
    )
    corrected = (
        select(OrderChange.order_id)
        .where(OrderChange.order_id.in_(of_period), OrderChange.state == "approved")
        .distinct()
        .subquery()
    )
    rows = session.execute(
        select(
            orders.c.staff_id,
            func.coalesce(func.sum(demand.c.requested), 0),
            func.coalesce(func.sum(demand.c.granted), 0),
            func.count(corrected.c.order_id),
        )
        .outerjoin(demand, demand.c.order_id == orders.c.order_id)
        .outerjoin(corrected, corrected.c.order_id == orders.c.order_id)
        .group_by(orders.c.staff_id)
    )
    return {staff_id: (int(requested), int(granted), corrected) for staff_id, requested, granted, corrected in rows}


def _due(session: Session, ids: Sequence[int], period: Period) -> dict[int, tuple[int, int]]:
    """The retailers that talked to each person on their order day, and those of them with an order of that day."""
    talked = (
        select(RetailerRow.id, *PLAN, Ticket.taken_by, Ticket.taken_at)
        .join(Call, Call.customer_code == RetailerRow.customer_code)
        .join(Ticket, Ticket.call_key == Call.call_key)
        .where(Ticket.taken_by.in_(ids), period.covers(Ticket.taken_at))
    )
    ordered = select(OrderRow.retailer_id, OrderRow.business_day).where(
        OrderRow.business_day.between(period.first, period.last),
        OrderRow.retailer_id.in_(talked.with_only_columns(RetailerRow.id)),
        OrderRow.state.in_(COUNTED_STATES),
    )
    orders = {(retailer_id, day) for retailer_id, day in session.execute(ordered)}
    talks = [
        (retailer_id, OrderPlanKey(cycle, weekday, week), staff_id, local_date(taken_at))
        for retailer_id, cycle, weekday, week, staff_id, taken_at in session.execute(talked)
        if staff_id is not None and taken_at is not None
    ]
    plan_days = due_days(session, {plan for _retailer, plan, _staff, _day in talks}, period.days)
    due = {(staff_id, retailer, day) for retailer, plan, staff_id, day in talks if day in plan_days[plan]}
    all_due = Counter(staff_id for staff_id, _retailer, _day in due)
    met = Counter(staff_id for staff_id, retailer, day in due if (retailer, day) in orders)
    return {staff_id: (count, met[staff_id]) for staff_id, count in all_due.items()}


def _complaints(session: Session, period: Period) -> dict[int, int]:
    """Requests about service in the period, by the person the shop had talked to last."""
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
    rows = session.scalars(
        select(last)
        .select_from(Feedback)
        .join(RetailerRow, RetailerRow.id == Feedback.retailer_id)
        .where(Feedback.kind == "service", period.covers(Feedback.recorded_at))
    )
    return Counter(staff_id for staff_id in rows if staff_id is not None)
