"""The admission of a retailer: it may order now, resume the draft of a dropped call, or hears why not and when."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.order_taking import take
from callflows.state import Goto
from callflows.steps.identification import ChooseRegion, RegionChosen
from callflows.steps.step import NoMatch, Step
from callflows.turn_context import TurnContext
from clock import local
from orders.book.desk import DeskRefusal, Eligibility, MissedRemedy
from orders.windows import business_day
from speech.listening import YesNo
from speech.utterance import Utterance


class Admitted(StrEnum):
    MAY_ORDER = "may order"
    DRAFT_LEFT = "a draft was left"
    MISSED = "missed its call"
    REFUSED = "refused"


class Admission(Step[Admitted]):
    """Lets the desk decide if the retailer may order now; asks the caller nothing."""

    name = "admission"
    outcomes = frozenset(Admitted)

    def ask(self, turn: TurnContext) -> Admitted | None:
        eligibility = turn.desk.eligibility(turn.retailer, turn.hotline)
        if not eligibility.may_order and self._serves_missed(turn, eligibility.remedy):
            return Admitted.MISSED
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
        if not turn.ordered():
            return Admitted.MAY_ORDER
        turn.state.prove_for = "resume"
        return Admitted.DRAFT_LEFT

    def listen(self, turn: TurnContext) -> YesNo:
        raise AssertionError("admission asks nothing, so nothing is listened for")

    def hear(self, turn: TurnContext, heard: Utterance) -> Admitted | NoMatch | None:
        raise AssertionError("admission asks nothing, so nothing is heard")

    def _serves_missed(self, turn: TurnContext, remedy: MissedRemedy | None) -> bool:
        """True if the call goes on as one to the supplementary hotline: its caller missed its call, may order there
        now, and the line that was called is set to serve it (TR 3.3)."""
        if remedy is None or remedy.kind != "supplementary" or not turn.hotline.serves_missed:
            return False
        supplementary = turn.desk.hotline(remedy.number)
        if not turn.desk.eligibility(turn.retailer, supplementary).may_order:
            return False
        turn.state.served_by = supplementary.number
        turn.say("choose_supplementary_region.opening")
        return True


class ChooseSupplementaryRegion(ChooseRegion):
    """Asks the caller of another line for its region, where the supplementary hotline that serves it has several."""

    name = "choose_supplementary_region"

    def ask(self, turn: TurnContext) -> RegionChosen | None:
        if not turn.hotline.regions:
            return RegionChosen.CHOSEN
        turn.say("choose_supplementary_region.first", **self.fill(turn))
        return None


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
            if turn.must_prove:
                turn.say("refused.already_ordered_today")
            else:
                turn.say("refused.already_ordered", total=turn.total(eligibility.ordered))
        elif turn.state.refusal == "closed" and _is_over(turn, eligibility):
            turn.say("refused.over")
        else:
            turn.say(f"refused.{turn.state.refusal}")
        if turn.state.refusal == "not_supplementary" and (main := turn.desk.main_hotline()) is not None:
            turn.say("refused.call_main", number=speaking.telephone(main.number))
            if turn.desk.eligibility(turn.retailer, main).may_order:
                return RefusalEnds.EXPLAINED
        if eligibility.remedy is not None:
            _say_remedy(turn, eligibility.remedy)
        elif turn.state.refusal == "closed" and eligibility.opens_at is not None:
            opens = local(eligibility.opens_at)
            turn.say("refused.opens_at", day=speaking.day(opens), time=speaking.time_of_day(opens))
        elif eligibility.next_order_day is not None:
            turn.say("refused.next_order_day", day=speaking.day(eligibility.next_order_day))
        return RefusalEnds.EXPLAINED

    def listen(self, turn: TurnContext) -> YesNo:
        raise AssertionError("the refusal asks nothing, so nothing is listened for")

    def hear(self, turn: TurnContext, heard: Utterance) -> RefusalEnds | NoMatch | None:
        raise AssertionError("the refusal asks nothing, so nothing is heard")


def _is_over(turn: TurnContext, eligibility: Eligibility) -> bool:
    """True if the line has closed for today, rather than not opened yet."""
    opens_at = eligibility.opens_at
    return eligibility.reason == "closed" and (opens_at is None or business_day(opens_at) > business_day(turn.desk.now))


def _say_remedy(turn: TurnContext, remedy: MissedRemedy) -> None:
    """Say what is done for a retailer that missed its call: the supplementary hotline, or a visit (TR 3.3)."""
    is_today = remedy.day == business_day(turn.desk.now)
    day = turn.text("words.today") if is_today else speaking.day(remedy.day)
    if remedy.kind == "visit":
        turn.say("refused.visit", day=day)
        return
    from_then = ""
    if remedy.opens_at is not None:
        from_then = turn.text("words.from_then", time=speaking.time_of_day(local(remedy.opens_at)))
    turn.say("refused.call_supplementary", day=day + from_then, number=speaking.telephone(remedy.number))
