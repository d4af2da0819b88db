"""Callers who wait for a person: heard of again and again, and free to go back or to be called back instead."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from clock import Clock
from ivr import call_backs, queueing, tickets
from ivr.calls import Calls
from ivr.queueing import Standing
from ivr.ringing import Ringing
from ivr.tables import Call
from storage import SessionFactory, reading, retried, transaction

log = structlog.get_logger(__name__)


class Waiting:
    """Everybody who waits on one line; `numbers` are those of the fixed list, where somebody always is."""

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
        """The caller is in the queue: where they stand. Whose operator has vanished waits again."""
        now = self._clock()
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_sid)
            if ticket is not None:
                ticket.queued_at = now
                if queueing.lost_its_operator(session, ticket, now):
                    log.warning("a caller's operator is gone: the caller waits again", call=call_sid)
                    tickets.put_back(session, ticket.id)
                session.flush()
            return queueing.standing(session, call_sid, self._numbers, now)

    @retried
    def left_queue(self, call_sid: str) -> Standing:
        """The caller is no longer in the queue: where they stand."""
        with transaction(self._sessions) as session:
            if (ticket := tickets.of_call(session, call_sid)) is not None:
                ticket.queued_at = None
            return queueing.standing(session, call_sid, self._numbers, self._clock())

    def standing(self, call_sid: str) -> Standing:
        """Where the caller stands."""
        with reading(self._sessions) as session:
            return queueing.standing(session, call_sid, self._numbers, self._clock())

    def ask_back(self, call_sid: str) -> bool:
        """The caller wants to be called back, to the number of this call; False where that number cannot be rung, or
        an operator was quicker."""
        with transaction(self._sessions) as session:
            call = session.get(Call, call_sid)
            if call is None or not call_backs.can_be_called(call.caller):
                return False
            ticket = tickets.withdraw(session, call_sid, "call_back", self._clock())
            if ticket is None:
                return False
            call_backs.ask(session, ticket, call, self._clock())
        log.info("a caller wants to be called back", call=call_sid)
        self._ringing.withdrawn(ticket.id)
        return True

    def go_back(self, call_sid: str) -> bool:
        """The caller goes on with the automatic line instead; False where an operator was quicker."""
        with transaction(self._sessions) as session:
            ticket = tickets.withdraw(session, call_sid, "returned", self._clock())
        if ticket is None:
            return False
        self._calls.give_back(call_sid)
        self._ringing.withdrawn(ticket.id)
        return True

    @retried
    def wait_again(self, call_sid: str) -> None:
        """The operator has hung up, and the caller wants another one."""
        with transaction(self._sessions) as session:
            if (ticket := tickets.of_call(session, call_sid)) is not None:
                tickets.put_back(session, ticket.id)

    def go_on_alone(self, call_sid: str) -> None:
        """The operator has hung up, and the caller goes on with the automatic line."""
        with transaction(self._sessions) as session:
            ticket = tickets.of_call(session, call_sid)
            given_back = ticket is not None and tickets.close(session, ticket.id, "given_back", self._clock())
        if given_back:
            self._calls.give_back(call_sid)
