"""Whispering: a supervisor is heard by the operator of a talk and not by the caller.

An operator and a caller are connected by the caller's queue, which nobody else can join. So when the supervisor's call
is answered, the caller is sent to a talk that can be joined, the operator follows, and then the supervisor. From then
on the talk is like the one before: it ends for all when the caller or the operator leaves it, and hold, giving back and
taking over lead out of it as they do out of the queue. What each call does is decided from the database at each event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.carrier import Carrier, CarrierError
from ivr.instructions import AskCoach, AwaitTalk, Coach, EndCall, Instruction
from ivr.models import Call
from ivr.operators import presence, tickets
from ivr.operators.callback_calls import YES_KEY
from ivr.operators.models import RingAttempt
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.supervision.models import Supervision
from ivr.turns.recovery import on_failure
from orders.audit_log import record_change
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

WhisperRefusal = Literal["no_talk", "no_telephone", "busy", "own_talk", "not_reached"]
"""The reason there is no whispering: no operator talks in the call, or the caller is on hold; the supervisor has no
telephone or browser, or has a call; the talk is the supervisor's own; the carrier could not be asked."""

# The talk that is joined is made ready in this time, and asked for again so often.
TALK_READY_S: Final = 2
TRIES_MAX: Final = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Talk:
    """A talk that is whispered into: the call, the operator's call, and the line that was called."""

    call_key: str
    operator_call_key: str
    attempt_id: int
    line: str


class Whispering:
    """The supervisors who whisper in calls of one line."""

    def __init__(self, sessions: SessionFactory, clock: Clock, carrier: Carrier, prompts: OperatorPrompts) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._prompts = prompts

    def begin(self, call_key: str, staff_id: int) -> WhisperRefusal | None:
        """Dial this supervisor, to whisper to the operator of the call; the reason if that cannot be, or None."""
        now = self._clock()
        with transaction(self._sessions) as session:
            supervisor = session.get_one(StaffRow, staff_id)
            talk, address = _talk(session, call_key), presence.operator_address(session, supervisor)
            if (refusal := _refusal(session, talk, address, staff_id)) is not None or talk is None:
                return refusal or "no_talk"
            row = Supervision(
                call_key=call_key,
                staff_id=staff_id,
                kind="whisper",
                begun_at=now,
                address=address,
                attempt_id=talk.attempt_id,
            )
            session.add(row)
            session.flush()
            number = row.id
        try:
            own_call = self._carrier.dial_coach(address, talk.line, number)
        except CarrierError as error:
            log.warning("a supervisor could not be dialled", supervision=number, reason=str(error))
            self._end(number)
            return "not_reached"
        with transaction(self._sessions) as session:
            session.get_one(Supervision, number).own_call_key = own_call
            record_change(
                session, "call", call_key, None, {"whispers": supervisor.name}, by=supervisor.name, why="", now=now
            )
        return None

    def stop(self, call_key: str, staff_id: int) -> None:
        """End this supervisor's whispering in the call."""
        with read_only(self._sessions) as session:
            row = session.scalar(_open(call_key).where(Supervision.staff_id == staff_id))
        if row is not None and row.own_call_key is not None:
            try:
                self._carrier.end_call(row.own_call_key)
            except CarrierError as error:
                log.warning("a supervisor's call could not be ended", call=row.own_call_key, reason=str(error))

    def open_calls(self) -> list[str]:
        """The supervisors' calls that have not been reported to be over."""
        with read_only(self._sessions) as session:
            is_open = Supervision.ended_at.is_(None), Supervision.own_call_key.is_not(None)
            return [key for key in session.scalars(select(Supervision.own_call_key).where(*is_open)) if key]

    # --- events of the supervisor's call

    def _end_call(self) -> Instruction:
        return EndCall((self._prompts.failure,))

    @on_failure(_end_call)
    def coach_answered(self, supervision_id: int, *, in_browser: bool) -> Instruction:
        """The supervisor's call was answered: in a browser by the supervisor, on a telephone perhaps by a machine."""
        return self._join(supervision_id) if in_browser else AskCoach(supervision_id, 2 * (self._prompts.coach,))

    @on_failure(_end_call)
    def coach_key(self, supervision_id: int, key: str) -> Instruction:
        """The supervisor pressed a key."""
        return self._join(supervision_id) if key == YES_KEY else EndCall((self._prompts.call_over,))

    @on_failure(_end_call)
    def coach_waited(self, supervision_id: int, tries: int) -> Instruction:
        """The supervisor has waited for the talk to be one that can be joined."""
        with read_only(self._sessions) as session:
            row, talk = session.get(Supervision, supervision_id), self._talk_of(session, supervision_id)
            ready = row is not None and row.operator_in_at is not None
        if talk is None or tries >= TRIES_MAX:
            return EndCall((self._prompts.call_over,))
        if not ready:
            return AwaitTalk(supervision_id, TALK_READY_S, tries + 1)
        return Coach(supervision_id, talk.call_key, talk.operator_call_key, tries)

    @on_failure(_end_call)
    def coach_left(self, supervision_id: int, tries: int) -> Instruction:
        """The supervisor is no longer in the talk, or could not join it yet."""
        with read_only(self._sessions) as session:
            talk = self._talk_of(session, supervision_id)
        if talk is None or tries >= TRIES_MAX:
            return EndCall((self._prompts.call_over,))
        return AwaitTalk(supervision_id, TALK_READY_S, tries + 1)

    def coach_call_ended(self, supervision_id: int) -> None:
        """The supervisor's call has ended."""
        self._end(supervision_id)

    def _join(self, supervision_id: int) -> Instruction:
        with transaction(self._sessions) as session:
            talk = self._talk_of(session, supervision_id)
            if talk is None:
                return EndCall((self._prompts.call_over,))
            session.get_one(Supervision, supervision_id).joined_at = self._clock()
        try:
            self._carrier.redirect_to_talk(talk.call_key)
        except CarrierError as error:
            # The two still talk, and go on doing so.
            log.warning("a caller could not be sent to a talk", call=talk.call_key, reason=str(error))
            with transaction(self._sessions) as session:
                # Nobody is to follow there.
                session.get_one(Supervision, supervision_id).joined_at = None
            self._end(supervision_id)
            return EndCall((self._prompts.failure,))
        return AwaitTalk(supervision_id, TALK_READY_S, 0)

    # --- the operator's call, as the handover asks about it

    def operator_follows(self, attempt_id: int) -> bool:
        """True if the caller was just sent to a talk where this operator is to follow; once for each."""
        return self.caller_left_behind(attempt_id) is not None and self._record_following(attempt_id)

    @retry_on_deadlock
    def _record_following(self, attempt_id: int) -> bool:
        with transaction(self._sessions) as session:
            row = session.scalar(_sent(attempt_id).with_for_update())
            if row is None:
                return False
            row.operator_in_at = self._clock()
            return True

    def caller_left_behind(self, attempt_id: int) -> str | None:
        """The call whose caller was sent to a talk where this operator, whose own call is over, never comes."""
        with read_only(self._sessions) as session:
            row = session.scalar(_sent(attempt_id))
            return row.call_key if row is not None else None

    # --- single steps

    def _talk_of(self, session: Session, supervision_id: int) -> _Talk | None:
        """The talk of this supervision, or None if it is over, or the caller is on hold."""
        row = session.get(Supervision, supervision_id)
        if row is None or row.ended_at is not None:
            return None
        talk = _talk(session, row.call_key)
        return talk if talk is not None and talk.attempt_id == row.attempt_id else None

    @retry_on_deadlock
    def _end(self, supervision_id: int) -> None:
        with transaction(self._sessions) as session:
            row = session.get(Supervision, supervision_id)
            if row is not None and row.ended_at is None:
                row.ended_at = self._clock()


def _talk(session: Session, call_key: str) -> _Talk | None:
    """The talk with an operator in this call, or None without one, and while the caller is on hold."""
    call, ticket = session.get(Call, call_key), tickets.of_call(session, call_key)
    if call is None or call.ended_at is not None or ticket is None or ticket.state != "taken" or ticket.held_at:
        return None
    attempt = session.scalar(
        select(RingAttempt).where(
            RingAttempt.ticket_id == ticket.id, RingAttempt.state == "accepted", RingAttempt.ended_at.is_(None)
        )
    )
    if attempt is None or attempt.operator_call_key is None:
        return None
    return _Talk(call_key, attempt.operator_call_key, attempt.id, call.called)


def _refusal(session: Session, talk: _Talk | None, address: str, staff_id: int) -> WhisperRefusal | None:
    if talk is None:
        return "no_talk"
    if session.get_one(RingAttempt, talk.attempt_id).staff_id == staff_id:
        return "own_talk"
    if not address:
        return "no_telephone"
    ringing = select(RingAttempt.id).where(RingAttempt.address == address, RingAttempt.ended_at.is_(None))
    whispering = select(Supervision.id).where(
        Supervision.kind == "whisper", Supervision.address == address, Supervision.ended_at.is_(None)
    )
    busy = session.scalar(ringing) is not None or session.scalar(whispering) is not None
    return "busy" if busy else None


def _open(call_key: str) -> Select[Supervision]:
    return select(Supervision).where(
        Supervision.call_key == call_key, Supervision.kind == "whisper", Supervision.ended_at.is_(None)
    )


def _sent(attempt_id: int) -> Select[Supervision]:
    """The supervision whose caller was sent to a talk where this operator has not followed yet."""
    return (
        select(Supervision)
        .where(Supervision.kind == "whisper", Supervision.attempt_id == attempt_id)
        .where(Supervision.joined_at.is_not(None), Supervision.operator_in_at.is_(None))
        .order_by(Supervision.id.desc())
        .limit(1)
    )
