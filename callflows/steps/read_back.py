"""The read-back, without which nothing is saved: every line, the totals, and then a yes (AY 4.1.7, AS 4.2.2 d)."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.order_taking import take
from callflows.state import Next
from callflows.steps.step import Missed, Step
from callflows.steps.take_items import WISHES
from callflows.turn_context import Turn
from orders.book.desk import DeskRefusal, OrderView
from speech.listening import YesNo
from speech.utterance import Utterance


class ReadBackEnds(StrEnum):
    """The outcomes that only a read-back has."""

    SAVED = "saved"
    CHANGE = "change"
    REFUSED = "refused"


class ReadBack(Step[Next | ReadBackEnds]):
    """Says the order back and saves it on a yes; after a change, only what changed, and the totals."""

    name = "read_back"
    outcomes = frozenset({*Next, *ReadBackEnds})

    def ask(self, turn: Turn) -> Next | ReadBackEnds | None:
        order = turn.order
        if order is None or not order.lines:
            turn.state.read = None
            turn.state.back_to = Next.MORE
            turn.say("read_back.empty")
            return Next.MORE
        turn.state.back_to = Next.READ_BACK
        now = _lines(order)
        if turn.state.read is None:
            turn.say("read_back.opening")
            self._say_lines(turn, now)
            self._say_totals(turn, order)
        elif dict(turn.state.read) != dict(now):
            self._say_changes(turn, dict(turn.state.read), dict(now))
            self._say_totals(turn, order)
        if dict(turn.state.read or ()) != dict(now):
            turn.state.cut_off = False
        turn.state.read = now
        turn.say("read_back.first")
        return None

    def hear_out(self, turn: Turn) -> bool:
        return not turn.state.cut_off

    def listen(self, turn: Turn) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: Turn, heard: Utterance) -> Next | ReadBackEnds | Missed | None:
        if heard.items or heard.command in WISHES:
            return take(turn, heard, correcting=heard.command == "no")
        if heard.command == "no":
            return ReadBackEnds.CHANGE
        if heard.command == "yes" and heard.early:
            self._say_what_was_cut_off(turn)
            return None
        if heard.command == "yes":
            return self._save(turn)
        return Missed()

    def _say_what_was_cut_off(self, turn: Turn) -> None:
        """Say the totals after a key pressed during the read-back: they come before saving (AY 4.1.7), as a yes said so
        early waits for the end. The same key pressed again saves: nobody is held up twice."""
        turn.state.cut_off = True
        order = turn.order
        if order is not None and _lines(order) == turn.state.read:
            turn.say("read_back.hear_out")
            self._say_totals(turn, order)

    def _save(self, turn: Turn) -> Next | ReadBackEnds:
        order = turn.order
        if order is None or _lines(order) != turn.state.read:
            # The order that would be saved is not the one the caller said yes to.
            turn.say("read_back.moved")
            return Next.READ_BACK
        shortfall = _shortfall(turn, order)
        try:
            saved = turn.confirm()
        except DeskRefusal as refusal:
            if refusal.reason == "holds_lost":
                turn.say("read_back.moved")
                return Next.READ_BACK
            if refusal.reason == "order_min":
                turn.say("refused.order_min")
                return Next.MORE
            turn.state.refusal = refusal.reason
            return ReadBackEnds.REFUSED
        turn.state.saved = True
        turn.say("goodbye.saved", number=speaking.one_by_one(saved.order.number or ""))
        if shortfall:
            turn.say("goodbye.deposit", shortfall=speaking.yuan(shortfall))
        turn.say("goodbye.thanks")
        return ReadBackEnds.SAVED

    def _say_lines(self, turn: Turn, lines: tuple[tuple[str, int], ...]) -> None:
        for barcode, packs in lines:
            turn.say("read_back.line", spec=turn.name(barcode), quantity=turn.quantity(barcode, packs))

    def _say_changes(self, turn: Turn, before: dict[str, int], now: dict[str, int]) -> None:
        turn.say("read_back.changes")
        self._say_lines(turn, tuple((barcode, packs) for barcode, packs in now.items() if before.get(barcode) != packs))
        for barcode in before:
            if barcode not in now:
                turn.say("read_back.line_removed", spec=turn.name(barcode))

    def _say_totals(self, turn: Turn, order: OrderView) -> None:
        shortfall = _shortfall(turn, order)
        turn.say(
            "read_back.totals" if shortfall else "read_back.totals_covered",
            total=turn.total(order),
            amount=speaking.yuan(order.amount_fen),
            balance=speaking.yuan(turn.desk.balance(turn.retailer)),
            shortfall=speaking.yuan(shortfall),
        )


def _lines(order: OrderView) -> tuple[tuple[str, int], ...]:
    return tuple((line.barcode, line.granted_packs) for line in order.lines)


def _shortfall(turn: Turn, order: OrderView) -> int:
    """The amount to be paid in before delivery, in fen."""
    return max(0, order.amount_fen - turn.desk.balance(turn.retailer))
