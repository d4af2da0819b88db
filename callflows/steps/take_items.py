"""Taking brands and quantities, one or several at a time, until the caller says that is all."""

from __future__ import annotations

from enum import StrEnum

from callflows.inquiries import introduce
from callflows.order_taking import take
from callflows.state import Goto
from callflows.steps.step import NoMatch, Step
from callflows.turn_context import TurnContext
from speech.listening import Items
from speech.utterance import Command, Utterance

# Answered, and then the order goes on.
SIDE_REQUESTS: frozenset[Command] = frozenset(
    {
        *("usual", "what_is_there", "last_order", "how_much_left", "balance", "price", "all_but", "of_price"),
        *("track", "read_all", "cancel", "later"),
    }
)


class Declined(StrEnum):
    """The outcome of taking items in an outbound call where the retailer wants nothing."""

    DECLINED = "declined"


class TakeItems(Step[Goto | Declined]):
    """Asks for brands and quantities until there is nothing else (AY 4.1.5)."""

    name = "take_items"
    outcomes = frozenset(Goto)
    silence_ms = 8_000

    def ask(self, turn: TurnContext) -> Goto | Declined | None:
        turn.state.return_to = Goto.MORE
        if turn.ordered():
            turn.state.dropped_all = False
            turn.say("take_items.more")
        elif turn.state.dropped_all:
            turn.say("leave.anything_else")
        else:
            introduce(turn)
            turn.say("take_items.first")
        return None

    def listen(self, turn: TurnContext) -> Items:
        return turn.items()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | Declined | NoMatch | None:
        if heard.items or heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        if heard.command == "yes":
            turn.say("take_items.go_on")
            return None
        # "还有吗？" - "没有。"
        if heard.command in ("done", "no"):
            if turn.ordered():
                return Goto.READ_BACK
            if turn.state.dropped_all:
                turn.state.leaving = "cancel"
                return Goto.LEAVE
            turn.say("take_items.nothing_yet")
            return NoMatch(explained=True)
        return NoMatch()


class AskChange(Step[Goto]):
    """Asks for the changes after a no at the read-back."""

    name = "ask_change"
    outcomes = frozenset(Goto)

    def ask(self, turn: TurnContext) -> Goto | None:
        turn.state.return_to = Goto.READ_BACK
        turn.say("ask_change.first")
        return None

    def listen(self, turn: TurnContext) -> Items:
        return turn.items()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if heard.items or heard.command in SIDE_REQUESTS:
            return take(turn, heard, correcting=True)
        if heard.command in ("done", "no", "yes"):
            turn.state.read_back_lines = None
            return Goto.READ_BACK
        return NoMatch()
