"""Writers of an SQLite database: one at a time, in a queue that nothing holds up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import OperationalError

import storage
from brand_catalog.models import CatalogVersion
from clock import SHANGHAI
from storage import SessionFactory

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A file: on PostgreSQL writers do not queue."""
    return sqlite_url


def write(sessions: SessionFactory, version: str) -> None:
    """One unit of work."""
    with storage.transaction(sessions) as session:
        session.add(CatalogVersion(version=version, imported_at=NOW, note="", specs=0))


def written(sessions: SessionFactory) -> int:
    with storage.read_only(sessions) as session:
        return session.scalars(select(func.count()).select_from(CatalogVersion)).one()


def test_twelve_writers_of_two_processes_each_get_their_turn(engine: Engine, sessions: SessionFactory) -> None:
    # An engine of its own is to the database what another process is.
    other = storage.open_engine(str(engine.url))
    factories = [sessions, storage.open_sessions(other)]

    def writer(number: int) -> None:
        for time in range(10):
            write(factories[number % 2], f"{number}-{time}")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(writer, range(12)))
    assert written(sessions) == 120
    other.dispose()


def test_who_waits_too_long_is_told_and_holds_up_nobody(
    engine: Engine, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WAIT_MS", 20)
    other = storage.open_engine(str(engine.url))
    with ThreadPoolExecutor(1) as pool, storage.transaction(sessions) as session:
        session.connection()
        for waiting in (sessions, storage.open_sessions(other)):
            with pytest.raises(OperationalError, match="database is locked"):
                pool.submit(write, waiting, "too late").result()
    write(storage.open_sessions(other), "1")
    write(sessions, "2")
    assert written(sessions) == 2
    other.dispose()


def test_a_connection_that_is_given_up_in_the_middle_holds_up_nobody(engine: Engine, sessions: SessionFactory) -> None:
    connection = engine.connect()
    connection.begin()
    connection.invalidate()
    connection.close()
    write(sessions, "1")
    assert written(sessions) == 1


def test_a_commit_that_fails_holds_up_nobody(engine: Engine, sessions: SessionFactory) -> None:
    def fail(_connection: object) -> None:
        raise OperationalError("COMMIT", None, Exception("database or disk is full"))

    event.listen(engine, "commit", fail)
    with pytest.raises(OperationalError, match="disk is full"):
        write(sessions, "lost")
    event.remove(engine, "commit", fail)
    write(sessions, "1")
    assert written(sessions) == 1
