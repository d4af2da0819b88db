"""The pace of the calls the line places: the dialler and the ringing of operators share what the carrier takes.

A carrier that is asked to place more calls than it places in a second lets them wait, one after the other: an operator
would be rung for a waiting caller behind the retailers that the dialler has asked for. So the line itself gives each
call its second, first come, first served, whichever process it is placed from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from clock import Clock, system_clock
from ivr.carrier import CarrierBusy
from ivr.models import NextCall
from storage import SessionFactory, retry_on_deadlock, transaction

CALL_EVERY = timedelta(seconds=1)
"""The carrier of an account without an agreement on more places one call a second."""
AS_THEY_COME = timedelta()
"""On an exchange of one's own calls are placed as they come, unless its trunk takes none for a while."""
WAIT_MAX_S = 5.0
"""The longest time a call waits for its second: a request of an operator's page may wait for it."""

log = structlog.get_logger(__name__)


class CallPace:
    """The seconds in which the processes of one line may place calls, one `every` so often. They are those of the
    machines' clocks, also where the line's own clock is another one."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock = system_clock,
        wait: Callable[[float], None] = time.sleep,
        every: timedelta = CALL_EVERY,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._wait = wait
        self._every = every

    def await_turn(self) -> None:
        """Wait until a call may be placed. Raises CarrierBusy if that is more than WAIT_MAX_S away; without the
        database nothing is waited for."""
        try:
            wait_s = self._reserve()
        except SQLAlchemyError as error:
            log.warning("a call is placed without its turn", exc_info=error)
            return
        if wait_s > 0:
            self._wait(wait_s)

    def hold_off(self, seconds: float) -> None:
        """Have no call placed for so long: the carrier has had too many requests."""
        try:
            self._hold_off(timedelta(seconds=seconds))
        except SQLAlchemyError as error:
            log.warning("the calls to come could not be put off", exc_info=error)

    @retry_on_deadlock
    def _reserve(self) -> float:
        with transaction(self._sessions) as session:
            now, row = self._clock(), _locked(session)
            at = now if row.at is None else max(row.at, now)
            wait_s = (at - now).total_seconds()
            if wait_s > WAIT_MAX_S:
                raise CarrierBusy(f"no call may be placed for {wait_s:.0f} s", wait_s)
            row.at = at + self._every
            return wait_s

    @retry_on_deadlock
    def _hold_off(self, time_off: timedelta) -> None:
        with transaction(self._sessions) as session:
            until, row = self._clock() + time_off, _locked(session)
            row.at = until if row.at is None else max(row.at, until)


def _locked(session: Session) -> NextCall:
    one = select(NextCall).where(NextCall.id == 1).with_for_update()
    if (row := session.scalar(one)) is not None:
        return row
    try:
        with session.begin_nested():
            session.add(NextCall(id=1))
    except IntegrityError:
        log.debug("another process was first to place a call")
    return session.scalars(one).one()
