"""Sentences about saved orders: the lines, the state, and what has become of a requested change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from brand_catalog.spoken_names import spoken_forms
from callflows import speaking
from callflows.turn_context import TurnContext

if TYPE_CHECKING:
    from orders.book.desk import OrderStatus


def say_statuses(turn: TurnContext, statuses: Sequence[OrderStatus]) -> None:
    """Say where the latest saved order stands, and the earlier ones that are still on their way."""
    if not statuses:
        turn.say("order_status.none")
        return
    for place, status in enumerate(statuses):
        if not place or status.is_underway:
            _say_status(turn, status)


def say_order(turn: TurnContext, status: OrderStatus) -> None:
    """Read a saved order out, line by line, with its totals."""
    order = status.order
    if order.state == "cancelled":
        turn.say("order_status.cancelled", day=speaking.day(order.business_day))
        return
    turn.say("order_status.opening", day=speaking.day(order.business_day), lines=turn.lines(order))
    turn.say("order_status.totals", total=turn.total(order), amount=speaking.money(order.amount_fen))


def say_not_changeable(turn: TurnContext, statuses: Sequence[OrderStatus]) -> None:
    """Say why the latest saved order cannot be changed any more."""
    if not statuses:
        turn.say("order_status.none")
    elif statuses[0].at_bank:
        turn.say("order_status.fixed_at_bank")
    elif statuses[0].order.state == "cancelled":
        turn.say("order_status.fixed_cancelled")
    elif statuses[0].order.state == "settled":
        turn.say("order_status.fixed_settled")
    else:
        turn.say("order_status.fixed_handed_over")


def requested(turn: TurnContext, status: OrderStatus, lines: dict[str, int]) -> str:
    """The difference between a saved order and the lines it should have, packs by barcode, in words."""
    before = {line.barcode: line.granted_packs for line in status.order.lines}
    changes = []
    for line in status.order.lines:
        packs = lines.get(line.barcode, 0)
        name = spoken_forms(line.name)[0]
        if not packs:
            changes.append(turn.text("order_status.line_off", spec=name))
        elif packs != line.granted_packs:
            old, new = (turn.quantity(line.barcode, number) for number in (line.granted_packs, packs))
            changes.append(turn.text("order_status.line_changed", spec=name, before=old, after=new))
    for barcode, packs in lines.items():
        if packs and barcode not in before:
            quantity = turn.quantity(barcode, packs)
            changes.append(turn.text("order_status.line_new", spec=turn.name(barcode), quantity=quantity))
    return turn.listed(changes)


def _say_status(turn: TurnContext, status: OrderStatus) -> None:
    order = status.order
    if order.state == "cancelled":
        turn.say("order_status.cancelled", day=speaking.day(order.business_day))
        return
    turn.say("order_status.which", day=speaking.day(order.business_day), total=turn.total(order))
    amount = speaking.money(order.amount_fen)
    if status.received_on is not None:
        turn.say("order_status.received", day=speaking.day(status.received_on))
    elif status.delivered_on is not None:
        turn.say("order_status.delivered", day=speaking.day(status.delivered_on))
    elif order.state == "handed_over":
        _say_on_its_way(turn, status)
    elif order.state == "settled":
        turn.say("order_status.settled", amount=amount)
    elif status.at_bank:
        turn.say("order_status.at_bank")
    else:
        _say_unpaid(turn, status)
    _say_change(turn, status)


def _say_on_its_way(turn: TurnContext, status: OrderStatus) -> None:
    if status.handed_over_on is not None:
        turn.say("order_status.handed_over", day=speaking.day(status.handed_over_on))
    if status.not_delivered_on is None:
        return
    if status.delivery_problem:
        turn.say("order_status.failed_because", day=speaking.day(status.not_delivered_on), why=status.delivery_problem)
    else:
        turn.say("order_status.failed", day=speaking.day(status.not_delivered_on))
    turn.say("order_status.ask_operator")


def _say_unpaid(turn: TurnContext, status: OrderStatus) -> None:
    """Say that an order is saved or on hold, and what has to be paid in for it."""
    balance = turn.desk.balance(turn.retailer)
    shortfall = speaking.money(max(0, status.order.amount_fen - balance))
    covered = balance >= status.order.amount_fen
    if not status.on_hold:
        turn.say("order_status.saved")
        if not covered:
            turn.say("order_status.pay_in", balance=speaking.money(balance), shortfall=shortfall)
        return
    turn.say("order_status.on_hold")
    if covered:
        turn.say("order_status.on_hold_covered", balance=speaking.money(balance))
    else:
        turn.say("order_status.on_hold_short", balance=speaking.money(balance), shortfall=shortfall)


def _say_change(turn: TurnContext, status: OrderStatus) -> None:
    change = status.change
    if change is None:
        return
    if change.state == "requested" and change.lines:
        turn.say("order_status.change_waits", changes=requested(turn, status, change.lines))
    elif change.state == "requested":
        turn.say("order_status.cancellation_waits")
    elif change.state == "approved":
        turn.say("order_status.change_made")
    elif change.state == "refused" and change.decision_note:
        turn.say("order_status.change_refused_because", why=change.decision_note)
    elif change.state == "refused":
        turn.say("order_status.change_refused")
