"""Changes of a saved order as a caller says them: gathered line by line, then said back and taken down as a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from callflows.inquiries import describe_specs, is_inquiry
from callflows.order_taking import quantity_reason, whole_packs
from callflows.turn_context import TurnContext
from speech.utterance import Item

if TYPE_CHECKING:
    from orders.book.desk import OrderStatus


def ordered_packs(status: OrderStatus) -> dict[str, int]:
    """The lines of a saved order: packs by barcode."""
    return {line.barcode: line.granted_packs for line in status.order.lines}


def wanted_packs(turn: TurnContext, status: OrderStatus) -> dict[str, int]:
    """The lines the caller wants the order to have so far: those of this call, else those of the open request to change
    it, else those of the order."""
    if turn.state.requested_lines is not None:
        return dict(turn.state.requested_lines)
    if status.change is not None and status.change.state == "requested" and status.change.lines:
        return dict(status.change.lines)
    return ordered_packs(status)


def gather(turn: TurnContext, status: OrderStatus, items: Iterable[Item]) -> None:
    """Take these lines into the request. A bare quantity of a spec on the order replaces the old one: the request is
    said back in any case. What lacks its spec or quantity becomes the state's `unclear_items`."""
    wanted = wanted_packs(turn, status)
    unclear = list(turn.state.unclear_items)
    for item in items:
        if unclear and (answered := _answered(unclear[0], item)) is not None:
            unclear.pop(0)
            item = answered
        if (rest := _take(turn, status, wanted, item)) is not None:
            unclear.append(rest)
    turn.state.unclear_items = tuple(unclear)
    turn.state.requested_lines = tuple(wanted.items())


def has_no_exact_quantity(turn: TurnContext, item: Item) -> bool:
    """True if the quantity that was said has to be asked for once more."""
    return item.quantity is not None and quantity_reason(turn, replace(item, action="change", more=False)) is not None


def _answered(question: Item, item: Item) -> Item | None:
    """The unclear line with what this one adds to it; None where it is another line."""
    if item.not_carried or is_inquiry(item):
        return None
    common = tuple(barcode for barcode in question.barcodes if barcode in item.barcodes)
    if item.barcodes and not common:
        return None
    if item.action == "remove" and item.quantity is None:
        return replace(item, barcodes=common or question.barcodes)
    barcodes = common or question.barcodes
    if item.quantity is None:
        return replace(question, barcodes=barcodes)
    # The question was for the new quantity, unless the answer says "so many more", or less.
    action = item.action if item.more or item.takes_off else "change"
    return replace(item, action=action, barcodes=barcodes)


def _take(turn: TurnContext, status: OrderStatus, wanted: dict[str, int], item: Item) -> Item | None:
    """Set one line of the wanted ones; return it where its spec or quantity has to be asked."""
    barcodes = _specs(turn, wanted, item)
    if not barcodes:
        _say_unknown(turn, item)
        return None
    if is_inquiry(item):
        describe_specs(turn, barcodes, item.asked)
        return None
    item = replace(item, barcodes=barcodes)
    if len(barcodes) > 1:
        return item
    [barcode] = barcodes
    had = wanted.get(barcode, 0)
    if item.action == "remove" and item.quantity is None:
        wanted.pop(barcode, None)
        return None
    if item.quantity is None or has_no_exact_quantity(turn, item):
        return item
    packs = next(iter(whole_packs(turn, item)), 0)
    if item.takes_off:
        packs = max(0, had - packs)
    elif item.more:
        packs += had
    _set(turn, status, wanted, barcode, packs)
    return None


def _set(turn: TurnContext, status: OrderStatus, wanted: dict[str, int], barcode: str, packs: int) -> None:
    """Set one line, no higher than its limit and the stock allow; that is said where it is less than was wanted."""
    now = ordered_packs(status).get(barcode, 0)
    most = turn.desk.most_packs(status.order.number or "", barcode)
    if most is None and packs > now:
        reason = "short.not_allotted" if turn.desk.supplied([barcode]) else "short.none"
        turn.say(reason, spec=turn.name(barcode))
        return
    if most is not None and packs > max(most, now):
        packs = max(most, now) // turn.spec(barcode).packs_per_carton * turn.spec(barcode).packs_per_carton
        if packs:
            turn.say("change_saved.most", spec=turn.name(barcode), quantity=turn.quantity(barcode, packs))
        else:
            turn.say("change_saved.none_left", spec=turn.name(barcode))
    if packs:
        wanted[barcode] = packs
    else:
        wanted.pop(barcode, None)


def _specs(turn: TurnContext, wanted: dict[str, int], item: Item) -> tuple[str, ...]:
    """The specs a line may be about, those on the order first; without a brand, the only one on it."""
    if item.not_carried:
        return ()
    known = tuple(barcode for barcode in item.barcodes if barcode in turn.desk.catalog.specs)
    on_order = tuple(barcode for barcode in known if barcode in wanted)
    if not item.barcodes:
        return tuple(wanted) if len(wanted) == 1 else ()
    if on_order or item.takes_off:
        return on_order
    return tuple(barcode for barcode in known if barcode in turn.available_specs) or known


def _say_unknown(turn: TurnContext, item: Item) -> None:
    if item.not_carried:
        turn.say("taken.not_carried", brand=item.said or turn.text("words.the_brand"))
    elif item.barcodes and item.takes_off:
        name = turn.name(item.barcodes[0]) if len(item.barcodes) == 1 else item.said
        turn.say("taken.not_ordered", spec=name or turn.text("words.it"))
    else:
        turn.say("taken.no_brand")
