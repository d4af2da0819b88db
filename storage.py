"""The database: engine, sessions, the base class of all tables, and migrations."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

MIGRATIONS = Path(__file__).parent / "migrations"

# The time a writer waits for another one's transaction before it gives up, in milliseconds.
SQLITE_BUSY_TIMEOUT_MS = 10_000
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


SessionFactory = sessionmaker[Session]

TablesState = Literal["current", "newer", "older"]

P = ParamSpec("P")
T = TypeVar("T")

# PostgreSQL's SQLSTATE for the transaction it aborts to end a deadlock, or a serialisation failure.
RETRYABLE_SQLSTATES = frozenset({"40P01", "40001"})
RETRIES = 8
RETRY_WAIT_S = 0.03


def open_engine(url: str) -> Engine:
    """An engine for `url`. On SQLite every transaction takes the write lock at its start (BEGIN IMMEDIATE), so a turn
    that reads and then writes cannot lose to another one in between; only `reading` takes none. Its errors do not show
    a statement's parameters, which may include a PIN."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if (path := url.removeprefix("sqlite:///")) not in (url, "", ":memory:"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, is the only one
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
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
        give_up = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
        if not first.acquire(timeout=SQLITE_BUSY_TIMEOUT_MS / 1000):
            raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
        connection.info["is_first"] = True
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            while not _begins(connection, is_last_try=time.monotonic() > give_up):
                time.sleep(SQLITE_ASKS_EVERY_S)
        except BaseException:
            leave(connection)
            raise
        connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")

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


def open_sessions(engine: Engine) -> SessionFactory:
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
        session.connection(execution_options={"reads_only": True})
        yield session


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
