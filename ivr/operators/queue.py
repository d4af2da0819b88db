"""Callers who wait for an operator: seen at each round in the queue, and free to leave it for the line or a
callback."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from clock import Clock
from ivr.models import Call
from ivr.operators import callbacks, queue_position, tickets
from ivr.operators.queue_position import QueuePosition
from ivr.operators.ringing import RingDispatcher
from ivr.turns.calls import Calls
from orders.retailers.dialling import may_be_dialled
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

log = structlog.get_logger(__name__)


class CallerQueue:
    """The waiting callers of one line; `numbers` is the fixed list of operator numbers, which are always staffed."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        calls: Calls,
        dispatcher: RingDispatcher,
        numbers: Collection[str] = (),
        dialled_prefixes: Collection[str] = ("+86",),
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._dispatcher = dispatcher
        self._numbers = tuple(numbers)
        self._prefixes = tuple(dialled_prefixes)

    @retry_on_deadlock
    def record_in_queue(self, call_key: str) -> QueuePosition:
        """Record that the caller is in the queue and return their position. A caller whose operator is gone waits
        again."""
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_key)
            _see(session, call_key, now)
            if ticket is not None:
                ticket.queued_at = now
                if queue_position.operator_is_gone(session, ticket, now):
                    log.warning("a caller's operator is gone: the caller waits again", call=call_key)
                    tickets.put_back(session, ticket.id)
                session.flush()
            return self._position(session, call_key)

    @retry_on_deadlock
    def record_left_queue(self, call_key: str) -> QueuePosition:
        """Record that the caller has left the queue and return their position. Fails where the database cannot be
        written: a caller sent back to the queue would wait for operators that nobody dials."""
        with transaction(self._sessions) as session:
            _see(session, call_key, self._clock())
            if (ticket := tickets.of_call(session, call_key)) is not None:
                ticket.queued_at = None
            return self._position(session, call_key)

    def position(self, call_key: str) -> QueuePosition:
        """The caller's queue position."""
        with read_only(self._sessions) as session:
            return self._position(session, call_key)

    def _position(self, session: Session, call_key: str) -> QueuePosition:
        return queue_position.queue_position(session, call_key, self._numbers, self._prefixes, self._clock())

    def request_callback(self, call_key: str) -> bool:
        """Record a callback request for the number of this call; False if that number cannot be dialled, or an operator
        was quicker."""
        with transaction(self._sessions) as session:
            call = session.get(Call, call_key)
            if call is None or not may_be_dialled(call.caller, self._prefixes):
                return False
            ticket = tickets.withdraw(session, call_key, "callback", self._clock())
            if ticket is None:
                return False
            callbacks.request_callback(session, ticket, call, self._clock())
        log.info("a callback was requested", call=call_key)
        self._dispatcher.cancel(ticket.id)
        return True

    def return_to_line(self, call_key: str) -> bool:
        """Return the caller to the automatic line; False if an operator was quicker."""
        with transaction(self._sessions) as session:
            ticket = tickets.withdraw(session, call_key, "returned", self._clock())
        if ticket is None:
            return False
        self._calls.give_back(call_key)
        self._dispatcher.cancel(ticket.id)
        return True

    @retry_on_deadlock
    def requeue(self, call_key: str) -> None:
        """Return the caller to the queue, after the operator has hung up."""
        with transaction(self._sessions) as session:
            if (ticket := tickets.of_call(session, call_key)) is not None:
                tickets.put_back(session, ticket.id)

    def continue_without_operator(self, call_key: str) -> None:
        """Return the caller to the automatic line, after the operator has hung up."""
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_key)
            given_back = ticket is not None and tickets.close(session, ticket.id, "given_back", self._clock())
        if given_back:
            self._calls.give_back(call_key)


def _see(session: Session, call_key: str, now: datetime) -> None:
    session.execute(update(Call).where(Call.call_key == call_key).values(seen_at=now))
