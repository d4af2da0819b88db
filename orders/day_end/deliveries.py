"""Deliveries: what the delivery system reports of the orders handed over to it, by file or one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from brand_catalog.sheets import Sheet, SheetError
from clock import local_date
from orders.book.models import HANDED_OVER_STATES, OrderRow
from orders.book.order_history import OrderEvent, record_event
from orders.retailers.models import RetailerRow

DeliveryResult = Literal["delivered", "received", "not_delivered"]
"""The result of a delivery: left at the shop, signed for by the retailer, or neither, with the reason."""

RESULTS: tuple[DeliveryResult, ...] = get_args(DeliveryResult)
COLUMNS = ("order", "result", "day")
NOTE_MAX_CHARS = 200
_EVENTS: dict[DeliveryResult, OrderEvent] = {
    "delivered": "delivered",
    "received": "received",
    "not_delivered": "not delivered",
}


class DeliveryRefused(ValueError):
    """A delivery cannot be recorded like this; the message says why, `problem` the reason alone."""

    def __init__(self, number: str, problem: str) -> None:
        super().__init__(f"The delivery of order {number} cannot be recorded: {problem}.")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Delivery:
    """One reported result of the delivery of an order on a day; `note` is the reason of a failed one."""

    number: str
    result: DeliveryResult
    day: date
    note: str = ""


def record_deliveries(
    session: Session, deliveries: Sequence[Delivery], *, by: str, now: datetime
) -> dict[DeliveryResult | Literal["unchanged"], int]:
    """Record reported results, all or none, and count them; what is known already changes nothing. DeliveryRefused
    where one does not fit its order."""
    orders = _orders(session, [delivery.number for delivery in deliveries])
    counts: dict[DeliveryResult | Literal["unchanged"], int] = dict.fromkeys((*RESULTS, "unchanged"), 0)
    for delivery in deliveries:
        order = orders.get(delivery.number)
        if problem := _problem(order, delivery, now):
            raise DeliveryRefused(delivery.number, problem)
        assert order is not None
        changed = _apply(order, delivery)
        counts[delivery.result if changed else "unchanged"] += 1
        if changed:
            event = _EVENTS[delivery.result]
            record_event(session, order, event, now, by=by, day=delivery.day.isoformat(), note=delivery.note)
    session.flush()
    return counts


def import_deliveries(
    session: Session, sheet: Sheet, *, by: str, now: datetime
) -> dict[DeliveryResult | Literal["unchanged"], int]:
    """Import the delivery system's file (CSV or XLSX; order, result, day and, if there is one, note), all or none, and
    count the results. The same file again changes nothing. SheetError lists all problems."""
    read = []
    for row in sheet if sheet.require(COLUMNS) else ():
        number, result, day = row.required("order"), row.one_of("result", RESULTS), row.day("day")
        note = row.text("note")
        if len(note) > NOTE_MAX_CHARS:
            row.problem("note", f"is longer than {NOTE_MAX_CHARS} characters")
        if number is not None and result is not None and day is not None:
            read.append((row, Delivery(number, _result(result), day, note)))
    orders = _orders(session, [delivery.number for _, delivery in read])
    for row, delivery in read:
        if problem := _problem(orders.get(delivery.number), delivery, now):
            row.problem("order", problem)
    if sheet.problems:
        raise SheetError(sheet.problems)
    return record_deliveries(session, [delivery for _, delivery in read], by=by, now=now)


def handed_over_orders(
    session: Session, day: date, text: str, *, limit: int
) -> tuple[int, list[tuple[OrderRow, RetailerRow]]]:
    """The orders of a business day that delivery has or had and that match a text (customer code, name or number): how
    many, and the first of them, those not delivered yet before the others, by route and customer code."""
    wanted = (
        select(OrderRow, RetailerRow)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(OrderRow.business_day == day, OrderRow.state.in_(HANDED_OVER_STATES))
        .where(
            RetailerRow.customer_code.contains(text, autoescape=True)
            | RetailerRow.name.contains(text, autoescape=True)
            | OrderRow.number.contains(text, autoescape=True)
        )
    )
    found = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    waits = case((OrderRow.not_delivered_on.is_not(None), 0), (OrderRow.state == "handed_over", 1), else_=2)
    rows = session.execute(wanted.order_by(waits, RetailerRow.route, RetailerRow.customer_code).limit(limit))
    return found, [(order, retailer) for order, retailer in rows]


def orders_to_deliver(
    session: Session, day: date, route: str | None = None
) -> dict[str, list[tuple[OrderRow, RetailerRow]]]:
    """The orders of a business day that are handed over and not delivered yet, by route, in the order of customer
    codes; those of one route, if one is given."""
    wanted = (
        select(OrderRow, RetailerRow)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(OrderRow.business_day == day, OrderRow.state == "handed_over")
        .order_by(RetailerRow.route, RetailerRow.customer_code)
    )
    if route is not None:
        wanted = wanted.where(RetailerRow.route == route)
    found: dict[str, list[tuple[OrderRow, RetailerRow]]] = {}
    for order, retailer in session.execute(wanted):
        found.setdefault(retailer.route, []).append((order, retailer))
    return found


def _orders(session: Session, numbers: Sequence[str]) -> dict[str, OrderRow]:
    rows = session.scalars(
        select(OrderRow)
        .where(OrderRow.number.in_(set(numbers)))
        .order_by(OrderRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {str(row.number): row for row in rows}


def _problem(order: OrderRow | None, delivery: Delivery, now: datetime) -> str:
    """The reason why a result does not fit its order; empty where it does."""
    if order is None:
        return f"there is no order {delivery.number}"
    if order.state not in HANDED_OVER_STATES:
        return f"order {delivery.number} is not handed over to delivery"
    if delivery.day > local_date(now):
        return f"{delivery.day} is still to come"
    if order.handed_over_at is not None and delivery.day < local_date(order.handed_over_at):
        return f"order {delivery.number} was handed over after {delivery.day}"
    if delivery.result == "not_delivered" and order.state != "handed_over":
        return f"order {delivery.number} was delivered already"
    if delivery.result == "received" and order.delivered_on is not None and delivery.day < order.delivered_on:
        return f"order {delivery.number} was delivered after {delivery.day}"
    return ""


def _apply(order: OrderRow, delivery: Delivery) -> bool:
    """Set the order's state and days by a result; False where it is known already."""
    before = _known(order)
    if delivery.result == "not_delivered":
        order.not_delivered_on, order.delivery_problem = delivery.day, delivery.note
        return before != _known(order)
    order.not_delivered_on, order.delivery_problem = None, ""
    if delivery.result == "received":
        order.state, order.received_on = "received", delivery.day
        order.delivered_on = order.delivered_on or delivery.day
    elif order.state != "received":
        order.state, order.delivered_on = "delivered", delivery.day
    return before != _known(order)


def _known(order: OrderRow) -> tuple[object, ...]:
    return order.state, order.delivered_on, order.received_on, order.not_delivered_on, order.delivery_problem


def _result(text: str) -> DeliveryResult:
    return next(result for result in RESULTS if result == text)
