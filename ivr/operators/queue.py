"""Callers who wait for an operator: seen at each request from the queue, and free to leave it for the line or a
callback."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from clock import Clock
from ivr.calls import Calls
from ivr.models import Call
from ivr.operators import callbacks, queue_position, tickets
from ivr.operators.queue_position import Standing
from ivr.operators.ringing import Ringing
from storage import SessionFactory, reading, retried, transaction

log = structlog.get_logger(__name__)


class Waiting:
    """The waiting callers of one line; `numbers` is the fixed list of operator numbers, which are always staffed."""

    def __init__(
        self, sessions: SessionFactory, clock: Clock, calls: Calls, ringing: Ringing, numbers: Collection[str] = ()
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._ringing = ringing
        self._numbers = tuple(numbers)

    @retried
    def heard_of(self, call_sid: str) -> Standing:
        """Record that the caller is in the queue and return their position. A caller whose operator is gone waits
        again."""
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_sid)
            if ticket is not None:
                ticket.queued_at = now
                if queue_position.lost_its_operator(session, ticket, now):
                    log.warning("a caller's operator is gone: the caller waits again", call=call_sid)
                    tickets.put_back(session, ticket.id)
                session.flush()
            return queue_position.standing(session, call_sid, self._numbers, now)

    @retried
    def left_queue(self, call_sid: str) -> Standing:
        """Record that the caller has left the queue and return their position."""
        with transaction(self._sessions) as session:
            if (ticket := tickets.of_call(session, call_sid)) is not None:
                ticket.queued_at = None
            return queue_position.standing(session, call_sid, self._numbers, self._clock())

    def standing(self, call_sid: str) -> Standing:
        """The caller's queue position."""
        with reading(self._sessions) as session:
            return queue_position.standing(session, call_sid, self._numbers, self._clock())

    def ask_back(self, call_sid: str) -> bool:
        """Record a callback request for the number of this call; False if that number cannot be dialled, or an operator
        was quicker."""
        with transaction(self._sessions) as session:
            call = session.get(Call, call_sid)
            if call is None or not callbacks.can_be_called(call.caller):
                return False
            ticket = tickets.withdraw(session, call_sid, "call_back", self._clock())
            if ticket is None:
                return False
            callbacks.ask(session, ticket, call, self._clock())
        log.info("a caller wants to be called back", call=call_sid)
        self._ringing.withdrawn(ticket.id)
        return True

    def go_back(self, call_sid: str) -> bool:
        """Return the caller to the automatic line; False if an operator was quicker."""
        with transaction(self._sessions) as session:
            ticket = tickets.withdraw(session, call_sid, "returned", self._clock())
        if ticket is None:
            return False
        self._calls.give_back(call_sid)
        self._ringing.withdrawn(ticket.id)
        return True

    @retried
    def wait_again(self, call_sid: str) -> None:
        """Return the caller to the queue, after the operator has hung up."""
        with transaction(self._sessions) as session:
            if (ticket := tickets.of_call(session, call_sid)) is not None:
                tickets.put_back(session, ticket.id)

    def go_on_alone(self, call_sid: str) -> None:
        """Return the caller to the automatic line, after the operator has hung up."""
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_sid)
            given_back = ticket is not None and tickets.close(session, ticket.id, "given_back", self._clock())
        if given_back:
            self._calls.give_back(call_sid)
