"""The saved orders of a retailer: saved, debited, handed over, delivered, received; and the changes it asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from clock import local_date
from orders.book import holds, order_changes
from orders.book.models import ChangeState, OrderRow
from orders.book.views import OrderView, order_view
from orders.retailers.models import RetailerRow

# A retailer asks for the latest order, and for the one before it while that is still on its way.
ORDERS_TRACKED = 3
SAVED_STATES = ("confirmed", "settled", "handed_over", "delivered", "received", "cancelled")
UNDERWAY_STATES = ("confirmed", "settled", "handed_over")


@dataclass(frozen=True, slots=True)
class ChangeView:
    """The latest request to change an order: the lines as they should be, packs by barcode, none to cancel it, and what
    the decider says of it."""

    state: ChangeState
    lines: dict[str, int]
    decision_note: str


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """A saved order and where it stands. `at_bank` and `on_hold` are about its payment: the bank has not answered, or
    could not debit it. `changeable` says that a change can still be requested. `not_delivered_on` and
    `delivery_problem` are the day and the reason of a failed delivery, until another one succeeds."""

    order: OrderView
    changeable: bool
    at_bank: bool
    on_hold: bool
    handed_over_on: date | None
    delivered_on: date | None
    received_on: date | None
    not_delivered_on: date | None
    delivery_problem: str
    change: ChangeView | None

    @property
    def is_underway(self) -> bool:
        """True until the order is delivered or cancelled."""
        return self.order.state in UNDERWAY_STATES


def order_statuses(session: Session, retailer: RetailerRow, most: int = ORDERS_TRACKED) -> list[OrderStatus]:
    """The latest saved orders of a retailer, cancelled ones included, the latest first, at most `most`."""
    orders = session.scalars(
        select(OrderRow)
        .where(OrderRow.retailer_id == retailer.id, OrderRow.state.in_(SAVED_STATES), OrderRow.number.is_not(None))
        .order_by(OrderRow.business_day.desc(), OrderRow.id.desc())
        .limit(most)
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    ).all()
    return [_status(session, order) for order in orders]


def most_packs(session: Session, number: str, barcode: str) -> int | None:
    """The most packs of a spec that a change of this order can come to now; None where the retailer may not have it on
    the order's day."""
    order = order_changes.locked_order(session, number)
    on_order = barcode in order_changes.granted_packs(order)
    if not on_order and holds.packs_left(session, order, barcode) is None:
        return None
    return order_changes.most_packs(session, order, barcode)


def _status(session: Session, order: OrderRow) -> OrderStatus:
    at_bank = order_changes.is_at_bank(session, order)
    change = order_changes.latest_request(session, order)
    return OrderStatus(
        order=order_view(order),
        changeable=order.state == "confirmed" and not at_bank,
        at_bank=at_bank,
        on_hold=order.on_hold,
        handed_over_on=local_date(order.handed_over_at) if order.handed_over_at is not None else None,
        delivered_on=order.delivered_on,
        received_on=order.received_on,
        not_delivered_on=order.not_delivered_on,
        delivery_problem=order.delivery_problem,
        change=ChangeView(change.state, dict(change.lines), change.decision_note) if change is not None else None,
    )
