"""The line on a real exchange, for the tests of this tier."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

import storage
from orders.demo import seed_demo
from orders.demo.demo_staff import seed_demo_staff
from storage import SessionFactory
from tests.support.databases import Databases
from tests.support.exchange import Exchange, started_exchange
from tests.support.exchange_line import ExchangeLine, wait_until
from tests.support.office import Office
from tests.support.served_app import shift_to_morning, shifted_clock


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange that the tests of a file share."""
    with started_exchange(tmp_path_factory.mktemp("exchange")) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def shift() -> timedelta:
    return shift_to_morning()


@pytest.fixture(scope="session")
def demo_of_today(databases: Databases, shift: timedelta) -> str:
    """The address of a database with the demo data and the demo's staff of today, to be copied."""

    def fill(sessions: SessionFactory) -> None:
        with storage.transaction(sessions) as session:
            seed_demo(session, shifted_clock(shift)())
            seed_demo_staff(session, shifted_clock(shift)())

    return databases.prepared("demo_of_today", fill)


@pytest.fixture(scope="module")
def line_class() -> type[ExchangeLine]:
    """The class of a file's line; where it is another one, the file has this fixture of its own."""
    return ExchangeLine


@pytest.fixture(scope="module")
def served(
    line_class: type[ExchangeLine],
    exchange: Exchange,
    databases: Databases,
    demo_of_today: str,
    shift: timedelta,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ExchangeLine]:
    """A line on the exchange that the tests of a file share."""
    url = databases.copy(demo_of_today)
    line = line_class(exchange, url, tmp_path_factory.mktemp("line"), shift)
    try:
        line.start()
        yield line
    finally:
        line.kill()
        databases.drop(url)


@pytest.fixture
def line(served: ExchangeLine, databases: Databases, demo_of_today: str) -> ExchangeLine:
    """The line with the demo's data as they were in the morning."""
    databases.restore(served.database_url, demo_of_today)
    return served


@pytest.fixture
def office(exchange: Exchange, line: ExchangeLine) -> Iterator[Office]:
    """The line with its operators at their desks, nobody ready; all calls are over before the next test."""
    yield Office(exchange, line)
    wait_until(lambda: not exchange.ari("GET", "channels").json(), "a call is not over")
