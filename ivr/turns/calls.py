"""The turn protocol: every turn of a call is taken exactly once, by whichever worker its request reaches.

A turn has a number, carried in its URL. The call's row says which number is waited for. A request for that number is
processed under the row's lock, and the new state and reply are stored in the same transaction; a request for any other
number - repeated, late, made up - is answered with the current reply and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callflows.replies import ListenFor, Reply, Transfer
from callflows.state import CallFacts, CallState, Silence
from clock import Clock
from ivr import metrics
from ivr.carrier import CallStatus
from ivr.models import Call, PendingUtterance, RecordedTurn, TurnRow
from ivr.operators import tickets
from ivr.recordings import recording_notice, recordings
from ivr.streams.stream_registry import PROMPT_END_TOLERANCE_MS, duration_ms
from ivr.turns import turn_before
from ivr.turns.recorded_turns import RECORDING_WAIT, enqueue
from ivr.turns.serialisation import reply_from_json, reply_to_json, utterance_from_json, utterance_to_json
from orders.book.desk import Desk
from orders.book.draft_lines import KeptLine
from orders.lockout import SecretMatch, matched_before, matches_hash
from orders.retailers import lookup
from orders.retailers.caller_numbers import caller_number
from speech.language.keypad import DONE
from speech.listening import Digits, Listen, is_secret
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

log = structlog.get_logger(__name__)

# A call without an end for this long is one whose end the carrier never reported.
CALL_OPEN_MAX = timedelta(hours=2)
# A media stream has a heartbeat every two seconds; without one for this long it is gone.
STREAM_LOST_AFTER = timedelta(seconds=6)
# The carrier may take this long to open a media stream before it is asked again.
STREAM_OPENS_WITHIN = timedelta(seconds=6)
STREAM_STARTS_MAX = 3  # in a row, with nothing recognised in between
# Callers end a code with `#`, although its last digit had ended it: within this time that key is no answer.
LATE_FINISH_KEY = timedelta(seconds=3)
# The stream redirects the call to a turn with a pending utterance. A time-out that comes in between leaves the reply to
# that redirect: answered twice, the caller would hear the reply begin, break off, and begin again.
STREAM_REDIRECTS_WITHIN = timedelta(seconds=2)
# What was said and not understood is answered by a time-out: who says more within this time is heard first.
NONSENSE_SETTLES_WITHIN = timedelta(seconds=1.5)
# Speech that lasts longer than this is background noise, such as a radio; in seconds.
SPEAKING_MAX_S = 60


class Conversation(Protocol):
    """The conversation as the line uses it; the module `callflows.conversation` implements it."""

    def begin(self, facts: CallFacts, desk: Desk, /) -> tuple[CallState, Reply]: ...
    def hear(
        self, state: CallState, turn_input: Utterance | Silence, desk: Desk, /, *, speech_enabled: bool
    ) -> tuple[CallState, Reply]: ...
    def draft_lines(self, state: CallState, desk: Desk, /) -> tuple[KeptLine, ...] | None: ...
    def go_back(self, state: CallState, lines: tuple[KeptLine, ...] | None, since: datetime, desk: Desk, /) -> bool: ...
    def end(self, state: CallState, desk: Desk, /) -> None: ...
    def identify(self, state: CallState, customer_code: str, /) -> CallState: ...
    def resume_from_operator(
        self, state: CallState, desk: Desk, /, *, speech_enabled: bool
    ) -> tuple[CallState, Reply]: ...
    def end_by_operator(
        self, state: CallState, desk: Desk, sentences: tuple[str, ...], /
    ) -> tuple[CallState, Reply]: ...
    def transfer_to_operator(self, state: CallState, desk: Desk, /) -> tuple[CallState, Reply]: ...


class KeyInterpreter(Protocol):
    """The interpretation of keys, as the line uses it."""

    def of_keys(self, listen: Listen, keys: str) -> Utterance: ...


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A snapshot of a call: the turn it waits for, the reply given before it, and the state of its media stream.

    `taken` is true if the current request took the turn before.
    """

    call_key: str
    turn_number: int
    reply: Reply
    taken: bool = False
    ended: bool = False
    stream_alive: bool = False
    stream_due: bool = False
    stream_given_up: bool = False
    names_finish_key: bool = False
    recording_told_in: int | None = None


@dataclass(frozen=True, slots=True)
class TurnStillOpen:
    """The turn stays open: nothing was recognised yet, but the caller is speaking or still has time to answer."""

    snapshot: CallSnapshot
    speaking: bool


@dataclass(frozen=True, slots=True)
class ReplyUnderWay:
    """The reply to a turn is under way: the turn was taken by the media stream a moment ago, which is redirecting the
    call, or the recording of the turn has been waited for for `waited_s` seconds."""

    turn_number: int
    waited_s: int | None = None


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A turn request: keys, or an utterance, or neither. In the last case `waited_s` is the number of seconds without a
    key, and None asks only for what was stored as said or for the current reply. `early` is true if the keys came
    before the prompt's question. `names_finish_key` is true if the carrier named the key that ended the keys, or said
    that none did."""

    turn_number: int
    keys: str = ""
    early: bool = False
    utterance: Utterance | None = None
    waited_s: int | None = None
    names_finish_key: bool = False


class UnknownCall(LookupError):
    """No call with this id was ever begun here."""


class Calls:
    """The calls of one line, in the database."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        conversation: Conversation,
        open_desk: Callable[[Session], Desk],
        understanding: Callable[[Session], KeyInterpreter],
        recognition_available: Callable[[], bool],
        recognition_fails: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._conversation = conversation
        self._open_desk = open_desk
        self._understanding = understanding
        self._recognition_available = recognition_available
        self._recognition_fails = recognition_fails

    @retry_on_deadlock
    def begin(self, call_key: str, caller: str, called: str, flow: str = "") -> CallSnapshot:
        """Begin a call and return its snapshot, in the flow named if one is; a call already begun stays as it is.
        `caller` is the number as the carrier reports it."""
        caller = caller_number(caller)
        try:
            with transaction(self._sessions) as session:
                call = self._locked(session, call_key)
                if call is None:
                    facts = CallFacts(
                        call_key=call_key,
                        caller=caller,
                        called=called,
                        speech_enabled=self._recognition_available(),
                        flow=flow,
                    )
                    state, reply = self._conversation.begin(facts, self._open_desk(session))
                    call = Call(
                        call_key=call_key,
                        caller=caller,
                        called=called,
                        started_at=self._clock(),
                        seen_at=self._clock(),
                        turn_number=1,
                        state=state.to_json(),
                        reply=reply_to_json(reply),
                        stream_starts=0,
                        names_finish_key=False,
                    )
                    session.add(call)
                    session.flush()
                    self._open_ticket(session, call, reply)
                    metrics.CALLS_STARTED.labels("outbound" if flow else "inbound").inc()
                return self._snapshot(call)
        except IntegrityError:
            # Two first requests at once on PostgreSQL: the other one began the call.
            return self.snapshot(call_key)

    @retry_on_deadlock
    def take_turn(self, call_key: str, request: TurnRequest) -> CallSnapshot | TurnStillOpen | ReplyUnderWay:
        """Take the turn if it is the one waited for. Raises UnknownCall if the call was never begun."""
        match_pin = self._match_pin(call_key, request) if request.keys else matches_hash
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            call.names_finish_key = call.names_finish_key or request.names_finish_key
            snapshot = self._snapshot(call)
            then = snapshot.reply.then
            if self._is_redirected(session, snapshot, request):
                return ReplyUnderWay(request.turn_number)
            if snapshot.ended or request.turn_number != snapshot.turn_number or not isinstance(then, ListenFor):
                return snapshot
            turn_input: Utterance | Silence
            if request.keys == DONE and self._ends_last_answer(session, call):
                return snapshot
            pending = session.get(PendingUtterance, (call_key, request.turn_number))
            said = utterance_from_json(pending.utterance) if pending is not None and pending.utterance else None
            keyed = self._keyed(session, call, snapshot.reply, request) if request.keys else None
            still_speaking = pending is not None and said is None and snapshot.stream_alive
            if keyed is not None and keyed.is_nothing and still_speaking and isinstance(then.listen, Digits):
                # A code that was begun by keys is being read aloud.
                return TurnStillOpen(snapshot, speaking=True)
            if keyed is not None and (not keyed.is_nothing or keyed.early or said is None or said.is_nothing):
                turn_input = keyed
            elif request.utterance is not None:
                turn_input = request.utterance
            elif said is not None and pending is not None:
                # Of a code read aloud while it is keyed, the keys may be the part that is missing.
                settles = NONSENSE_SETTLES_WITHIN if said.is_nothing else STREAM_REDIRECTS_WITHIN
                if (
                    request.waited_s is not None
                    and not request.keys
                    and snapshot.stream_alive
                    and self._clock() - pending.changed_at < settles
                ):
                    return TurnStillOpen(snapshot, speaking=True)
                turn_input = said
            elif request.waited_s is None:
                recorded = session.get(RecordedTurn, (call_key, request.turn_number))
                if recorded is None:
                    return snapshot
                waited = self._clock() - recorded.recorded_at
                if not recorded.is_silent and waited < RECORDING_WAIT:
                    return ReplyUnderWay(request.turn_number, waited_s=int(waited.total_seconds()))
                turn_input = Silence() if recorded.is_silent else NOTHING
                session.delete(recorded)
            elif pending is not None and snapshot.stream_alive and request.waited_s < SPEAKING_MAX_S:
                return TurnStillOpen(snapshot, speaking=True)
            elif request.waited_s * 1000 < then.silence_ms:
                return TurnStillOpen(snapshot, speaking=False)
            else:
                turn_input = Silence()
            if turn_input is keyed:
                # Only speech is recorded, and the keys replace whatever was said before them.
                recordings.delete_recording(session, call_key, request.turn_number)
            return self._process(session, call, then.listen, turn_input, match_pin)

    @retry_on_deadlock
    def record_turn(self, call_key: str, turn_number: int, recording_id: str) -> CallSnapshot | ReplyUnderWay:
        """Have the recording of this turn recognised, if it is the turn waited for. Raises UnknownCall if the call was
        never begun."""
        with transaction(self._sessions) as session:
            snapshot = self._snapshot(self._known(session, call_key))
            listens = isinstance(snapshot.reply.then, ListenFor)
            if snapshot.ended or turn_number != snapshot.turn_number or not listens:
                return snapshot
            enqueue(session, call_key, turn_number, recording_id, self._clock())
            return ReplyUnderWay(turn_number, waited_s=0)

    def snapshot(self, call_key: str) -> CallSnapshot:
        """The call's snapshot. Raises UnknownCall if it was never begun."""
        with transaction(self._sessions) as session:
            return self._snapshot(self._known(session, call_key))

    @retry_on_deadlock
    def end(self, call_key: str, status: CallStatus) -> None:
        """Record the end of the call; a second notice of it, or one for an unknown call, changes nothing."""
        with transaction(self._sessions) as session:
            call = self._locked(session, call_key)
            if call is None or call.ended_at is not None:
                return
            self._conversation.end(CallState.from_json(call.state), self._open_desk(session))
            call.ended_at = self._clock()
            tickets.close_for_hang_up(session, call_key, self._clock())
            metrics.CALLS_ENDED.labels(status).inc()
            log.info("call ended", call=call_key, status=status, turns=call.turn_number)

    @retry_on_deadlock
    def request_operator(self, call_key: str) -> None:
        """Open a ticket for this call, because something is wrong with the line. Raises UnknownCall if the call was
        never begun, and whatever the database does if it cannot be written: then no operator would be dialled."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            # Written even where the ticket is open already, so that a database that takes no writes is found out.
            call.seen_at = self._clock()
            if call.ended_at is None:
                tickets.open_ticket(session, call_key, "failure", self._clock())

    @retry_on_deadlock
    def take_over(self, call_key: str, staff_id: int) -> int | None:
        """Take a call of the automatic line over for this operator and return the id of the ticket that is theirs from
        now on. A turn under way is taken before this or not at all: from now on its request gets the transfer for a
        reply. None, and nothing changed, if the call is over or about to end, or has a ticket already. Raises
        UnknownCall if it was never begun."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            listens = isinstance(reply_from_json(call.reply).then, ListenFor)
            if call.ended_at is not None or not listens or tickets.of_call(session, call_key) is not None:
                return None
            state, reply = self._conversation.transfer_to_operator(
                CallState.from_json(call.state), self._open_desk(session)
            )
            self._advance(call, state, reply)
            ticket = tickets.open_ticket(session, call_key, "taken_over", self._clock())
            tickets.take(session, ticket.id, staff_id, self._clock())
            return ticket.id

    @retry_on_deadlock
    def identify_caller(self, call_key: str, customer_code: str) -> None:
        """Record the retailer that an operator identified."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            call.state = self._conversation.identify(CallState.from_json(call.state), customer_code).to_json()

    @retry_on_deadlock
    def give_back(self, call_key: str) -> int:
        """Give the call back to the automatic line, with the order as it now is, and return the turn number it
        continues with. Raises UnknownCall if it was never begun."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            state, reply = self._conversation.resume_from_operator(
                CallState.from_json(call.state), self._open_desk(session), speech_enabled=self._recognition_available()
            )
            return self._advance(call, state, reply)

    @retry_on_deadlock
    def finish(self, call_key: str, sentences: tuple[str, ...]) -> int:
        """End a call that an operator has finished, after these sentences; return the turn number it continues with."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            state, reply = self._conversation.end_by_operator(
                CallState.from_json(call.state), self._open_desk(session), sentences
            )
            return self._advance(call, state, reply)

    def _advance(self, call: Call, state: CallState, reply: Reply) -> int:
        call.turn_number, call.state, call.reply = call.turn_number + 1, state.to_json(), reply_to_json(reply)
        return call.turn_number

    @retry_on_deadlock
    def tell_of_recording(self, snapshot: CallSnapshot, *, by_carrier: bool) -> CallSnapshot:
        """The snapshot, with the notice of recording ahead of its reply where that is due: the reply is one after which
        the caller is recorded, by the carrier or from the call's stream."""
        if snapshot.recording_told_in is not None:
            return snapshot
        with transaction(self._sessions) as session:
            call = self._known(session, snapshot.call_key)
            if call.turn_number == snapshot.turn_number:
                recording_notice.tell(session, call, by_carrier=by_carrier)
            return self._snapshot(call, taken=snapshot.taken)

    def record_stream_start(self, call_key: str) -> None:
        """Record that the reply being given asks the carrier to open a media stream."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            call.stream_starts += 1
            call.stream_started_at = self._clock()

    def _is_redirected(self, session: Session, snapshot: CallSnapshot, request: TurnRequest) -> bool:
        """True if the last turn was answered by speech a moment ago and this request, a time-out of that turn or a key,
        crosses the redirect to the reply: answered as well, the caller would hear the reply begin twice."""
        is_redirect = not request.keys and request.waited_s is None
        if is_redirect or request.turn_number != snapshot.turn_number - 1 or not snapshot.stream_alive:
            return False
        last = session.scalar(
            select(TurnRow).where(
                TurnRow.call_key == snapshot.call_key,
                TurnRow.turn_number == request.turn_number,
                TurnRow.taken_at > self._clock() - STREAM_REDIRECTS_WITHIN,
            )
        )
        return last is not None and not (last.turn_input.get("silence") or last.turn_input.get("keyed"))

    def _keyed(self, session: Session, call: Call, reply: Reply, request: TurnRequest) -> Utterance:
        assert isinstance(reply.then, ListenFor)
        early = request.early and not self._question_was_reached(session, call, reply)
        return replace(self._understanding(session).of_keys(reply.then.listen, request.keys), early=early)

    def question_was_reached(self, call_key: str) -> bool:
        """True if all of the call's present reply but its question had time to play. Raises UnknownCall."""
        with transaction(self._sessions) as session:
            call = self._known(session, call_key)
            return self._question_was_reached(session, call, self._snapshot(call).reply)

    def _question_was_reached(self, session: Session, call: Call, reply: Reply) -> bool:
        """True if all of the reply but its question had time to play: the carrier waits a second before the question,
        and that is the moment to press a key."""
        given_for = self._clock() - recording_notice.given_at(session, call)
        return given_for >= timedelta(milliseconds=duration_ms(reply.say[:-1]) - PROMPT_END_TOLERANCE_MS)

    def _ends_last_answer(self, session: Session, call: Call) -> bool:
        """True if a lone `#` only ends a code or a PIN that was already taken at its last digit."""
        last = session.scalar(
            select(TurnRow).where(TurnRow.call_key == call.call_key, TurnRow.turn_number == call.turn_number - 1)
        )
        if last is None or not (last.turn_input.get("keyed") and last.turn_input.get("digits")):
            return False
        return self._clock() - last.taken_at < LATE_FINISH_KEY

    def _match_pin(self, call_key: str, request: TurnRequest) -> SecretMatch:
        """The comparison of PINs for a turn, with the PIN that its keys hold compared already: that takes some 20 ms,
        in which the turn's transaction would keep others waiting."""
        with read_only(self._sessions) as session:
            call = session.get(Call, call_key)
            then = None if call is None else reply_from_json(call.reply).then
            if call is None or not isinstance(then, ListenFor) or not is_secret(then.listen):
                return matches_hash
            pins = self._understanding(session).of_keys(then.listen, request.keys).digits
            retailer = lookup.by_code(session, CallState.from_json(call.state).customer_code)
            pin_hash = None if retailer is None else retailer.pin_hash
        return matched_before(pin_hash, pins[0]) if pins else matches_hash

    def _process(
        self, session: Session, call: Call, listen: Listen, turn_input: Utterance | Silence, match_pin: SecretMatch
    ) -> CallSnapshot:
        now, desk = self._clock(), self._open_desk(session)
        if match_pin is not matches_hash:
            desk.match_pin = match_pin
        if isinstance(turn_input, Utterance) and turn_input.continues:
            if turn_before.go_back(session, call, self._conversation, desk):
                listen = _listened_for(call)
            else:
                turn_input = turn_input.continuation or NOTHING
        state = CallState.from_json(call.state)
        spoken = isinstance(turn_input, Utterance) and not turn_input.keyed
        lines = self._conversation.draft_lines(state, desk) if spoken else None
        call.turn_before = turn_before.as_it_is(call, lines, now) if spoken else None
        # The worker that serves the call now may have no recogniser, or have one again.
        state, reply = self._conversation.hear(state, turn_input, desk, speech_enabled=self._recognition_available())
        stored = reply_to_json(reply)
        turn = TurnRow(
            call_key=call.call_key,
            turn_number=call.turn_number,
            turn_input=_stored_input(listen, turn_input),
            reply=stored,
            taken_at=self._clock(),
        )
        session.add(turn)
        call.seen_at = now
        call.turn_number, call.state, call.reply = call.turn_number + 1, state.to_json(), stored
        session.flush()
        self._open_ticket(session, call, reply)
        metrics.count_turn(turn_input)
        return self._snapshot(call, taken=True)

    def _open_ticket(self, session: Session, call: Call, reply: Reply) -> None:
        if isinstance(reply.then, Transfer):
            reason = reply.then.reason
            # A caller stuck on keys because speech recognition is down is not to blame.
            if reason == "stuck" and (self._recognition_fails() or call.stream_starts >= STREAM_STARTS_MAX):
                reason = "recogniser_down"
            tickets.open_ticket(session, call.call_key, reason, self._clock())

    def _snapshot(self, call: Call, *, taken: bool = False) -> CallSnapshot:
        now = self._clock()
        alive = _within(call.stream_heartbeat_at, STREAM_LOST_AFTER, now)
        opening = _within(call.stream_started_at, STREAM_OPENS_WITHIN, now)
        return CallSnapshot(
            call_key=call.call_key,
            turn_number=call.turn_number,
            reply=reply_from_json(call.reply),
            taken=taken,
            ended=call.ended_at is not None,
            stream_alive=alive,
            stream_due=not alive and not opening and call.stream_starts < STREAM_STARTS_MAX,
            stream_given_up=not alive and not opening and call.stream_starts >= STREAM_STARTS_MAX,
            names_finish_key=call.names_finish_key,
            recording_told_in=call.recording_told_in,
        )

    def _known(self, session: Session, call_key: str) -> Call:
        if (call := self._locked(session, call_key)) is None:
            raise UnknownCall(call_key)
        return call

    def _locked(self, session: Session, call_key: str) -> Call | None:
        return session.scalar(select(Call).where(Call.call_key == call_key).with_for_update())


def _within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span


def _listened_for(call: Call) -> Listen:
    then = reply_from_json(call.reply).then
    assert isinstance(then, ListenFor)
    return then.listen


def _stored_input(listen: Listen, turn_input: Utterance | Silence) -> dict[str, Any]:
    if isinstance(turn_input, Silence):
        return {"silence": True}
    kept = utterance_to_json(turn_input)
    if is_secret(listen):
        kept["digits"] = ["*" * len(digits) for digits in turn_input.digits]
        kept["text"] = "*" * len(turn_input.text)
    return kept
