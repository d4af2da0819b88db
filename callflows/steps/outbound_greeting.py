"""Outbound calls to retailers that are due (TR 3.1.2): is it the retailer that answered, and does it want to order?"""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.state import Next
from callflows.steps.identification import line_words
from callflows.steps.step import Missed, Step
from callflows.steps.take_items import Declined, TakeItems
from callflows.turn_context import Turn
from speech.listening import Choice, Option
from speech.utterance import Utterance

# The options in the order of their keys.
ITSELF, SOMEBODY_ELSE, NOT_NOW = range(3)


class Greeted(StrEnum):
    ITSELF = "itself"
    SOMEBODY_ELSE = "somebody else"
    NOT_NOW = "not now"
    SILENT = "silent"


class GreetRetailer(Step[Greeted]):
    """Names the line and asks for the retailer, which may also say that it does not want to order now. Nobody is asked
    for a code: the line called them, and not they the line."""

    name = "greet_retailer"
    outcomes = frozenset(Greeted)
    stuck = "not_identified"

    def ask(self, turn: Turn) -> Greeted | None:
        retailer = turn.desk.retailer_by_phone(turn.state.caller)
        if retailer is None:
            # The retailer gave the number up meanwhile: the shop's name must not be said to whoever has it now.
            return _goodbye(turn, Greeted.SOMEBODY_ELSE)
        turn.state.customer_code = retailer.customer_code
        turn.say("greet_retailer.first", **line_words(turn), name=retailer.name)
        turn.state.greeted = True
        return None

    def listen(self, turn: Turn) -> Choice:
        said = (
            turn.text("greet_retailer.itself_said"),
            turn.text("greet_retailer.else_said"),
            turn.text("greet_retailer.not_now_said"),
        )
        return Choice(tuple(Option(str(key), tuple(words.split())) for key, words in enumerate(said, 1)))

    def hear(self, turn: Turn, heard: Utterance) -> Greeted | Missed | None:
        if heard.confirm:
            return Missed()
        # An explicit phrase counts before a yes or no said along with it: "对不起，打错了".
        if heard.choice == SOMEBODY_ELSE or (heard.choice is None and heard.command == "no"):
            return _goodbye(turn, Greeted.SOMEBODY_ELSE)
        if heard.choice == NOT_NOW or (heard.choice is None and heard.command == "done"):
            return _goodbye(turn, Greeted.NOT_NOW)
        if heard.choice == ITSELF or heard.command == "yes":
            turn.state.signed_in = True
            return Greeted.ITSELF
        return Missed()

    def fill(self, turn: Turn) -> dict[str, str]:
        return {"name": turn.retailer.name}

    def give_up(self, turn: Turn) -> Greeted | None:
        return _goodbye(turn, Greeted.SILENT)


class TakeItemsWhenRung(TakeItems):
    """Takes the order of an outbound call; a retailer that wants nothing is left alone."""

    outcomes = frozenset({*Next, *Declined})

    def hear(self, turn: Turn, heard: Utterance) -> Next | Declined | Missed | None:
        wants_nothing = heard.command in ("done", "no") and not heard.items and not turn.ordered()
        if wants_nothing and not heard.confirm:
            _goodbye(turn, Greeted.NOT_NOW)
            return Declined.DECLINED
        return super().hear(turn, heard)


def _goodbye(turn: Turn, why: Greeted) -> Greeted:
    """Say goodbye to whoever answered; `state.parted` keeps the outcome."""
    if why is Greeted.SOMEBODY_ELSE:
        turn.state.customer_code = ""
        turn.say("greet_retailer.sorry")
    else:
        turn.say("greet_retailer.not_now", number=speaking.telephone(turn.hotline.number))
    turn.say("goodbye.thanks")
    turn.state.parted = why.value
    return why
