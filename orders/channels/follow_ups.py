"""Failed web orders followed up by telephone: the operator who calls, and the result (AY 4.2.9, 4.2.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.channels.models import FollowUpResult, WebFollowUp, WebOrderRow
from orders.channels.web_orders import phone_list
from orders.models import NOTE_MAX_CHARS
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow

RESULTS: tuple[FollowUpResult, ...] = get_args(FollowUpResult)


class FollowUpClaimed(ValueError):
    """Another operator has claimed this retailer; `by` is their name."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by} is calling this retailer already.")
        self.by = by


@dataclass(frozen=True, slots=True)
class DueFollowUp:
    """One retailer to be called: its latest failed web order, and the operator who has claimed it."""

    retailer: RetailerRow
    web: WebOrderRow
    claimed_by: StaffRow | None


@dataclass(frozen=True, slots=True)
class DoneFollowUp:
    """One retailer that was followed up: with an order, or with the result that was recorded."""

    retailer: RetailerRow
    follow_up: WebFollowUp
    claimed_by: StaffRow | None
    order: OrderRow | None


def due_follow_ups(session: Session, day: date) -> list[DueFollowUp]:
    """The day's phone list. A retailer that was closed and whose web order then failed again is on it again."""
    known = {row.retailer_id: row for row in _of_day(session, day)}
    staff_by_id = {staff.id: staff for staff in session.scalars(select(StaffRow))}
    found = []
    for retailer, web in phone_list(session, day):
        follow_up = known.get(retailer.id)
        if follow_up is not None and follow_up.closed_at is not None and follow_up.closed_at >= web.received_at:
            continue
        claimed_by = follow_up.claimed_by if follow_up is not None and follow_up.closed_at is None else None
        found.append(DueFollowUp(retailer, web, staff_by_id.get(claimed_by) if claimed_by is not None else None))
    return found


def done_follow_ups(session: Session, day: date) -> list[DoneFollowUp]:
    """The retailers that were followed up on a day, the latest first."""
    followed_up = _of_day(session, day)
    numbers = [row.retailer_id for row in followed_up]
    orders = {
        order.retailer_id: order
        for order in session.scalars(
            select(OrderRow).where(
                OrderRow.business_day == day, OrderRow.retailer_id.in_(numbers), OrderRow.state.in_(COUNTED_STATES)
            )
        )
    }
    retailers = {row.id: row for row in session.scalars(select(RetailerRow).where(RetailerRow.id.in_(numbers)))}
    staff_by_id = {staff.id: staff for staff in session.scalars(select(StaffRow))}
    rows = [row for row in followed_up if row.closed_at is not None or row.retailer_id in orders]
    return [
        DoneFollowUp(
            retailers[row.retailer_id],
            row,
            staff_by_id.get(row.claimed_by) if row.claimed_by is not None else None,
            orders.get(row.retailer_id),
        )
        for row in sorted(rows, key=lambda row: row.claimed_at or row.closed_at or datetime.min, reverse=True)
    ]


def claim(session: Session, day: date, retailer_id: int, staff: StaffRow, now: datetime) -> None:
    """Claim one retailer of the list. FollowUpClaimed if another operator claimed it first."""
    row = _locked(session, day, retailer_id)
    if row.closed_at is None and row.claimed_by not in (None, staff.id):
        raise FollowUpClaimed(session.get_one(StaffRow, row.claimed_by).name)
    row.claimed_by, row.claimed_at = staff.id, now
    row.closed_at = row.closed_by = row.result = None
    row.note = ""
    session.flush()


def release(session: Session, day: date, retailer_id: int, staff: StaffRow) -> None:
    """Release a claimed retailer, so that another operator can call it."""
    row = _locked(session, day, retailer_id)
    if row.claimed_by == staff.id and row.closed_at is None:
        row.claimed_by = row.claimed_at = None


def close(
    session: Session, day: date, retailer_id: int, staff: StaffRow, result: FollowUpResult, note: str, now: datetime
) -> None:
    """Close the follow-up of a retailer without an order. FollowUpClaimed if another operator has claimed it."""
    row = _locked(session, day, retailer_id)
    if row.claimed_by not in (None, staff.id):
        raise FollowUpClaimed(session.get_one(StaffRow, row.claimed_by).name)
    row.claimed_by, row.claimed_at = staff.id, row.claimed_at or now
    row.closed_at, row.closed_by, row.result, row.note = now, staff.name, result, note.strip()[:NOTE_MAX_CHARS]
    session.flush()


def requested_packs(session: Session, day: date, retailer_id: int, staff_id: int) -> dict[str, int]:
    """The packs by barcode a retailer wanted by the web, for the operator who has claimed it; else nothing."""
    mine = session.get(WebFollowUp, (day, retailer_id))
    if mine is None or mine.claimed_by != staff_id or mine.closed_at is not None:
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
    return dict(latest.requested_packs) if latest is not None else {}


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
