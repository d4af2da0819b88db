"""Answers to questions asked during an order, which then goes on where it was: the account, the last order, a spec's
price and available quantity; and, once in a call, the new specs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from callflows import speaking
from callflows.order_status import say_statuses
from callflows.shortages import none_granted
from callflows.turn_context import TurnContext
from speech.utterance import Asked, Command, Item, Utterance

if TYPE_CHECKING:
    from orders.book.desk import AvailableSpec

# The most specs of a brand that are described at once; of more, the caller is asked which one.
SPECS_DESCRIBED_MAX = 3
# AY 4.1.6, "briefly": no caller remembers a longer list before the first question.
SPECS_INTRODUCED_MAX = 2


def is_inquiry(item: Item) -> bool:
    """True if a line asks for a spec's price or available quantity: it is answered, and orders nothing. A caller who
    asks whether there is any may be ordering."""
    return item.action == "ask" and item.asked != "is_there"


def only_inquires(heard: Utterance) -> bool:
    """True if the caller only asks for information about specs: that neither answers nor drops the line's open
    question."""
    return bool(heard.items) and heard.command is None and all(map(is_inquiry, heard.items))


# The questions whose answers are for the retailer alone.
CONFIDENTIAL: frozenset[Command] = frozenset({"balance", "last_order", "track"})


def answer_inquiry(turn: TurnContext, command: Command | None, mentioned_barcode: str) -> None:
    """Answer a question asked without a brand; a command that asks for nothing is ignored. `mentioned_barcode` is the
    spec mentioned in the reply before. The balance and earlier orders wait for the PIN where the caller has yet to key
    it."""
    if command in CONFIDENTIAL and turn.must_prove:
        turn.state.prove_for, turn.state.inquiry_waiting = "inquiry", command
        return
    match command:
        case "last_order":
            _say_last_order(turn)
        case "all_but":
            turn.say("side_requests.all_but")
        case "balance":
            say_balance(turn)
        case "track":
            say_statuses(turn, turn.desk.order_statuses(turn.retailer))
        case "read_all":
            _say_order_so_far(turn)
        case "price":
            if subject := _subject(turn, mentioned_barcode):
                describe_specs(turn, subject, "price")
            else:
                turn.say("side_requests.price_of_what")
        case "how_much_left":
            if subject := _subject(turn, mentioned_barcode):
                describe_specs(turn, subject, "how_much_left")
            else:
                _say_spec_count(turn)
        case _:
            pass


def describe_specs(turn: TurnContext, barcodes: Iterable[str], asked: Asked) -> None:
    """Say how much of each of these specs may still be ordered, and first its price a carton if that was asked. After
    one alone, "来五条" is about that one."""
    described = tuple(barcodes)[:SPECS_DESCRIBED_MAX]
    for barcode in described:
        if asked == "price":
            spec = turn.spec(barcode)
            # An interpolated price is said to be one: it is fit for the demonstration only.
            turn.say(
                "side_requests.price_estimated" if spec.wholesale_estimated else "side_requests.price",
                spec=turn.name(barcode),
                price=speaking.money(spec.wholesale_fen),
            )
        _say_available(turn, barcode)
    turn.state.mentioned_barcode = described[0] if len(described) == 1 else ""


def introduce(turn: TurnContext) -> None:
    """Name the new and key specs of the day that this retailer may order, before the first question of the call. This
    is done once, and orders nothing (AY 4.1.6, 4.1.5.2)."""
    if turn.state.introduced:
        return
    turn.state.introduced = True
    in_stock = [one for one in turn.available_specs.values() if one.left_packs >= one.spec.packs_per_carton]
    new = [one for one in in_stock if one.is_new][:SPECS_INTRODUCED_MAX]
    key = [one for one in in_stock if one.is_key and not one.is_new][: SPECS_INTRODUCED_MAX - len(new)]
    if new:
        turn.say("introduce.new", specs=_named(turn, new))
    if key:
        turn.say("introduce.key", specs=_named(turn, key))
    if len(named := [*new, *key]) == 1:
        turn.state.mentioned_barcode = named[0].spec.barcode


def _named(turn: TurnContext, specs: Iterable[AvailableSpec]) -> str:
    names = ((turn.name(one.spec.barcode), speaking.one_by_one(one.spec.short_code)) for one in specs)
    return turn.text("words.or").join(turn.text("browse_specs.spec", spec=name, code=code) for name, code in names)


def _say_last_order(turn: TurnContext) -> None:
    last = turn.desk.last_order(turn.retailer)
    if last is None:
        turn.say("side_requests.no_last_order")
    else:
        turn.say("side_requests.last_order", lines=turn.lines(last), total=turn.total(last))


def _say_order_so_far(turn: TurnContext) -> None:
    if turn.order is None or not turn.order.lines:
        turn.say("read_back.empty")
        return
    turn.say("side_requests.all_so_far", lines=turn.lines(turn.order))
    turn.say("side_requests.so_far", total=turn.total(turn.order), amount=speaking.money(turn.order.amount_fen))


def say_balance(turn: TurnContext) -> None:
    """Say the total of the order so far ("一共多少钱"), if there is one, and the account balance."""
    if turn.order is not None and turn.order.lines:
        turn.say("side_requests.so_far", total=turn.total(turn.order), amount=speaking.money(turn.order.amount_fen))
    turn.say("side_requests.balance", balance=speaking.money(turn.desk.balance(turn.retailer)))


def _say_spec_count(turn: TurnContext) -> None:
    count = sum(one.left_packs > 0 for one in turn.available_specs.values())
    if count:
        turn.say("side_requests.how_many_specs_left", count=speaking.counted(count, ""))
    else:
        turn.say("choose_band.nothing")


def _say_available(turn: TurnContext, barcode: str) -> None:
    if turn.order is None:
        # Who may not order now has no order whose limits could be told.
        return
    headroom = turn.draft.headroom(barcode)
    if headroom.packs:
        quantity = turn.quantity(barcode, headroom.packs)
        turn.say("side_requests.how_much_left", spec=turn.name(barcode), quantity=quantity)
    else:
        turn.sentences.append(none_granted(turn, barcode, headroom))


def _subject(turn: TurnContext, mentioned_barcode: str) -> tuple[str, ...]:
    """The specs a question without a brand is about: those of the open question, the one mentioned in the reply before,
    or that of the line mentioned last."""
    if turn.state.open_questions:
        question = turn.state.open_questions[0]
        return (question.barcode,) if question.barcode else question.items[0].barcodes
    found = mentioned_barcode or turn.state.last_barcode
    return (found,) if found else ()
