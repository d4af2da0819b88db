"""Operators are dialled for callers who wait: one after another, the longest idle first, until one of them accepts.

Connecting a caller and an operator. The caller waits in a queue at the carrier, named after the call, and stays there
whatever happens to operators. An operator is dialled by a call of its own; on a telephone a voice says who is calling
and waits for a 1, in a browser taking the call is enough. Accepting is one conditional update in the database, so
exactly one operator gets a caller, at the desk or by telephone; only then is the operator's call bridged to the
caller's queue. Declining, silence, a busy or a dead line end the operator's call alone, and the next operator is
dialled. (A caller who dialled the operator would lose music, keys and place while telephones ring; a conference would
strand either side if the other failed to come.)

Dispatching. The carrier reports a round of waiting music of every caller again and again, and each time the operators
who are free are dialled; so they are when an operator becomes ready and when an operator's call ends. Nothing is kept
in memory, so a restart in the middle costs one round of music at most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.carrier import OPERATOR_RING_S, CallStatus, Carrier, CarrierBusy, CarrierError
from ivr.models import Call
from ivr.operators import presence, ring_attempts, tickets
from ivr.operators.models import RingAttempt, RingState, Ticket
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

# A call that should be over by then has ended unreported: the server was down at the time.
RING_LOST_AFTER = timedelta(seconds=OPERATOR_RING_S + 40)
TALK_LOST_AFTER = timedelta(minutes=2)
# An operator who did not take a caller is not dialled for the same one again before this.
REDIAL_AFTER = timedelta(seconds=60)
# A caller without a round in the queue for this long has left it.
QUEUED_WITHIN = timedelta(seconds=60)
# A dispatch passes over operators who cannot be dialled this often in a row.
DISPATCH_ROUNDS_MAX = 10

# The outcome for each status of an operator's call that has ended without being accepted.
_OUTCOMES: dict[CallStatus, RingState] = {
    "completed": "unanswered",
    "busy": "declined",
    "no_answer": "unanswered",
    "failed": "failed",
    "cancelled": "cancelled",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorDial:
    """A dial of an operator; `line` is the one the caller called, shown to the operator."""

    attempt_id: int
    address: str
    line: str


class RingDispatcher:
    """Dials operators for the callers of one line."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: Carrier,
        numbers: Collection[str] = (),
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._numbers = tuple(numbers)
        self._requested = threading.Event()
        self._dispatching = threading.Lock()

    def cancel(self, ticket_id: int) -> None:
        """Cancel the ringing for a caller who no longer waits, and dispatch."""
        self._cancel(ticket_id)
        self.dispatch()

    def cancel_for_call(self, call_key: str) -> None:
        """Cancel the ringing for a caller who has hung up."""
        with read_only(self._sessions) as session:
            found = session.scalars(
                select(RingAttempt.ticket_id)
                .join(Ticket, Ticket.id == RingAttempt.ticket_id)
                .where(Ticket.call_key == call_key, RingAttempt.ended_at.is_(None), RingAttempt.state == "ringing")
            ).all()
        for ticket_id in found:
            self.cancel(ticket_id)

    def dispatch_now(self) -> None:
        """Dispatch: dial an operator for every waiting caller without an open ring attempt, as far as operators are
        free."""
        for _round in range(DISPATCH_ROUNDS_MAX):
            if all(self._place(dial) for dial in self._assign()):
                return

    def dispatch(self) -> None:
        """Dispatch without waiting for the carrier: a caller whose music came too late would be lost. Requests made
        during a dispatch lead to another one after it."""
        self._requested.set()
        if self._dispatching.acquire(blocking=False):
            threading.Thread(target=self._dispatch_requested, name="ringing", daemon=True).start()

    def _dispatch_requested(self) -> None:
        try:
            while self._requested.is_set():
                self._requested.clear()
                self.dispatch_now()
        except Exception as error:
            # The next round of any caller's music dispatches again.
            log.error("operators could not be dialled", exc_info=error)
        finally:
            self._dispatching.release()

    def dial_taker(self, ticket_id: int) -> bool:
        """Dial the operator who has just taken this caller at the desk; False if they have neither telephone nor
        browser to talk by, or cannot be dialled. An operator whose telephone already rings for the caller need only
        answer it."""
        if self._is_ringing_for(ticket_id):
            return True
        self._cancel(ticket_id)
        dial = self._attempt_for_taker(ticket_id)
        return dial is not None and self._place(dial)

    def dial_attempt(self, attempt_id: int) -> bool:
        """Dial the operator of this ring attempt, which was opened with the call; False if that fails, and the caller
        waits for another one."""
        with read_only(self._sessions) as session:
            attempt = session.get_one(RingAttempt, attempt_id)
            dial = _dial(session, attempt, session.get_one(Ticket, attempt.ticket_id))
        if self._place(dial):
            return True
        self.dispatch()
        return False

    @retry_on_deadlock
    def accept(self, attempt_id: int) -> str | None:
        """Accept the ring attempt and return the call to connect to, or None if the caller is no longer available."""
        with transaction(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id, with_for_update=True)
            if attempt is None or not ring_attempts.accept(session, attempt, self._clock()):
                return None
            ticket = session.get_one(Ticket, attempt.ticket_id)
            call = session.get_one(Call, ticket.call_key)
            log.info("an operator takes a call", call=call.call_key, staff=attempt.staff_id, attempt=attempt.id)
            return call.call_key if call.ended_at is None else None

    def decline(self, attempt_id: int) -> None:
        """End a ring attempt that the operator declined, and dispatch."""
        self._end(attempt_id, "declined")
        self.dispatch()

    def end_attempt(self, attempt_id: int, status: CallStatus) -> None:
        """End a ring attempt whose call has ended, and dispatch. An operator who did not answer is paused until ready
        again; a caller taken at the desk whose operator cannot be reached waits for another one."""
        if (outcome := _OUTCOMES.get(status)) is not None:
            self._end(attempt_id, outcome)
            self.dispatch()

    def end_wrap_ups(self) -> None:
        """Free the operators whose wrap-up is over, close what they have nothing left to do for, and dispatch. Called
        again and again while a page of an operator is open."""
        with read_only(self._sessions) as session:
            if not presence.any_wrap_up_over(session, self._clock()):
                return
        if self._end_wrap_ups():
            self.dispatch()

    def reconnect(self, ticket_id: int) -> bool:
        """Dial the operator again for the caller they have taken and are no longer connected to; False if there is no
        such caller, or the operator cannot be dialled."""
        with read_only(self._sessions) as session:
            ticket = session.get_one(Ticket, ticket_id)
            if ticket.taken_by not in ring_attempts.cut_off(session):
                return False
        return self.dial_taker(ticket_id)

    def put_on_hold(self, ticket_id: int) -> bool:
        """Put the operator's caller on hold; False if they are on hold already, there is no call to put on hold, or the
        carrier fails."""
        now = self._clock()
        with transaction(self._sessions) as session:
            attempt = ring_attempts.open_attempt_of(session, ticket_id)
            if attempt is None or attempt.state != "accepted" or not tickets.set_on_hold(session, ticket_id, now):
                return False
            call_key = session.get_one(Ticket, ticket_id).call_key
        if self._try(lambda: self._carrier.redirect_to_hold(call_key), call_key):
            return True
        # The two are still connected: the operator may try again.
        with transaction(self._sessions) as session:
            tickets.set_on_hold(session, ticket_id, None)
        return False

    def take_off_hold(self, ticket_id: int) -> bool:
        """Take the caller off hold and connect the operator again; False if they are not on hold."""
        with transaction(self._sessions) as session:
            attempt = ring_attempts.open_attempt_of(session, ticket_id)
            if (
                attempt is None
                or attempt.operator_call_key is None
                or not tickets.set_on_hold(session, ticket_id, None)
            ):
                return False
            operator_call, attempt_id = attempt.operator_call_key, attempt.id
        return self._try(lambda: self._carrier.reconnect_operator(operator_call, attempt_id), operator_call)

    @retry_on_deadlock
    def take_off_hold_by_key(self, attempt_id: int) -> None:
        """Take the caller off hold, as the operator asked by telephone."""
        with transaction(self._sessions) as session:
            if (attempt := session.get(RingAttempt, attempt_id)) is not None:
                tickets.set_on_hold(session, attempt.ticket_id, None)

    def send_to_queue(self, call_key: str) -> None:
        """Send a caller to the queue who is connected to nobody."""
        self._try(lambda: self._carrier.redirect_to_queue(call_key), call_key)

    def delete_queue(self, queue_id: str) -> None:
        """Delete a queue its caller has left: nobody else will wait in it, and the carrier keeps only so many."""
        if queue_id:
            delete = partial(self._try, partial(self._carrier.delete_queue, queue_id), queue_id)
            threading.Thread(target=delete, name="queue", daemon=True).start()

    def open_calls(self) -> list[str]:
        """The operators' calls that have not been reported to be over."""
        with read_only(self._sessions) as session:
            is_open = RingAttempt.ended_at.is_(None), RingAttempt.operator_call_key.is_not(None)
            return [key for key in session.scalars(select(RingAttempt.operator_call_key).where(*is_open)) if key]

    # --- single steps

    @retry_on_deadlock
    def _assign(self) -> list[OperatorDial]:
        now = self._clock()
        with transaction(self._sessions) as session:
            _close_lost_attempts(session, now)
            found = session.scalars(
                select(Ticket)
                .where(Ticket.state == "waiting", Ticket.queued_at > now - QUEUED_WITHIN)
                .where(
                    ~select(RingAttempt.id)
                    .where(RingAttempt.ticket_id == Ticket.id, RingAttempt.ended_at.is_(None))
                    .exists()
                )
                .order_by(Ticket.id)
                .with_for_update(skip_locked=True)
            ).all()
            dials = []
            for ticket in found:
                last_attempts = _last_attempts(session, ticket)
                for operator in presence.available_operators(session, self._numbers, now):
                    last = last_attempts.get(operator.address)
                    # An operator who became ready since then may be dialled again at once.
                    if last is not None and now - last < REDIAL_AFTER and last >= (operator.ready_since or last):
                        continue
                    attempt = ring_attempts.open_attempt(session, ticket, operator.staff_id, operator.address, now)
                    if attempt is not None:
                        dials.append(_dial(session, attempt, ticket))
                        break
            return dials

    @retry_on_deadlock
    def _attempt_for_taker(self, ticket_id: int) -> OperatorDial | None:
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = session.get_one(Ticket, ticket_id, with_for_update=True)
            operator = session.get(StaffRow, ticket.taken_by) if ticket.state == "taken" else None
            if operator is None:
                return None
            address = presence.operator_address(session, operator)
            attempt = ring_attempts.open_attempt(session, ticket, operator.id, address, now) if address else None
            return _dial(session, attempt, ticket) if attempt is not None else None

    @retry_on_deadlock
    def _end_wrap_ups(self) -> bool:
        now = self._clock()
        with transaction(self._sessions) as session:
            ended = presence.end_wrap_ups(session, now)
            session.flush()
            if ended:
                tickets.close_served(session, now)
            return ended

    def _is_ringing_for(self, ticket_id: int) -> bool:
        with transaction(self._sessions) as session:
            attempt = ring_attempts.open_attempt_of(session, ticket_id)
            ticket = session.get_one(Ticket, ticket_id)
            if attempt is None or attempt.state != "ringing" or attempt.staff_id != ticket.taken_by:
                return False
            attempt.taken_at_desk = True
            return True

    def _place(self, dial: OperatorDial) -> bool:
        """Place the call; False if that fails, and the next operator is to be tried."""
        try:
            call_key = self._carrier.dial_operator(dial.address, dial.line, dial.attempt_id)
        except CarrierBusy as busy:
            log.info("an operator is dialled later", attempt=dial.attempt_id, reason=str(busy))
            self._withdraw(dial.attempt_id)
            return False
        except CarrierError as error:
            log.warning("an operator could not be dialled", attempt=dial.attempt_id, reason=str(error))
            self._end(dial.attempt_id, "failed")
            return False
        with transaction(self._sessions) as session:
            attempt = session.get_one(RingAttempt, dial.attempt_id, with_for_update=True)
            attempt.operator_call_key = call_key
            cancelled = attempt.ended_at is not None
        if cancelled:
            self._hang_up(call_key)
        return True

    @retry_on_deadlock
    def _end(self, attempt_id: int, outcome: RingState) -> None:
        now = self._clock()
        with transaction(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id, with_for_update=True)
            if attempt is None or not ring_attempts.end(attempt, outcome, now):
                return
            log.info("an operator's call is over", attempt=attempt.id, staff=attempt.staff_id, outcome=attempt.state)
            if attempt.state in ("unanswered", "failed") and attempt.staff_id is not None:
                presence.pause(
                    session, attempt.staff_id, now, "unanswered" if attempt.state == "unanswered" else "failed"
                )
            if attempt.state == "over" and attempt.staff_id is not None:
                presence.record_call_end(session, attempt.staff_id, now)
            if attempt.taken_at_desk and attempt.state in ("declined", "unanswered", "failed"):
                tickets.put_back(session, attempt.ticket_id)

    @retry_on_deadlock
    def _withdraw(self, attempt_id: int) -> None:
        """Remove a ring attempt of which no call was placed: the operator has missed nothing and stays ready."""
        with transaction(self._sessions) as session:
            attempt = session.get(RingAttempt, attempt_id, with_for_update=True)
            if attempt is None:
                return
            if attempt.taken_at_desk:
                tickets.put_back(session, attempt.ticket_id)
            session.delete(attempt)

    def _cancel(self, ticket_id: int) -> None:
        """End the ring attempt for this caller, and hang up its call, if it still rings."""
        with transaction(self._sessions) as session:
            attempt = ring_attempts.open_attempt_of(session, ticket_id)
            if attempt is None or attempt.state != "ringing":
                return
            ring_attempts.end(attempt, "cancelled", self._clock())
            call_key = attempt.operator_call_key
        if call_key is not None:
            self._hang_up(call_key)

    def _hang_up(self, call_key: str) -> None:
        self._try(lambda: self._carrier.end_call(call_key), call_key)

    def _try(self, action: Callable[[], None], call_key: str) -> bool:
        try:
            action()
        except CarrierError as error:
            log.warning("the carrier did not do what it was asked of a call", call=call_key, reason=str(error))
            return False
        return True


def _last_attempts(session: Session, ticket: Ticket) -> dict[str, datetime]:
    """The time each operator's telephone last stopped ringing for this caller, by address."""
    attempts = session.execute(
        select(RingAttempt.address, RingAttempt.ended_at)
        .where(RingAttempt.ticket_id == ticket.id, RingAttempt.ended_at.is_not(None))
        .order_by(RingAttempt.id)
    )
    return {address: ended for address, ended in attempts if ended is not None}


def _dial(session: Session, attempt: RingAttempt, ticket: Ticket) -> OperatorDial:
    return OperatorDial(attempt.id, attempt.address, session.get_one(Call, ticket.call_key).called)


def _close_lost_attempts(session: Session, now: datetime) -> None:
    """End ring attempts whose end was never reported: those that cannot be ringing any more, and those whose ticket was
    closed long ago."""
    for attempt in session.scalars(select(RingAttempt).where(RingAttempt.ended_at.is_(None))):
        ticket = session.get_one(Ticket, attempt.ticket_id)
        done = ticket.closed_at is not None and ticket.closed_at < now - TALK_LOST_AFTER
        if done or (attempt.state == "ringing" and attempt.dialled_at < now - RING_LOST_AFTER):
            ring_attempts.end(attempt, "failed", now)
            if attempt.taken_at_desk and ticket.state == "taken":
                tickets.put_back(session, ticket.id)
