"""Changes and cancellations of saved orders: requested by one person, decided by another, and kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from orders.book import holds
from orders.book.models import OrderChange, OrderLineRow, OrderRow
from orders.book.order_history import record_event
from orders.day_end.models import SettlementLine
from orders.money import amount_fen


class ChangeRefused(ValueError):
    """The change cannot be requested or made; the message says why."""


def request_change(
    session: Session, number: str, lines: Mapping[str, int], *, by: str, reason: str, now: datetime
) -> OrderChange:
    """Request the lines of a saved order to be as given, in packs by barcode; none at all cancels it."""
    order = locked_order(session, number)
    _check_changeable(session, order)
    if not reason.strip() or not by.strip():
        raise ChangeRefused("A change of a saved order needs a reason, and the name of its requester.")
    known = {line.barcode for line in order.lines}
    if strange := sorted(set(lines) - known):
        raise ChangeRefused(f"Order {number} has no line of {', '.join(strange)}; a change keeps to the order's lines.")
    if any(packs < 0 for packs in lines.values()):
        raise ChangeRefused("A line cannot be less than nothing.")
    change = OrderChange(order_id=order.id, lines=dict(lines), reason=reason, requested_at=now, requested_by=by)
    session.add(change)
    record_event(session, order, "change requested", now, by=by, lines=dict(lines), reason=reason)
    session.flush()
    return change


def decide(session: Session, change_id: int, *, approve: bool, by: str, now: datetime) -> OrderChange:
    """Approve or refuse a change; its requester cannot. An approved one is made at once; ChangeRefused where it cannot
    be: more than is left, or the order can no longer be changed."""
    change = session.get(OrderChange, change_id, with_for_update=True, populate_existing=True)
    if change is None or change.state != "requested":
        raise ChangeRefused(f"There is no open change {change_id}.")
    if not by.strip() or same_person(change.requested_by, by):
        raise ChangeRefused(f"Change {change_id} was requested by {by}; somebody else has to decide it.")
    order = session.get_one(OrderRow, change.order_id, with_for_update=True, populate_existing=True)
    if approve:
        _check_changeable(session, order)
        set_lines(session, order, change.lines)
        if not order.lines:
            order.state = "cancelled"
    change.state = "approved" if approve else "refused"
    change.decided_at, change.decided_by = now, by
    record_event(session, order, "change approved" if approve else "change refused", now, by=by, change=change.id)
    session.flush()
    return change


def set_lines(session: Session, order: OrderRow, lines: Mapping[str, int]) -> None:
    """Set a saved order's lines to the given packs; lines not given, or given as nothing, are removed. The order keeps
    its number. ChangeRefused where supply or limit does not suffice."""
    for line in holds.in_lock_order(order.lines):
        packs = lines.get(line.barcode, 0)
        more = packs - line.granted_packs
        if more > 0:
            if not holds.reserve(session, order, line.barcode, more):
                raise ChangeRefused(f"There is not enough left of {line.spec_name} for order {order.number}.")
            holds.sell(session, order, line.barcode, more)
        elif more < 0:
            holds.return_sold(session, order, line.barcode, -more)
        line.granted_packs = packs
        line.requested_packs = max(line.requested_packs, packs)
    order.lines[:] = [line for line in order.lines if line.granted_packs]
    order.total_packs = sum(line.granted_packs for line in order.lines)
    order.amount_fen = total_fen(order.lines)


def total_fen(lines: list[OrderLineRow]) -> int:
    return sum(amount_fen(line.price_fen, line.granted_packs, line.packs_per_carton) for line in lines)


def locked_order(session: Session, number: str) -> OrderRow:
    """The order with this number, its row locked; ChangeRefused where there is none."""
    order = session.scalar(
        select(OrderRow)
        .where(OrderRow.number == number)
        .with_for_update()
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise ChangeRefused(f"There is no order {number}.")
    return order


def same_person(one: str, other: str) -> bool:
    """True if the two names are one person's, whatever their case and spacing."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _check_changeable(session: Session, order: OrderRow) -> None:
    if order.state != "confirmed":
        raise ChangeRefused(f"Order {order.number} is {order.state}; only one that is saved and not settled changes.")
    unanswered = select(SettlementLine.order_id).where(
        SettlementLine.order_id == order.id, SettlementLine.result.is_(None)
    )
    if session.scalar(unanswered) is not None:
        raise ChangeRefused(f"Order {order.number} is at the bank; change it when the bank's answer is in.")
