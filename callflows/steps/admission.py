"""The admission of a retailer: it may order now, resume the draft of a dropped call, or hears why not and when."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.order_taking import take
from callflows.state import Goto
from callflows.steps.step import NoMatch, Step
from callflows.turn_context import TurnContext
from clock import local
from orders.book.desk import DeskRefusal
from speech.listening import YesNo
from speech.utterance import Utterance


class Admitted(StrEnum):
    MAY_ORDER = "may order"
    DRAFT_LEFT = "a draft was left"
    REFUSED = "refused"


class Admission(Step[Admitted]):
    """Lets the desk decide if the retailer may order now; asks the caller nothing."""

    name = "admission"
    outcomes = frozenset(Admitted)

    def ask(self, turn: TurnContext) -> Admitted | None:
        eligibility = turn.desk.eligibility(turn.retailer, turn.hotline)
        if not eligibility.may_order:
            turn.state.refusal = eligibility.reason or "closed"
            return Admitted.REFUSED
        try:
            turn.desk.open_draft(
                turn.state.call_key, turn.retailer, turn.hotline, channel=turn.channel, region=turn.state.region
            )
        except DeskRefusal as refusal:
            turn.state.refusal = refusal.reason
            return Admitted.REFUSED
        return Admitted.DRAFT_LEFT if turn.ordered() else Admitted.MAY_ORDER

    def listen(self, turn: TurnContext) -> YesNo:
        raise AssertionError("admission asks nothing, so nothing is listened for")

    def hear(self, turn: TurnContext, heard: Utterance) -> Admitted | NoMatch | None:
        raise AssertionError("admission asks nothing, so nothing is heard")


class ResumeDraft(Step[Goto]):
    """Asks whether to continue the draft a dropped call left, or to start over."""

    name = "resume_draft"
    outcomes = frozenset(Goto)
    decisive = frozenset({"yes", "no"})

    def ask(self, turn: TurnContext) -> Goto | None:
        if turn.order is None:
            return Goto.MORE
        turn.say("resume_draft.first", lines=turn.lines(turn.order))
        return None

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if heard.command == "no" and not heard.items:
            for barcode in turn.ordered():
                turn.draft.remove(barcode)
            turn.say("resume_draft.start_over")
            return Goto.MORE
        if heard.command == "read_all" and not heard.items:
            return None
        if heard.command in ("cancel", "later"):
            return take(turn, heard)
        if heard.command == "yes" or heard.items or heard.command == "done":
            turn.say("resume_draft.going_on")
            return take(turn, heard)
        return NoMatch()


class RefusalEnds(StrEnum):
    EXPLAINED = "explained"


class ExplainRefusal(Step[RefusalEnds]):
    """Says why ordering is not possible now, and when it will be; asks the caller nothing."""

    name = "refused"
    outcomes = frozenset(RefusalEnds)
    reprompts = ()

    def ask(self, turn: TurnContext) -> RefusalEnds | None:
        eligibility = turn.desk.eligibility(turn.retailer, turn.hotline)
        if turn.state.refusal == "already_ordered" and eligibility.ordered is not None:
            # AY 4.1.5.2 a
            turn.say("refused.already_ordered", total=turn.total(eligibility.ordered))
        else:
            turn.say(f"refused.{turn.state.refusal}")
        if turn.state.refusal == "closed" and eligibility.opens_at is not None:
            opens = local(eligibility.opens_at)
            turn.say("refused.opens_at", day=speaking.day(opens), time=speaking.time_of_day(opens))
        elif eligibility.next_order_day is not None:
            turn.say("refused.next_order_day", day=speaking.day(eligibility.next_order_day))
        return RefusalEnds.EXPLAINED

    def listen(self, turn: TurnContext) -> YesNo:
        raise AssertionError("the refusal asks nothing, so nothing is listened for")

    def hear(self, turn: TurnContext, heard: Utterance) -> RefusalEnds | NoMatch | None:
        raise AssertionError("the refusal asks nothing, so nothing is heard")
