"""Listening to a live call, unheard by anybody in it; the audit log says who did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Update, select, update
from sqlalchemy.orm import Session

from clock import Clock
from ivr.call_sound.forks import HeardPart, SoundForks
from ivr.models import Call
from ivr.supervision.models import Supervision
from orders.audit_log import record_change
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, transaction

# A page that listens asks for sound twice a second; without a request for this long it is gone.
LISTENS_FOR = timedelta(seconds=15)
# The end of listening is put off no more often than necessary.
_PUT_OFF_AFTER = LISTENS_FOR / 3


class Listening:
    """The listeners of one line's calls."""

    def __init__(self, sessions: SessionFactory, clock: Clock, forks: SoundForks) -> None:
        self._sessions = sessions
        self._clock = clock
        self._forks = forks

    def begin(self, call_key: str, staff_id: int) -> bool:
        """Begin to listen to the call, for this member of staff; False if it is over or its sound cannot be had."""
        now = self._clock()
        with transaction(self._sessions) as session:
            call = session.get(Call, call_key)
            if call is None or call.ended_at is not None:
                return False
            listener = session.get_one(StaffRow, staff_id)
            session.execute(_open(call_key, staff_id).values(ended_at=now))
            row = Supervision(
                call_key=call_key, staff_id=staff_id, kind="listen", begun_at=now, listens_until=now + LISTENS_FOR
            )
            session.add(row)
            session.flush()
            number = row.id
            record_change(
                session, "call", call_key, None, {"listens": listener.name}, by=listener.name, why="", now=now
            )
        if self._forks.ensure(call_key):
            return True
        with transaction(self._sessions) as session:
            session.get_one(Supervision, number).ended_at = self._clock()
        return False

    def hear(self, call_key: str, staff_id: int, after: int) -> Sequence[HeardPart] | None:
        """The parts of the call's sound after the one with this id; None if this member of staff does not listen, or
        the sound has ended. A fork that was lost is opened again."""
        now = self._clock()
        with read_only(self._sessions) as session:
            row = _listener(session, call_key, staff_id)
            parts = self._forks.parts_after(session, call_key, after) if row is not None else ()
            until = row.listens_until if row is not None else None
        if until is None or until < now:
            return None
        if until - now < LISTENS_FOR - _PUT_OFF_AFTER:
            with transaction(self._sessions) as session:
                session.execute(_open(call_key, staff_id).values(listens_until=now + LISTENS_FOR))
            if not self._forks.ensure(call_key):
                return None
        return parts

    def stop(self, call_key: str, staff_id: int) -> None:
        """Stop listening."""
        with transaction(self._sessions) as session:
            session.execute(_open(call_key, staff_id).values(ended_at=self._clock()))


def _is_listener(call_key: str, staff_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Supervision.call_key == call_key,
        Supervision.staff_id == staff_id,
        Supervision.kind == "listen",
        Supervision.ended_at.is_(None),
    )


def _listener(session: Session, call_key: str, staff_id: int) -> Supervision | None:
    return session.scalar(select(Supervision).where(*_is_listener(call_key, staff_id)))


def _open(call_key: str, staff_id: int) -> Update:
    return update(Supervision).where(*_is_listener(call_key, staff_id))
