"""The PIN of a caller signed in by its number alone: before it saves, and before it is told what is its own."""

from __future__ import annotations

from enum import StrEnum

from callflows.inquiries import answer_inquiry
from callflows.order_taking import go_on
from callflows.state import Goto
from callflows.steps.identification import PIN_DIGITS, sign_in_failed
from callflows.steps.step import KEYING_SILENCE_MS, NoMatch, Step
from callflows.turn_context import TurnContext
from speech.listening import Digits
from speech.utterance import Utterance


class Proved(StrEnum):
    READ_BACK = "read back"
    RESUME = "resume"
    SERVICES = "services"
    FAILED = "failed"
    LOCKED = "locked"
    NO_PIN = "no PIN"


class ProveIdentity(Step[Goto | Proved]):
    """Asks for the PIN where the caller was signed in by its number alone: once in a call, before the read-back, before
    a draft is resumed, and before the balance or an earlier order is told."""

    name = "prove_identity"
    outcomes = frozenset({*Goto, *Proved})
    reprompts = ("keys", "keys", "keys")
    transfer_reason = "not_identified"
    silence_ms = KEYING_SILENCE_MS

    def ask(self, turn: TurnContext) -> Goto | Proved | None:
        if not turn.must_prove:
            return self._go_on(turn)
        if not turn.desk.has_pin(turn.retailer):
            turn.say("prove_identity.no_pin")
            return Proved.NO_PIN
        turn.say("prove_identity.first")
        return None

    def listen(self, turn: TurnContext) -> Digits:
        return Digits(PIN_DIGITS, "pin")

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | Proved | NoMatch | None:
        if not heard.keyed or not heard.digits:
            return NoMatch()
        checked = turn.desk.verify_pin(turn.state.customer_code, heard.digits[0], turn.state.caller)
        if checked.ok:
            turn.state.proved = True
            return self._go_on(turn)
        if checked.has_to_wait:
            return Proved.LOCKED
        turn.say("prove_identity.wrong")
        return Proved.FAILED if sign_in_failed(turn) else None

    def give_up(self, turn: TurnContext, *, silent: bool) -> Goto | Proved | None:
        """Without the PIN a question stays unanswered, and the order goes on."""
        if turn.state.prove_for != "inquiry":
            return None
        turn.state.prove_for, turn.state.inquiry_waiting = "", None
        turn.state.reprompt_count = 0
        return go_on(turn)

    def _go_on(self, turn: TurnContext) -> Goto | Proved:
        asked_for, turn.state.prove_for = turn.state.prove_for, ""
        match asked_for:
            case "resume":
                return Proved.RESUME
            case "services":
                return Proved.SERVICES
            case "inquiry":
                waiting, turn.state.inquiry_waiting = turn.state.inquiry_waiting, None
                answer_inquiry(turn, waiting, "")
                return go_on(turn)
            case _:
                return Proved.READ_BACK
