"""The handover of calls to operators: what the carrier reports of waiting callers and of operators' calls, and what
each does next. It is decided from the database at each event, so that a restart loses nobody."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select

from callflows.prompts import load_prompts
from callflows.state import CallState
from clock import Clock
from ivr.carrier import CallStatus, Carrier, QueueExit
from ivr.instructions import (
    AskKey,
    AwaitCaller,
    BeginAgain,
    Bridge,
    EndCall,
    EnterHold,
    EnterQueue,
    HoldMusic,
    Instruction,
    JoinTalk,
    KeepOperator,
    LeaveQueue,
    Nothing,
    Question,
    QueueMusic,
    Whisper,
)
from ivr.models import Call
from ivr.operators import ring_attempts
from ivr.operators.callback_calls import YES_KEY, CallbackCalls
from ivr.operators.direct_dial import DirectDial
from ivr.operators.models import RingAttempt, Ticket
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.operators.queue import CallerQueue
from ivr.operators.queue_position import QueuePosition
from ivr.operators.ringing import RingDispatcher
from ivr.supervision.whispering import Whispering
from ivr.turns.calls import Calls, CallSnapshot, UnknownCall
from ivr.turns.recovery import on_failure
from orders.book.models import OrderLineRow, OrderRow
from orders.retailers.models import RetailerRow
from storage import SessionFactory, read_only

OPERATOR_KEY, RETURN_KEY = "0", "*"
# An unchanged queue position is announced again after this many rounds of music.
ANNOUNCED_AGAIN_AFTER = 4
# A question is asked this often before the line says goodbye.
ASKS_MAX = 3
# An operator's call waits, or tries to connect, this often for a caller who is just being sent to the queue.
CONNECT_TRIES_MAX = 20
# Stands in the place of what was announced in a round that could not be handled.
FAILED_ROUND = "failed"

log = structlog.get_logger(__name__)


class Handover:
    """The events of callers outside the conversation and of operators' calls. `present` returns the instruction that
    says a call's current reply, for callers who return to the conversation; `record_talk` has the talk recorded that
    begins in a call."""

    def __init__(
        self,
        sessions: SessionFactory,
        calls: Calls,
        queue: CallerQueue,
        dispatcher: RingDispatcher,
        direct: DirectDial,
        prompts: OperatorPrompts,
        present: Callable[[CallSnapshot], Instruction],
        record_talk: Callable[[str], None],
        whispering: Whispering,
    ) -> None:
        self._sessions = sessions
        self._calls = calls
        self._queue = queue
        self._dispatcher = dispatcher
        self._direct = direct
        self._prompts = prompts
        self._present = present
        self._record_talk = record_talk
        self._whispering = whispering

    # What is said and done if an event cannot be handled.

    def _begin_again(self) -> Instruction:
        return BeginAgain((self._prompts.failure,), failures=1)

    def _wait_on(self) -> Instruction:
        return QueueMusic()

    def _end_operator_call(self) -> Instruction:
        return EndCall((self._prompts.failure,))

    # --- callers

    @on_failure(_begin_again)
    def sent_to_queue(self, call_key: str) -> Instruction:
        """The caller was redirected to the queue."""
        state = self._queue.position(call_key).state
        if state == "operator_gone":
            return self._operator_gone(0)
        return EnterQueue(call_key, (self._prompts.connecting,) if state == "connecting" else ())

    def queue_round(self, call_key: str, announced: str, round_number: int) -> Instruction:
        """A round in the queue begins, after the one with these figures. After two that failed in a row the caller
        leaves the queue, in which no operator could be dialled for them."""
        try:
            return self._queue_round(call_key, announced, round_number)
        except Exception as error:
            log.error("a round in the queue could not be handled", call=call_key, exc_info=error)
            return LeaveQueue() if announced == FAILED_ROUND else QueueMusic((), FAILED_ROUND, 0)

    def _queue_round(self, call_key: str, announced: str, round_number: int) -> Instruction:
        position = self._queue.record_in_queue(call_key)
        self._dispatcher.dispatch()
        return self._queue_music(position, announced, round_number)

    @on_failure(_wait_on)
    def queue_key(self, call_key: str, key: str) -> Instruction:
        """The caller pressed a key in the queue."""
        if key == YES_KEY and self._queue.request_callback(call_key):
            return LeaveQueue()
        if key == RETURN_KEY and self._queue.return_to_line(call_key):
            return LeaveQueue()
        return self._queue_music(self._queue.position(call_key), "", 0)

    def left_queue(self, call_key: str, how: QueueExit, queue_id: str) -> Instruction:
        """The caller left the queue, on hold or not; `queue_id` is the carrier's, to delete the queue by. Where this
        cannot be recorded, the caller is connected to an operator without the database."""
        self._dispatcher.delete_queue(queue_id)
        if how == "elsewhere":
            return Nothing()
        try:
            if how == "failed":
                return self._no_operator(self._queue.record_left_queue(call_key), 0)
            return self._continue_caller(call_key, talked=how == "bridged")
        except Exception as error:
            log.error("a caller who left the queue could not be served", call=call_key, exc_info=error)
            return self._direct.connect(call_key)

    @on_failure(_begin_again)
    def question_unanswered(self, call_key: str, question: Question, round_number: int) -> Instruction:
        """The caller pressed no key after this round of the question."""
        position = self._queue.position(call_key)
        if question == "no_operator" and position.state == "waiting" and not position.operators_present:
            return self._no_operator(position, round_number)
        if question == "operator_gone" and position.state in ("connecting", "operator_gone"):
            return self._operator_gone(round_number)
        return self._continue_caller(call_key)

    @on_failure(_begin_again)
    def question_answered(self, call_key: str, question: Question, key: str) -> Instruction:
        """The caller answered the question with this key."""
        if question == "no_operator":
            if key == YES_KEY:
                self._queue.request_callback(call_key)
            elif key == RETURN_KEY:
                self._queue.return_to_line(call_key)
        elif key == OPERATOR_KEY:
            self._queue.requeue(call_key)
        elif key == YES_KEY:
            self._queue.continue_without_operator(call_key)
        else:
            return self._operator_gone(0)
        return self._continue_caller(call_key)

    @on_failure(_begin_again)
    def sent_to_hold(self, call_key: str) -> Instruction:
        """The caller was redirected to be put on hold."""
        return EnterHold(call_key, (self._prompts.hold,))

    @on_failure(_begin_again)
    def sent_to_talk(self, call_key: str) -> Instruction:
        """The caller was redirected to a talk that a supervisor can join."""
        return JoinTalk(call_key)

    @on_failure(_begin_again)
    def left_talk(self, call_key: str) -> Instruction:
        """The caller is no longer in a talk that a supervisor could join, as the operator has hung up."""
        return self._continue_caller(call_key, talked=True)

    @on_failure(_wait_on)
    def hold_round(self, call_key: str) -> Instruction:
        """A round on hold begins."""
        match self._queue.record_in_queue(call_key).state:
            case "on_hold":
                return HoldMusic((self._prompts.held,))
            case "connecting":
                return HoldMusic()
            case _:
                return LeaveQueue()

    # --- operators' calls

    @on_failure(_end_operator_call)
    def operator_answered(self, attempt_id: int, *, in_browser: bool) -> Instruction:
        """The operator's call was answered: in a browser by the operator, on a telephone perhaps by a machine."""
        if in_browser:
            return self._accept(attempt_id)
        sentences = self._whisper(attempt_id)
        return Whisper(attempt_id, 2 * sentences) if sentences else EndCall((self._prompts.caller_gone,))

    @on_failure(_end_operator_call)
    def operator_goes_on(self, attempt_id: int, *, in_browser: bool) -> Instruction:
        """The operator's call goes on, outside of a talk, after the process that led it was killed."""
        caller = self._caller_of(attempt_id)
        if caller is None:
            return self.operator_answered(attempt_id, in_browser=in_browser)
        return self._caller_is_elsewhere(caller) or self._bridge(caller, 0)

    @on_failure(_end_operator_call)
    def operator_key(self, attempt_id: int, key: str) -> Instruction:
        """The operator pressed a key after the whisper."""
        if key == YES_KEY:
            return self._accept(attempt_id)
        self._dispatcher.decline(attempt_id)
        self._return_unasked(attempt_id)
        return EndCall((self._prompts.call_over,))

    def operator_call_ended(self, attempt_id: int, status: CallStatus) -> None:
        """The operator's call has ended with this status."""
        self._dispatcher.end_attempt(attempt_id, status)
        self._return_unasked(attempt_id)
        left_behind = self._whispering.caller_left_behind(attempt_id)
        if left_behind is not None:
            self._dispatcher.send_to_queue(left_behind)

    @on_failure(_end_operator_call)
    def operator_left_caller(self, attempt_id: int, *, talked: bool, tries: int) -> Instruction:
        """The operator is no longer connected to the caller, or never was, as the caller was not in the queue: `talked`
        tells which."""
        caller = self._caller_of(attempt_id)
        if (elsewhere := self._caller_is_elsewhere(caller)) is not None:
            return elsewhere
        if caller is None or talked or caller.position.state != "connecting":
            return EndCall((self._prompts.call_over,))
        return self._await_caller(attempt_id, tries)

    @on_failure(_end_operator_call)
    def operator_waited(self, attempt_id: int, tries: int) -> Instruction:
        """The operator's call has waited for the caller to come to the queue, this often in all."""
        return self._bridge(self._caller_of(attempt_id), tries)

    @on_failure(_end_operator_call)
    def operator_left_talk(self, attempt_id: int) -> Instruction:
        """The operator is no longer in a talk that a supervisor could join."""
        return self.operator_left_caller(attempt_id, talked=True, tries=0)

    @on_failure(_end_operator_call)
    def operator_reconnects(self, attempt_id: int) -> Instruction:
        """The operator's call was redirected to be connected to the caller again."""
        caller = self._caller_of(attempt_id)
        return self._caller_is_elsewhere(caller) or self._bridge(caller, 0)

    @on_failure(_end_operator_call)
    def operator_hold_check(self, attempt_id: int) -> Instruction:
        """It is time to check if the operator's caller is still on hold."""
        caller = self._caller_of(attempt_id)
        if caller is not None and caller.position.state == "on_hold":
            return KeepOperator(attempt_id)
        return self._bridge(caller, 0)

    @on_failure(_end_operator_call)
    def operator_hold_key(self, attempt_id: int, key: str) -> Instruction:
        """The operator pressed a key while the caller is on hold."""
        if key == YES_KEY:
            self._dispatcher.take_off_hold_by_key(attempt_id)
        caller = self._caller_of(attempt_id)
        return self._caller_is_elsewhere(caller) or self._bridge(caller, 0)

    # --- single steps

    def _return_unasked(self, attempt_id: int) -> None:
        """Return a caller to the automatic line whose call was taken over and whose taker did not answer: they have
        asked for nobody."""
        with read_only(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id)
            ticket = session.get_one(Ticket, attempt.ticket_id) if attempt is not None else None
            if ticket is None or ticket.reason != "taken_over" or ticket.state != "waiting":
                return
            if ring_attempts.was_answered(session, ticket.id):
                return
        self._queue.return_to_line(ticket.call_key)

    def _queue_music(self, position: QueuePosition, announced: str, round_number: int) -> Instruction:
        """The next round of the queue: an announcement if there is news, or none was made for a while, and music."""
        if position.state == "at_desk":
            due = round_number % ANNOUNCED_AGAIN_AFTER == 0
            return QueueMusic((self._prompts.being_served,) if due else (), announced, round_number + 1)
        if position.state in ("connecting", "operator_gone"):
            return QueueMusic((), announced, round_number)
        if position.state != "waiting" or not position.operators_present:
            return LeaveQueue()
        now = f"{position.place}-{position.minutes}-{position.long_wait:d}"
        if now != announced or round_number >= ANNOUNCED_AGAIN_AFTER:
            return QueueMusic(self._prompts.announcement(position), now, 1)
        return QueueMusic((), announced, round_number + 1)

    def _continue_caller(self, call_key: str, *, talked: bool = False) -> Instruction:
        """Continue a caller who is in no queue just now; `talked` is true if an operator has just hung up."""
        position = self._queue.record_left_queue(call_key)
        if position.callback_requested:
            return EndCall(self._prompts.callback_requested)
        if position.state == "waiting":
            return EnterQueue(call_key) if position.operators_present else self._no_operator(position, 0)
        if position.state == "operator_gone" or (talked and position.state == "connecting"):
            return self._operator_gone(0)
        if position.state in ("connecting", "at_desk"):
            return EnterQueue(call_key)
        if position.state == "on_hold":
            return EnterHold(call_key)
        try:
            return self._present(self._calls.snapshot(call_key))
        except UnknownCall:
            # Its first turn could not be stored; now it perhaps can. It is not tried for ever.
            return BeginAgain((self._prompts.failure,), failures=5)

    def _no_operator(self, position: QueuePosition, asked: int) -> Instruction:
        if asked >= ASKS_MAX:
            return EndCall((self._prompts.no_operator_free,))
        return AskKey("no_operator", self._prompts.no_operator(position), asked + 1)

    def _operator_gone(self, asked: int) -> Instruction:
        if asked >= ASKS_MAX:
            return EndCall((self._prompts.thanks,))
        return AskKey("operator_gone", (self._prompts.operator_gone,), asked + 1)

    def _accept(self, attempt_id: int) -> Instruction:
        call_key = self._dispatcher.accept(attempt_id)
        if call_key is None:
            return EndCall((self._prompts.caller_gone,))
        self._record_talk(call_key)
        return self._bridge(self._caller_of(attempt_id), 0)

    def _caller_is_elsewhere(self, caller: _Caller | None) -> Instruction | None:
        """The operator's way to a caller who is in a talk that a supervisor whispers into, or on hold; or None."""
        if caller is not None and self._whispering.operator_follows(caller.attempt_id):
            return JoinTalk(caller.call_key, caller.attempt_id)
        if caller is not None and caller.position.state == "on_hold":
            return KeepOperator(caller.attempt_id, (self._prompts.caller_on_hold,))
        return None

    def _bridge(self, caller: _Caller | None, tries: int) -> Instruction:
        """Connect to the caller, once that one is in the queue."""
        if caller is None or caller.position.state != "connecting":
            return EndCall((self._prompts.call_over,))
        if not caller.is_in_queue:
            return self._await_caller(caller.attempt_id, tries)
        return Bridge(caller.call_key, caller.attempt_id, tries + 1)

    def _await_caller(self, attempt_id: int, tries: int) -> Instruction:
        if tries >= CONNECT_TRIES_MAX:
            return EndCall((self._prompts.call_over,))
        return AwaitCaller(attempt_id, tries + 1)

    def _caller_of(self, attempt_id: int) -> _Caller | None:
        """The caller that this operator's call belongs to; None if the attempt is not accepted or is over."""
        with read_only(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id)
            if attempt is None or attempt.state != "accepted" or attempt.ended_at is not None:
                return None
            ticket = session.get_one(Ticket, attempt.ticket_id)
            call_key, is_in_queue = ticket.call_key, ticket.queued_at is not None
        return _Caller(call_key, attempt_id, self._queue.position(call_key), is_in_queue)

    def _whisper(self, attempt_id: int) -> tuple[str, ...]:
        """The whisper for this ring attempt: who is calling, and why; empty if it no longer rings."""
        with read_only(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id)
            if attempt is None or attempt.state != "ringing" or attempt.ended_at is not None:
                return ()
            ticket = session.get_one(Ticket, attempt.ticket_id)
            call = session.get_one(Call, ticket.call_key)
            code = CallState.from_json(call.state).customer_code
            name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == code)) if code else None
            lines = session.scalar(
                select(func.count())
                .select_from(OrderLineRow)
                .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
                .where(OrderRow.call_key == call.call_key, OrderRow.state != "lapsed")
            )
        return self._prompts.whisper(name or "", ticket.reason, lines or 0)


@dataclass(frozen=True, slots=True)
class _Caller:
    """The caller of an accepted ring attempt."""

    call_key: str
    attempt_id: int
    position: QueuePosition
    is_in_queue: bool


@dataclass(frozen=True)
class OperatorServices:
    """The services that hand calls over to operators."""

    queue: CallerQueue
    dispatcher: RingDispatcher
    callback_calls: CallbackCalls
    direct_dial: DirectDial
    handover: Handover
    whispering: Whispering

    def open_calls(self) -> list[str]:
        """The calls of operators and supervisors that have not been reported to be over."""
        return self.dispatcher.open_calls() + self.whispering.open_calls()

    @classmethod
    def build(
        cls,
        sessions: SessionFactory,
        clock: Clock,
        calls: Calls,
        carrier: Carrier,
        dispatcher: RingDispatcher,
        direct: DirectDial,
        numbers: Collection[str],
        dialled_prefixes: Collection[str],
        present: Callable[[CallSnapshot], Instruction],
        record_talk: Callable[[str], None],
    ) -> OperatorServices:
        """Build the services of one line; `numbers` is the fixed list of operator numbers, which are always staffed.
        Callers are called back at numbers with one of the `dialled_prefixes`."""
        prompts = OperatorPrompts(load_prompts())
        queue = CallerQueue(sessions, clock, calls, dispatcher, numbers, dialled_prefixes)
        whispering = Whispering(sessions, clock, carrier, prompts)
        handover = Handover(sessions, calls, queue, dispatcher, direct, prompts, present, record_talk, whispering)
        callback_calls = CallbackCalls(sessions, clock, carrier, prompts, dialled_prefixes)
        return cls(queue, dispatcher, callback_calls, direct, handover, whispering)
