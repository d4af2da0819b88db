"""The read-back, without which nothing is saved: every line, the totals, and then a yes (AY 4.1.7, AS 4.2.2 d)."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.order_taking import take
from callflows.state import Goto
from callflows.steps.step import NoMatch, Step
from callflows.steps.take_items import SIDE_REQUESTS
from callflows.turn_context import TurnContext
from orders.book.desk import DeskRefusal, OrderView
from speech.listening import YesNo
from speech.utterance import Utterance


class ReadBackEnds(StrEnum):
    """The outcomes that only a read-back has."""

    SAVED = "saved"
    CHANGE = "change"
    REFUSED = "refused"


class ReadBack(Step[Goto | ReadBackEnds]):
    """Says the order back and saves it on a yes; after a change, only what changed, and the totals."""

    name = "read_back"
    outcomes = frozenset({*Goto, *ReadBackEnds})
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> Goto | ReadBackEnds | None:
        order = turn.order
        if order is None or not order.lines:
            turn.state.read_back_lines = None
            turn.state.return_to = Goto.MORE
            turn.say("read_back.empty")
            return Goto.MORE
        turn.state.return_to = Goto.READ_BACK
        now = _lines(order)
        if turn.state.read_back_lines is None:
            turn.say("read_back.opening")
            self._say_lines(turn, now)
            self._say_totals(turn, order)
        elif dict(turn.state.read_back_lines) != dict(now):
            self._say_changes(turn, dict(turn.state.read_back_lines), dict(now))
            self._say_totals(turn, order)
        if dict(turn.state.read_back_lines or ()) != dict(now):
            turn.state.read_back_interrupted = False
        turn.state.read_back_lines = now
        turn.say("read_back.first")
        return None

    def hear_out(self, turn: TurnContext) -> bool:
        return not turn.state.read_back_interrupted

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | ReadBackEnds | NoMatch | None:
        if heard.items or heard.command in SIDE_REQUESTS:
            return take(turn, heard, correcting=heard.command == "no")
        if heard.command == "no":
            return ReadBackEnds.CHANGE
        if heard.command == "yes" and heard.early:
            self._repeat_totals(turn)
            return None
        if heard.command == "yes":
            return self._save(turn)
        return NoMatch()

    def _repeat_totals(self, turn: TurnContext) -> None:
        """Say the totals after a key pressed during the read-back: they come before saving (AY 4.1.7), as a yes said so
        early waits for the end. The same key pressed again saves: no caller is delayed twice."""
        turn.state.read_back_interrupted = True
        order = turn.order
        if order is not None and _lines(order) == turn.state.read_back_lines:
            turn.say("read_back.hear_out")
            self._say_totals(turn, order)

    def _save(self, turn: TurnContext) -> Goto | ReadBackEnds:
        if turn.must_prove:
            return Goto.READ_BACK
        order = turn.order
        if order is None or _lines(order) != turn.state.read_back_lines:
            # The order that would be saved is not the one the caller said yes to.
            turn.say("read_back.changed_meanwhile")
            return Goto.READ_BACK
        shortfall = _shortfall(turn, order)
        try:
            saved = turn.draft.confirm()
        except DeskRefusal as refusal:
            if refusal.reason == "holds_lost":
                turn.say("read_back.taken_meanwhile")
                return Goto.READ_BACK
            if refusal.reason == "order_min":
                turn.say("refused.order_min")
                return Goto.MORE
            turn.state.refusal = refusal.reason
            return ReadBackEnds.REFUSED
        turn.state.saved = True
        turn.say("goodbye.saved", number=speaking.one_by_one(saved.order.number or ""))
        if shortfall:
            turn.say("goodbye.deposit", shortfall=speaking.money(shortfall))
        turn.say("goodbye.thanks")
        return ReadBackEnds.SAVED

    def _say_lines(self, turn: TurnContext, lines: tuple[tuple[str, int], ...]) -> None:
        for barcode, packs in lines:
            turn.say("read_back.line", spec=turn.name(barcode), quantity=turn.quantity(barcode, packs))

    def _say_changes(self, turn: TurnContext, before: dict[str, int], now: dict[str, int]) -> None:
        turn.say("read_back.changes")
        self._say_lines(turn, tuple((barcode, packs) for barcode, packs in now.items() if before.get(barcode) != packs))
        for barcode in before:
            if barcode not in now:
                turn.say("read_back.line_removed", spec=turn.name(barcode))

    def _say_totals(self, turn: TurnContext, order: OrderView) -> None:
        shortfall = _shortfall(turn, order)
        turn.say(
            "read_back.totals" if shortfall else "read_back.totals_covered",
            total=turn.total(order),
            amount=speaking.money(order.amount_fen),
            balance=speaking.money(turn.desk.balance(turn.retailer)),
            shortfall=speaking.money(shortfall),
        )


def _lines(order: OrderView) -> tuple[tuple[str, int], ...]:
    return tuple((line.barcode, line.granted_packs) for line in order.lines)


def _shortfall(turn: TurnContext, order: OrderView) -> int:
    """The amount to be paid in before delivery, in fen."""
    return max(0, order.amount_fen - turn.desk.balance(turn.retailer))
