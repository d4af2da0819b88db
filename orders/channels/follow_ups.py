"""Failed web orders followed up by telephone: who calls each retailer, and the result (AY 4.2.9, 4.2.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.book.models import STANDING_STATES, OrderRow
from orders.channels.models import NOTE_MAX_CHARS, FollowUpResult, WebFollowUp, WebOrderRow
from orders.channels.web_orders import phone_list
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow

RESULTS: tuple[FollowUpResult, ...] = get_args(FollowUpResult)


class FollowUpTaken(ValueError):
    """Another operator has claimed this retailer; `by` is their name."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by} rings this retailer already.")
        self.by = by


@dataclass(frozen=True, slots=True)
class ToRing:
    """One retailer to be called: its latest failed web order, and the operator who has claimed it."""

    retailer: RetailerRow
    web: WebOrderRow
    taken_by: StaffRow | None


@dataclass(frozen=True, slots=True)
class RungOff:
    """One retailer that was followed up: with an order, or with the result that was recorded."""

    retailer: RetailerRow
    follow_up: WebFollowUp
    taken_by: StaffRow | None
    order: OrderRow | None


def to_ring(session: Session, day: date) -> list[ToRing]:
    """The day's phone list. A retailer that was closed and whose web order then failed again is on it again."""
    known = {row.retailer_id: row for row in _of_day(session, day)}
    people = {person.id: person for person in session.scalars(select(StaffRow))}
    found = []
    for retailer, web in phone_list(session, day):
        follow_up = known.get(retailer.id)
        if follow_up is not None and follow_up.closed_at is not None and follow_up.closed_at >= web.received_at:
            continue
        taker = follow_up.taken_by if follow_up is not None and follow_up.closed_at is None else None
        found.append(ToRing(retailer, web, people.get(taker) if taker is not None else None))
    return found


def rung_off(session: Session, day: date) -> list[RungOff]:
    """The retailers that were followed up on a day, the latest first."""
    orders = {
        order.retailer_id: order
        for order in session.scalars(
            select(OrderRow).where(OrderRow.business_day == day, OrderRow.state.in_(STANDING_STATES))
        )
    }
    people = {person.id: person for person in session.scalars(select(StaffRow))}
    rows = [row for row in _of_day(session, day) if row.closed_at is not None or row.retailer_id in orders]
    return [
        RungOff(
            session.get_one(RetailerRow, row.retailer_id),
            row,
            people.get(row.taken_by) if row.taken_by is not None else None,
            orders.get(row.retailer_id),
        )
        for row in sorted(rows, key=lambda row: row.taken_at or row.closed_at or datetime.min, reverse=True)
    ]


def take(session: Session, day: date, retailer_id: int, who: StaffRow, now: datetime) -> None:
    """Claim one retailer of the list. FollowUpTaken where somebody else was quicker."""
    row = _locked(session, day, retailer_id)
    if row.closed_at is None and row.taken_by not in (None, who.id):
        raise FollowUpTaken(session.get_one(StaffRow, row.taken_by).name)
    row.taken_by, row.taken_at = who.id, now
    row.closed_at = row.closed_by = row.result = None
    row.note = ""
    session.flush()


def put_back(session: Session, day: date, retailer_id: int, who: StaffRow) -> None:
    """Release a retailer one had claimed, so that somebody else can call it."""
    row = _locked(session, day, retailer_id)
    if row.taken_by == who.id and row.closed_at is None:
        row.taken_by = row.taken_at = None


def close(
    session: Session, day: date, retailer_id: int, who: StaffRow, result: FollowUpResult, note: str, now: datetime
) -> None:
    """Close the follow-up of a retailer without an order. FollowUpTaken where somebody else has claimed it."""
    row = _locked(session, day, retailer_id)
    if row.taken_by not in (None, who.id):
        raise FollowUpTaken(session.get_one(StaffRow, row.taken_by).name)
    row.taken_by, row.taken_at = who.id, row.taken_at or now
    row.closed_at, row.closed_by, row.result, row.note = now, who.name, result, note.strip()[:NOTE_MAX_CHARS]
    session.flush()


def wanted_by(session: Session, day: date, retailer_id: int, staff_id: int) -> dict[str, int]:
    """The packs by barcode a retailer wanted by the web, for the operator who has claimed it; else nothing."""
    mine = session.get(WebFollowUp, (day, retailer_id))
    if mine is None or mine.taken_by != staff_id or mine.closed_at is not None:
        return {}
    retailer = session.get_one(RetailerRow, retailer_id)
    latest = session.scalar(
        select(WebOrderRow)
        .where(
            WebOrderRow.business_day == day,
            WebOrderRow.customer_code == retailer.customer_code,
            WebOrderRow.state == "failed",
        )
        .order_by(WebOrderRow.id.desc())
        .limit(1)
    )
    return dict(latest.wanted) if latest is not None else {}


def _of_day(session: Session, day: date) -> Sequence[WebFollowUp]:
    return session.scalars(select(WebFollowUp).where(WebFollowUp.business_day == day)).all()


def _locked(session: Session, day: date, retailer_id: int) -> WebFollowUp:
    """The follow-up, made if there is none. The retailer's row is locked, so that two claims wait for each other."""
    session.get_one(RetailerRow, retailer_id, with_for_update=True)
    row = session.get(WebFollowUp, (day, retailer_id), populate_existing=True)
    if row is None:
        row = WebFollowUp(business_day=day, retailer_id=retailer_id, note="")
        session.add(row)
        session.flush()
    return row
