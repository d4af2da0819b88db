"""Taking brands and quantities, one or several at a time, until the caller says that is all."""

from __future__ import annotations

from enum import StrEnum

from callflows.inquiries import introduce
from callflows.order_taking import take
from callflows.state import Next
from callflows.steps.step import Missed, Step
from callflows.turn_context import Turn
from speech.listening import Items
from speech.utterance import Command, Utterance

# Answered, and then the order goes on.
WISHES: frozenset[Command] = frozenset({"usual", "what_is_there", "last_order", "how_much_left", "balance", "price"})


class Declined(StrEnum):
    """The outcome of taking items in an outbound call where the retailer wants nothing."""

    DECLINED = "declined"


class TakeItems(Step[Next | Declined]):
    """Asks for brands and quantities until there is nothing else (AY 4.1.5)."""

    name = "take_items"
    outcomes = frozenset(Next)
    silence_ms = 8_000

    def ask(self, turn: Turn) -> Next | Declined | None:
        turn.state.back_to = Next.MORE
        if turn.ordered():
            turn.say("take_items.more")
        else:
            introduce(turn)
            turn.say("take_items.first")
        return None

    def listen(self, turn: Turn) -> Items:
        return turn.items()

    def hear(self, turn: Turn, heard: Utterance) -> Next | Declined | Missed | None:
        if heard.items or heard.command in WISHES:
            return take(turn, heard)
        if heard.command == "yes":
            turn.say("take_items.go_on")
            return None
        # "还有吗？" - "没有。"
        if heard.command in ("done", "no"):
            if turn.ordered():
                return Next.READ_BACK
            turn.say("take_items.nothing_yet")
            return Missed(explained=True)
        return Missed()


class AskChange(Step[Next]):
    """Asks for the changes after a no at the read-back."""

    name = "ask_change"
    outcomes = frozenset(Next)

    def ask(self, turn: Turn) -> Next | None:
        turn.state.back_to = Next.READ_BACK
        turn.say("ask_change.first")
        return None

    def listen(self, turn: Turn) -> Items:
        return turn.items()

    def hear(self, turn: Turn, heard: Utterance) -> Next | Missed | None:
        if heard.items or heard.command in WISHES:
            return take(turn, heard, correcting=True)
        if heard.command in ("done", "no", "yes"):
            turn.state.read = None
            return Next.READ_BACK
        return Missed()
