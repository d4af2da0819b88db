"""Waits for the database end: a turn is answered while a table is locked, or while the server stands still."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import OperationalError

import storage
from app import create_app
from brand_catalog import sheets
from orders import lockout
from orders.retailers.importing import import_retailers, preview_retailers, read_retailers
from orders.supply import limits
from settings import Settings
from storage import SessionFactory
from tests.support.carrier_client import BASE, TOKEN, Telephone
from tests.support.console_client import Visitor
from tests.support.databases import EMPTY, PostgresDatabases, passing_copy
from tests.support.desk_world import CHINA, CLASSIC, CORNER, PIN, SHOP, MovingClock, World
from tests.support.stallable_proxy import StallableProxy, stallable


@contextmanager
def everything_locked(engine: Engine) -> Iterator[None]:
    """The database as somebody else has locked it: SQLite's one write lock, or PostgreSQL's tables."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as other:
        tables = "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
        [names] = other.execute(tables).fetchone() or [""]
        other.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")  # type: ignore[call-overload]
        yield
        other.rollback()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request has time to wait for anything."""
    monkeypatch.setattr(storage, "WAIT_MS", 200)
    monkeypatch.setattr(storage, "LEAST_WAIT_S", 0.05)
    monkeypatch.setattr(storage, "PING_WAIT_S", 0.2)
    monkeypatch.setattr(storage, "CONNECT_WAIT_S", 1)


def served(url: str, clock: MovingClock) -> Flask:
    settings = Settings(
        database_url=url, demo=True, listen_mode="keypad", twilio_auth_token=TOKEN, public_base_url=BASE
    )
    return create_app(settings, clock=clock)


def write_something(sessions: SessionFactory) -> None:
    with storage.transaction(sessions) as session:
        session.execute(text("UPDATE hotlines SET seat = seat"))


@pytest.mark.usefixtures("impatient")
def test_a_turn_is_answered_while_everything_is_locked(world: World, engine: Engine, clock: MovingClock) -> None:
    app = served(engine.url.render_as_string(hide_password=False), clock)
    telephone = Telephone(app.test_client())
    first = telephone.dial()
    with everything_locked(engine):
        answer = telephone.request(first.action, Digits="1")
        assert answer.said, "a sentence of the line's own, while the carrier still waits"
        [again] = [verb.text for verb in answer.xml.iter("Redirect")]
    assert telephone.request(str(again)).said, "and then the call goes on"


@pytest.mark.usefixtures("impatient")
def test_health_is_told_while_everything_is_locked(world: World, engine: Engine, clock: MovingClock) -> None:
    app = served(engine.url.render_as_string(hide_password=False), clock)
    with everything_locked(engine):
        status = app.test_client().get("/healthz").status_code
    # A database that takes no writes takes no orders.
    assert status == 503
    assert app.test_client().get("/healthz").status_code == 200


@pytest.fixture
def proxied(postgres: PostgresDatabases) -> Iterator[tuple[str, StallableProxy]]:
    """A database behind a proxy, by its address."""
    with passing_copy(postgres, postgres.prepared(EMPTY)) as url:
        server = make_url(url)
        with stallable(str(server.host), server.port or 5432) as proxy:
            yield server.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False), proxy


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stands_still_is_given_up_and_found_again(
    proxied: tuple[str, StallableProxy], clock: MovingClock
) -> None:
    url, proxy = proxied
    app = served(url, clock)
    telephone = Telephone(app.test_client())
    World.build(storage.open_sessions(engine := storage.open_engine(url)), clock)
    engine.dispose()
    first = telephone.dial()
    assert app.test_client().get("/healthz").status_code == 200
    proxy.stall()
    assert telephone.request(first.action, Digits="1").said
    assert app.test_client().get("/healthz").status_code == 503
    proxy.go_on()
    # The question asked while the server stood still may still be the one that is answered first.
    assert any(app.test_client().get("/healthz").status_code == 200 for _ in range(20))
    assert telephone.request(first.action, Digits="1").said


def test_waits_inside_a_request_do_not_add_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "LEAST_WAIT_S", 0.01)
    with storage.waits_within(0):
        assert storage._wait_s() == 0.01, "what is there at once is still had"
        with storage.waits_within(60):
            assert storage._wait_s() == 0.01, "nothing inside waits longer than the whole"
    assert storage._wait_s() == storage.WAIT_MS / 1000
    with storage.unhurried(), storage.waits_within(5):
        assert storage._wait_s() <= 5


def test_a_statement_that_takes_too_long_is_ended(postgres: PostgresDatabases, impatient: None) -> None:
    with passing_copy(postgres, postgres.prepared(EMPTY)) as url:
        engine = storage.open_engine(url)
        sessions = storage.open_sessions(engine)
        with pytest.raises(OperationalError, match="not answered in time"), storage.read_only(sessions) as session:
            session.execute(text("SELECT pg_sleep(5)"))
        with storage.unhurried(), storage.read_only(sessions) as session:
            session.execute(text("SELECT pg_sleep(1)"))
            shown = session.execute(text("SHOW statement_timeout")).scalar()
        assert shown == "10min"
        with storage.read_only(sessions) as session:
            limits_of = {
                name: session.execute(text(f"SHOW {name}")).scalar()
                for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
            }
        assert limits_of == {
            "statement_timeout": "8s",
            "lock_timeout": "4s",
            "idle_in_transaction_session_timeout": "1min",
        }
        engine.dispose()


class TestNobodyWaitsForAHash:
    """Hashing takes 20 ms by design: 21 logins a second without an account once took a turn from 18 ms to 15 s."""

    @pytest.fixture(autouse=True)
    def watched(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Every hash, each of them worked out while somebody else writes."""
        hashed: list[str] = []
        other = storage.open_sessions(storage.open_engine(engine.url.render_as_string(hide_password=False)))

        class Watched(PasswordHasher):
            def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
                self._serve("hash")
                return super().hash(password, salt=salt)

            def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
                self._serve("verify")
                return super().verify(hash, password)

            def _serve(self, what: str) -> None:
                with storage.waits_within(0):
                    write_something(other)
                hashed.append(what)

        monkeypatch.setattr(lockout, "_HASHER", Watched(time_cost=1, memory_cost=8, parallelism=1))
        lockout._dummy_hash.cache_clear()
        return hashed

    def test_a_login_right_wrong_or_unknown(self, visitor: Visitor, watched: list[str]) -> None:
        visitor.sign_in("leader", "wrong")
        visitor.sign_in("nobody", "wrong")
        assert visitor.sign_in("leader").status_code == 204
        assert watched.count("verify") == 3

    def test_a_pin_on_the_telephone(self, world: World, engine: Engine, clock: MovingClock, watched: list[str]) -> None:
        telephone = Telephone(served(engine.url.render_as_string(hide_password=False), clock).test_client())
        asked = telephone.request("/voice/incoming", CallStatus="ringing", From="+8613911111111", To="+8637255550000")
        for pin in ("9999", PIN):
            asked = telephone.request(asked.action, Digits=SHOP)
            asked = telephone.request(asked.action, Digits=pin)
        assert watched.count("verify") == 2

    def test_a_new_pin_and_a_new_account(self, application: Flask, visitor: Visitor, watched: list[str]) -> None:
        visitor.sign_in("director")
        assert visitor.post(f"/retailers/{SHOP}/pin", why="lost").status_code == 200
        words = ["create-staff", "new", "--name", "New", "--role", "clerk", "--password", "long enough for all"]
        done = application.test_cli_runner().invoke(args=words)
        assert done.exit_code == 0, done.output
        assert watched.count("hash") == 2

    def test_pins_in_a_file(self, world: World, tmp_path: Path, watched: list[str]) -> None:
        import_retailers(world.sessions, shops_file(tmp_path, "7391"), by="x", why="x", now=world.clock())
        assert watched == ["hash"]


def shops_file(folder: Path, pin: str = "") -> Path:
    path = folder / "shops.csv"
    path.write_text(
        f"customer_code,name,cycle,order_day,pin\n{SHOP},新名,weekly,2026-11-23,{pin}\n"
        "410502100099,新店,weekly,2026-11-24,\n",
        encoding="utf-8",
    )
    return path


def limits_file(folder: Path) -> Path:
    path = folder / "limits.csv"
    path.write_text(
        f"customer_code,name,cartons\n{SHOP},{CHINA},30\n{SHOP},{CLASSIC},30\n410502100037,{CHINA},30\n",
        encoding="utf-8",
    )
    return path


class TestCallersAreServedWhileAFileIsRead:
    """A preview of 20,000 retailers once held SQLite's write lock for 13 s, and callers heard 10 s of nothing."""

    @pytest.fixture(autouse=True)
    def callers(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """A caller's write, between any two rows of a file; the numbers of the rows."""
        other = storage.open_sessions(storage.open_engine(engine.url.render_as_string(hide_password=False)))
        served: list[int] = []
        read = sheets._csv_rows

        def rows(path: Path) -> Iterator[list[str]]:
            for number, row in enumerate(read(path)):
                with storage.waits_within(0):
                    write_something(other)
                served.append(number)
                yield row

        monkeypatch.setattr(sheets, "_csv_rows", rows)
        return served

    def test_retailers(self, world: World, tmp_path: Path, callers: list[int]) -> None:
        with storage.read_only(world.sessions) as session:
            found = preview_retailers(session, read_retailers(session, shops_file(tmp_path)))
        assert (found.added, found.changed) == (1, 1)
        assert import_retailers(world.sessions, shops_file(tmp_path), by="x", why="x", now=world.clock()) == found
        assert len(callers) == 6

    def test_limits(self, world: World, tmp_path: Path, callers: list[int]) -> None:
        world.clock.move(days=-1)
        day = datetime(2026, 11, 23).date()
        path, load = limits_file(tmp_path), lambda _session: world.catalog
        found = limits.preview_file(world.sessions, path, load, day, world.clock())
        assert limits.import_limits(world.sessions, path, load, day, world.clock(), "x", "x") == found
        assert found.changed + found.added == 3
        assert len(callers) == 8

    @pytest.mark.parametrize(
        ("command", "heading", "row"),
        [
            ("allocate", "name,cartons,basis", "中华(硬),50,grade"),
            ("import-limits", "customer_code,name,cartons", f"{CORNER},中华(硬),50"),
            ("import-retailers", "customer_code,name,cycle,order_day", f"{SHOP},新名,weekly,2026-11-23"),
            ("import-deliveries", "order,result,day", ""),
            ("day-end balances", "customer_code,balance", f"{SHOP},100"),
        ],
    )
    def test_commands(
        self, world: World, application: Flask, tmp_path: Path, callers: list[int], command: str, heading: str, row: str
    ) -> None:
        path = tmp_path / "file.csv"
        path.write_text(f"{heading}\n{row}\n", encoding="utf-8")
        day = ["--day", "2026-11-24"] if command in ("allocate", "import-limits", "day-end balances") else []
        why = ["--why", "x"] if command not in ("import-deliveries", "day-end balances") else []
        words = [*command.split(), str(path), *day, "--by", "director", *why]
        done = application.test_cli_runner().invoke(args=words)
        assert done.exit_code == 0, done.output
        assert callers


def test_limits_are_applied_in_slices_and_an_interrupted_import_is_mended_by_another(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLICE_ROWS", 1)
    world.clock.move(days=-1)
    day, path = datetime(2026, 11, 23).date(), limits_file(tmp_path)

    def imported() -> limits.LimitsResult:
        return limits.import_limits(world.sessions, path, lambda _: world.catalog, day, world.clock(), "x", "x")

    apply: Callable[..., None] = limits._apply_slice

    def fail_in_the_second(session: object, batch: int, number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt
        apply(session, batch, number)

    with monkeypatch.context() as broken:
        broken.setattr(limits, "_apply_slice", fail_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            imported()
    assert [limit_of(world, CHINA), limit_of(world, CLASSIC)] == [300, 200]
    again = imported()
    assert (again.changed + again.added, again.unchanged) == (2, 1)
    assert [limit_of(world, CHINA), limit_of(world, CLASSIC)] == [300, 300]


def limit_of(world: World, barcode: str) -> int:
    with storage.read_only(world.sessions) as session:
        found = select(limits_table.c.limit_packs).where(limits_table.c.barcode == barcode)
        return session.scalar(found.order_by(limits_table.c.retailer_id).limit(1)) or 0


limits_table = storage.Base.metadata.tables["limits"]


@pytest.mark.parametrize(
    "reported", ["sip:" + "x" * 300 + "@example.com", "+8613800000012\x00", "\x00", "+" + "1" * 70]
)
def test_whatever_stands_for_a_callers_number_the_call_is_taken(
    world: World, engine: Engine, clock: MovingClock, reported: str
) -> None:
    telephone = Telephone(served(engine.url.render_as_string(hide_password=False), clock).test_client())
    answer = telephone.request("/voice/incoming", CallStatus="ringing", From=reported, To="+8637255550000" + "0" * 80)
    assert answer.said
    assert telephone.request(answer.action, Digits="1", RecordingSid="").said
    telephone.request("/voice/left-queue", QueueResult="error", QueueSid="Q" * 200)
    assert telephone.post("/voice/turn?turn=1&attempt=%00", Digits="1" * 100).status_code == 200
