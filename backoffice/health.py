"""`/healthz`, `/readyz` and `/metrics`: what the line can do now, for whoever watches it.

None of them waits for a database that does not answer: it is asked by a thread that is left behind.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from backoffice.database_gauges import DATABASE_DOWN, database_gauges
from clock import Clock
from ivr.carrier import Carrier, CarrierError
from ivr.metrics import exposition
from ivr.processes import LineProcesses, calls_under_way, line_processes, machine, record_heartbeat
from ivr.streams.recognition import Recognition
from settings import Settings
from storage import SessionFactory, TablesState, read_only, tables_state, transaction

# A database that takes longer to answer lets callers wait.
DATABASE_ANSWERS_WITHIN_S = 3.0
# Under this, the next day of recordings and orders may not fit.
DISK_FREE_MIN_BYTES: Final = 200_000_000
NOT_CURRENT: Final = "not current: run `flask --app app migrate`"
# `deploy.serve` makes this file beside its sockets when it has been told to stop.
DRAINING: Final = "draining"

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """The state of the database: a problem, empty if there is none; the state of its tables and the line processes,
    None if they are not known; and the number of calls that this machine has."""

    problem: str
    tables: TablesState | None = None
    line: LineProcesses | None = None
    calls: int = 0

    @property
    def serves(self) -> bool:
        """True if calls can be taken with this database."""
        return not self.problem and self.tables in ("current", "newer")


class WithinTime(Generic[T]):
    """Runs a question to the database in a thread, and stops waiting for it after a while. While one question has no
    answer, no second one is asked."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._answer: T | None = None

    def answer(self) -> T | None:
        """The answer, or None if there is none within DATABASE_ANSWERS_WITHIN_S."""
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                self._answer = None
                self._asking = threading.Thread(target=self._run, name="health", daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(DATABASE_ANSWERS_WITHIN_S)
        return None if asking.is_alive() else self._answer

    def _run(self) -> None:
        self._answer = self._ask()


def health_routes(
    settings: Settings, sessions: SessionFactory, recognition: Recognition, carrier: Carrier, clock: Clock
) -> Blueprint:
    """The routes by which the line is watched."""
    routes = Blueprint("health", __name__)
    written = WithinTime(partial(_ask, sessions, clock, write=True))
    read = WithinTime(partial(_ask, sessions, clock, write=False))
    exchange = WithinTime(partial(_exchange_problem, carrier))
    gauges = WithinTime(lambda: database_gauges(sessions, settings.operator_numbers, clock()))
    silent = DatabaseHealth(f"does not answer within {DATABASE_ANSWERS_WITHIN_S:.0f} s")

    @routes.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Report if the line can take calls: 503 without a database that can be written, or with tables of an earlier
        version; "degraded" where callers have less than they should."""
        database = written.answer() or silent
        lacking = {
            "recogniser": recognition.problem,
            "line": _line_problem(database.line),
            "disk": _disk_problem(settings.database_url),
        }
        if settings.carrier == "asterisk":
            # Of a carrier elsewhere it is not asked this often.
            problem = exchange.answer()
            lacking["carrier"] = "the exchange does not answer" if problem is None else problem or None
        recogniser = "ok" if recognition.available else recognition.problem or "not wanted: LISTEN_MODE is keypad"
        report = {
            "database": database.problem or "ok",
            "tables": _tables(database.tables),
            "recogniser": recogniser,
            "line": lacking["line"] or _line(database.line),
            "disk": lacking["disk"] or "ok",
        }
        if "carrier" in lacking:
            report["carrier"] = lacking["carrier"] or "ok"
        degraded = any(lacking.values())
        status = ("degraded" if degraded else "ok") if database.serves else "down"
        return jsonify(status=status, **report), 200 if database.serves else 503

    @routes.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Report if this machine may be given calls: 503 while it stops, and while it has no database. `calls` is the
        number of calls it would have to end or hand over if it stopped now."""
        database = read.answer() or silent
        draining = _is_draining(settings)
        status = "draining" if draining else "ready" if database.serves else "not ready"
        reason = "this machine has been told to stop" if draining else database.problem or _tables(database.tables)
        ready = status == "ready"
        answer = jsonify(status=status, calls=database.calls, **({} if ready else {"reason": reason}))
        return answer, 200 if ready else 503

    @routes.get("/metrics")
    def metrics() -> Response:
        """Report the figures in Prometheus's text format, to the networks of METRICS_NETWORKS only."""
        if not may_read_metrics(settings, request.remote_addr):
            abort(404)
        return Response(exposition() + (gauges.answer() or DATABASE_DOWN), mimetype="text/plain; version=0.0.4")

    return routes


def _exchange_problem(carrier: Carrier) -> str:
    """The reason why one's own exchange brings no calls; empty if it does."""
    try:
        carrier.check()
    except CarrierError as error:
        return str(error)
    return ""


def may_read_metrics(settings: Settings, address: str | None) -> bool:
    """True if the figures may be read from this address; a request over the machine's own socket has none."""
    if not address:
        return True
    try:
        client = ip_address(address)
    except ValueError:
        return False
    return any(client in network for network in settings.metrics_networks)


def _ask(sessions: SessionFactory, clock: Clock, *, write: bool) -> DatabaseHealth:
    """The state of the database. With `write`, a row is written: a full disk and a read-only file show only then."""
    now = clock()
    try:
        with transaction(sessions) if write else read_only(sessions) as session:
            tables = tables_state(session)
            if tables == "older":
                return DatabaseHealth("", tables)
            if write:
                record_heartbeat(session, f"health {machine()}", "health", now)
            line = line_processes(session, now)
            if session.get_bind().dialect.name == "sqlite":
                # One machine has all calls.
                return DatabaseHealth("", tables, line, calls_under_way(session, now))
            return DatabaseHealth("", tables, line, line_processes(session, now, here=True).streams)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        log.error("the database cannot be used", reason=reason)
        return DatabaseHealth(f"cannot be used: {type(error).__name__} ({reason})")


def _tables(state: TablesState | None) -> str:
    if state is None:
        return "unknown"
    return NOT_CURRENT if state == "older" else state


def _line(line: LineProcesses | None) -> str:
    if line is None:
        return "unknown"
    return f"processes: {line.count}, media streams: {line.streams} of {line.streams_max}"


def _line_problem(line: LineProcesses | None) -> str | None:
    if line is None:
        return None
    if not line.count:
        return "no line process lives: callers are heard by keys only, and no page is kept up to date"
    if line.full:
        return f"all {line.streams_max} media streams are taken: further callers are heard by recordings or keys"
    return None


def _disk_problem(database_url: str) -> str | None:
    folder = data_folder(database_url)
    free = shutil.disk_usage(folder).free
    if free >= DISK_FREE_MIN_BYTES:
        return None
    return f"only {free // 1_000_000} MB are free in {folder}: make room, or calls will fail"


def data_folder(database_url: str) -> Path:
    """The folder that fills up on this machine: of the SQLite file, otherwise the present one."""
    name = make_url(database_url).database if database_url.startswith("sqlite") else None
    folder = Path(name).absolute().parent if name and name != ":memory:" else Path.cwd()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _is_draining(settings: Settings) -> bool:
    return settings.sockets_folder is not None and (settings.sockets_folder / DRAINING).exists()
