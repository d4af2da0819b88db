"""The history of an order: its events, appended and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from orders.book.models import OrderHistory, OrderRow

OrderEvent = Literal[
    "opened",
    "resumed",
    "add",
    "set",
    "removed",
    "less_accepted",
    "cut",
    "confirmed",
    "abandoned",
    "lapsed",
    "change requested",
    "change approved",
    "change refused",
    "change withdrawn",
    "settled",
    "not paid",
    "off hold",
    "handed over",
    "delivered",
    "received",
    "not delivered",
    "audited",
]


def record_event(session: Session, order: OrderRow, event: OrderEvent, now: datetime, /, **detail: Any) -> None:
    """Append an event to the order's history, and count it in the order's row, by which figures that were kept of its
    day are known to be out of date."""
    order.events = (order.events or 0) + 1
    session.add(OrderHistory(order_id=order.id, at=now, event=event, detail=detail))
