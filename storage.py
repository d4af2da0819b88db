"""The database: engine, sessions, the base class of all tables, and migrations."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from psycopg.abc import PQGen
from sqlalchemy import Connection, DateTime, Engine, MetaData, String, create_engine, event, inspect, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from plain_text import check_text

MIGRATIONS = Path(__file__).parent / "migrations"

# A carrier gives up a request after 15 s, and the caller should hear something first. So all waits of one request for
# the database together take no longer than this, and one statement, or one wait for SQLite's write lock, neither.
WAIT_MS = 8_000
# PostgreSQL: the wait for a lock of another transaction. It leaves time for one more try, or for giving the call on.
LOCK_WAIT_MS = 4_000
# A connection is tried before it is used, and a new one made where it is broken.
PING_WAIT_S, CONNECT_WAIT_S = 2, 3
# What is left to a request that has used up its time, for what can be had at once.
LEAST_WAIT_S = 0.5
# A process or a machine that stands still in the middle of a transaction keeps its locks no longer than this.
IDLE_IN_TRANSACTION_MS = 60_000
# An import or a report of a whole city may take this long, see `unhurried`.
UNHURRIED_MS = 600_000
# Connections of one process. Transactions take milliseconds, so few are used at once; with three web, two line
# processes and the dialler at most 96 of the 100 that a PostgreSQL server has as it comes.
POOL_SIZE, POOL_OVERFLOW, POOL_WAIT_S = 8, 8, 4
# The first writer of a process asks for the write lock of another one so often.
SQLITE_ASKS_EVERY_S = 0.002


class Base(DeclarativeBase):
    """The base class of every table in every package."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _check_texts(table: type[Base], key: str, attribute: Any) -> None:
    """Have every text checked when it is given to a row, on every database and by whatever way it came in: UnfitText
    for one with control characters, or one longer than its column."""
    column = getattr(inspect(table).attrs.get(key), "columns", (None,))[0]
    if column is None or not isinstance(column.type, String):
        return
    most = column.type.length

    @event.listens_for(attribute, "set")
    def check(_row: Any, value: Any, _old: Any, _initiator: Any) -> None:
        if isinstance(value, str):
            check_text(value, most)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC on every database; ValueError for a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; pass an aware datetime")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        if dialect.name == "sqlite":
            return _moment_of_text
        return super().result_processor(dialect, coltype)


def _moment_of_text(text: str | None) -> datetime | None:
    """The moment that SQLite has as a text, in one step: a page of a month reads tens of thousands of them."""
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


SessionFactory = sessionmaker[Session]

TablesState = Literal["current", "newer", "older"]

P = ParamSpec("P")
T = TypeVar("T")

# PostgreSQL's SQLSTATE for the transaction it aborts to end a deadlock, or a serialisation failure.
RETRYABLE_SQLSTATES = frozenset({"40P01", "40001"})
RETRIES = 8
RETRY_WAIT_S = 0.03


# The moment by which the waits of this request have to end, by `time.monotonic`; None where there is no such moment.
_waits_end: ContextVar[float | None] = ContextVar("waits_end", default=None)
_is_unhurried: ContextVar[bool] = ContextVar("is_unhurried", default=False)


@contextmanager
def waits_within(seconds: float | None = None) -> Iterator[None]:
    """Until the block ends, all waits for the database together take about this long at most, or as long as one may."""
    end, outer = time.monotonic() + (WAIT_MS / 1000 if seconds is None else seconds), _waits_end.get()
    token = _waits_end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _waits_end.reset(token)


@contextmanager
def unhurried() -> Iterator[None]:
    """Until the block ends, a single statement may take minutes: for work that nobody on the telephone waits for. Locks
    are waited for no longer than elsewhere."""
    token = _is_unhurried.set(True)
    try:
        yield
    finally:
        _is_unhurried.reset(token)


def _wait_s() -> float:
    """The time the next wait may take, in seconds."""
    longest, end = (UNHURRIED_MS if _is_unhurried.get() else WAIT_MS) / 1000, _waits_end.get()
    return longest if end is None else max(LEAST_WAIT_S, min(longest, end - time.monotonic()))


def open_engine(url: str) -> Engine:
    """An engine for `url`. A wait for the database ends as `WAIT_MS`, `waits_within` and `unhurried` say, whatever the
    server does. Its errors do not show a statement's parameters, which may include a PIN."""
    return _open_sqlite(url) if url.startswith("sqlite") else _open_postgresql(url)


def _open_postgresql(url: str) -> Engine:
    """An engine on PostgreSQL. The server ends statements and waits for locks that take too long; a server that has
    gone silent, or stands still, is given up from this end."""
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,
        connect_args={} if "options" in make_url(url).query else {"options": _POSTGRESQL_OPTIONS},
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Dialect, _record: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        in_time = {"connect_timeout": max(1, int(min(_wait_s(), CONNECT_WAIT_S)))}
        return _BoundedConnection.connect(*arguments, **in_time | named)

    @event.listens_for(engine, "begin")
    def allow_long_statements(connection: Any) -> None:
        if _is_unhurried.get():
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {name} = {UNHURRIED_MS}")

    ping = engine.dialect.do_ping

    def ping_in_time(dbapi_connection: Any) -> bool:
        with waits_within(PING_WAIT_S):
            return ping(dbapi_connection)

    engine.dialect.do_ping = ping_in_time  # type: ignore[method-assign]
    return engine


_POSTGRESQL_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "statement_timeout": WAIT_MS,
        "lock_timeout": LOCK_WAIT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        # The server notices within half a minute that the machine of a client is gone.
        "tcp_keepalives_idle": 15,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }.items()
)


class _BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up where the server's answer does not come in time."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            # The server's own time-out, which keeps the connection, comes first where there is one.
            return super().wait(
                gen, interval=interval, timeout=_wait_s() + LEAST_WAIT_S if timeout is None else timeout
            )
        except psycopg.errors._WaitTimeout as error:
            # The answer may still come: nothing else can be asked on this connection.
            self.pgconn.finish()
            raise psycopg.OperationalError("the database has not answered in time") from error


def _open_sqlite(url: str) -> Engine:
    """An engine on an SQLite file. Every transaction takes the write lock at its start (BEGIN IMMEDIATE), so a turn
    that reads and then writes cannot lose to another one in between; only `read_only` takes none."""
    if (path := url.removeprefix("sqlite:///")) not in (url, "", ":memory:"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, pool_size=POOL_SIZE, max_overflow=-1, connect_args={"timeout": WAIT_MS / 1000}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, is the only one
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    _queue_writers(engine)
    return engine


def _queue_writers(engine: Engine) -> None:
    """Begin every transaction of an SQLite engine with the write lock, except one that only reads.

    SQLite asks for a lock that is taken after ever longer pauses: who has waited longest asks least often, and twenty
    calls at once waited for seconds. So the writers of a process stand in a queue, and its first asks often.
    """
    first = threading.Lock()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("reads_only", False):
            connection.exec_driver_sql("BEGIN")
            return
        # A lock is never waited for longer than by a caller, however long its owner may then take.
        wait_s = min(_wait_s(), WAIT_MS / 1000)
        give_up = time.monotonic() + wait_s
        if not first.acquire(timeout=wait_s):
            raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
        connection.info["is_first"] = True
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            while not _begins(connection, is_last_try=time.monotonic() > give_up):
                time.sleep(SQLITE_ASKS_EVERY_S)
        except BaseException:
            leave(connection)
            raise
        connection.exec_driver_sql(f"PRAGMA busy_timeout={WAIT_MS}")

    def leave(connection: Any, *_: object) -> None:
        if not connection.invalidated and connection.info.pop("is_first", False):
            first.release()

    def give_up_connection(_connection: Any, record: Any, _error: object) -> None:
        if record.info.pop("is_first", False):
            first.release()

    # Told just before the transaction ends; the next in the queue asks until it has.
    event.listen(engine, "commit", leave)
    event.listen(engine, "rollback", leave)
    event.listen(engine, "invalidate", give_up_connection)


def _begins(connection: Any, *, is_last_try: bool) -> bool:
    """True once the transaction has the write lock; OperationalError if it has not got it in the last try."""
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if is_last_try or getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def open_sessions(engine: Engine | Connection) -> SessionFactory:
    """A factory of sessions; objects a session loaded stay readable after its commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: SessionFactory) -> Iterator[Session]:
    """One unit of work: committed when the block ends, rolled back when it raises."""
    with sessions() as session, session.begin():
        yield session


@contextmanager
def dry_run(sessions: SessionFactory) -> Iterator[Session]:
    """One unit of work that is rolled back when the block ends: a dry run."""
    with sessions() as session, session.begin() as work:
        yield session
        work.rollback()


@contextmanager
def read_only(sessions: SessionFactory) -> Iterator[Session]:
    """A read-only unit of work, which on SQLite waits for no writer."""
    with sessions() as session:
        connection = session.connection(execution_options={"reads_only": True})
        try:
            yield session
        finally:
            # The connection may be used again, see `one_connection`.
            connection.execution_options(reads_only=False)


@contextmanager
def staging(sessions: SessionFactory) -> Iterator[Session]:
    """As `read_only`, but temporary tables that it fills are kept for further units of work on the same connection."""
    with read_only(sessions) as session:
        yield session
        session.commit()


@contextmanager
def one_connection(sessions: SessionFactory) -> Iterator[SessionFactory]:
    """A factory of sessions that use one connection, one session after the other. With it a long piece of work reads
    and stages first, and then writes in short transactions. Nobody waits for it on the telephone: it is `unhurried`."""
    engine: Engine = sessions.kw["bind"]
    with unhurried(), engine.connect() as connection:
        yield open_sessions(connection)


def insert_many(session: Session, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Bulk-insert rows in the fastest way the database has. Values are of the database's own types (int, str, date) and
    are not checked. Producing the rows must not use the session, which is busy inserting them."""
    names = ", ".join(columns)
    with closing(session.connection().connection.cursor()) as cursor:
        if session.get_bind().dialect.name == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join("?" * len(columns))
            # sqlite3 takes any iterable, one row at a time.
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", cast("Sequence[Any]", rows))


def retry_on_deadlock(work: Callable[P, T]) -> Callable[P, T]:
    """Repeat a whole unit of work that the database aborted to end a deadlock; the abort has undone all of it."""

    @wraps(work)
    def again(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(RETRIES):
            try:
                return work(*args, **kwargs)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in RETRYABLE_SQLSTATES:
                    raise
                # Transactions that were aborted together must not collide again.
                time.sleep(random.uniform(0, RETRY_WAIT_S * (attempt + 1)))
        return work(*args, **kwargs)

    return again


class UnknownRevision(RuntimeError):
    """The tables of a database are of a revision that this version has no migration from: `revision`."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"no migration leads on from revision {revision}")
        self.revision = revision


def migrate(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` to the newest revision, or to `revision`; quick if it is there already. Raises
    UnknownRevision, and changes nothing, where the database is of an earlier or later line of versions."""
    config = _migrations()
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        if isinstance(error.__cause__, ResolutionError) and error.__cause__.argument != revision:
            raise UnknownRevision(error.__cause__.argument) from error
        raise


def tables_state(session: Session) -> TablesState:
    """The state of the tables, by their revision. This version works on newer ones: until it has been replaced
    everywhere, a migration only adds to what it uses (docs/running.md). SQLAlchemyError if the database cannot be
    reached."""
    found = MigrationContext.configure(session.connection()).get_current_heads()
    known = _newest_revision()
    if found == (known,):
        return "current"
    # Revisions are numbered; of one that this version does not have, the number is all there is to go by.
    return "newer" if len(found) == 1 and found[0].isdigit() and int(found[0]) > int(known) else "older"


@cache
def _newest_revision() -> str:
    (newest,) = ScriptDirectory.from_config(_migrations()).get_heads()
    return newest


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
