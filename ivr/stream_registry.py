"""The stream registry: media sockets and turns meet in the database, as they may be in different workers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, select, update

from callflows.replies import ListenFor
from clock import Clock
from ivr import recordings
from ivr.models import Call, Heard
from ivr.serialisation import reply_from_json, utterance_from_json, utterance_to_json
from ivr.twilio.twiml import is_secret
from speech.listening import Listen, YesNo
from speech.utterance import Utterance
from storage import SessionFactory, reading, transaction

# The carrier's voices say about four and a half characters a second.
MS_A_CHARACTER = 220
# An answer this close to the end of a prompt counts as given after it: the duration of prompts is only estimated.
HEARD_OUT_MS = 3_000

# A call whose stream had its last heartbeat longer ago than this is no longer waiting.
ORPHANS_LAST = timedelta(minutes=2)

# Polled several times a second for every live call, so the statement is built once.
_STANDING = select(Call.turn, Call.ear_stream, Call.ended_at).where(Call.sid == bindparam("sid"))


@dataclass(frozen=True, slots=True)
class Open:
    """The open turn of a stream: its number, what may be said in it, None if nothing may, and about how long the prompt
    before it takes. `mine` is False once the call has ended or another stream has taken over."""

    n: int
    listen: Listen | None
    mine: bool
    prompt_ms: int = 0


class Ears:
    """The media streams of all calls, in the database."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def open(self, sid: str, stream: str) -> bool:
        """Register this stream as the call's current one. False if there is no such call, or it has ended."""
        return self._update(
            sid, Call.ended_at.is_(None), ear_stream=stream, ear_alive_at=self._clock(), ear_started_at=None
        )

    def alive(self, streams: Collection[str]) -> None:
        """Record a heartbeat of these streams."""
        with transaction(self._sessions) as session:
            session.execute(update(Call).where(Call.ear_stream.in_(streams)).values(ear_alive_at=self._clock()))

    def gone(self, sid: str, stream: str) -> None:
        """Unregister a closed stream; the call's next reply asks for another one if the call is still there."""
        self._update(sid, Call.ear_stream == stream, ear_stream=None, ear_alive_at=None)

    def orphans(self, silent_for: timedelta) -> list[tuple[str, int]]:
        """Return the calls whose stream went down with its worker, and the turns they wait for, each only once. A
        stream without a heartbeat for `silent_for` counts as down."""
        now = self._clock()
        with transaction(self._sessions) as session:
            dead = (
                select(Call)
                .where(Call.ended_at.is_(None), Call.ear_stream.is_not(None))
                .where(Call.ear_alive_at <= now - silent_for, Call.ear_alive_at > now - ORPHANS_LAST)
                .with_for_update(skip_locked=True)
            )
            calls = session.scalars(dead).all()
            for call in calls:
                call.ear_stream = call.ear_alive_at = None
            return [(call.sid, call.turn) for call in calls]

    def look(self, sid: str, stream: str, before: Open | None = None) -> Open:
        """Return the open turn of this stream; `before`, the result of the last poll, is returned if nothing changed.
        Costs one small read that waits for no lock."""
        with reading(self._sessions) as session:
            row = session.execute(_STANDING, {"sid": sid}).one_or_none()
            if row is None or row.ended_at is not None or row.ear_stream != stream:
                return Open(0, None, mine=False)
            if before is not None and before.n == row.turn:
                return before
            turn, stored = session.execute(select(Call.turn, Call.reply).where(Call.sid == sid)).one()
        reply = reply_from_json(stored)
        prompt_ms = lasts_ms(reply.say)
        if isinstance(reply.then, ListenFor) and not is_secret(reply.then.listen):
            return Open(turn, reply.then.listen, True, prompt_ms)
        return Open(turn, None, True, prompt_ms)

    def is_waited_for(self, sid: str, n: int) -> bool:
        """True if the call still waits for this turn: the carrier's own time-out may have taken the utterance."""
        with reading(self._sessions) as session:
            return session.scalar(select(Call.turn).where(Call.sid == sid, Call.ended_at.is_(None))) == n

    def speaking(self, sid: str, n: int) -> None:
        """Record that the caller has begun to speak in this turn."""
        with transaction(self._sessions) as session:
            row = session.get(Heard, (sid, n))
            if row is None:
                session.add(Heard(call_sid=sid, n=n, at=self._clock()))
            elif _is_nonsense(row):
                row.utterance, row.at = None, self._clock()

    def quiet(self, sid: str, n: int) -> None:
        """Delete the pending utterance of a caller who did not speak after all."""
        with transaction(self._sessions) as session:
            row = session.get(Heard, (sid, n))
            if row is not None and row.utterance is None:
                session.delete(row)

    def heard(self, sid: str, n: int, utterance: Utterance, sound: bytes = b"") -> bool:
        """Store what the caller said in this turn as its pending utterance, with its sound. The first that has a
        meaning is kept; False for what comes after it, and for a turn that is over."""
        with transaction(self._sessions) as session:
            call = session.scalar(select(Call).where(Call.sid == sid).with_for_update())
            if call is None or call.turn != n:
                return False
            call.ear_starts = 0
            row = session.get(Heard, (sid, n))
            if row is not None and row.utterance is not None and not _gives_way(row, utterance, call):
                return False
            row = row or Heard(call_sid=sid, n=n)
            row.utterance, row.at = utterance_to_json(utterance), self._clock()
            session.add(row)
            recordings.keep(session, sid, n, sound, self._clock())
            return True

    def _update(self, sid: str, *where: object, **values: object) -> bool:
        with transaction(self._sessions) as session:
            changed = session.execute(update(Call).where(Call.sid == sid, *where).values(**values))  # type: ignore[arg-type]
            return bool(changed.rowcount)  # type: ignore[attr-defined]


def lasts_ms(sentences: Iterable[str]) -> int:
    """The approximate time it takes to say these sentences, in milliseconds."""
    return MS_A_CHARACTER * sum(map(len, sentences))


def is_bare_yes(utterance: Utterance, listen: Listen) -> bool:
    """True for a yes to a yes-or-no question, and nothing else."""
    return isinstance(listen, YesNo) and utterance.command == "yes" and not utterance.items


def _gives_way(row: Heard, later: Utterance, call: Call) -> bool:
    """True if the pending utterance is superseded: nonsense by any later one, a yes by any but nonsense."""
    if _is_nonsense(row):
        return True
    then = reply_from_json(call.reply).then
    yes = isinstance(then, ListenFor) and is_bare_yes(utterance_from_json(row.utterance or {}), then.listen)
    return yes and not later.is_nothing


def _is_nonsense(row: Heard) -> bool:
    return row.utterance is not None and utterance_from_json(row.utterance).is_nothing
