"""The conversation, one turn at a time: what was heard goes in with the call's state, and what to say comes out.

All of it is a function of its arguments and the desk: the state is data, so any worker can take any turn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from callflows import speaking
from callflows.flow import Flow, Target
from callflows.flows import FLOWS, ORDERING_FLOW
from callflows.replies import HangUp, ListenFor, Reply, Transfer
from callflows.state import ORDERING, CallFacts, CallState, Silence, TurnInput
from callflows.steps.step import NoMatch, Step
from callflows.turn_context import RecordMissing, TurnContext
from clock import local
from orders.book.desk import Desk, DeskRefusal
from orders.book.draft_lines import KeptLine
from speech.listening import Choice, Items, QuantityOf, YesNo
from speech.utterance import Command, Utterance

__all__ = [
    "CallFacts",
    "CallState",
    "Silence",
    "begin",
    "draft_lines",
    "end",
    "end_by_operator",
    "go_back",
    "hear",
    "identify",
    "resume_from_operator",
    "transfer_to_operator",
]

# More steps in a row than this without a question mean that the flow has a cycle.
STEPS_IN_A_TURN_MAX = 12
# After so many doubtful ones in a row, a yes has to be keyed.
DOUBTFUL_YES_MAX = 2


def begin(facts: CallFacts, desk: Desk) -> tuple[CallState, Reply]:
    """Begin a call: return its first state and the greeting."""
    state = CallState(facts.call_key, facts.caller, facts.called, facts.speech_enabled)
    turn = TurnContext(state, desk)
    state.flow = facts.flow or ORDERING
    return state, _go(turn, _flow(turn).first)


def hear(state: CallState, heard: TurnInput, desk: Desk, *, speech_enabled: bool) -> tuple[CallState, Reply]:
    """Take one turn: return the state after it and the reply. The state passed in is left as it is. `speech_enabled` is
    true if speech can be recognised now: the worker that serves the call may have changed since the last turn."""
    before = replace(state, speech_enabled=speech_enabled, request_made=False)
    if before.over:
        return before, _last_reply(before)
    state = before.copy()
    turn = TurnContext(state, desk)
    try:
        return state, _tell_of_closing(turn, _answer(turn, _flow(turn).step(state.step), heard))
    except DeskRefusal:
        # The order was closed during the call: the day ended, or another call of the same retailer resumed it. The
        # admission decides again what may be done.
        state = before.copy()
        state.open_questions, state.read_back_lines = (), None
        return state, _go(TurnContext(state, desk), "admission")
    except RecordMissing:
        state = before.copy()
        return state, _end(TurnContext(state, desk), Transfer("stuck"))


def identify(state: CallState, customer_code: str) -> CallState:
    """Sign the caller in as the retailer an operator has identified, and return the state after it."""
    return replace(state, customer_code=customer_code, signed_in=True, proved=True)


def resume_from_operator(state: CallState, desk: Desk, *, speech_enabled: bool) -> tuple[CallState, Reply]:
    """Go on with a call that an operator gives back: with the order as the operator left it, or with the sign-in where
    the caller has not signed in."""
    state = replace(state, speech_enabled=speech_enabled)
    state.over, state.reprompt_count, state.sign_in_failures = "", 0, 0
    state.open_questions, state.read_back_lines = (), None
    state.requested_lines, state.unclear_items, state.leaving = None, (), ""
    state.prove_for, state.inquiry_waiting = "", None
    turn = TurnContext(state, desk)
    if not state.signed_in:
        return state, _go(turn, _flow(turn).first)
    return state, _go(turn, "read_back" if turn.ordered() else "admission")


def transfer_to_operator(state: CallState, desk: Desk) -> tuple[CallState, Reply]:
    """Give the call to an operator who takes it over, with the order as it stands."""
    state = state.copy()
    return state, _end(TurnContext(state, desk), Transfer("taken_over"))


def end_by_operator(state: CallState, desk: Desk, sentences: tuple[str, ...]) -> tuple[CallState, Reply]:
    """End a call that an operator has finished, after these sentences. An order the operator saved ends it as saved; an
    unsaved one is kept, to be resumed in a later call."""
    saved = desk.draft(state.call_key).saved() is not None
    state = replace(state, over="hung_up", last_sentences=sentences, saved=saved)
    end(state, desk)
    return state, Reply(sentences, HangUp())


def draft_lines(state: CallState, desk: Desk) -> tuple[KeptLine, ...] | None:
    """The lines of the call's draft, to go back to; None where it has none."""
    draft = desk.draft(state.call_key).view() if state.signed_in else None
    if draft is None or draft.state != "draft":
        return None
    return tuple(KeptLine(line.barcode, line.requested_packs, line.granted_packs) for line in draft.lines)


def go_back(state: CallState, lines: tuple[KeptLine, ...] | None, since: datetime, desk: Desk) -> bool:
    """Take back a turn that was answered before the caller had finished: `state` is the state after it, `lines` are the
    draft's lines at `since`, before it. False, and nothing changed, where there is no going back: the order was saved
    or opened, a change of a saved one requested, or the call transferred or ended."""
    present = draft_lines(state, desk)
    if state.over or state.saved or state.request_made or (present is None) != (lines is None):
        return False
    if lines is not None:
        desk.draft(state.call_key).restore(lines, since)
    return True


def end(state: CallState, desk: Desk) -> None:
    """End the call, whoever hung up. An unsaved order is kept, to be resumed in a later call."""
    if state.signed_in and not state.saved:
        desk.draft(state.call_key).abandon()


def _answer(turn: TurnContext, step: Step[Any], heard: TurnInput) -> Reply:
    doubted, turn.state.doubted_command = turn.state.doubted_command, None
    if isinstance(heard, Silence):
        return _reprompt(turn, step, silent=True)
    if doubted is not None and not heard.items:
        if heard.command == "repeat" and (question := _doubt_command(turn, step, doubted)) is not None:
            return question
        if heard.command in ("yes", doubted):
            heard = replace(heard, command=doubted, confirm=False)
        elif heard.command == "no" and step.reprompts:
            step.reprompt(turn, 0)
            return Reply(tuple(turn.sentences), _listen(turn, step))
    if (question := _ask_again(turn, step, heard)) is not None:
        return question
    if heard.command == "operator":
        if heard.items:
            step.hear(turn, replace(heard, command=None))
        return _end(turn, Transfer("asked"))
    if heard.command == "repeat" and not heard.items:
        turn.state.reprompt_count = 0
        return Reply(turn.state.last_sentences, _listen(turn, step))
    if heard.early and heard.is_nothing:
        # A wrong key in a prompt that has to be heard to its end: all of it is said again, not the question alone.
        return Reply(turn.state.last_sentences, _listen(turn, step))
    if heard.command == "help" and not heard.items:
        turn.state.reprompt_count = 0
        for name in dict.fromkeys(step.reprompts[1:] if turn.state.speech_enabled else step.reprompts[-1:]):
            step.reprompt(turn, step.reprompts.index(name))
        turn.state.last_sentences = tuple(turn.sentences) or turn.state.last_sentences
        return Reply(tuple(turn.sentences) or turn.state.last_sentences, _listen(turn, step))
    if heard.command in ("repeat", "help"):
        heard = replace(heard, command=None)
    unsure = heard.confirm and heard.command in {"yes", *step.decisive} and not heard.items
    outcome = NoMatch() if heard.is_nothing or unsure else step.hear(turn, heard)
    if isinstance(outcome, NoMatch):
        return _reprompt(turn, step, explained=outcome.explained)
    turn.state.reprompt_count = turn.state.doubtful_yes_count = 0
    return _go(turn, step.name if outcome is None else _flow(turn).after(step.name, outcome))


def _tell_of_closing(turn: TurnContext, reply: Reply) -> Reply:
    """The reply, with the news ahead of it that the line has closed and until when the order can be finished; once in a
    call, and only while it is not saved."""
    state = turn.state
    if state.closing_told or state.over or state.saved or not state.signed_in:
        return reply
    if turn.order is None or turn.desk.now < turn.desk.closes_at(turn.hotline):
        return reply
    if (until := turn.draft.grace_ends_at()) is None:
        return reply
    state.closing_told = True
    notice = turn.text("closing.grace", time=speaking.time_of_day(local(until)))
    return replace(reply, say=(notice, *reply.say))


def _ask_again(turn: TurnContext, step: Step[Any], heard: Utterance) -> Reply | None:
    """The question back where a bare command decides much and is not certain; None where it may be obeyed."""
    if heard.items or heard.keyed or heard.choice is not None:
        return None
    if heard.confirm and heard.command in ("operator", "usual", "later"):
        return _doubt_command(turn, step, heard.command)
    only_keys = turn.state.doubtful_yes_count >= DOUBTFUL_YES_MAX
    if heard.command == "yes" and "yes" in step.decisive and (heard.confirm or heard.incomplete or only_keys):
        return _doubt_yes(turn, step)
    return None


def _doubt_command(turn: TurnContext, step: Step[Any], command: Command) -> Reply | None:
    """Ask if that is what was said; None where the step does not take the command in any case."""
    listen = step.listen(turn)
    takes_lines = isinstance(listen, Items | QuantityOf) or (isinstance(listen, YesNo | Choice) and listen.or_items)
    if command != "operator" and not takes_lines:
        return None
    turn.state.doubted_command = command
    match command:
        case "operator":
            turn.say("doubtful.operator")
        case "later":
            turn.say("doubtful.later")
        case _:
            turn.say("doubtful.usual")
    return Reply(tuple(turn.sentences), ListenFor(turn.yes_no() if takes_lines else YesNo(), step.wait_ms(turn)))


def _doubt_yes(turn: TurnContext, step: Step[Any]) -> Reply:
    """Ask for the yes once more, or for a key: a wrong yes costs an order, and asking again two seconds."""
    if turn.state.reprompt_count >= len(step.reprompts):
        return _reprompt(turn, step)
    turn.state.reprompt_count += 1
    turn.state.doubtful_yes_count += 1
    turn.say("doubtful.yes_by_key" if turn.state.doubtful_yes_count >= DOUBTFUL_YES_MAX else "doubtful.yes")
    return Reply(tuple(turn.sentences), ListenFor(step.listen(turn), step.wait_ms(turn)))


def _reprompt(turn: TurnContext, step: Step[Any], *, silent: bool = False, explained: bool = False) -> Reply:
    """Answer silence or nonsense with the step's next reprompt; after the last one, give up or call an operator."""
    index = turn.state.reprompt_count
    turn.state.reprompt_count += 1
    if index < len(step.reprompts):
        if explained:
            turn.state.last_sentences = tuple(turn.sentences)
        else:
            if not silent:
                turn.say("not_heard.sorry")
            step.reprompt(turn, index)
        return Reply(tuple(turn.sentences), _listen(turn, step))
    outcome: StrEnum | None = step.give_up(turn, silent=silent)
    if outcome is not None:
        return _go(turn, _flow(turn).after(step.name, outcome))
    return _end(turn, Transfer(step.transfer_reason))


def _go(turn: TurnContext, target: Target) -> Reply:
    """Follow the flow until something is asked, or the call ends."""
    for _ in range(STEPS_IN_A_TURN_MAX):
        if not isinstance(target, str):
            return _end(turn, target)
        step = _flow(turn).step(target)
        turn.state.step = target
        outcome = step.ask(turn)
        if outcome is None:
            turn.state.last_sentences = tuple(turn.sentences)
            return Reply(turn.state.last_sentences, _listen(turn, step))
        target = _flow(turn).after(target, outcome)
    raise RuntimeError(f"Call {turn.state.call_key}: the flow runs in a circle at step {turn.state.step!r}.")


def _flow(turn: TurnContext) -> Flow:
    """The flow the call goes through; for a name that is none, the one that takes orders."""
    return FLOWS.get(turn.state.flow, ORDERING_FLOW)


def _listen(turn: TurnContext, step: Step[Any]) -> ListenFor:
    return ListenFor(step.listen(turn), step.wait_ms(turn), step.hear_out(turn))


def _end(turn: TurnContext, target: Transfer | HangUp) -> Reply:
    if isinstance(target, Transfer):
        turn.say(f"transfer.{target.reason}")
        turn.state.over, turn.state.transfer_reason = "transferred", target.reason
    else:
        turn.state.over = "hung_up"
    turn.state.last_sentences = tuple(turn.sentences)
    return Reply(turn.state.last_sentences, target)


def _last_reply(state: CallState) -> Reply:
    return Reply(state.last_sentences, Transfer(state.transfer_reason) if state.over == "transferred" else HangUp())
