"""The sign-in: a registered number is greeted by name; every other caller gives a code and keys a PIN."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.steps.step import KEYING_SILENCE_MS, NoMatch, Step
from callflows.turn_context import TurnContext
from speech.listening import CUSTOMER_CODE_DIGITS, Choice, Digits, Option, YesNo
from speech.utterance import Utterance

PIN_DIGITS = 4

# Wrong codes, wrong PINs and codes heard wrong, in total, before an operator takes the call.
FAILURES_MAX = 3


class RegionChosen(StrEnum):
    CHOSEN = "chosen"


class ChooseRegion(Step[RegionChosen]):
    """Asks for the region on a line for several; lines for one region do not ask."""

    name = "choose_region"
    outcomes = frozenset(RegionChosen)
    reprompts = ("short", "keys", "keys")

    def ask(self, turn: TurnContext) -> RegionChosen | None:
        if not turn.hotline.regions:
            return RegionChosen.CHOSEN
        turn.state.greeted = True
        turn.say("choose_region.first", **greeting_words(turn), **self.fill(turn))
        return None

    def listen(self, turn: TurnContext) -> Choice:
        regions = turn.hotline.regions
        stems = [name.removesuffix("区") for _, name in regions]
        # 东 is 东区, where no other region is called so.
        return Choice(
            tuple(
                Option(key, tuple(dict.fromkeys((name, stem) if stem and stems.count(stem) == 1 else (name,))))
                for (key, name), stem in zip(regions, stems, strict=True)
            )
        )

    def hear(self, turn: TurnContext, heard: Utterance) -> RegionChosen | NoMatch | None:
        if heard.choice is None or not 0 <= heard.choice < len(turn.hotline.regions):
            return NoMatch()
        _, turn.state.region = turn.hotline.regions[heard.choice]
        return RegionChosen.CHOSEN

    def fill(self, turn: TurnContext) -> dict[str, str]:
        regions = turn.hotline.regions
        keyed = (turn.text("choose_region.key", region=name, digit=speaking.number(int(key))) for key, name in regions)
        return {"keyed": turn.listed(keyed)}


# The options of the question "请问您是…吗", by their place.
ITSELF, SOMEBODY_ELSE = range(2)


def said_by_itself(turn: TurnContext) -> Option:
    """The words of the retailer itself at the question who is calling, beside a yes."""
    return Option("1", tuple(turn.text("confirm_caller.itself_said").split()))


def said_by_others(turn: TurnContext) -> Option:
    """The words of anybody else at that question, beside a no."""
    return Option("2", tuple(turn.text("confirm_caller.else_said").split()))


class CallerConfirmed(StrEnum):
    SIGNED_IN = "signed in"
    PIN_FIRST = "PIN first"
    SOMEONE_ELSE = "someone else"
    UNKNOWN_NUMBER = "unknown number"


class ConfirmCaller(Step[CallerConfirmed]):
    """Asks a caller from a registered number if it is the retailer itself. A yes signs in: without a PIN, or until the
    PIN is needed. Where the department always wants it first, no name is said."""

    name = "confirm_caller"
    outcomes = frozenset(CallerConfirmed)
    transfer_reason = "not_identified"
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> CallerConfirmed | None:
        retailer = turn.desk.retailer_by_phone(turn.state.caller)
        if retailer is None:
            return CallerConfirmed.UNKNOWN_NUMBER
        turn.state.customer_code = retailer.customer_code
        if turn.desk.registered_number_pin == "always":
            if not turn.state.greeted:
                turn.say("confirm_caller.pin_first", **greeting_words(turn))
            turn.state.greeted = True
            return CallerConfirmed.PIN_FIRST
        if turn.state.greeted:
            turn.say("confirm_caller.again", name=retailer.name)
        else:
            turn.say("confirm_caller.first", **greeting_words(turn), name=retailer.name)
        turn.state.greeted = True
        return None

    def listen(self, turn: TurnContext) -> Choice:
        return Choice((said_by_itself(turn), said_by_others(turn)))

    def hear(self, turn: TurnContext, heard: Utterance) -> CallerConfirmed | NoMatch | None:
        if heard.confirm:
            return NoMatch()
        # The words that name the person count before a yes or no said along with them: "不是，我就是".
        if heard.choice == ITSELF or (heard.choice is None and heard.command == "yes"):
            turn.state.signed_in = True
            return CallerConfirmed.SIGNED_IN
        if heard.choice == SOMEBODY_ELSE or (heard.choice is None and heard.command == "no"):
            turn.state.customer_code = ""
            return CallerConfirmed.SOMEONE_ELSE
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        return {"name": turn.retailer.name}


class CodeGiven(StrEnum):
    SPOKEN = "spoken"
    KEYED = "keyed"


class AskCode(Step[CodeGiven]):
    """Asks for the customer code, spoken in any grouping or keyed. Does not reveal whether it exists."""

    name = "ask_code"
    outcomes = frozenset(CodeGiven)
    reprompts = ("short", "keys", "keys")
    transfer_reason = "not_identified"
    silence_ms = 8_000

    def ask(self, turn: TurnContext) -> CodeGiven | None:
        if not turn.state.greeted:
            turn.say("ask_code.first", **greeting_words(turn))
        elif turn.state.sign_in_failures:
            turn.say("ask_code.again")
        else:
            turn.say("ask_code.short")
        turn.state.greeted = True
        return None

    def listen(self, turn: TurnContext) -> Digits:
        return Digits(CUSTOMER_CODE_DIGITS)

    def hear(self, turn: TurnContext, heard: Utterance) -> CodeGiven | NoMatch | None:
        whole = [code for code in heard.digits if len(code) == CUSTOMER_CODE_DIGITS]
        if not whole:
            return NoMatch()
        if heard.keyed:
            turn.state.customer_code = whole[0]
            return CodeGiven.KEYED
        # Of several candidates, a code that some retailer has is likelier than one that none has.
        turn.state.customer_code = next((code for code in whole if turn.desk.retailer(code) is not None), whole[0])
        return CodeGiven.SPOKEN


class CodeConfirmed(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "failed"


class ConfirmCode(Step[CodeConfirmed]):
    """Says a spoken code back before a PIN is spent on it."""

    name = "confirm_code"
    outcomes = frozenset(CodeConfirmed)
    transfer_reason = "not_identified"
    decisive = frozenset({"yes"})

    def ask(self, turn: TurnContext) -> CodeConfirmed | None:
        turn.say("confirm_code.first", **self.fill(turn))
        return None

    def listen(self, turn: TurnContext) -> YesNo:
        return YesNo()

    def hear(self, turn: TurnContext, heard: Utterance) -> CodeConfirmed | NoMatch | None:
        if heard.command == "yes":
            return CodeConfirmed.RIGHT
        if heard.command != "no":
            return NoMatch()
        turn.state.customer_code = ""
        return CodeConfirmed.FAILED if sign_in_failed(turn) else CodeConfirmed.WRONG

    def fill(self, turn: TurnContext) -> dict[str, str]:
        return {"code": speaking.one_by_one(turn.state.customer_code)}


class PinChecked(StrEnum):
    SIGNED_IN = "signed in"
    WRONG = "wrong"
    FAILED = "failed"
    LOCKED = "locked"


class AskPin(Step[PinChecked]):
    """Asks for the PIN, by keys only. An unknown code and a wrong PIN are answered in the same words."""

    name = "ask_pin"
    outcomes = frozenset(PinChecked)
    reprompts = ("keys", "keys", "keys")
    transfer_reason = "not_identified"
    silence_ms = KEYING_SILENCE_MS

    def ask(self, turn: TurnContext) -> PinChecked | None:
        turn.say("ask_pin.first")
        return None

    def listen(self, turn: TurnContext) -> Digits:
        return Digits(PIN_DIGITS, "pin")

    def hear(self, turn: TurnContext, heard: Utterance) -> PinChecked | NoMatch | None:
        if not heard.keyed or not heard.digits:
            return NoMatch()
        checked = turn.desk.verify_pin(turn.state.customer_code, heard.digits[0], turn.state.caller)
        if checked.ok:
            turn.state.signed_in = turn.state.proved = True
            turn.say("ask_pin.right", name=turn.retailer.name)
            return PinChecked.SIGNED_IN
        turn.state.customer_code = ""
        if checked.has_to_wait:
            return PinChecked.LOCKED
        if sign_in_failed(turn):
            return PinChecked.FAILED
        turn.say("ask_pin.wrong")
        return PinChecked.WRONG


def sign_in_failed(turn: TurnContext) -> bool:
    """Count one more failure; True if it was the last one allowed."""
    turn.state.sign_in_failures += 1
    return turn.state.sign_in_failures >= FAILURES_MAX


def greeting_words(turn: TurnContext) -> dict[str, str]:
    """The words of the greeting about the line that was called."""
    return {
        "hello": turn.text("greeting.new_year" if turn.desk.is_new_year() else "greeting.hello"),
        "company": turn.hotline.name,
        "seat": speaking.seat(turn.hotline.seat),
    }
