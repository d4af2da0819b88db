"""Visits to retailers that missed their call: the customer manager records the visit and its order, until hand-over (TR
3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from orders.book.desk import Desk, DeskRefusal, LineOutcome, LineRequest, OrderView
from orders.book.eligibility import is_closed_for
from orders.book.models import COUNTED_STATES, OrderRow
from orders.book.views import RefusalReason, retailer_view
from orders.models import NOTE_MAX_CHARS
from orders.outbound.models import MissedCall, VisitOutcome, VisitRow
from orders.retailers.models import RetailerRow


class VisitRefused(ValueError):
    """The order cannot be placed; `reason` is the desk's."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"The order of this visit was refused: {reason}.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """One missed call with the remedy "visit", the visits recorded so far, and the order placed since."""

    missed: MissedCall
    retailer: RetailerRow
    visits: Sequence[VisitRow]
    order: OrderRow | None

    @property
    def is_open(self) -> bool:
        """True if the retailer is still to be visited: it has no order, and did not say that it wants none."""
        return self.order is None and all(visit.outcome == "not_met" for visit in self.visits)


@dataclass(frozen=True, slots=True)
class VisitOrder:
    """The order of a visit, None where no line of it could be granted, and what became of each line."""

    order: OrderView | None
    outcomes: Sequence[LineOutcome]


def planned_visit_count(session: Session, day: date) -> int:
    """The number of visits planned for this day or a later one."""
    return session.scalar(select(func.count()).select_from(MissedCall).where(*_planned_from(day))) or 0


def planned_visits(session: Session, day: date, *, first: int = 0, most: int | None = None) -> list[PlannedVisit]:
    """The visits planned for this day or a later one, the earliest first: at most so many from place `first` on,
    counted from 0."""
    found = select(MissedCall).where(*_planned_from(day)).order_by(MissedCall.remedy_day, MissedCall.id)
    return _with_results(session, session.scalars(found.offset(first).limit(most)).all())


def planned_visit(session: Session, missed_call_id: int) -> PlannedVisit | None:
    """The visit planned for a missed call, or None."""
    missed = session.get(MissedCall, missed_call_id)
    if missed is None or missed.remedy != "visit":
        return None
    return _with_results(session, [missed])[0]


def _planned_from(day: date) -> tuple[ColumnElement[bool], ...]:
    return MissedCall.remedy == "visit", MissedCall.remedy_day >= day


def _with_results(session: Session, planned: Sequence[MissedCall]) -> list[PlannedVisit]:
    """The visits planned for these missed calls, each with what was recorded and the latest order since."""
    numbers = [missed.id for missed in planned]
    visits: dict[int, list[VisitRow]] = {}
    for visit in session.scalars(select(VisitRow).where(VisitRow.missed_call_id.in_(numbers)).order_by(VisitRow.id)):
        visits.setdefault(visit.missed_call_id, []).append(visit)
    latest = (
        select(MissedCall.id, func.max(OrderRow.id).label("order_id"))
        .join(OrderRow, OrderRow.retailer_id == MissedCall.retailer_id)
        .where(
            MissedCall.id.in_(numbers),
            OrderRow.business_day >= MissedCall.missed_on,
            OrderRow.state.in_(COUNTED_STATES),
        )
        .group_by(MissedCall.id)
        .subquery()
    )
    orders: dict[int, OrderRow] = dict(
        session.execute(select(latest.c.id, OrderRow).join(OrderRow, OrderRow.id == latest.c.order_id)).all()
    )
    retailers = {
        row.id: row
        for row in session.scalars(
            select(RetailerRow).where(RetailerRow.id.in_([missed.retailer_id for missed in planned]))
        )
    }
    return [
        PlannedVisit(missed, retailers[missed.retailer_id], visits.get(missed.id, ()), orders.get(missed.id))
        for missed in planned
    ]


def takes_orders(session: Session, visit: PlannedVisit, day: date) -> bool:
    """True if an order of this visit may still be placed on this day: until the day planned, and its hand-over."""
    planned = visit.missed.missed_on <= day <= visit.missed.remedy_day
    return visit.is_open and planned and not is_closed_for(session, day, "supplementary")


def order_at_visit(desk: Desk, visit: PlannedVisit, packs: Mapping[str, int], *, by: str, note: str) -> VisitOrder:
    """Save the order of a visit, in packs by barcode, as far as limits and stock allow, and record the visit. Where
    nothing can be had, only the demand is kept. VisitRefused where no order may be placed."""
    session = desk.session
    key = f"visit-{visit.missed.id}-{len(visit.visits)}"
    try:
        draft = desk.open_channel_draft(key, retailer_view(visit.retailer), "visit")
        outcomes = draft.set_lines([LineRequest(barcode, wanted) for barcode, wanted in packs.items()])
        if not any(outcome.granted_packs for outcome in outcomes):
            draft.abandon()
            return VisitOrder(None, outcomes)
        order = draft.confirm().order
    except DeskRefusal as refusal:
        raise VisitRefused(refusal.reason) from refusal
    order_id = session.scalar(select(OrderRow.id).where(OrderRow.number == order.number))
    _record(session, visit, "ordered", by=by, note=note, now=desk.now, order_id=order_id)
    return VisitOrder(order, outcomes)


def record_visit(
    session: Session, visit: PlannedVisit, outcome: VisitOutcome, *, by: str, note: str, now: datetime
) -> None:
    """Record a visit without an order."""
    _record(session, visit, outcome, by=by, note=note, now=now, order_id=None)


def _record(
    session: Session,
    visit: PlannedVisit,
    outcome: VisitOutcome,
    *,
    by: str,
    note: str,
    now: datetime,
    order_id: int | None,
) -> None:
    session.add(
        VisitRow(
            missed_call_id=visit.missed.id,
            at=now,
            by=by,
            outcome=outcome,
            note=note.strip()[:NOTE_MAX_CHARS],
            order_id=order_id,
        )
    )
    session.flush()
