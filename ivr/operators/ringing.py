"""Operators are dialled for callers who wait: one after another, the longest idle first, until one of them accepts.

Connecting a caller and an operator. The caller waits in a queue at the carrier, named after the call, and stays there
whatever happens to operators. An operator is dialled by a call of its own, placed by REST; on a telephone a voice says
who is calling and waits for a 1, in a browser taking the call is enough. Accepting is one conditional update in the
database, so exactly one operator gets a caller, at the desk or by telephone; only then does the operator's call dial
the caller's queue, which connects the two. Declining, silence, a busy or a dead line end the operator's call alone, and
the next operator is dialled. (Redirecting the caller into a <Dial> would take away music, keys and place while
telephones ring; a conference would strand either side if the other failed to come.)

Dispatching. The carrier requests the waiting music of every caller again and again, and each time the operators who are
free are dialled; so they are when an operator becomes ready and when an operator's call ends. Nothing is kept in
memory, so a restart in the middle costs one round of music at most.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.models import Call
from ivr.operators import presence, ring_attempts, tickets
from ivr.operators.models import Presence, RingAttempt, RingState, Ticket
from ivr.twilio.rest import CarrierError
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

# An operator's telephone rings this long, in seconds.
RING_S = 20
# A call that should be over by then has ended unreported: the server was down at the time.
RING_LOST_AFTER = timedelta(seconds=RING_S + 40)
TALK_LOST_AFTER = timedelta(minutes=2)
# An operator who did not take a caller is not dialled for the same one again before this.
REDIAL_AFTER = timedelta(seconds=60)
# A caller without a request from the queue for this long has left it.
QUEUED_WITHIN = timedelta(seconds=60)
# A dispatch passes over operators who cannot be dialled this often in a row.
DISPATCH_ROUNDS_MAX = 10

# The outcome for each status of the carrier's for a call that has ended.
RING_STATES: dict[str, RingState] = {
    "completed": "unanswered",
    "busy": "declined",
    "no-answer": "unanswered",
    "failed": "failed",
    "canceled": "called_off",
}

log = structlog.get_logger(__name__)


class RingingCarrier(Protocol):
    """The carrier operations that ringing needs."""

    def dial_operator(self, to: str, number: str, url: str, status_url: str, timeout_s: int, /) -> str: ...
    def end_call(self, call_key: str, /) -> None: ...
    def delete_queue(self, queue_sid: str, /) -> None: ...
    def redirect(self, call_key: str, url: str, /) -> None: ...


class RingingUrls(Protocol):
    """The URLs given to the carrier for operators' and callers' calls."""

    def ring_attempt_url(self, attempt_id: int, /) -> str: ...
    def ring_status_url(self, attempt_id: int, /) -> str: ...
    def reconnect_url(self, attempt_id: int, /) -> str: ...
    def queue_url(self) -> str: ...
    def hold_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class OperatorDial:
    """A dial of an operator: `number` is the line the caller called, shown to the operator."""

    attempt_id: int
    to: str
    from_number: str


class RingDispatcher:
    """Dials operators for the callers of one line."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: RingingCarrier,
        addresses: RingingUrls,
        numbers: Collection[str] = (),
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._addresses = addresses
        self._numbers = tuple(numbers)
        self._requested = threading.Event()
        self._dispatching = threading.Lock()

    def call_off(self, ticket_id: int) -> None:
        """Call off the ringing for a caller who no longer waits, and dispatch."""
        self._call_off(ticket_id)
        self.dispatch()

    def call_off_call(self, call_key: str) -> None:
        """Call off the ringing for a caller who has hung up."""
        with read_only(self._sessions) as session:
            found = session.scalars(
                select(RingAttempt.ticket_id)
                .join(Ticket, Ticket.id == RingAttempt.ticket_id)
                .where(Ticket.call_key == call_key, RingAttempt.ended_at.is_(None), RingAttempt.state == "ringing")
            ).all()
        for ticket_id in found:
            self.call_off(ticket_id)

    def dispatch_now(self) -> None:
        """Dispatch: dial an operator for every waiting caller without an open ring attempt, as far as operators are
        free."""
        for _round in range(DISPATCH_ROUNDS_MAX):
            if all(self._place(rung) for rung in self._assign()):
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
            log.error("operators could not be rung", exc_info=error)
        finally:
            self._dispatching.release()

    def dial_taker(self, ticket_id: int) -> bool:
        """Dial the operator who has just taken this caller at the desk; False if they have neither telephone nor
        browser to talk by, or cannot be dialled. An operator whose telephone already rings for the caller need only
        answer it."""
        if self._is_ringing_for(ticket_id):
            return True
        self._call_off(ticket_id)
        rung = self._attempt_for_taker(ticket_id)
        return rung is not None and self._place(rung)

    @retry_on_deadlock
    def accept(self, attempt_id: int) -> str | None:
        """Accept the ring attempt and return the call to connect to, or None if the caller is no longer available."""
        with transaction(self._sessions) as session:
            offer = session.get(RingAttempt, attempt_id, with_for_update=True)
            if offer is None or not ring_attempts.accept(session, offer, self._clock()):
                return None
            ticket = session.get_one(Ticket, offer.ticket_id)
            call = session.get_one(Call, ticket.call_key)
            log.info("an operator takes a call", call=call.call_key, staff=offer.staff_id, offer=offer.id)
            return call.call_key if call.ended_at is None else None

    def end_attempt(self, attempt_id: int, outcome: RingState) -> None:
        """End a ring attempt and dispatch. An operator who did not answer is paused until they are ready again; a
        caller taken at the desk whose operator cannot be reached waits for another one."""
        self._end(attempt_id, outcome)
        self.dispatch()

    def put_on_hold(self, ticket_id: int) -> bool:
        """Put the operator's caller on hold; False if they are on hold already, or there is no call to put on hold."""
        now = self._clock()
        with transaction(self._sessions) as session:
            offer = ring_attempts.open_attempt_of(session, ticket_id)
            if offer is None or offer.state != "accepted" or not tickets.set_on_hold(session, ticket_id, now):
                return False
            call_key = session.get_one(Ticket, ticket_id).call_key
        return self._redirect(call_key, self._addresses.hold_url())

    def take_off_hold(self, ticket_id: int) -> bool:
        """Take the caller off hold and connect the operator again; False if they are not on hold."""
        with transaction(self._sessions) as session:
            offer = ring_attempts.open_attempt_of(session, ticket_id)
            if offer is None or offer.operator_call_key is None or not tickets.set_on_hold(session, ticket_id, None):
                return False
            leg, offer_id = offer.operator_call_key, offer.id
        return self._redirect(leg, self._addresses.reconnect_url(offer_id))

    @retry_on_deadlock
    def take_off_hold_by_key(self, offer_id: int) -> None:
        """Take the caller off hold, as the operator asked by telephone."""
        with transaction(self._sessions) as session:
            if (offer := session.get(RingAttempt, offer_id)) is not None:
                tickets.set_on_hold(session, offer.ticket_id, None)

    def delete_queue(self, queue_sid: str) -> None:
        """Delete a queue its caller has left: nobody else will wait in it, and the carrier keeps only so many."""
        if re.fullmatch(r"QU[0-9a-f]{32}", queue_sid):
            forget = partial(self._try, partial(self._carrier.delete_queue, queue_sid), queue_sid)
            threading.Thread(target=forget, name="queue", daemon=True).start()

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
            rung = []
            for ticket in found:
                rung_at = _last_attempts(session, ticket)
                for operator in presence.available_operators(session, self._numbers, now):
                    last = rung_at.get(operator.address)
                    # An operator who became ready since then may be dialled again at once.
                    if last is not None and now - last < REDIAL_AFTER and last >= (operator.ready_since or last):
                        continue
                    offer = ring_attempts.open_attempt(session, ticket, operator.staff_id, operator.address, now)
                    if offer is not None:
                        rung.append(_dial(session, offer, ticket))
                        break
            return rung

    @retry_on_deadlock
    def _attempt_for_taker(self, ticket_id: int) -> OperatorDial | None:
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = session.get_one(Ticket, ticket_id, with_for_update=True)
            person = session.get(StaffRow, ticket.taken_by) if ticket.state == "taken" else None
            if person is None:
                return None
            row = session.get(Presence, person.id)
            address = (person.phone or "") if row is None else presence.dial_address(row, person)
            offer = ring_attempts.open_attempt(session, ticket, person.id, address, now) if address else None
            return _dial(session, offer, ticket) if offer is not None else None

    def _is_ringing_for(self, ticket_id: int) -> bool:
        with transaction(self._sessions) as session:
            offer = ring_attempts.open_attempt_of(session, ticket_id)
            ticket = session.get_one(Ticket, ticket_id)
            if offer is None or offer.state != "ringing" or offer.staff_id != ticket.taken_by:
                return False
            offer.taken_at_desk = True
            return True

    def _place(self, dial: OperatorDial) -> bool:
        """Place the call; False if that fails, and the next operator is to be tried."""
        addresses = self._addresses
        url, status_url = addresses.ring_attempt_url(dial.attempt_id), addresses.ring_status_url(dial.attempt_id)
        try:
            call_key = self._carrier.dial_operator(dial.to, dial.from_number, url, status_url, RING_S)
        except CarrierError as error:
            log.warning("an operator could not be rung", offer=dial.attempt_id, reason=str(error))
            self._end(dial.attempt_id, "failed")
            return False
        with transaction(self._sessions) as session:
            offer = session.get_one(RingAttempt, dial.attempt_id, with_for_update=True)
            offer.operator_call_key = call_key
            called_off = offer.ended_at is not None
        if called_off:
            self._hang_up(call_key)
        return True

    @retry_on_deadlock
    def _end(self, offer_id: int, outcome: RingState) -> None:
        now = self._clock()
        with transaction(self._sessions) as session:
            offer = session.get(RingAttempt, offer_id, with_for_update=True)
            if offer is None or not ring_attempts.end(offer, outcome, now):
                return
            log.info("an operator's call is over", offer=offer.id, staff=offer.staff_id, outcome=offer.state)
            if offer.state in ("unanswered", "failed") and offer.staff_id is not None:
                presence.pause(session, offer.staff_id, now, "unanswered" if offer.state == "unanswered" else "failed")
            if offer.state == "over" and offer.staff_id is not None:
                presence.record_call_end(session, offer.staff_id, now)
            if offer.taken_at_desk and offer.state in ("declined", "unanswered", "failed"):
                tickets.put_back(session, offer.ticket_id)

    def _call_off(self, ticket_id: int) -> None:
        """End the ring attempt for this caller, and hang up its call, if it still rings."""
        with transaction(self._sessions) as session:
            offer = ring_attempts.open_attempt_of(session, ticket_id)
            if offer is None or offer.state != "ringing":
                return
            ring_attempts.end(offer, "called_off", self._clock())
            call_key = offer.operator_call_key
        if call_key is not None:
            self._hang_up(call_key)

    def _hang_up(self, call_key: str) -> None:
        self._try(lambda: self._carrier.end_call(call_key), call_key)

    def _redirect(self, call_key: str, url: str) -> bool:
        return self._try(lambda: self._carrier.redirect(call_key, url), call_key)

    def _try(self, action: Callable[[], None], call_key: str) -> bool:
        try:
            action()
        except CarrierError as error:
            log.warning("the carrier did not do what it was asked of a call", call=call_key, reason=str(error))
            return False
        return True


def _last_attempts(session: Session, ticket: Ticket) -> dict[str, datetime]:
    """The time each operator's telephone last stopped ringing for this caller, by address."""
    offered = session.execute(
        select(RingAttempt.address, RingAttempt.ended_at)
        .where(RingAttempt.ticket_id == ticket.id, RingAttempt.ended_at.is_not(None))
        .order_by(RingAttempt.id)
    )
    return {address: ended for address, ended in offered if ended is not None}


def _dial(session: Session, offer: RingAttempt, ticket: Ticket) -> OperatorDial:
    return OperatorDial(offer.id, offer.address, session.get_one(Call, ticket.call_key).called)


def _close_lost_attempts(session: Session, now: datetime) -> None:
    """End ring attempts whose end was never reported: those that cannot be ringing any more, and those whose ticket was
    closed long ago."""
    for offer in session.scalars(select(RingAttempt).where(RingAttempt.ended_at.is_(None))):
        ticket = session.get_one(Ticket, offer.ticket_id)
        done = ticket.closed_at is not None and ticket.closed_at < now - TALK_LOST_AFTER
        if done or (offer.state == "ringing" and offer.dialled_at < now - RING_LOST_AFTER):
            ring_attempts.end(offer, "failed", now)
            if offer.taken_at_desk and ticket.state == "taken":
                tickets.put_back(session, ticket.id)
