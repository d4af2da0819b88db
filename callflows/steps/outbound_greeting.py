"""Outbound calls to retailers that are due (TR 3.1.2): the greeting, and an order where the retailer wants one."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.state import Goto
from callflows.steps.identification import ITSELF, SOMEBODY_ELSE, greeting_words, said_by_itself, said_by_others
from callflows.steps.step import NoMatch, Step
from callflows.steps.take_items import Declined, TakeItems
from callflows.turn_context import TurnContext
from speech.listening import Choice, Option
from speech.utterance import Utterance

# The option that a retailer has beside those of every caller, by its place.
NOT_NOW = 2


class Greeted(StrEnum):
    ITSELF = "itself"
    SOMEBODY_ELSE = "somebody else"
    NOT_NOW = "not now"
    SILENT = "silent"


class GreetRetailer(Step[Greeted]):
    """Names the line and asks for the retailer, which may also say that it does not want to order now. No code is
    asked for: the line called the retailer, not the retailer the line."""

    name = "greet_retailer"
    outcomes = frozenset(Greeted)
    transfer_reason = "not_identified"
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> Greeted | None:
        retailer = turn.desk.retailer_by_phone(turn.state.caller)
        if retailer is None:
            # The retailer gave the number up meanwhile: the shop's name must not be said to the person who has it now.
            return _goodbye(turn, Greeted.SOMEBODY_ELSE)
        turn.state.customer_code = retailer.customer_code
        turn.say("greet_retailer.first", **greeting_words(turn), name=retailer.name)
        turn.state.greeted = True
        return None

    def listen(self, turn: TurnContext) -> Choice:
        not_now = Option("3", tuple(turn.text("greet_retailer.not_now_said").split()))
        return Choice((said_by_itself(turn), said_by_others(turn), not_now))

    def hear(self, turn: TurnContext, heard: Utterance) -> Greeted | NoMatch | None:
        if heard.confirm:
            return NoMatch()
        # An explicit phrase counts before a yes or no said along with it: "对不起，打错了".
        if heard.choice == SOMEBODY_ELSE or (heard.choice is None and heard.command == "no"):
            return _goodbye(turn, Greeted.SOMEBODY_ELSE)
        if heard.choice == NOT_NOW or (heard.choice is None and heard.command in ("done", "cancel", "later")):
            return _goodbye(turn, Greeted.NOT_NOW)
        if heard.choice == ITSELF or heard.command == "yes":
            turn.state.signed_in = True
            return Greeted.ITSELF
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        return {"name": turn.retailer.name}

    def give_up(self, turn: TurnContext, *, silent: bool) -> Greeted | None:
        return _goodbye(turn, Greeted.SILENT)


class TakeItemsOutbound(TakeItems):
    """Takes the order of an outbound call; a retailer that wants nothing is left alone."""

    outcomes = frozenset({*Goto, *Declined})

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | Declined | NoMatch | None:
        wants_nothing = heard.command in ("done", "no", "cancel", "later") and not heard.items and not turn.ordered()
        if wants_nothing and not heard.confirm:
            _goodbye(turn, Greeted.NOT_NOW)
            return Declined.DECLINED
        return super().hear(turn, heard)


def _goodbye(turn: TurnContext, outcome: Greeted) -> Greeted:
    """Say goodbye to the person who answered; `state.outbound_outcome` keeps the outcome."""
    if outcome is Greeted.SOMEBODY_ELSE:
        turn.state.customer_code = ""
        turn.say("greet_retailer.sorry")
    else:
        turn.say("greet_retailer.not_now", number=speaking.telephone(turn.hotline.number))
    turn.say("goodbye.thanks")
    turn.state.outbound_outcome = outcome.value
    return outcome
