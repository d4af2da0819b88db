"""Leaving before the order is saved: all of it is dropped, or kept for a call later the same day."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from callflows import speaking
from callflows.order_taking import go_on, take
from callflows.state import Goto
from callflows.steps.step import NoMatch, Step
from callflows.steps.take_items import SIDE_REQUESTS
from callflows.turn_context import TurnContext
from clock import local
from speech.listening import YesNo
from speech.utterance import Utterance


class Left(StrEnum):
    LEFT = "left"


class Leave(Step[Goto | Left]):
    """Asks before it drops the whole order; who rings again later is told until when the order is kept."""

    name = "leave"
    outcomes = frozenset({*Goto, *Left})
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> Goto | Left | None:
        leaving, turn.state.leaving = turn.state.leaving, ""
        if leaving == "later":
            return self._keep(turn)
        if turn.order is not None and turn.order.lines:
            turn.say("leave.first", **self.fill(turn))
            return None
        if turn.state.open_questions:
            return self._drop(turn)
        turn.say("leave.nothing")
        return _goodbye(turn)

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | Left | NoMatch | None:
        if heard.items:
            return take(turn, heard)
        if heard.command in ("yes", "cancel"):
            return self._drop(turn)
        if heard.command in ("no", "done"):
            turn.say("leave.kept")
            return go_on(turn)
        if heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        return {"total": turn.total(turn.order) if turn.order is not None else ""}

    def _drop(self, turn: TurnContext) -> Goto:
        """Take every line off the order, with the questions about lines, and go on to other lines."""
        for barcode in turn.ordered():
            turn.draft.remove(barcode)
        state = turn.state
        state.open_questions, state.read_back_lines, state.return_to = (), None, Goto.MORE
        state.dropped_all = True
        turn.say("leave.dropped")
        return Goto.MORE

    def _keep(self, turn: TurnContext) -> Left:
        """Say what is kept, and until when."""
        if turn.order is not None and turn.order.lines:
            held_until = local(turn.draft.keep())
            turn.say("leave.later", total=turn.total(turn.order), time=speaking.time_of_day(held_until))
        else:
            turn.say("leave.nothing_later")
        return _goodbye(turn)


def _goodbye(turn: TurnContext) -> Left:
    """Say until when the caller may ring again today, and goodbye."""
    closes = local(turn.desk.closes_at(turn.hotline))
    if closes.date() > local(turn.desk.now).date():
        turn.say("leave.again_today")
    elif closes - local(turn.desk.now) > timedelta():
        turn.say("leave.again_until", time=speaking.time_of_day(closes))
    turn.say("goodbye.thanks")
    return Left.LEFT
