"""Forks of calls' sound: opened where somebody listens or a talk is recorded, and closed when neither is so.

The carrier sends a fork to any line process, and the page of who listens asks any web process, so that the sound goes
through the database in parts: a listener is about a second behind. Parts that are not recorded are
deleted after some seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Delete, Select, delete, exists, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from clock import Clock
from ivr.call_sound.models import SoundFork, SoundPart
from ivr.call_sound.two_sides import HEARD_PART_MS, KEPT_PART_MS, TwoSides
from ivr.carrier import Carrier, CarrierError
from ivr.models import Call
from ivr.operators.models import RingAttempt, Ticket
from ivr.recordings import recording_notice
from ivr.recordings.recording_cipher import seal, unseal
from ivr.supervision.models import Supervision
from orders.department_rules import recording_days
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

# A fork without sound for this long is gone, and so is one that the carrier has not opened by then.
FORK_LOST_AFTER = timedelta(seconds=8)
# Parts that are not recorded can be listened to for this long.
HEARD_WITHIN = timedelta(seconds=10)

log = structlog.get_logger(__name__)


class UnknownFork(LookupError):
    """There is no such open fork of this call."""


@dataclass(frozen=True, slots=True)
class HeardPart:
    """A part of a call's sound, as it is listened to."""

    id: int
    began_at: datetime
    caller: bytes
    other: bytes


class SoundForks:
    """The forks of one line's calls; `forks_max` may be open in one process."""

    def __init__(self, sessions: SessionFactory, clock: Clock, carrier: Carrier, forks_max: int) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._slots = threading.BoundedSemaphore(forks_max)

    def ensure(self, call_key: str) -> bool:
        """Have the call's sound forked, unless it is; False if the call is over or the carrier fails."""
        fork_id = self._new_fork(call_key)
        if fork_id is None:
            return self._is_open(call_key)
        try:
            self._carrier.fork_sound(call_key, fork_id)
        except CarrierError as error:
            log.warning("the sound of a call could not be forked", call=call_key, reason=str(error))
            self._end(fork_id)
            return False
        return True

    def record_talk(self, call_key: str) -> None:
        """Have the talk with an operator that begins now recorded, if it may be, without waiting for the carrier. The
        talk goes on, whatever fails."""
        try:
            with read_only(self._sessions) as session:
                call = session.get(Call, call_key)
                wanted = call is not None and may_record_talk(session, call)
        except SQLAlchemyError as error:
            log.error("it is not known whether a talk may be recorded", call=call_key, exc_info=error)
            return
        if wanted:
            threading.Thread(target=self._record_talk, args=(call_key,), name="sound fork", daemon=True).start()

    def _record_talk(self, call_key: str) -> None:
        try:
            self.ensure(call_key)
        except Exception as error:
            log.error("a talk could not be recorded", call=call_key, exc_info=error)

    # --- the line process that gets the sound

    def attach(self, fork_id: int, call_key: str) -> datetime:
        """Record that the fork's sound comes, and return the time it begins at. Raises UnknownFork unless it is an open
        one of this call, and this process may have one more; `detach` has to follow."""
        if not self._slots.acquire(blocking=False):
            raise UnknownFork("this process has as many forks as it may")
        now = self._clock()
        try:
            with transaction(self._sessions) as session:
                fork = session.get(SoundFork, fork_id, with_for_update=True)
                if fork is None or fork.ended_at is not None or fork.call_key != call_key:
                    raise UnknownFork("the fork is none of this call that is open")
                fork.heartbeat_at = now
        except BaseException:
            self._slots.release()
            raise
        return now

    @retry_on_deadlock
    def store(self, fork_id: int, part: TwoSides, began_at: datetime) -> int | None:
        """Store a part of the fork's sound for who needs it, and return the milliseconds the next one is to have; None
        if nobody needs any, and the fork may end."""
        now = self._clock()
        with transaction(self._sessions) as session:
            fork = session.get(SoundFork, fork_id)
            if fork is None or fork.ended_at is not None:
                return None
            call = session.get_one(Call, fork.call_key)
            recorded = _is_recorded_talk(session, call)
            listened = is_listened_to(session, call.call_key, now)
            session.execute(_passing_parts(call.call_key).where(SoundPart.began_at < now - HEARD_WITHIN))
            fork.heartbeat_at = now
            if recorded or listened:
                sound = seal(session, part.caller + part.other)
                session.add(SoundPart(call_key=call.call_key, began_at=began_at, kept=recorded, sound=sound))
            if call.ended_at is not None or not (listened or recorded or _may_talk_go_on(session, call)):
                return None
            return HEARD_PART_MS if listened else KEPT_PART_MS

    def detach(self, fork_id: int) -> None:
        """End the fork that was attached, and delete its parts that were not recorded."""
        self._slots.release()
        self._end(fork_id)

    # --- who listens

    def parts_after(self, session: Session, call_key: str, after: int) -> Sequence[HeardPart]:
        """The parts of the call's sound after the one with this id, of the last seconds."""
        rows = session.scalars(
            select(SoundPart)
            .where(SoundPart.call_key == call_key, SoundPart.id > after)
            .where(SoundPart.began_at > self._clock() - HEARD_WITHIN)
            .order_by(SoundPart.id)
        )
        return [part for row in rows if (part := heard_part(session, row)) is not None]

    # --- single steps

    @retry_on_deadlock
    def _new_fork(self, call_key: str) -> int | None:
        """A new fork of the call, for which the carrier is to be asked; None if one is open, or the call is over."""
        now = self._clock()
        try:
            with transaction(self._sessions) as session:
                call = session.get(Call, call_key)
                if call is None or call.ended_at is not None:
                    return None
                before = session.scalar(_open_fork(call_key).with_for_update())
                if before is not None:
                    if (before.heartbeat_at or before.opened_at) > now - FORK_LOST_AFTER:
                        return None
                    before.ended_at = now
                    session.flush()
                fork = SoundFork(call_key=call_key, opened_at=now)
                session.add(fork)
                session.flush()
                return fork.id
        except IntegrityError:
            # Another process opened one at the same moment.
            return None

    def _is_open(self, call_key: str) -> bool:
        with read_only(self._sessions) as session:
            return session.scalar(_open_fork(call_key)) is not None

    @retry_on_deadlock
    def _end(self, fork_id: int) -> None:
        with transaction(self._sessions) as session:
            fork = session.get(SoundFork, fork_id)
            if fork is None or fork.ended_at is not None:
                return
            fork.ended_at = self._clock()
            session.execute(_passing_parts(fork.call_key))


def heard_part(session: Session, row: SoundPart) -> HeardPart | None:
    """A stored part as it is heard, or None if none of the keys of the settings opens it."""
    sound = unseal(session, row.sound)
    if sound is None:
        return None
    half = len(sound) // 2
    return HeardPart(row.id, row.began_at, sound[:half], sound[half:])


def may_record_talk(session: Session, call: Call) -> bool:
    """True if this call's talk with an operator may be recorded: recordings are kept, and the notice covers it."""
    return recording_days(session) > 0 and recording_notice.covers_talk(session, call)


def is_listened_to(session: Session, call_key: str, now: datetime) -> bool:
    """True if somebody listens to the call."""
    listens = select(Supervision.id).where(
        Supervision.call_key == call_key,
        Supervision.kind == "listen",
        Supervision.ended_at.is_(None),
        Supervision.listens_until > now,
    )
    return bool(session.scalar(select(exists(listens))))


def _open_fork(call_key: str) -> Select[SoundFork]:
    return select(SoundFork).where(SoundFork.call_key == call_key, SoundFork.ended_at.is_(None))


def _passing_parts(call_key: str) -> Delete:
    """The deletion of the parts of the call's sound that are not kept."""
    return delete(SoundPart).where(SoundPart.call_key == call_key, SoundPart.kept.is_(False))


def _talk(call_key: str) -> Select[Ticket]:
    """The ticket of the call whose operator's own call is connected."""
    return (
        select(Ticket)
        .join(RingAttempt, RingAttempt.ticket_id == Ticket.id)
        .where(Ticket.call_key == call_key, Ticket.state == "taken", Ticket.closed_at.is_(None))
        .where(RingAttempt.state == "accepted", RingAttempt.ended_at.is_(None))
    )


def _is_recorded_talk(session: Session, call: Call) -> bool:
    """True if the caller talks with an operator just now, not on hold, and that may be recorded."""
    ticket = session.scalar(_talk(call.call_key))
    return ticket is not None and ticket.held_at is None and may_record_talk(session, call)


def _may_talk_go_on(session: Session, call: Call) -> bool:
    """True if a talk that is recorded only pauses: the caller is on hold, or waits for another operator."""
    waiting = select(Ticket.id).where(Ticket.call_key == call.call_key, Ticket.closed_at.is_(None))
    return session.scalar(waiting) is not None and may_record_talk(session, call)
