"""Calls the carrier has gone quiet about: it is asked what became of them.

A hang-up whose report was lost, because the server or its database was down, would leave a call that nobody is in: its
order counts as being made, operators are dialled for it, and its retailer is not called. Any line process asks; each
call is asked about by one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased

from clock import Clock
from ivr.carrier import ENDED_STATUSES, CallStatus, Carrier, CarrierError
from ivr.models import Call
from storage import SessionFactory, read_only, transaction

# A call without a report for this long is asked about, and again after as long. In the conversation and in the queue
# the carrier reports several times a minute; a caller who talks with an operator is quiet for as long as they talk.
QUIET_AFTER = timedelta(seconds=60)
SWEEP_EVERY_S = 5.0
ASKED_AT_ONCE_MAX = 20

log = structlog.get_logger(__name__)


class QuietCalls:
    """The open calls of one line that the carrier has gone quiet about. `call_ended` is told of those that are over."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: Carrier,
        call_ended: Callable[[str, CallStatus], None],
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._call_ended = call_ended
        self._stopped = threading.Event()

    def start(self) -> None:
        """Sweep in a thread of this process's own, until `stop`."""
        threading.Thread(target=self._run, name="quiet-calls", daemon=True).start()

    def stop(self) -> None:
        """Sweep no more: this process ends."""
        self._stopped.set()

    def sweep(self) -> int:
        """Ask the carrier about calls that have been quiet, end those that are over, and return how many were."""
        return sum(self._end_if_over(call_key) for call_key in self._claim())

    def open_calls(self) -> frozenset[str]:
        """The keys of the calls that are going on, as far as is known."""
        with read_only(self._sessions) as session:
            return frozenset(session.scalars(select(Call.call_key).where(Call.ended_at.is_(None))))

    def _run(self) -> None:
        while not self._stopped.wait(SWEEP_EVERY_S):
            try:
                self.sweep()
            except Exception as error:
                level = log.warning if isinstance(error, SQLAlchemyError) else log.error
                level("quiet calls could not be looked after", exc_info=error)

    def _claim(self) -> list[str]:
        """The calls to ask about, each claimed so that no other process asks about it."""
        now = self._clock()
        quiet = select(Call).where(_is_quiet(now)).order_by(Call.started_at).limit(ASKED_AT_ONCE_MAX)
        with read_only(self._sessions) as session:
            # Almost always there are none, and the database is not kept from writers.
            if session.scalar(quiet.with_only_columns(Call.call_key)) is None:
                return []
        with transaction(self._sessions) as session:
            calls = session.scalars(quiet.with_for_update(skip_locked=True)).all()
            for call in calls:
                call.seen_at = now
            return [call.call_key for call in calls]

    def _end_if_over(self, call_key: str) -> bool:
        try:
            status = self._carrier.status(call_key)
        except CarrierError as error:
            log.warning("the carrier could not be asked about a quiet call", call=call_key, reason=str(error))
            return False
        if status is not None and status not in ENDED_STATUSES:
            return False
        log.warning("a call whose end was never reported is over", call=call_key, status=status or "unknown")
        # A call the carrier does not know is not going on either.
        self._call_ended(call_key, status or "failed")
        return True


def _is_quiet(now: datetime) -> ColumnElement[bool]:
    """True of an open call without a report or a heartbeat for a while; or one whose caller has called again since, as
    who was cut off does."""
    seen_at = func.coalesce(Call.seen_at, Call.started_at)
    later = aliased(Call)
    called_again = (
        select(later.call_key)
        .where(later.caller == Call.caller, later.caller != "", later.ended_at.is_(None))
        .where(later.started_at > Call.started_at, later.started_at > seen_at)
        .exists()
    )
    silent = or_(Call.stream_heartbeat_at.is_(None), Call.stream_heartbeat_at < now - QUIET_AFTER)
    return and_(Call.ended_at.is_(None), or_(and_(seen_at < now - QUIET_AFTER, silent), called_again))
