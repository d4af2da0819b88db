"""The tiers of the tests, and fixtures many tests share: a clock moved by hand, and prepared databases.

What a fixture needs is imported inside it, so that collecting the unit tier takes no longer than its own imports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from tests.support.tiers import UNIT, Uncategorised, database_kinds, isolated, refuse_fixtures, tier_of

# How long an example takes says more of the machine than of the code: timings belong into the benchmarks.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from simulator.account import Account
    from storage import SessionFactory
    from tests.support.console_client import SignedIn, Visitor
    from tests.support.databases import Databases, PostgresDatabases, SqliteDatabases
    from tests.support.desk_world import MovingClock, World
    from tests.support.fake_application import FakeApplication
    from tests.support.served_line import ServedLine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        help="run every test on this database only; otherwise the db tier, and tests marked on_both, run on both",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that needs a database on those of its tier, or on the one asked for."""
    if "database_kind" in metafunc.fixturenames:
        kinds = database_kinds(metafunc.definition, metafunc.config.getoption("--database"))
        metafunc.parametrize("database_kind", kinds, scope="session")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Refuse a test file that is in no tier's folder."""
    return None if tier_of(module_path) else Uncategorised.from_parent(parent, path=module_path)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test with the tier of its folder."""
    if tier := tier_of(item.path):
        item.add_marker(tier)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test of the unit tier, with its fixtures, cut off from everything outside its process."""
    if item.get_closest_marker(UNIT) is None:
        return (yield)
    with isolated():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse fixtures a tier does not have, and skip a test that needs the speech model where there is none."""
    if item.get_closest_marker(UNIT):
        refuse_fixtures(item)
    if item.get_closest_marker("speech"):
        from tests.support.recorded_callers import need_speech_model

        need_speech_model()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With SKIP_NOTHING=1, as in continuous integration, report a test that is skipped because the speech model, a
    database server or the browser is missing as failed; tests skipped by `skipif` stay skipped."""
    report = yield
    not_for_here = any(item.iter_markers("skipif"))
    if report.skipped and not not_for_here and os.environ.get("SKIP_NOTHING"):
        why = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{item.nodeid} must not be skipped here. {why}"
    return report


@pytest.fixture
def clock() -> MovingClock:
    from tests.support.desk_world import MovingClock

    return MovingClock()


@pytest.fixture(scope="session")
def compiled() -> Iterator[None]:
    """Compiled statements and addresses that outlive a test's own engine and application."""
    from tests.support.compiled_once import compiled_once

    with compiled_once():
        yield


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory, compiled: None) -> SqliteDatabases:
    """Databases of this test run in files."""
    from tests.support.databases import SqliteDatabases

    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres(worker_id: str, compiled: None) -> Iterator[PostgresDatabases]:
    """Databases on a real PostgreSQL server: the one of TEST_DATABASE_URL, or one that is started for this run."""
    from tests.support.databases import PostgresDatabases
    from tests.support.postgres import Postgres, find_binaries, no_postgres

    if address := os.environ.get("TEST_DATABASE_URL"):
        yield PostgresDatabases(Postgres(address, f"hotline_{worker_id}"))
        return
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(no_postgres())
    with Postgres.started(binaries) as server:
        yield PostgresDatabases(server)


@pytest.fixture(scope="session")
def databases(database_kind: str, request: pytest.FixtureRequest) -> Databases:
    """Databases of the kind the test runs on."""
    found: Databases = request.getfixturevalue("sqlite" if database_kind == "sqlite" else "postgres")
    return found


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The address of a database with all tables, empty."""
    from tests.support.databases import EMPTY, passing_copy

    with passing_copy(databases, databases.prepared(EMPTY)) as url:
        yield url


@pytest.fixture
def bare_url(databases: Databases) -> Iterator[str]:
    """The address of a database with no tables yet."""
    url = databases.without_tables()
    yield url
    databases.drop(url)


@pytest.fixture
def sqlite_url(sqlite: SqliteDatabases) -> str:
    """The address of a database file with all tables, empty, for what concerns files only."""
    from tests.support.databases import EMPTY

    return sqlite.copy(sqlite.prepared(EMPTY))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    import storage

    engine = storage.open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    import storage

    return storage.open_sessions(engine)


@pytest.fixture(scope="session")
def demo_database(databases: Databases) -> str:
    """The address of a database with the demo data of the day the clock starts on, to be copied."""
    import storage
    from orders.demo import seed_demo
    from tests.support.desk_world import MovingClock

    def fill(sessions: SessionFactory) -> None:
        with storage.transaction(sessions) as session:
            seed_demo(session, MovingClock()())

    return databases.prepared("demo", fill)


@pytest.fixture
def demo_url(databases: Databases, demo_database: str) -> Iterator[str]:
    from tests.support.databases import passing_copy

    with passing_copy(databases, demo_database) as url:
        yield url


@pytest.fixture
def demo_sessions(demo_url: str) -> Iterator[SessionFactory]:
    """The demo's database on the day the clock starts on."""
    import storage

    engine = storage.open_engine(demo_url)
    yield storage.open_sessions(engine)
    engine.dispose()


@pytest.fixture
def world(sessions: SessionFactory, clock: MovingClock) -> World:
    """A small order desk on its order day: a few specs, a few retailers, some of everything."""
    from tests.support.desk_world import World

    return World.build(sessions, clock)


@pytest.fixture
def fake_app() -> Iterator[FakeApplication]:
    """A fake application for the Twilio simulator to call."""
    from tests.support.fake_application import serve_fake_application

    with serve_fake_application() as application:
        yield application


@pytest.fixture
def account() -> Iterator[Account]:
    """An account of the Twilio simulator, with its REST interface."""
    from tests.support.fake_application import simulator_account

    with simulator_account() as account:
        yield account


@pytest.fixture
def application(database_url: str, world: World, clock: MovingClock) -> Flask:
    """The whole application on the small order desk, with the demo's staff and no recogniser."""
    from jinja2 import StrictUndefined

    import storage
    from app import create_app
    from orders.demo.demo_staff import hash_demo_password, seed_demo_staff
    from settings import Settings

    hash_demo_password()
    with storage.transaction(world.sessions) as session:
        seed_demo_staff(session, clock())
    app = create_app(Settings(database_url=database_url, demo=True, listen_mode="keypad"), clock=clock)
    # A name a template reads and nobody passes fails the test, instead of an empty place on the page.
    app.jinja_env.undefined = StrictUndefined
    return app


@pytest.fixture
def new_visitor(application: Flask) -> Callable[[], Visitor]:
    """A function that makes one more browser."""
    from tests.support.console_client import Visitor

    return lambda: Visitor(application.test_client())


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Visitor:
    return new_visitor()


@pytest.fixture
def signed_in(new_visitor: Callable[[], Visitor]) -> SignedIn:
    """A function that returns the browser in which the person with this login is signed in: one for each person."""

    @cache
    def browser(login: str) -> Visitor:
        visitor = new_visitor()
        visitor.sign_in(login)
        return visitor

    return browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.support.chromium import launched_browser

    with launched_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, line: ServedLine) -> Iterator[Page]:
    """A page in a browser context of its own, signed out, on the served line its module provides as `line`."""
    from tests.support.chromium import new_page

    page = new_page(browser, line)
    yield page
    page.context.close()
