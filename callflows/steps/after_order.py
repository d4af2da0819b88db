"""After the order: the caller that has ordered already, or may not order now, asks where its order stands, what is in
its account, or for a change of the saved order, which the leader has to approve."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from callflows import speaking
from callflows.change_requests import gather, has_no_exact_quantity, ordered_packs, wanted_packs
from callflows.inquiries import CONFIDENTIAL, answer_inquiry, describe_specs, is_inquiry, say_balance
from callflows.order_status import requested, say_not_changeable, say_order, say_statuses
from callflows.steps.clarifications import OPTIONS_AT_ONCE
from callflows.steps.step import NoMatch, Step
from callflows.turn_context import TurnContext
from orders.book.order_changes import ChangeRefused
from orders.money import amount_fen
from speech.listening import Choice, Items, Option, QuantityOf, YesNo
from speech.utterance import Item, Utterance

if TYPE_CHECKING:
    from orders.book.desk import OrderStatus

# The services by their keys: the first three are there for everybody, the others while the order can still be changed.
TRACK, READ, BALANCE, CHANGE, CANCEL = range(5)


class Afterwards(StrEnum):
    CHANGE = "change"
    CONFIRM = "confirm"
    REFUSED = "refused"
    BACK = "back"
    ENDED = "ended"
    PROVE = "prove"


class AfterOrder(Step[Afterwards]):
    """Offers what there is for a retailer that cannot order now: where its order stands, what was ordered, the balance,
    a change or a cancellation for the leader to approve."""

    name = "after_order"
    outcomes = frozenset(
        {Afterwards.CHANGE, Afterwards.CONFIRM, Afterwards.REFUSED, Afterwards.ENDED, Afterwards.PROVE}
    )
    silence_ms = 8_000

    def ask(self, turn: TurnContext) -> Afterwards | None:
        turn.state.requested_lines, turn.state.unclear_items = None, ()
        if turn.state.services_offered:
            turn.say("after_order.more")
        else:
            turn.say("after_order.first" if _changeable(turn) is not None else "after_order.first_unchangeable")
            turn.state.services_offered = True
        return None

    def listen(self, turn: TurnContext) -> Choice:
        words = [turn.text("after_order.track_said"), turn.text("after_order.read_said")]
        words += [turn.text("after_order.balance_said"), turn.text("after_order.change_said")]
        words += [turn.text("after_order.cancel_said")]
        options = tuple(Option(str(key), tuple(said.split())) for key, said in enumerate(words, 1))
        return turn.choice(options, _items(turn))

    def hear(self, turn: TurnContext, heard: Utterance) -> Afterwards | NoMatch | None:
        if turn.must_prove and _is_confidential(heard):
            turn.state.prove_for, turn.state.services_offered = "services", False
            return Afterwards.PROVE
        if heard.items:
            return self._take_lines(turn, heard)
        if heard.choice == CHANGE:
            return self._begin_change(turn)
        if heard.choice == CANCEL or heard.command == "cancel":
            return _begin_cancellation(turn)
        match heard.choice, heard.command:
            case (int(place), _) if place == TRACK:
                say_statuses(turn, turn.desk.order_statuses(turn.retailer))
            case (int(place), _) if place == READ:
                self._read_order(turn)
            case (int(place), _) if place == BALANCE:
                say_balance(turn)
            case None, "read_all":
                self._read_order(turn)
            case None, "last_order":
                self._read_order_before(turn)
            case None, "track" | "balance" | "price" | "all_but":
                answer_inquiry(turn, heard.command, turn.state.mentioned_barcode)
            case None, "usual" | "what_is_there" | "how_much_left":
                return Afterwards.REFUSED
            case None, "yes":
                turn.state.services_offered = False
            case None, "done" | "no" | "later":
                turn.say("goodbye.thanks")
                return Afterwards.ENDED
            case _:
                return NoMatch()
        return None

    def give_up(self, turn: TurnContext, *, silent: bool) -> Afterwards | None:
        if not silent:
            return None
        turn.say("goodbye.thanks")
        return Afterwards.ENDED

    def _take_lines(self, turn: TurnContext, heard: Utterance) -> Afterwards | None:
        """Take lines as a change of the saved order; say why not where it cannot be changed."""
        status = _changeable(turn)
        inquiries = all(is_inquiry(item) for item in heard.items)
        if status is None and not inquiries:
            statuses = turn.desk.order_statuses(turn.retailer)
            if turn.state.refusal != "already_ordered" or not statuses:
                return Afterwards.REFUSED
            say_not_changeable(turn, statuses)
            return None
        if inquiries and any(item.asked != "price" for item in heard.items):
            return Afterwards.REFUSED
        if status is None or inquiries:
            for item in heard.items:
                describe_specs(turn, item.barcodes, item.asked)
            return None
        return _gather(turn, status, heard.items)

    def _begin_change(self, turn: TurnContext) -> Afterwards | None:
        if _changeable(turn) is None:
            say_not_changeable(turn, turn.desk.order_statuses(turn.retailer))
            return None
        return Afterwards.CHANGE

    def _read_order(self, turn: TurnContext) -> None:
        statuses = turn.desk.order_statuses(turn.retailer)
        if statuses:
            say_order(turn, statuses[0])
        else:
            turn.say("order_status.none")

    def _read_order_before(self, turn: TurnContext) -> None:
        """Read the order before today's; the latest where there is none today."""
        statuses = turn.desk.order_statuses(turn.retailer)
        before = statuses[1:] if turn.state.refusal == "already_ordered" else statuses
        if before:
            say_order(turn, before[0])
        else:
            turn.say("side_requests.no_last_order")


class ChangeSaved(Step[Afterwards]):
    """Asks what is to be changed on the saved order, and for the spec or the quantity a change lacks."""

    name = "change_saved"
    outcomes = frozenset({Afterwards.CONFIRM, Afterwards.BACK})
    silence_ms = 8_000

    def ask(self, turn: TurnContext) -> Afterwards | None:
        item = _unclear(turn)
        if item is None:
            turn.say("change_saved.first")
        elif len(item.barcodes) > 1:
            turn.say("change_saved.which", **_named_options(turn, item))
        else:
            spec = turn.name(item.barcodes[0])
            vague = has_no_exact_quantity(turn, item)
            turn.say("change_saved.exactly" if vague else "change_saved.how_many", spec=spec)
        return None

    def listen(self, turn: TurnContext) -> Choice | QuantityOf | Items:
        item, items = _unclear(turn), _items(turn)
        if item is None:
            return items
        if len(item.barcodes) == 1:
            return QuantityOf(item.barcodes[0], items.barcodes, items.usual, items.history, items.ordered)
        options = tuple(
            Option(str(key), (turn.variant(barcode), turn.name(barcode)))
            for key, barcode in enumerate(item.barcodes[:OPTIONS_AT_ONCE], 1)
        )
        return Choice(options, True, items.barcodes, items.usual, items.history, items.ordered)

    def hear(self, turn: TurnContext, heard: Utterance) -> Afterwards | NoMatch | None:
        status, item = _changeable(turn), _unclear(turn)
        if status is None:
            say_not_changeable(turn, turn.desk.order_statuses(turn.retailer))
            return Afterwards.BACK
        if item is not None and heard.choice is not None and 0 <= heard.choice < len(item.barcodes):
            chosen = Item("add", (item.barcodes[heard.choice],))
            return _gather(turn, status, (chosen, *heard.items), asked_here=True)
        if heard.items:
            return _gather(turn, status, heard.items, asked_here=True)
        if heard.command == "cancel":
            return _begin_cancellation(turn)
        if heard.command in ("done", "no", "later"):
            turn.state.unclear_items = turn.state.unclear_items[1:]
            if _unclear(turn) is not None:
                return None
            if wanted_packs(turn, status) != ordered_packs(status) and turn.state.requested_lines is not None:
                return Afterwards.CONFIRM
            turn.say("change_saved.kept")
            return Afterwards.BACK
        if heard.command in ("balance", "price", "track", "read_all"):
            if heard.command == "read_all":
                say_order(turn, status)
            else:
                answer_inquiry(turn, heard.command, "")
            return None
        return NoMatch()


class ConfirmRequest(Step[Afterwards]):
    """Says the requested change or cancellation back, and takes it down on a yes; nothing changes before the leader
    approves it."""

    name = "confirm_request"
    outcomes = frozenset({Afterwards.CHANGE, Afterwards.BACK})
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> Afterwards | None:
        status = _changeable(turn)
        if status is None:
            say_not_changeable(turn, turn.desk.order_statuses(turn.retailer))
            return Afterwards.BACK
        lines = dict(turn.state.requested_lines or ())
        if lines == ordered_packs(status):
            withdrawn = turn.desk.withdraw_change(status.order.number or "", turn.retailer)
            turn.state.request_made = withdrawn
            turn.say("confirm_request.withdrawn" if withdrawn else "confirm_request.nothing")
            return Afterwards.BACK
        if not lines:
            day = speaking.day(status.order.business_day)
            turn.say("confirm_request.cancel", day=day, total=turn.total(status.order))
            return None
        turn.say("confirm_request.change", changes=requested(turn, status, lines))
        turn.say("confirm_request.totals", **_totals(turn, status, lines))
        turn.say("confirm_request.first")
        return None

    def listen(self, turn: TurnContext) -> YesNo:
        items = _items(turn)
        return YesNo(True, items.barcodes, items.usual, items.history, items.ordered)

    def hear(self, turn: TurnContext, heard: Utterance) -> Afterwards | NoMatch | None:
        status = _changeable(turn)
        if status is None:
            return None
        cancelling = not turn.state.requested_lines
        if heard.items:
            if cancelling:
                turn.state.requested_lines = None
            gathered = _gather(turn, status, heard.items)
            return None if gathered is Afterwards.CONFIRM else Afterwards.CHANGE
        if heard.command == "yes" or (heard.command == "cancel" and cancelling):
            return self._take_down(turn, status, cancelling)
        if heard.command == "cancel":
            turn.state.requested_lines = ()
            return None
        if heard.command == "no" and not cancelling:
            turn.state.requested_lines = None
            return Afterwards.CHANGE
        if heard.command in ("no", "done", "later"):
            turn.say("change_saved.kept")
            return Afterwards.BACK
        return NoMatch()

    def _take_down(self, turn: TurnContext, status: OrderStatus, cancelling: bool) -> Afterwards:
        try:
            turn.desk.request_change(
                status.order.number or "",
                dict(turn.state.requested_lines or ()),
                turn.retailer,
                reason=turn.text("confirm_request.reason"),
                channel=turn.channel,
                call_key=turn.state.call_key,
            )
        except ChangeRefused:
            # Settled between two turns, or a spec has left the day's supply.
            turn.say("confirm_request.too_late")
            return Afterwards.BACK
        turn.state.request_made = True
        turn.say("confirm_request.cancellation_noted" if cancelling else "confirm_request.change_noted")
        return Afterwards.BACK


def _is_confidential(heard: Utterance) -> bool:
    """True for what tells or changes the retailer's own: everything offered here, and lines for a saved order."""
    if heard.items:
        return not all(is_inquiry(item) for item in heard.items)
    return heard.choice is not None or heard.command in {"cancel", "read_all", *CONFIDENTIAL}


def _changeable(turn: TurnContext) -> OrderStatus | None:
    """The latest saved order, if a change of it can still be requested."""
    statuses = turn.desk.order_statuses(turn.retailer)
    return statuses[0] if statuses and statuses[0].changeable else None


def _begin_cancellation(turn: TurnContext) -> Afterwards | None:
    if _changeable(turn) is None:
        say_not_changeable(turn, turn.desk.order_statuses(turn.retailer))
        return None
    turn.state.requested_lines, turn.state.unclear_items = (), ()
    return Afterwards.CONFIRM


def _gather(
    turn: TurnContext,
    status: OrderStatus,
    items: tuple[Item, ...],
    *,
    asked_here: bool = False,
) -> Afterwards | None:
    """Collect lines and go on: to what they leave open, to the request said back, or, where they came to nothing, to
    the step's own question again."""
    gather(turn, status, items)
    if turn.state.unclear_items:
        return None if asked_here else Afterwards.CHANGE
    if wanted_packs(turn, status) == ordered_packs(status) and not _has_open_request(status):
        turn.state.requested_lines = None
        return None
    return Afterwards.CONFIRM


def _has_open_request(status: OrderStatus) -> bool:
    return status.change is not None and status.change.state == "requested"


def _unclear(turn: TurnContext) -> Item | None:
    return turn.state.unclear_items[0] if turn.state.unclear_items else None


def _items(turn: TurnContext) -> Items:
    """Listen for brands and quantities; the lines of the saved order are likelier."""
    items = turn.items()
    status = _changeable(turn)
    ordered = tuple(ordered_packs(status)) if status is not None else ()
    return Items(items.barcodes, items.usual, items.about, items.history, ordered)


def _named_options(turn: TurnContext, item: Item) -> dict[str, str]:
    keyed = (
        turn.text("choose_spec.key", option=turn.name(barcode), key=speaking.number(key))
        for key, barcode in enumerate(item.barcodes[:OPTIONS_AT_ONCE], 1)
    )
    names = turn.text("words.or").join(map(turn.name, item.barcodes[:OPTIONS_AT_ONCE]))
    return {"options": names, "keyed": turn.listed(keyed)}


def _totals(turn: TurnContext, status: OrderStatus, lines: dict[str, int]) -> dict[str, str]:
    """The total cartons and the amount the order would have, at the prices of its lines and today's for new ones."""
    prices = {line.barcode: (line.price_fen, line.packs_per_carton) for line in status.order.lines}
    cartons = packs = fen = 0
    for barcode, count in lines.items():
        spec = turn.desk.catalog.specs.get(barcode)
        price, per_carton = prices.get(barcode) or (
            (spec.wholesale_fen, spec.packs_per_carton) if spec is not None else (0, 1)
        )
        cartons, packs = cartons + count // per_carton, packs + count % per_carton
        fen += amount_fen(price, count, per_carton)
    total = speaking.counted(cartons, turn.text("words.carton"))
    total += speaking.counted(packs, turn.text("words.pack")) if packs else ""
    return {"total": total, "amount": speaking.money(fen)}
