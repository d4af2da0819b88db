"""The tiers of the tests, and fixtures many tests share: a clock moved by hand, and prepared databases.

What a fixture needs is imported inside it, so that collecting the unit tier takes no longer than its own imports.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from tests.support.tiers import UNIT, Uncategorised, isolated, refuse_fixtures, tier_of

# How long an example takes says more of the machine than of the code: timings belong into the benchmarks.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from simulator.account import Account
    from storage import SessionFactory
    from tests.support.console_client import Visitor
    from tests.support.desk_world import MovingClock, World
    from tests.support.fake_application import FakeApplication
    from tests.support.postgres import Postgres
    from tests.support.served_line import ServedLine


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
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables, empty, to be copied."""
    import storage

    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    storage.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "hotline.db"
    shutil.copyfile(empty_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    import storage

    engine = storage.open_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    import storage

    return storage.open_sessions(engine)


@pytest.fixture(scope="session")
def demo_sqlite(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the demo data of the day the clock starts on, to be copied."""
    import storage
    from orders.demo import seed_demo
    from tests.support.desk_world import MovingClock

    path = tmp_path_factory.mktemp("demo") / "demo.db"
    shutil.copyfile(empty_sqlite, path)
    engine = storage.open_engine(f"sqlite:///{path}")
    with storage.transaction(storage.open_sessions(engine)) as session:
        seed_demo(session, MovingClock()())
    engine.dispose()
    return path


@pytest.fixture
def demo_url(demo_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "demo.db"
    shutil.copyfile(demo_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def demo_sessions(demo_url: str) -> Iterator[SessionFactory]:
    """The demo's database on the day the clock starts on."""
    import storage

    engine = storage.open_engine(demo_url)
    yield storage.open_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL server for this test run, removed at its end."""
    import storage
    from tests.support.postgres import Postgres, find_binaries, no_postgres

    binaries = find_binaries()
    if binaries is None:
        pytest.skip(no_postgres())
    with Postgres.started(binaries) as server:
        storage.migrate(server.url("template1"))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine for each supported database, with all tables, empty."""
    import storage

    if request.param == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    else:
        url = request.getfixturevalue("postgres").new_database()
    engine = storage.open_engine(url)
    yield engine
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
def application(sqlite_url: str, world: World, clock: MovingClock) -> Flask:
    """The whole application on the small order desk, with the demo's staff and no recogniser."""
    from jinja2 import StrictUndefined

    import storage
    from app import create_app
    from orders.demo.demo_staff import seed_demo_staff
    from settings import Settings

    with storage.transaction(world.sessions) as session:
        seed_demo_staff(session, clock())
    app = create_app(Settings(database_url=sqlite_url, demo=True, listen_mode="keypad"), clock=clock)
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
