"""The stream registry: media sockets and turns meet in the database, as they may be in different workers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import Session

from callflows.replies import ListenFor
from clock import Clock
from ivr.models import Call, PendingUtterance
from ivr.recordings import recording_notice, recordings
from ivr.turns.serialisation import reply_from_json, utterance_from_json, utterance_to_json
from speech.listening import Listen, YesNo, is_secret
from speech.utterance import Utterance
from storage import SessionFactory, read_only, transaction

# The carrier's voices say about four and a half characters a second.
MS_PER_CHARACTER = 220
# An answer this close to the end of a prompt counts as given after it: the duration of prompts is only estimated.
PROMPT_END_TOLERANCE_MS = 3_000

# A call whose stream had its last heartbeat longer ago than this is no longer waiting.
RECOVERABLE_FOR = timedelta(minutes=2)

# Polled several times a second for every live call, so the statement is built once.
_CURRENT_TURN = select(Call.turn_number, Call.stream_id, Call.ended_at).where(Call.call_key == bindparam("call_key"))


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """The open turn of a stream: its number, what may be said in it, None if nothing may, and about how long the prompt
    before it takes. `is_current` is False once the call has ended or another stream has taken over."""

    turn_number: int
    listen: Listen | None
    is_current: bool
    prompt_ms: int = 0


class StreamRegistry:
    """The media streams of all calls, in the database."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        self._sessions = sessions
        self._reads = sessions.kw["bind"].execution_options(reads_only=True)
        self._clock = clock

    def register(self, call_key: str, stream: str) -> bool:
        """Register this stream as the call's current one. False if there is no such call, or it has ended. What an
        earlier stream had begun to hear is forgotten: its process may have been killed in the middle of an utterance,
        and nobody would end it."""
        now = self._clock()
        with transaction(self._sessions) as session:
            new = {"stream_id": stream, "stream_heartbeat_at": now, "stream_started_at": None}
            is_going_on = _update(session, call_key, new, Call.ended_at.is_(None))
            _forget_half_heard(session, call_key)
            return is_going_on

    def record_heartbeats(self, streams: Collection[str]) -> None:
        """Record a heartbeat of these streams."""
        with transaction(self._sessions) as session:
            session.execute(update(Call).where(Call.stream_id.in_(streams)).values(stream_heartbeat_at=self._clock()))

    def unregister(self, call_key: str, stream: str) -> None:
        """Unregister a closed stream, and forget what it had begun to hear; the call's next reply asks for another one
        if the call is still there."""
        with transaction(self._sessions) as session:
            gone = {"stream_id": None, "stream_heartbeat_at": None}
            if _update(session, call_key, gone, Call.stream_id == stream):
                _forget_half_heard(session, call_key)

    def silent_streams(self, silent_for: timedelta) -> dict[str, datetime]:
        """The calls whose stream has had no heartbeat for `silent_for`, and when it had its last. Waits for no lock."""
        silent = select(Call.call_key, Call.stream_heartbeat_at).where(*self._is_silent(silent_for))
        with read_only(self._sessions) as session:
            return {call_key: heartbeat for call_key, heartbeat in session.execute(silent) if heartbeat is not None}

    def claim_lost(self, silent_for: timedelta, among: Collection[str] | None = None) -> list[tuple[str, int]]:
        """Return the calls whose stream went down with its worker, and the turns they wait for, each only once; `among`
        these only, if any are given. A stream without a heartbeat for `silent_for` counts as down."""
        with transaction(self._sessions) as session:
            lost = select(Call).where(*self._is_silent(silent_for)).with_for_update(skip_locked=True)
            calls = session.scalars(lost if among is None else lost.where(Call.call_key.in_(among))).all()
            for call in calls:
                call.stream_id = call.stream_heartbeat_at = None
                _forget_half_heard(session, call.call_key)
            return [(call.call_key, call.turn_number) for call in calls]

    def poll(self, call_key: str, stream: str, previous: OpenTurn | None = None) -> OpenTurn:
        """Return the open turn of this stream; `previous`, the result of the last poll, is returned if nothing changed.
        Costs one small read that waits for no lock."""
        # A connection without a session: less than half the work, and this is most of what streams ask the database.
        with self._reads.connect() as connection:
            row = connection.execute(_CURRENT_TURN, {"call_key": call_key}).one_or_none()
        if row is None or row.ended_at is not None or row.stream_id != stream:
            return OpenTurn(0, None, is_current=False)
        if previous is not None and previous.turn_number == row.turn_number:
            return previous
        with read_only(self._sessions) as session:
            turn, stored = session.execute(select(Call.turn_number, Call.reply).where(Call.call_key == call_key)).one()
        reply = reply_from_json(stored)
        prompt_ms = duration_ms(reply.say)
        if isinstance(reply.then, ListenFor) and not is_secret(reply.then.listen):
            return OpenTurn(turn, reply.then.listen, True, prompt_ms)
        return OpenTurn(turn, None, True, prompt_ms)

    def turn_number(self, call_key: str) -> int | None:
        """The turn the call waits for, or None if it has ended."""
        with read_only(self._sessions) as session:
            return session.scalar(select(Call.turn_number).where(Call.call_key == call_key, Call.ended_at.is_(None)))

    def is_turn_open(self, call_key: str, turn_number: int) -> bool:
        """True if the call still waits for this turn: the carrier's own time-out may have taken the utterance."""
        return self.turn_number(call_key) == turn_number

    def begin_utterance(self, call_key: str, turn_number: int, stream: str) -> None:
        """Record that the caller has begun to speak in this turn, as this stream hears; not if another stream has taken
        over, as this one would not end it."""
        with transaction(self._sessions) as session:
            current = select(Call.stream_id).where(Call.call_key == call_key).with_for_update()
            if session.scalar(current) != stream:
                return
            row = session.get(PendingUtterance, (call_key, turn_number))
            if row is None:
                session.add(PendingUtterance(call_key=call_key, turn_number=turn_number, changed_at=self._clock()))
            elif _is_nonsense(row):
                row.utterance, row.changed_at = None, self._clock()

    def discard_utterance(self, call_key: str, turn_number: int) -> None:
        """Delete the pending utterance of a caller who did not speak after all."""
        with transaction(self._sessions) as session:
            row = session.get(PendingUtterance, (call_key, turn_number))
            if row is not None and row.utterance is None:
                session.delete(row)

    def store_utterance(self, call_key: str, turn_number: int, utterance: Utterance, sound: bytes = b"") -> bool:
        """Store what the caller said in this turn as its pending utterance, with its sound. The first that has a
        meaning is kept; False for what comes after it, and for a turn that is over."""
        with transaction(self._sessions) as session:
            call = session.scalar(select(Call).where(Call.call_key == call_key).with_for_update())
            if call is None or call.turn_number != turn_number:
                return False
            call.stream_starts = 0
            row = session.get(PendingUtterance, (call_key, turn_number))
            if row is not None and row.utterance is not None and not _is_superseded(row, utterance, call):
                return False
            row = row or PendingUtterance(call_key=call_key, turn_number=turn_number)
            row.utterance, row.changed_at = utterance_to_json(utterance), self._clock()
            session.add(row)
            notice_ms = duration_ms(reply_from_json(call.reply).say[:1])
            if recording_notice.may_be_kept(session, call, sound, notice_ms, self._clock()):
                recordings.store(session, call_key, turn_number, sound, self._clock())
            return True

    def _is_silent(self, silent_for: timedelta) -> tuple[ColumnElement[bool], ...]:
        now, heartbeat = self._clock(), Call.stream_heartbeat_at
        is_open = Call.ended_at.is_(None), Call.stream_id.is_not(None)
        return (*is_open, heartbeat <= now - silent_for, heartbeat > now - RECOVERABLE_FOR)


def duration_ms(sentences: Iterable[str]) -> int:
    """The approximate time it takes to say these sentences, in milliseconds."""
    return MS_PER_CHARACTER * sum(map(len, sentences))


def is_bare_yes(utterance: Utterance, listen: Listen) -> bool:
    """True for a yes to a yes-or-no question, and nothing else."""
    return isinstance(listen, YesNo) and utterance.command == "yes" and not utterance.items


def _update(session: Session, call_key: str, values: Mapping[str, object], *where: ColumnElement[bool]) -> bool:
    changed = session.execute(update(Call).where(Call.call_key == call_key, *where).values(**values))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _forget_half_heard(session: Session, call_key: str) -> None:
    """Delete the pending utterances of this call that have only begun: no stream is left that would end them, and a
    caller who counts as speaking is not answered."""
    begun = PendingUtterance.call_key == call_key, PendingUtterance.utterance.is_(None)
    session.execute(delete(PendingUtterance).where(*begun))


def _is_superseded(row: PendingUtterance, later: Utterance, call: Call) -> bool:
    """True if the pending utterance is superseded: nonsense by any later one, a yes by any but nonsense."""
    if _is_nonsense(row):
        return True
    then = reply_from_json(call.reply).then
    yes = isinstance(then, ListenFor) and is_bare_yes(utterance_from_json(row.utterance or {}), then.listen)
    return yes and not later.is_nothing


def _is_nonsense(row: PendingUtterance) -> bool:
    return row.utterance is not None and utterance_from_json(row.utterance).is_nothing
