"""Health is honest: it writes, waits for no database that hangs, and says what callers lack."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

import storage
from app import create_app
from backoffice import health
from ivr.asterisk.rest import AsteriskCarrier
from ivr.carrier import CarrierError
from ivr.metrics import DATABASE_ERRORS, watch
from ivr.models import Call
from ivr.processes import LineProcess, calls_under_way
from tests.support.carrier_client import settings
from tests.support.desk_world import MovingClock


@pytest.fixture
def sessions(sqlite_url: str) -> Iterator[storage.SessionFactory]:
    engine = storage.open_engine(sqlite_url)
    yield storage.open_sessions(engine)
    engine.dispose()


@pytest.fixture
def client(sqlite_url: str, clock: MovingClock, tmp_path: Any) -> FlaskClient:
    app: Flask = create_app(settings(database_url=sqlite_url, sockets_folder=tmp_path), clock=clock)
    return app.test_client()


def report(client: FlaskClient, status: int) -> dict[str, Any]:
    answer = client.get("/healthz")
    assert answer.status_code == status
    assert answer.json is not None
    return answer.json


def line_process(sessions: storage.SessionFactory, clock: MovingClock, streams: int) -> LineProcess:
    process = LineProcess(sessions, clock, lambda: streams, 64)
    process.record_heartbeat()
    return process


@contextmanager
def every_connection_runs(statement: str) -> Iterator[None]:
    """Every new connection to SQLite begins with this statement."""

    def run(connection: sqlite3.Connection, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(statement)

    event.listen(Engine, "connect", run)
    try:
        yield
    finally:
        event.remove(Engine, "connect", run)


def test_a_database_that_can_only_be_read_is_down_for_health_though_reads_work(client: FlaskClient) -> None:
    with every_connection_runs("PRAGMA query_only=ON"):
        found = report(client, 503)
        ready = client.get("/readyz")
    assert found["status"] == "down"
    assert found["database"] == "cannot be used: OperationalError (attempt to write a readonly database)"
    assert ready.status_code == 200


def test_health_does_not_wait_for_a_database_that_another_process_holds(
    client: FlaskClient, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "DATABASE_ANSWERS_WITHIN_S", 0.2)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert report(client, 503)["database"].startswith("does not answer within")
        # However often it is asked, one thread waits.
        for _ in range(3):
            report(client, 503)
        assert sum(thread.name == "health" for thread in threading.enumerate()) == 1
    finally:
        other.rollback()
        other.close()
    for thread in threading.enumerate():
        if thread.name == "health":
            thread.join()
    assert report(client, 200)["database"] == "ok"


def test_without_line_processes_callers_have_less_than_they_should(
    client: FlaskClient, sessions: storage.SessionFactory, clock: MovingClock
) -> None:
    assert report(client, 200)["line"].startswith("no line process lives")
    process = line_process(sessions, clock, streams=0)
    assert report(client, 200)["status"] == "ok"
    clock.move(seconds=21)
    assert report(client, 200)["status"] == "degraded"
    process.record_heartbeat()
    assert report(client, 200)["status"] == "ok"
    process.remove()
    assert report(client, 200)["status"] == "degraded"


def test_health_says_that_all_streams_are_taken(
    client: FlaskClient, sessions: storage.SessionFactory, clock: MovingClock
) -> None:
    line_process(sessions, clock, streams=64)
    found = report(client, 200)
    assert found["status"] == "degraded"
    assert found["line"].startswith("all 64 media streams are taken")


def test_health_says_that_the_disk_is_nearly_full(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=12_000_000))
    found = report(client, 200)
    assert found["status"] == "degraded"
    assert found["disk"].startswith("only 12 MB are free")


def test_a_later_version_s_tables_are_served_with_and_an_earlier_one_s_are_not(
    client: FlaskClient, sessions: storage.SessionFactory
) -> None:
    with storage.transaction(sessions) as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert report(client, 200)["tables"] == "newer"
    assert client.get("/readyz").status_code == 200
    with storage.transaction(sessions) as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert report(client, 503)["tables"] == "not current: run `flask --app app migrate`"
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ("127.0.0.0/8", "127.0.0.1", 200),
        ("127.0.0.0/8", "10.1.2.3", 404),
        ("127.0.0.0/8, 10.1.0.0/16", "10.1.2.3", 200),
        ("", "127.0.0.1", 404),
        ("127.0.0.0/8", "not an address", 404),
    ],
)
def test_the_figures_are_shown_to_the_networks_that_are_named(
    sqlite_url: str, networks: str, address: str, status: int
) -> None:
    client = create_app(settings(database_url=sqlite_url, metrics_networks=networks)).test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status


def test_without_a_database_the_figures_say_so(tmp_path: Any) -> None:
    client = create_app(settings(database_url=f"sqlite:///{tmp_path}")).test_client()
    assert "hotline_database_up 0.0" in client.get("/metrics").get_data(as_text=True)


def test_a_call_in_which_nothing_happens_any_more_is_not_under_way(
    sessions: storage.SessionFactory, clock: MovingClock
) -> None:

    with storage.transaction(sessions) as session:
        session.add(
            Call(call_key="CA1", caller="+8613", called="+86", started_at=clock(), turn_number=1, state={}, reply={})
        )
        session.flush()
        assert calls_under_way(session, clock()) == 1
        assert calls_under_way(session, clock() + timedelta(minutes=3)) == 0


def errors(kind: str) -> float:
    return next(
        (
            sample.value
            for family in DATABASE_ERRORS.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["kind"] == kind
        ),
        0.0,
    )


def test_a_writer_that_waits_for_its_turn_is_no_error_and_a_statement_that_fails_is_one(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "LOCK_WAIT_MS", 100)
    engine = storage.open_engine(sqlite_url)
    watch(engine)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    before = errors("OperationalError")
    with pytest.raises(OperationalError, match="locked"), storage.transaction(storage.open_sessions(engine)) as session:
        session.execute(text("SELECT 1"))
    other.rollback()
    other.close()
    assert errors("OperationalError") == before
    with pytest.raises(OperationalError), storage.transaction(storage.open_sessions(engine)) as session:
        session.execute(text("SELECT * FROM no_such_table"))
    assert errors("OperationalError") == before + 1
    engine.dispose()


def test_an_exchange_that_is_away_leaves_callers_less_than_they_should_have(
    sqlite_url: str,
    sessions: storage.SessionFactory,
    clock: MovingClock,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = ["the exchange could not be asked"]

    def check(_carrier: AsteriskCarrier) -> None:
        if problem:
            raise CarrierError(problem[0])

    monkeypatch.setattr(AsteriskCarrier, "check", check)
    own = settings(database_url=sqlite_url, sockets_folder=tmp_path, carrier="asterisk", asterisk_password="secret")
    client = create_app(own, clock=clock).test_client()
    line_process(sessions, clock, streams=0)
    found = report(client, 200)
    assert (found["status"], found["carrier"]) == ("degraded", "the exchange could not be asked")
    problem.clear()
    found = report(client, 200)
    assert (found["status"], found["carrier"]) == ("ok", "ok")
