"""Answers to questions asked during an order, which then goes on where it was: the account, the last order, a spec's
price and available quantity; and, once in a call, the new specs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from callflows import speaking
from callflows.turn_context import Turn
from speech.utterance import Asked, Command, Item, Utterance

if TYPE_CHECKING:
    from orders.book.desk import Offer

# The most specs of a brand that are described at once; of more, the caller is asked which one.
SPECS_TOLD = 3
# AY 4.1.6, "briefly": nobody remembers a longer list before the first question.
INTRODUCED = 2


def asks_to_be_told(item: Item) -> bool:
    """True if a line asks for a spec's price or available quantity: it is answered, and orders nothing. A caller who
    asks whether there is any may be ordering."""
    return item.action == "ask" and item.asked != "is_there"


def only_asks(heard: Utterance) -> bool:
    """True if the caller only asks for information about specs: that neither answers nor drops the line's open
    question."""
    return bool(heard.items) and heard.command is None and all(map(asks_to_be_told, heard.items))


def tell(turn: Turn, command: Command | None, about: str) -> None:
    """Answer a question asked without a brand; a command that asks for nothing is ignored. `about` is the spec
    mentioned in the reply before."""
    match command:
        case "last_order":
            _tell_last_order(turn)
        case "balance":
            _tell_balance(turn)
        case "price":
            if subject := _subject(turn, about):
                tell_about(turn, subject, "price")
            else:
                turn.say("wishes.price_of_what")
        case "how_much_left":
            if subject := _subject(turn, about):
                tell_about(turn, subject, "how_much_left")
            else:
                _tell_how_many_specs(turn)
        case _:
            pass


def tell_about(turn: Turn, barcodes: Iterable[str], asked: Asked) -> None:
    """Say how much of each of these specs may still be ordered, and first its price a carton if that was asked. After
    one alone, "来五条" is about that one."""
    told = tuple(barcodes)[:SPECS_TOLD]
    for barcode in told:
        if asked == "price":
            spec = turn.spec(barcode)
            # An interpolated price is said to be one: it is fit for the demonstration only.
            turn.say(
                "wishes.price_estimated" if spec.wholesale_estimated else "wishes.price",
                spec=turn.name(barcode),
                price=speaking.yuan(spec.wholesale_fen),
            )
        _tell_what_is_left(turn, barcode)
    turn.state.about = told[0] if len(told) == 1 else ""


def introduce(turn: Turn) -> None:
    """Name the new and key specs of the day that this retailer may order, before the first question of the call. This
    is done once, and orders nothing (AY 4.1.6, 4.1.5.2)."""
    if turn.state.introduced:
        return
    turn.state.introduced = True
    there = [offer for offer in turn.offers.values() if offer.left_packs >= offer.spec.packs_per_carton]
    new = [offer for offer in there if offer.is_new][:INTRODUCED]
    key = [offer for offer in there if offer.is_key and not offer.is_new][: INTRODUCED - len(new)]
    if new:
        turn.say("introduce.new", specs=_named(turn, new))
    if key:
        turn.say("introduce.key", specs=_named(turn, key))
    if len(named := [*new, *key]) == 1:
        turn.state.about = named[0].spec.barcode


def _named(turn: Turn, offers: Iterable[Offer]) -> str:
    names = ((turn.name(offer.spec.barcode), speaking.one_by_one(offer.spec.short_code)) for offer in offers)
    return turn.text("words.or").join(turn.text("browse_specs.spec", spec=name, code=code) for name, code in names)


def _tell_last_order(turn: Turn) -> None:
    last = turn.desk.last_order(turn.retailer)
    if last is None:
        turn.say("wishes.no_last_order")
    else:
        turn.say("wishes.last_order", lines=turn.lines(last), total=turn.total(last))


def _tell_balance(turn: Turn) -> None:
    """Say the total of the order so far ("一共多少钱"), if there is one, and the account balance."""
    if turn.order is not None and turn.order.lines:
        turn.say("wishes.so_far", total=turn.total(turn.order), amount=speaking.yuan(turn.order.amount_fen))
    turn.say("wishes.balance", balance=speaking.yuan(turn.desk.balance(turn.retailer)))


def _tell_how_many_specs(turn: Turn) -> None:
    count = sum(offer.left_packs > 0 for offer in turn.offers.values())
    if count:
        turn.say("wishes.how_many_specs_left", count=speaking.counted(count, ""))
    else:
        turn.say("choose_band.nothing")


def _tell_what_is_left(turn: Turn, barcode: str) -> None:
    packs, reason = turn.available(barcode)
    name = turn.name(barcode)
    if packs:
        turn.say("wishes.how_much_left", spec=name, quantity=turn.quantity(barcode, packs))
    elif reason == "not_offered":
        turn.say("wishes.not_offered", spec=name)
    elif reason in ("stock", "out_of_stock"):
        turn.say("short.none", spec=name)
    else:
        turn.say("short.limit_reached", spec=name)


def _subject(turn: Turn, about: str) -> tuple[str, ...]:
    """The specs a question without a brand is about: those of the open question, the one mentioned in the reply before,
    or that of the line mentioned last."""
    if turn.state.pending:
        question = turn.state.pending[0]
        return (question.barcode,) if question.barcode else question.items[0].barcodes
    found = about or turn.state.last_barcode
    return (found,) if found else ()
