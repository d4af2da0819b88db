"""Several diallers and several posts at the same moment, on both databases: each retailer is called once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest
from sqlalchemy import Engine, func, select

import storage
from app import create_app
from ivr.carrier import CallStatus
from ivr.line import LineServices
from ivr.models import Call
from ivr.outbound.dialler import Dialler
from ivr.services import services
from orders.models import DepartmentRule
from orders.outbound import campaign
from orders.outbound.models import OutboundAttempt
from orders.outbound.pacing import Dial
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import business_day
from settings import Settings
from tests.support.desk_world import MAIN, MovingClock, World
from tests.support.outbound_world import FakeOutboundCarrier

SHOPS, AT_ONCE = 12, 6
# Operators of the fixed list, none of them being dialled.
OPERATORS = tuple(f"+86372555500{number:02d}" for number in range(10))


class SharedNetwork(FakeOutboundCarrier):
    """A carrier that several diallers use at the same moment."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        with self._lock:
            return super().dial_retailer(phone, line, attempt_key)


@pytest.fixture
def twelve_due(engine: Engine, clock: MovingClock) -> World:
    """A desk with a dozen retailers due today."""
    world = World.build(storage.open_sessions(engine), clock)
    with world.session() as session:
        for number in range(SHOPS):
            shop = RetailerRow(customer_code=f"4105021{number:05d}", name=f"店{number}", order_weekday=0)
            session.add(shop)
            session.flush()
            session.add(RetailerPhone(phone=f"+86139{number:08d}", retailer_id=shop.id))
        for name in ("outbound_lines", "outbound_calls_per_operator"):
            session.add(DepartmentRule(name=name, value=50))
        campaign.set_running(session, business_day(clock()), True, "赵红霞", clock())
    return world


@pytest.fixture
def line(twelve_due: World, engine: Engine) -> Iterator[LineServices]:
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=twelve_due.clock)
    yield services(app).line
    services(app).sessions.kw["bind"].dispose()


def at_once(work: Callable[[int], object], times: int = AT_ONCE) -> list[object]:
    """Run `work` this many times at one moment, and return the results."""
    barrier = Barrier(times)

    def wait_and_work(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(wait_and_work, range(times)))


def test_of_many_diallers_one_dials_and_each_retailer_is_called_once(twelve_due: World, line: LineServices) -> None:
    network = SharedNetwork()
    diallers = [
        Dialler(twelve_due.sessions, twelve_due.clock, network, line.outbound_calls, OPERATORS) for _ in range(AT_ONCE)
    ]
    placed = at_once(lambda number: diallers[number].poll())
    phones = [phone for phone, _ in network.placed_calls]
    assert len(phones) == len(set(phones)) == SHOPS + 1
    assert sorted(placed)[-1] == SHOPS + 1  # type: ignore[type-var]
    assert sum(bool(count) for count in placed) == 1


def test_a_retailer_is_reserved_once_by_whoever_is_first(twelve_due: World) -> None:
    retailer, today = twelve_due.retailer(), business_day(twelve_due.clock())

    def reserve(_number: int) -> bool:
        with twelve_due.session() as session:
            dial = Dial(retailer.id, "+8613800000012")
            return campaign.create_attempt(session, dial, today, MAIN, twelve_due.clock()) is not None

    assert sorted(at_once(reserve)) == [False] * (AT_ONCE - 1) + [True]  # type: ignore[type-var]


def test_posts_that_come_at_once_begin_one_call_and_end_it_once(twelve_due: World, line: LineServices) -> None:
    today = business_day(twelve_due.clock())
    with twelve_due.session() as session:
        attempt = campaign.create_attempt(
            session, Dial(twelve_due.retailer().id, "+8613800000012"), today, MAIN, twelve_due.clock()
        )
    assert attempt is not None
    key, call_key = attempt.key, "CA" + "1" * 32
    begun = at_once(lambda _number: line.outbound_calls.on_answer(key, call_key, "person"))
    assert len({repr(present) for present in begun}) == 1
    statuses: list[CallStatus] = ["completed", "in_progress", "completed", "ringing", "completed", "completed"]
    at_once(lambda number: line.outbound_calls.on_status(key, call_key, statuses[number]))
    with twelve_due.session() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 1
        [over] = session.scalars(select(OutboundAttempt))
        assert (over.outcome, over.call_key) == ("answered", call_key)
