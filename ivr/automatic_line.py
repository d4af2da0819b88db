"""The automatic line: what the carrier reports of callers in the conversation and of outbound calls, and what each call
does next.

On a failure the caller hears a sentence and the call goes on: the first failure of a turn repeats the prompt, the
second in a row gives the call to an operator.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

import structlog
from sqlalchemy.exc import OperationalError

from callflows.prompts import Prompts
from callflows.replies import HangUp, ListenFor
from ivr import metrics
from ivr.carrier import ENDED_STATUSES, AnsweredBy, CallStatus
from ivr.instructions import (
    AnswerAgain,
    Ask,
    AwaitReply,
    BeginAgain,
    CollectKeys,
    EndCall,
    EnterQueue,
    Instruction,
    KeepListening,
    Listening,
    TakeTurnAgain,
)
from ivr.operators.direct_dial import DirectDial
from ivr.operators.ringing import RingDispatcher
from ivr.outbound.outbound_calls import OutboundCalls
from ivr.streams.recognition import Recognition
from ivr.turns.calls import STREAM_REDIRECTS_WITHIN, Calls, CallSnapshot, ReplyUnderWay, TurnRequest, UnknownCall
from settings import ListenMode
from speech.language.keypad import DONE, REPEAT, key_count
from speech.listening import is_secret

# One failure repeats the prompt; the second in a row gives the call to an operator.
FAILURES_MAX = 2
# Where the ticket for that operator cannot be stored either, the database is tried again so often, after a pause of so
# many seconds each: it may be restarting, and the operators' numbers could not take all callers at once.
WAITS_MAX = 3
WAIT_PAUSE_S = 4
# The reply is fetched after this, should the redirect to it have failed.
REDIRECT_PAUSE_S = int(STREAM_REDIRECTS_WITHIN.total_seconds())
# The result of a recording is asked for this often; a caller who has waited longer is asked to be patient, this often.
RECORDING_PAUSE_S = 1
QUIET_WAIT_S = 4

log = structlog.get_logger(__name__)


class LinePrompts:
    """The line's own sentences outside the conversation; read at the start, so that a missing prompt is found then."""

    def __init__(self, prompts: Prompts) -> None:
        self.please_wait = prompts.text("line.please_wait")
        self.failure = prompts.text("line.failure")
        self.failure_goodbye = prompts.text("line.failure_goodbye")
        self.failure_operator = prompts.text("line.failure_operator")


class AutomaticLine:
    """The events of callers in the conversation and of outbound calls. `failures` is what the instruction before the
    event said, 0 if it said nothing of failures."""

    def __init__(
        self,
        listen_mode: ListenMode,
        calls: Calls,
        recognition: Recognition,
        outbound_calls: OutboundCalls,
        dispatcher: RingDispatcher,
        direct: DirectDial,
        prompts: LinePrompts,
    ) -> None:
        self._listen_mode = listen_mode
        self._calls = calls
        self._recognition = recognition
        self._outbound_calls = outbound_calls
        self._dispatcher = dispatcher
        self._direct = direct
        self._prompts = prompts

    # --- events

    def call_started(self, call_key: str, caller: str, called: str, failures: int = 0) -> Instruction:
        """A caller has called the line."""
        try:
            return self.present(self._calls.begin(call_key, caller, called), failures)
        except Exception as error:
            return self._recover(call_key, error, BeginAgain((self._prompts.failure,), failures + 1))

    def turn_taken(
        self, call_key: str, request: TurnRequest, failures: int = 0, *, is_outbound: bool = False
    ) -> Instruction:
        """The caller answered by keys, said nothing for a while, or was redirected to this turn."""
        try:
            return self._take(call_key, request, failures)
        except UnknownCall:
            return self._unknown(call_key, is_outbound=is_outbound)
        except Exception as error:
            again = TakeTurnAgain((self._prompts.failure,), request.turn_number, failures + 1)
            return self._recover(call_key, error, again, answered=bool(request.keys))

    def turn_recorded(
        self,
        call_key: str,
        turn_number: int,
        recording_id: str,
        key: str = "",
        failures: int = 0,
        *,
        is_outbound: bool = False,
    ) -> Instruction:
        """The caller's answer was recorded; `key` is the one that ended the recording, if any."""
        try:
            return self._recorded(call_key, turn_number, recording_id, key, failures)
        except UnknownCall:
            return self._unknown(call_key, is_outbound=is_outbound)
        except Exception as error:
            again = TakeTurnAgain((self._prompts.failure,), turn_number, failures + 1)
            return self._recover(call_key, error, again, answered=True)

    def outbound_answered(
        self, attempt_key: str, call_key: str, answered_by: AnsweredBy, failures: int = 0
    ) -> Instruction:
        """A person or a machine has answered an outbound call."""
        try:
            match self._outbound_calls.on_answer(attempt_key, call_key, answered_by):
                case CallSnapshot() as snapshot:
                    return self.present(snapshot, failures)
                case message:
                    return EndCall(tuple(message))
        except Exception as error:
            return self._recover(call_key, error, AnswerAgain((self._prompts.failure,), attempt_key, failures + 1))

    def call_ended(self, call_key: str, status: CallStatus) -> None:
        """A caller's call has ended with this status."""
        self._calls.end(call_key, status)
        self._dispatcher.cancel_for_call(call_key)

    def outbound_status(self, attempt_key: str, call_key: str, status: CallStatus) -> None:
        """The carrier reports a status of an outbound call, perhaps late or repeatedly."""
        self._outbound_calls.on_status(attempt_key, call_key, status)
        if status in ENDED_STATUSES:
            self._dispatcher.cancel_for_call(call_key)

    # --- instructions

    def present(self, snapshot: CallSnapshot, failures: int = 0) -> Instruction:
        """The instruction that says the call's current reply."""
        reply = snapshot.reply
        if snapshot.ended:
            return EndCall()
        match reply.then:
            case ListenFor() as then:
                listening = self._listening(snapshot, then, failures)
                if self._recognition.available and self._listen_mode != "keypad" and not is_secret(then.listen):
                    reply = self._calls.tell_of_recording(snapshot, by_carrier=listening.record).reply
                hear_out = then.hear_out and not listening.record
                return Ask(snapshot.call_key, reply.say, listening, hear_out=hear_out)
            case HangUp():
                return EndCall(reply.say)
            case _:
                return EnterQueue(snapshot.call_key, reply.say)

    def _listening(self, snapshot: CallSnapshot, then: ListenFor, failures: int) -> Listening:
        """The answer comes by stream if one is open or may yet be opened, by recording if it cannot, by keys alone if
        nothing can be recognised."""
        mode = self._listen_mode if self._recognition.available else "keypad"
        stream = None
        if mode == "stream" and snapshot.stream_due:
            self._calls.record_stream_start(snapshot.call_key)
            stream = f"stream-{secrets.token_hex(4)}"
        record = mode == "record" or (mode == "stream" and snapshot.stream_given_up)
        return Listening(
            snapshot.turn_number,
            then.listen,
            then.silence_ms,
            record=record and not is_secret(then.listen),
            names_finish_key=snapshot.names_finish_key,
            stream=stream,
            # A turn that was taken is over its failures.
            failures=0 if snapshot.taken else failures,
        )

    def _take(self, call_key: str, request: TurnRequest, failures: int) -> Instruction:
        answer = self._calls.take_turn(call_key, request)
        if isinstance(answer, CallSnapshot):
            return self.present(answer, failures)
        if isinstance(answer, ReplyUnderWay):
            return self._await_reply(answer)
        then = answer.snapshot.reply.then
        assert isinstance(then, ListenFor)
        listening = self._listening(answer.snapshot, then, failures)
        return KeepListening(call_key, listening, request.waited_s or 0, answer.speaking)

    def _recorded(self, call_key: str, turn_number: int, recording_id: str, key: str, failures: int) -> Instruction:
        snapshot = self._calls.snapshot(call_key)
        then = snapshot.reply.then
        if snapshot.ended or turn_number != snapshot.turn_number or not isinstance(then, ListenFor):
            return self.present(snapshot, failures)
        if key and (key in (REPEAT, DONE) or key_count(then.listen) == 1):
            return self._take(call_key, TurnRequest(turn_number, keys=key), failures)
        if key:
            return CollectKeys(Listening(turn_number, then.listen, then.silence_ms), key)
        answer = self._calls.record_turn(call_key, turn_number, recording_id)
        return self.present(answer, failures) if isinstance(answer, CallSnapshot) else self._await_reply(answer)

    def _await_reply(self, under_way: ReplyUnderWay) -> Instruction:
        if under_way.waited_s is None:
            return AwaitReply((), under_way.turn_number, REDIRECT_PAUSE_S)
        if under_way.waited_s < QUIET_WAIT_S:
            return AwaitReply((), under_way.turn_number, RECORDING_PAUSE_S)
        return AwaitReply((self._prompts.please_wait,), under_way.turn_number, QUIET_WAIT_S)

    def _unknown(self, call_key: str, *, is_outbound: bool) -> Instruction:
        """A call never begun here, for example before the database was restored, begins now; an outbound one cannot."""
        if is_outbound:
            log.warning("a turn of an outbound call that was never begun here", call=call_key)
            return EndCall((self._prompts.failure_goodbye,))
        log.warning("a turn of a call never begun here: it is begun now", call=call_key)
        return BeginAgain((self._prompts.failure,))

    def _recover(
        self,
        call_key: str,
        error: Exception,
        again: BeginAgain | TakeTurnAgain | AnswerAgain,
        *,
        answered: bool = False,
    ) -> Instruction:
        """The instruction after a failure. A caller who has `answered` twice in vain is not asked a third time."""
        log.error("an event could not be handled", call=call_key, exc_info=error)
        metrics.TURNS.labels("failed").inc()
        if again.failures < FAILURES_MAX:
            return again
        if self._open_ticket(call_key, error):
            return EnterQueue(call_key, (self._prompts.failure_operator,))
        if isinstance(again, AnswerAgain):
            # A retailer we have called is not rung through to an operator.
            return EndCall((self._prompts.failure_goodbye,))
        if again.failures < FAILURES_MAX + WAITS_MAX and not answered:
            return replace(again, sentences=(self._prompts.please_wait,), pause_s=WAIT_PAUSE_S)
        if again.failures > FAILURES_MAX + WAITS_MAX:
            return self._direct.connect(call_key)
        return self._direct.wait_or_connect(call_key)

    def _open_ticket(self, call_key: str, error: Exception) -> bool:
        """Open a ticket for a call that failed with this error; False if the database does not take it."""
        if isinstance(error, OperationalError):
            # It would be waited for a second time, and the two waits add up to more than the carrier waits for us.
            return False
        try:
            self._calls.request_operator(call_key)
        except Exception as failure:
            log.error("no ticket could be opened for a failing call", call=call_key, exc_info=failure)
            return False
        return True
