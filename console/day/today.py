"""Today's list: the retailers due with their state, and every order of the day by any channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from console.authentication import requires_task
from ivr.services import services
from orders.book import order_changes
from orders.book.models import COUNTED_STATES, OrderRow
from orders.hotline_settings import calendar
from orders.outbound.models import MissedCall
from orders.retailers.lookup import due_plans, has_plan
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import read_only

DayState = Literal["ordered", "ordering", "unsaved", "due", "unreached", "suspended"]

# Nobody reads more rows; the search box and the states narrow them down.
ROWS_MAX = 300


@dataclass(frozen=True, slots=True)
class DayRow:
    """One retailer's state of the day."""

    retailer: RetailerRow
    state: DayState
    order: OrderRow | None
    is_order_day: bool
    unreached_reason: str = ""

    @property
    def due(self) -> bool:
        """True if the retailer is due, as `orders.book.due` defines it."""
        return self.is_order_day and self.retailer.status == "active"


def day_rows(session: Session, now: datetime) -> list[DayRow]:
    """The retailers due today and those with an order or a filled draft of today, by customer code."""
    today = business_day(now)
    orders: dict[int, OrderRow] = {}
    for order in session.scalars(
        select(OrderRow)
        .where(OrderRow.business_day == today, OrderRow.state.in_((*COUNTED_STATES, "draft")))
        .order_by(OrderRow.id)
        .options(selectinload(OrderRow.lines))
    ):
        if order.state != "draft" or (order.lines and order.retailer_id not in orders):
            orders[order.retailer_id] = order
    missed_calls = {
        row.retailer_id: row for row in session.scalars(select(MissedCall).where(MissedCall.missed_on == today))
    }
    rows = []
    due_today = due_plans(session, today, calendar(session))
    retailers = session.scalars(
        select(RetailerRow).where(has_plan(due_today) | RetailerRow.id.in_(orders)).order_by(RetailerRow.customer_code)
    )
    for retailer in retailers:
        is_order_day = (retailer.cycle, retailer.order_weekday, retailer.cycle_week) in due_today
        order_of_day = orders.get(retailer.id)
        if not is_order_day and order_of_day is None:
            continue
        missed_call = missed_calls.get(retailer.id)
        state = _state(retailer, order_of_day, missed_call, now)
        rows.append(DayRow(retailer, state, order_of_day, is_order_day, missed_call.reason if missed_call else ""))
    return rows


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, which is a route (TR 3.1.1), with its number of retailers due today and its counts by state."""

    name: str
    due: int
    states: Counter[DayState]


def batches(rows: Sequence[DayRow]) -> list[Batch]:
    """The batches of the day, by name."""
    found: dict[str, list[DayRow]] = {}
    for row in rows:
        found.setdefault(row.retailer.route, []).append(row)
    return [
        Batch(name, sum(row.due for row in own), Counter(row.state for row in own))
        for name, own in sorted(found.items())
    ]


def _state(retailer: RetailerRow, order: OrderRow | None, missed_call: MissedCall | None, now: datetime) -> DayState:
    if order is not None and order.state != "draft":
        return "ordered"
    if retailer.status == "suspended":
        return "suspended"
    if order is not None:
        in_hand = order.abandoned_at is None and order.hold_expires_at is not None and order.hold_expires_at > now
        return "ordering" if in_hand else "unsaved"
    return "unreached" if missed_call is not None else "due"


def today_routes() -> Blueprint:
    """The page of today's list."""
    routes = Blueprint("today", __name__)

    @routes.get("/today")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        now = services().now()
        wanted, text = request.args.get("state", ""), request.args.get("q", "").strip()
        batch = request.args.get("batch", "")
        with read_only(services().sessions) as session:
            rows = day_rows(session, now)
            changes_waiting = order_changes.open_count(session)
        counts = Counter(row.state for row in rows)
        found = [
            row
            for row in rows
            if (not wanted or row.state == wanted)
            and (not batch or row.retailer.route == batch)
            and (not text or text in row.retailer.customer_code or text in row.retailer.name)
        ]
        part = "day/today_rows.html" if request.headers.get("HX-Request") else "day/today.html"
        return render_template(
            part,
            rows=found[:ROWS_MAX],
            found=len(found),
            counts=counts,
            changes_waiting=changes_waiting,
            wanted=wanted,
            batches=batches(rows),
            batch=batch,
            text=text,
            day=business_day(now),
            due=sum(row.due for row in rows),
            ordered=sum(row.due and row.state == "ordered" for row in rows),
            packs=sum(row.order.total_packs for row in rows if row.order is not None and row.state == "ordered"),
            fen=sum(row.order.amount_fen for row in rows if row.order is not None and row.state == "ordered"),
        )

    return routes
