"""What the media sockets and the turns tell each other, by way of the database: they may be in different workers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from callflows.replies import ListenFor
from clock import Clock
from ivr.stored import reply_from_json, utterance_from_json, utterance_to_json
from ivr.tables import Call, Heard
from ivr.twiml import is_secret
from speech.listening import Listen
from speech.utterance import Utterance
from storage import SessionFactory, reading, transaction

# The carrier's voices say some four and a half characters a second.
MS_A_CHARACTER = 220

# Asked several times a second for every live call, and therefore written once.
_STANDING = select(Call.turn, Call.ear_stream, Call.ended_at).where(Call.sid == bindparam("sid"))


@dataclass(frozen=True, slots=True)
class Open:
    """What a socket has to listen for just now: the turn waited for and what may be said in it, None where nothing may
    be; about how long the prompt before it takes. `mine` is False once the call has ended or another socket has taken
    over."""

    n: int
    listen: Listen | None
    mine: bool
    prompt_ms: int = 0


class Ears:
    """The ears of all calls, in the database."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def open(self, sid: str, stream: str) -> bool:
        """This stream is the call's ear from now on. False where there is no such call, or it has ended."""
        return self._update(sid, Call.ended_at.is_(None), ear_stream=stream, ear_alive_at=self._clock())

    def alive(self, streams: Collection[str]) -> None:
        """These streams are still there."""
        with transaction(self._sessions) as session:
            session.execute(update(Call).where(Call.ear_stream.in_(streams)).values(ear_alive_at=self._clock()))

    def gone(self, sid: str, stream: str) -> None:
        """The stream has closed; the call's next reply asks for another one if the call is still there."""
        self._update(sid, Call.ear_stream == stream, ear_stream=None, ear_alive_at=None)

    def look(self, sid: str, stream: str, before: Open | None = None) -> Open:
        """What there is to listen for; `before` is what the last look found, and comes back where nothing changed.
        Costs one small read that waits for nobody."""
        with reading(self._sessions) as session:
            row = session.execute(_STANDING, {"sid": sid}).one_or_none()
            if row is None or row.ended_at is not None or row.ear_stream != stream:
                return Open(0, None, mine=False)
            if before is not None and before.n == row.turn:
                return before
            turn, stored = session.execute(select(Call.turn, Call.reply).where(Call.sid == sid)).one()
        reply = reply_from_json(stored)
        prompt_ms = MS_A_CHARACTER * sum(map(len, reply.say))
        if isinstance(reply.then, ListenFor) and not is_secret(reply.then.listen):
            return Open(turn, reply.then.listen, True, prompt_ms)
        return Open(turn, None, True, prompt_ms)

    def is_waited_for(self, sid: str, n: int) -> bool:
        """Whether the call still waits for turn `n`: the carrier's own time-out may have taken what was heard."""
        with reading(self._sessions) as session:
            return session.scalar(select(Call.turn).where(Call.sid == sid, Call.ended_at.is_(None))) == n

    def speaking(self, sid: str, n: int) -> None:
        """The caller has begun to speak in this turn."""
        with transaction(self._sessions) as session:
            row = session.get(Heard, (sid, n))
            if row is None:
                session.add(Heard(call_sid=sid, n=n, at=self._clock()))
            elif _is_nonsense(row):
                row.utterance, row.at = None, self._clock()

    def quiet(self, sid: str, n: int) -> None:
        """What had begun was not speech after all."""
        with transaction(self._sessions) as session:
            row = session.get(Heard, (sid, n))
            if row is not None and row.utterance is None:
                session.delete(row)

    def heard(self, sid: str, n: int, utterance: Utterance) -> bool:
        """What the caller said in this turn. The first that means something is kept; False for what comes after it,
        and for a turn that is over."""
        with transaction(self._sessions) as session:
            if session.scalar(select(Call.turn).where(Call.sid == sid).with_for_update()) != n:
                return False
            row = session.get(Heard, (sid, n))
            if row is not None and row.utterance is not None and not _is_nonsense(row):
                return False
            row = row or Heard(call_sid=sid, n=n)
            row.utterance, row.at = utterance_to_json(utterance), self._clock()
            session.add(row)
            return True

    def _update(self, sid: str, *where: object, **values: object) -> bool:
        with transaction(self._sessions) as session:
            changed = session.execute(update(Call).where(Call.sid == sid, *where).values(**values))  # type: ignore[arg-type]
            return bool(changed.rowcount)  # type: ignore[attr-defined]


def _is_nonsense(row: Heard) -> bool:
    return row.utterance is not None and utterance_from_json(row.utterance).is_nothing
