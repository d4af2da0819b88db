"""The admission of a retailer: it may order now, resume the draft of a dropped call, or hears why not and when."""

from __future__ import annotations

from enum import StrEnum

from callflows import speaking
from callflows.order_taking import take
from callflows.state import Next
from callflows.steps.step import Missed, Step
from callflows.turn_context import Turn
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

    def ask(self, turn: Turn) -> Admitted | None:
        standing = turn.desk.standing(turn.retailer, turn.hotline)
        if not standing.may_order:
            turn.state.refusal = standing.reason or "closed"
            return Admitted.REFUSED
        try:
            draft = turn.desk.open_draft(
                turn.state.call_key, turn.retailer, turn.hotline, channel=turn.channel, region=turn.state.region
            )
        except DeskRefusal as refusal:
            turn.state.refusal = refusal.reason
            return Admitted.REFUSED
        return Admitted.DRAFT_LEFT if draft.lines else Admitted.MAY_ORDER

    def listen(self, turn: Turn) -> YesNo:
        raise AssertionError("admission asks nothing, so nothing is listened for")

    def hear(self, turn: Turn, heard: Utterance) -> Admitted | Missed | None:
        raise AssertionError("admission asks nothing, so nothing is heard")


class ResumeDraft(Step[Next]):
    """Asks whether to continue the draft a dropped call left, or to start over."""

    name = "resume_draft"
    outcomes = frozenset(Next)

    def ask(self, turn: Turn) -> Next | None:
        if turn.order is None:
            return Next.MORE
        turn.say("resume_draft.first", lines=turn.lines(turn.order))
        return None

    def listen(self, turn: Turn) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: Turn, heard: Utterance) -> Next | Missed | None:
        if heard.command == "no" and not heard.items:
            for barcode in turn.ordered():
                turn.remove_line(barcode)
            turn.say("resume_draft.afresh")
            return Next.MORE
        if heard.command == "yes" or heard.items or heard.command == "done":
            turn.say("resume_draft.going_on")
            return take(turn, heard)
        return Missed()


class Left(StrEnum):
    LEFT = "left"


class Refused(Step[Left]):
    """Says why ordering is not possible now, and when it will be; an operator on request, else goodbye."""

    name = "refused"
    outcomes = frozenset(Left)
    rungs = ()
    silence_ms = 4_000

    def ask(self, turn: Turn) -> Left | None:
        standing = turn.desk.standing(turn.retailer, turn.hotline)
        if turn.state.refusal == "already_ordered" and standing.ordered is not None:
            # AY 4.1.5.2 a
            turn.say("refused.already_ordered", total=turn.total(standing.ordered))
        else:
            turn.say(f"refused.{turn.state.refusal}")
        if turn.state.refusal == "closed" and standing.opens_at is not None:
            opens = local(standing.opens_at)
            turn.say("refused.opens_at", day=speaking.day(opens), time=speaking.time_of_day(opens))
        elif standing.next_order_day is not None:
            turn.say("refused.next_order_day", day=speaking.day(standing.next_order_day))
        turn.say("refused.first")
        return None

    def listen(self, turn: Turn) -> YesNo:
        return YesNo()

    def hear(self, turn: Turn, heard: Utterance) -> Left | Missed | None:
        turn.say("goodbye.thanks")
        return Left.LEFT

    def give_up(self, turn: Turn) -> Left | None:
        turn.say("goodbye.thanks")
        return Left.LEFT
