"""Retailers not reached on their order day: the reason, and the remedy (TR 3.3). Every change is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.hotline_settings import calendar
from orders.models import NOTE_MAX_CHARS
from orders.outbound.models import MissedCall, MissedCallNote, Remedy
from orders.retailers.models import RetailerRow
from orders.windows import next_order_day

REMEDIES: tuple[Remedy, ...] = get_args(Remedy)
REASONS = (
    "absent",
    "phone_fault",
    "busy",
    "no_number",
    "wrong_number",
    "hung_up",
    "machine",
    "not_called",
    "other",
)


class MissedRefused(ValueError):
    """The missed call cannot be recorded; `reason` is one a page has words for."""

    def __init__(self, reason: Literal["ordered", "past"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UnreachedRetailer:
    """One missed call with all that was recorded of it, and the order that made up for it."""

    row: MissedCall
    retailer: RetailerRow
    notes: Sequence[MissedCallNote]
    order: OrderRow | None


def record_missed_call(
    session: Session,
    retailer: RetailerRow,
    day: date,
    reason: str,
    remedy: Remedy,
    remedy_day: date | None,
    *,
    note: str,
    by: str,
    now: datetime,
) -> MissedCall:
    """Record, or record again, that a retailer was missed on `day`. The next cycle's day follows from its plan; another
    remedy is for the day it is given. MissedRefused where it has ordered since, or the remedy's day is before `day`."""
    if _order_since(session, retailer.id, day) is not None:
        raise MissedRefused("ordered", f"{retailer.customer_code} has ordered since {day}: nothing is missed.")
    if remedy == "next_cycle":
        remedy_day = next_order_day(retailer, day, calendar(session))
    if remedy_day is None or remedy_day < day:
        raise MissedRefused("past", f"What is done about a call missed on {day} cannot be done before.")
    row = session.scalar(
        select(MissedCall)
        .where(MissedCall.retailer_id == retailer.id, MissedCall.missed_on == day)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        row = MissedCall(retailer_id=retailer.id, missed_on=day)
        session.add(row)
    row.reason, row.remedy, row.remedy_day = reason, remedy, remedy_day
    session.flush()
    session.add(
        MissedCallNote(
            missed_call_id=row.id,
            at=now,
            by=by,
            reason=reason,
            remedy=remedy,
            remedy_day=remedy_day,
            note=note.strip()[:NOTE_MAX_CHARS],
        )
    )
    session.flush()
    return row


def unreached_count(session: Session, day: date) -> int:
    """The number of retailers missed on a day."""
    return session.scalar(select(func.count()).select_from(MissedCall).where(MissedCall.missed_on == day)) or 0


def unreached_retailers(
    session: Session, day: date, *, first: int = 0, most: int | None = None, code: str | None = None
) -> list[UnreachedRetailer]:
    """The retailers missed on a day, those without an order since first: at most so many from place `first` on, counted
    from 0, or the one with this customer code."""
    since = (
        select(func.min(OrderRow.id))
        .where(
            OrderRow.retailer_id == MissedCall.retailer_id,
            OrderRow.business_day >= day,
            OrderRow.state.in_(COUNTED_STATES),
        )
        .correlate(MissedCall)
        .scalar_subquery()
    )
    found = (
        select(MissedCall, RetailerRow, OrderRow)
        .join(RetailerRow, RetailerRow.id == MissedCall.retailer_id)
        .outerjoin(OrderRow, OrderRow.id == since)
        .where(MissedCall.missed_on == day)
        .order_by(OrderRow.id.is_not(None), RetailerRow.customer_code)
    )
    if code is not None:
        found = found.where(RetailerRow.customer_code == code)
    rows = session.execute(found.offset(first).limit(most)).all()
    notes: dict[int, list[MissedCallNote]] = {}
    of_rows = MissedCallNote.missed_call_id.in_([missed.id for missed, _, _ in rows])
    for one in session.scalars(select(MissedCallNote).where(of_rows).order_by(MissedCallNote.id)):
        notes.setdefault(one.missed_call_id, []).append(one)
    return [UnreachedRetailer(missed, retailer, notes.get(missed.id, ()), order) for missed, retailer, order in rows]


def _order_since(session: Session, retailer_id: int, day: date) -> OrderRow | None:
    return session.scalar(
        select(OrderRow)
        .where(OrderRow.retailer_id == retailer_id, OrderRow.business_day >= day, OrderRow.state.in_(COUNTED_STATES))
        .limit(1)
    )
