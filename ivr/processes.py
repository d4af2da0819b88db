"""The processes of the line as the database knows them: which line processes live, and the calls that are under way."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clock import Clock
from ivr.models import Call, ProcessHeartbeat, ProcessKind, TurnRow
from ivr.operators.models import Ticket
from ivr.turns.calls import CALL_OPEN_MAX, STREAM_LOST_AFTER
from storage import SessionFactory, transaction

HEARTBEAT_EVERY_S = 5.0
# A thread of a web process that works on a file gives way to others after this long. Of Python's own 5 ms, a turn with
# thirty statements waits for each: 150 ms in all.
SWITCH_INTERVAL_S = 0.001
# A process without a heartbeat for this long is gone, or has no processor time or database.
PROCESS_LOST_AFTER = timedelta(seconds=20)
# Rows of processes that were killed are kept for an administrator to see, for this long.
HEARTBEATS_KEPT = timedelta(days=1)
# A call in which nothing happened for this long is one whose end was not reported.
CALL_QUIET_MAX = timedelta(minutes=2)


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LineProcesses:
    """The line processes that live: how many, and their media streams."""

    count: int
    streams: int
    streams_max: int

    @property
    def full(self) -> bool:
        """True if no process can take another stream."""
        return self.count > 0 and self.streams >= self.streams_max


class LineProcess:
    """This line process, which records its heartbeats."""

    def __init__(
        self, sessions: SessionFactory, clock: Clock, streams_open: Callable[[], int], streams_max: int
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._streams_open = streams_open
        self._streams_max = streams_max
        self._name = f"line {machine()} {os.getpid()}"

    def record_heartbeat(self) -> None:
        """Record that this process lives. Raises SQLAlchemyError if the database cannot be written."""
        with transaction(self._sessions) as session:
            record_heartbeat(
                session, self._name, "line", self._clock(), streams=self._streams_open(), streams_max=self._streams_max
            )

    def remove(self) -> None:
        """Remove this process, which ends. Raises SQLAlchemyError if the database cannot be written."""
        with transaction(self._sessions) as session:
            session.execute(delete(ProcessHeartbeat).where(ProcessHeartbeat.process == self._name))


@asynccontextmanager
async def keep_alive(process: LineProcess) -> AsyncIterator[None]:
    """Record heartbeats of this line process while the block runs, in a thread of their own."""
    beating = asyncio.create_task(_beat(process))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(SQLAlchemyError):
            await asyncio.to_thread(process.remove)


async def _beat(process: LineProcess) -> None:
    while True:
        try:
            await asyncio.to_thread(process.record_heartbeat)
        except SQLAlchemyError as error:
            log.warning("the heartbeat of a line process could not be recorded", reason=type(error).__name__)
        await asyncio.sleep(HEARTBEAT_EVERY_S)


def machine() -> str:
    """The name of this machine, or container."""
    return socket.gethostname()[:64]


def record_heartbeat(
    session: Session, process: str, kind: ProcessKind, now: datetime, *, streams: int = 0, streams_max: int = 0
) -> None:
    """Record a heartbeat of a process, and forget those that are long gone."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    changing = {"heartbeat_at": now, "streams": streams, "streams_max": streams_max}
    row = insert(ProcessHeartbeat).values(process=process[:80], kind=kind, machine=machine(), **changing)
    session.execute(row.on_conflict_do_update(index_elements=["process"], set_=changing))
    session.execute(delete(ProcessHeartbeat).where(ProcessHeartbeat.heartbeat_at < now - HEARTBEATS_KEPT))


def line_processes(session: Session, now: datetime, *, here: bool = False) -> LineProcesses:
    """The line processes that live: everywhere, or on this machine."""
    chosen = select(
        func.count(),
        func.coalesce(func.sum(ProcessHeartbeat.streams), 0),
        func.coalesce(func.sum(ProcessHeartbeat.streams_max), 0),
    ).where(ProcessHeartbeat.kind == "line", ProcessHeartbeat.heartbeat_at > now - PROCESS_LOST_AFTER)
    if here:
        chosen = chosen.where(ProcessHeartbeat.machine == machine())
    count, streams, streams_max = session.execute(chosen).one()
    return LineProcesses(count, int(streams), int(streams_max))


def calls_under_way(session: Session, now: datetime) -> int:
    """The number of calls that are under way on all machines; those in which nothing happens any more are left out."""
    quiet_since = now - CALL_QUIET_MAX
    turn_taken = exists().where(TurnRow.call_key == Call.call_key, TurnRow.taken_at > quiet_since)
    with_operator = exists().where(Ticket.call_key == Call.call_key, Ticket.closed_at.is_(None))
    under_way = (
        select(func.count())
        .select_from(Call)
        .where(Call.ended_at.is_(None), Call.started_at > now - CALL_OPEN_MAX)
        .where(
            or_(
                Call.started_at > quiet_since,
                Call.stream_heartbeat_at > now - STREAM_LOST_AFTER,
                turn_taken,
                with_operator,
            )
        )
    )
    return session.scalar(under_way) or 0
