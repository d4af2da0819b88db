"""Taking over a live call, of the automatic line or of another operator.

The database decides first: under the call's or the ticket's lock the call becomes the taker's, so that of two who
reach for it one gets it, and a turn under way is taken before or not at all. Only then is the caller sent to the queue,
hears that an operator comes, and music until the taker's telephone is answered. A request that crosses this, as of a
turn just answered, gets the transfer for a reply and leads to the same queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.carrier import Carrier, CarrierError
from ivr.models import Call
from ivr.operators import presence, ring_attempts, tickets
from ivr.operators.models import RingAttempt, RingState, Ticket
from ivr.operators.ringing import RingDispatcher
from ivr.supervision.models import Supervision
from ivr.turns.calls import Calls
from orders.audit_log import record_change
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

Refusal = Literal["over", "no_telephone", "busy", "already_yours", "not_reached"]
"""The reason a call is not taken over: it has ended or is about to, the taker has no telephone or browser to talk by,
has another caller, has this one already, or the carrier could not be asked."""

# An operator whose call was taken over is told by whom for this long.
TOLD_FOR = timedelta(seconds=60)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _TakenFromOperator:
    """A ticket that changed hands: what it was before, to be put back if the caller cannot be redirected. `hangs_up` is
    the call of an operator who is not connected, as the caller is on hold or it still rings; any other ends with the
    talk."""

    ticket_id: int
    attempt_id: int
    from_staff: int | None
    from_attempt: int | None
    from_state: RingState | None
    held_at: datetime | None
    hangs_up: str | None


def taken_away(session: Session, now: datetime) -> dict[int, str]:
    """The name of who has just taken an operator's call over, by the operator's id."""
    rows = session.execute(
        select(Supervision.taken_from, StaffRow.name)
        .join(StaffRow, StaffRow.id == Supervision.staff_id)
        .where(Supervision.kind == "take_over", Supervision.begun_at > now - TOLD_FOR)
        .where(Supervision.taken_from.is_not(None))
        .order_by(Supervision.id)
    )
    return {operator: name for operator, name in rows if operator is not None}


class _TakerEngaged(RuntimeError):
    """The taker's telephone was dialled for another caller at the same moment."""


class TakeOver:
    """Takes calls of one line over."""

    def __init__(
        self, sessions: SessionFactory, clock: Clock, calls: Calls, carrier: Carrier, dispatcher: RingDispatcher
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._carrier = carrier
        self._dispatcher = dispatcher

    def take_over(self, call_key: str, staff_id: int) -> Refusal | None:
        """Take the call over for this member of staff, whose telephone or browser then rings. Return the reason if the
        call stays where it is, or None."""
        with read_only(self._sessions) as session:
            refusal = self._refusal(session, call_key, staff_id)
            ticket = tickets.of_call(session, call_key)
        if refusal is not None:
            return refusal
        if ticket is None:
            return self._from_line(call_key, staff_id)
        if ticket.state == "waiting":
            return self._from_queue(ticket.id, call_key, staff_id)
        return self._from_operator(ticket.id, call_key, staff_id)

    def _refusal(self, session: Session, call_key: str, staff_id: int) -> Refusal | None:
        call, ticket = session.get(Call, call_key), tickets.of_call(session, call_key)
        if call is None or call.ended_at is not None:
            return "over"
        address = presence.operator_address(session, session.get_one(StaffRow, staff_id))
        if not address:
            return "no_telephone"
        if ticket is not None and ticket.taken_by == staff_id:
            return "already_yours"
        engaged = select(RingAttempt.id).where(RingAttempt.address == address, RingAttempt.ended_at.is_(None))
        return "busy" if session.scalar(engaged) is not None else None

    def _from_line(self, call_key: str, staff_id: int) -> Refusal | None:
        ticket_id = self._calls.take_over(call_key, staff_id)
        if ticket_id is None:
            return "over"
        if not self._dispatcher.dial_taker(ticket_id):
            # The caller has noticed nothing yet: the line goes on with the order so far.
            with transaction(self._sessions) as session:
                tickets.put_back(session, ticket_id)
                tickets.withdraw(session, call_key, "returned", self._clock())
            self._redirect_to_turn(call_key, self._calls.give_back(call_key))
            return "not_reached"
        self._record(call_key, staff_id, None, from_line=True)
        self._redirect_to_queue(call_key)
        return None

    def _from_queue(self, ticket_id: int, call_key: str, staff_id: int) -> Refusal | None:
        with transaction(self._sessions) as session:
            if not tickets.take(session, ticket_id, staff_id, self._clock()):
                return "over"
        if not self._dispatcher.dial_taker(ticket_id):
            with transaction(self._sessions) as session:
                tickets.put_back(session, ticket_id)
            self._dispatcher.dispatch()
            return "not_reached"
        return None

    def _from_operator(self, ticket_id: int, call_key: str, staff_id: int) -> Refusal | None:
        taken = self._change_hands(ticket_id, staff_id)
        if taken is None:
            return "over"
        if not self._redirect_to_queue(call_key):
            # The two still talk: nothing has changed for them, and so it stays.
            self._put_hands_back(taken)
            return "not_reached"
        if taken.hangs_up is not None:
            self._hang_up(taken.hangs_up)
        self._record(call_key, staff_id, taken.from_staff, from_line=False)
        self._dispatcher.dial_attempt(taken.attempt_id)
        return None

    def _change_hands(self, ticket_id: int, staff_id: int) -> _TakenFromOperator | None:
        """Make the ticket this operator's, whose telephone is to ring; None, and nothing changed, if nobody has it any
        more, or the taker's telephone has just been dialled for another caller."""
        try:
            return self._try_to_change_hands(ticket_id, staff_id)
        except _TakerEngaged:
            return None

    @retry_on_deadlock
    def _try_to_change_hands(self, ticket_id: int, staff_id: int) -> _TakenFromOperator | None:
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = session.get_one(Ticket, ticket_id, with_for_update=True)
            if ticket.state != "taken" or ticket.taken_by == staff_id:
                return None
            before = ring_attempts.open_attempt_of(session, ticket_id)
            from_staff, held_at = ticket.taken_by, ticket.held_at
            from_state = before.state if before is not None else None
            connected = from_state == "accepted" and held_at is None
            if before is not None:
                ring_attempts.end(before, "cancelled", now)
            ticket.taken_by, ticket.taken_at, ticket.held_at = staff_id, now, None
            session.flush()
            address = presence.operator_address(session, session.get_one(StaffRow, staff_id))
            attempt = ring_attempts.open_attempt(session, ticket, staff_id, address, now)
            if attempt is None:
                raise _TakerEngaged
            if from_staff is not None:
                presence.record_call_end(session, from_staff, now)
            return _TakenFromOperator(
                ticket_id,
                attempt.id,
                from_staff,
                before.id if before is not None else None,
                from_state,
                held_at,
                before.operator_call_key if before is not None and not connected else None,
            )

    @retry_on_deadlock
    def _put_hands_back(self, taken: _TakenFromOperator) -> None:
        with transaction(self._sessions) as session:
            ticket = session.get_one(Ticket, taken.ticket_id, with_for_update=True)
            ring_attempts.end(session.get_one(RingAttempt, taken.attempt_id), "cancelled", self._clock())
            session.flush()
            if ticket.closed_at is not None:
                return
            ticket.taken_by, ticket.held_at = taken.from_staff, taken.held_at
            if taken.from_attempt is not None and taken.from_state is not None:
                before = session.get_one(RingAttempt, taken.from_attempt)
                before.state, before.ended_at = taken.from_state, None

    def _hang_up(self, operator_call: str) -> None:
        try:
            self._carrier.end_call(operator_call)
        except CarrierError as error:
            log.warning("an operator's call could not be ended", call=operator_call, reason=str(error))

    def _record(self, call_key: str, staff_id: int, taken_from: int | None, *, from_line: bool) -> None:
        now = self._clock()
        with transaction(self._sessions) as session:
            taker = session.get_one(StaffRow, staff_id)
            before = session.get(StaffRow, taken_from) if taken_from is not None else None
            session.add(
                Supervision(
                    call_key=call_key,
                    staff_id=staff_id,
                    kind="take_over",
                    taken_from=taken_from,
                    begun_at=now,
                    ended_at=now,
                )
            )
            record_change(
                session,
                "call",
                call_key,
                {"in_hands_of": "line" if from_line else before.name if before is not None else "fixed_number"},
                {"in_hands_of": taker.name},
                by=taker.name,
                why="",
                now=now,
            )
        log.info("a call was taken over", call=call_key, staff=staff_id, taken_from=taken_from)

    def _redirect_to_queue(self, call_key: str) -> bool:
        try:
            self._carrier.redirect_to_queue(call_key)
        except CarrierError as error:
            # Its next request leads there all the same.
            log.warning("a call taken over could not be redirected", call=call_key, reason=str(error))
            return False
        return True

    def _redirect_to_turn(self, call_key: str, turn_number: int) -> None:
        try:
            self._carrier.redirect_to_turn(call_key, turn_number)
        except CarrierError as error:
            log.warning("a call could not be given back to its turn", call=call_key, reason=str(error))
