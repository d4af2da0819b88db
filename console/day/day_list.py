"""The retailers of a day with their state: those due, and those with an order or a filled draft by any channel.

All of it is counted and narrowed down by the database, so that a page costs what it shows and not what the city has.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, selectinload

from orders.book.models import COUNTED_STATES, OrderLineRow, OrderRow
from orders.hotline_settings import calendar
from orders.outbound.models import MissedCall
from orders.retailers.lookup import has_order_day, is_due
from orders.retailers.models import RetailerRow
from orders.windows import business_day

DayState = Literal["ordered", "ordering", "unsaved", "due", "unreached", "suspended"]
DaySelect = Select[RetailerRow]


@dataclass(frozen=True, slots=True)
class DayRow:
    """One retailer's state of the day."""

    retailer: RetailerRow
    state: DayState
    order: OrderRow | None
    is_order_day: bool
    unreached_reason: str = ""


@dataclass(slots=True)
class Batch:
    """One batch, which is a route (TR 3.1.1), with its number of retailers due today and its counts by state."""

    name: str
    due: int = 0
    states: Counter[DayState] = field(default_factory=Counter)


@dataclass(slots=True)
class DayCounts:
    """The counts of a day: retailers due, those of them that have ordered, and what was ordered by anybody."""

    batches: list[Batch]
    due: int = 0
    ordered: int = 0
    packs: int = 0
    fen: int = 0

    @property
    def states(self) -> Counter[DayState]:
        """The number of retailers in each state."""
        return sum((batch.states for batch in self.batches), Counter())


class DayList:
    """The list of the business day of `now`, read by one session."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        day = business_day(now)
        self._is_order_day = has_order_day(session, day, calendar(session))
        picked = _order_of_day(day).subquery()
        self._state = _state(now)
        self._listed = (
            select(RetailerRow)
            .outerjoin(picked, picked.c.retailer_id == RetailerRow.id)
            .outerjoin(OrderRow, OrderRow.id == picked.c.order_id)
            .outerjoin(MissedCall, and_(MissedCall.retailer_id == RetailerRow.id, MissedCall.missed_on == day))
            .where(or_(self._is_order_day, picked.c.order_id.is_not(None)))
        )

    def counts(self) -> DayCounts:
        """The counts of the whole day, its batches by name."""
        due_today = is_due(self._is_order_day)
        grouped = self._listed.with_only_columns(
            RetailerRow.route,
            self._state,
            due_today,
            func.count(),
            func.coalesce(func.sum(OrderRow.total_packs), 0),
            func.coalesce(func.sum(OrderRow.amount_fen), 0),
        ).group_by(RetailerRow.route, self._state, due_today)
        batches: dict[str, Batch] = {}
        day = DayCounts([])
        for route, state, due, count, packs, fen in self._session.execute(grouped):
            batch = batches.setdefault(route, Batch(route))
            batch.states[state] += count
            if due:
                batch.due += count
                day.due += count
            if state == "ordered":
                day.ordered += count if due else 0
                day.packs += int(packs)
                day.fen += int(fen)
        day.batches = [batches[name] for name in sorted(batches)]
        return day

    def narrowed(self, *, state: str, batch: str, text: str) -> DaySelect:
        """The retailers in one state, of one batch, and with this text in code or name, where these are given."""
        found = self._listed
        if state:
            found = found.where(self._state == state)
        if batch:
            found = found.where(RetailerRow.route == batch)
        if text:
            in_name = RetailerRow.name.contains(text, autoescape=True)
            found = found.where(or_(RetailerRow.customer_code.contains(text, autoescape=True), in_name))
        return found

    def count(self, narrowed: DaySelect) -> int:
        """The number of these retailers."""
        return self._session.scalar(narrowed.with_only_columns(func.count(), maintain_column_froms=True)) or 0

    def rows(self, narrowed: DaySelect, first: int, most: int) -> list[DayRow]:
        """At most so many of these retailers by customer code, from place `first` on, counted from 0."""
        chosen = narrowed.with_only_columns(RetailerRow, OrderRow, self._state, self._is_order_day, MissedCall.reason)
        page = chosen.order_by(RetailerRow.customer_code).offset(first).limit(most)
        return [
            DayRow(retailer, state, order, bool(is_order_day), reason or "")
            for retailer, order, state, is_order_day, reason in self._session.execute(
                page.options(selectinload(OrderRow.lines))
            )
        ]


def _order_of_day(day: date) -> Select[tuple[int, int]]:
    """Each retailer's order of the day: the latest that counts, or else the first draft with lines."""
    counts = OrderRow.state.in_(COUNTED_STATES)
    has_lines = select(OrderLineRow.id).where(OrderLineRow.order_id == OrderRow.id).exists()
    return (
        select(
            OrderRow.retailer_id,
            func.coalesce(func.max(case((counts, OrderRow.id))), func.min(OrderRow.id)).label("order_id"),
        )
        .where(OrderRow.business_day == day, or_(counts, and_(OrderRow.state == "draft", has_lines)))
        .group_by(OrderRow.retailer_id)
    )


def _state(now: datetime) -> ColumnElement[Any]:
    in_hand = and_(OrderRow.abandoned_at.is_(None), OrderRow.hold_expires_at > now)
    return case(
        (OrderRow.state.in_(COUNTED_STATES), "ordered"),
        (RetailerRow.status == "suspended", "suspended"),
        (and_(OrderRow.state == "draft", in_hand), "ordering"),
        (OrderRow.state == "draft", "unsaved"),
        (MissedCall.id.is_not(None), "unreached"),
        else_="due",
    )
