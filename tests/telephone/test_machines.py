"""Three web processes and two line processes on two machines, behind one address and on one PostgreSQL database: any of
them may die at any moment, and the call goes on with another one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import storage
from ivr.models import Call
from ivr.turns.calls import STREAM_OPENS_WITHIN
from orders.demo.demo_staff import DEMO_PASSWORD, seed_demo_staff
from simulator.call import SimulatedCall
from simulator.events import Event, Said, StreamChanged
from simulator.inbound_calls import play
from simulator.instructions import CallUpdate
from simulator.pace import AS_FAST_AS_ACKNOWLEDGED
from simulator.script import read_script
from tests.support.carrier_client import TwimlAnswer
from tests.support.postgres import Postgres, find_binaries, no_postgres
from tests.support.posting_caller import KEYS, SHOP, PostingCaller
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import SavedOrder, fill_with_demo, saved_orders
from tests.support.served_machines import Machine, Machines, served_machines

CALLS = Path(__file__).parents[1] / "calls"
BY_KEYS = SavedOrder(SHOP, "confirmed", "regular", {"红塔山(硬经典)": 5, "玉溪(软)": 2}, 777.80)
BY_VOICE = SavedOrder(SHOP, "confirmed", "regular", {"利群(新版)": 5, "云烟(紫)": 3, "红塔山(硬经典)": 3}, 1284.00)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shift() -> timedelta:
    return shift_to_morning()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL server of their own."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(no_postgres())
    with Postgres.started(binaries) as server:
        yield server


@pytest.fixture(scope="module")
def database(server: Postgres) -> str:
    """The database that both machines on keys use."""
    return _new_database(server, "keypad")


@pytest.fixture(scope="module")
def keypad(database: str, shift: timedelta, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with served_machines(database, tmp_path_factory.mktemp("keypad"), "keypad", shift) as machines:
        yield machines


@pytest.fixture
def machines(keypad: Machines, database: str, shift: timedelta) -> Machines:
    """Both machines on the demo's first morning, on keys."""
    _first_morning(database, shift)
    for machine in keypad.each:
        if not machine.is_running:
            machine.start()
    return keypad


def test_each_turn_of_a_call_may_be_taken_by_another_machine(machines: Machines, database: str) -> None:
    caller = PostingCaller(machines.account, machines.url)
    answer = caller.post("/voice/incoming", to=machines.first.url)
    for turn, keys in enumerate(KEYS):
        answer = caller.key(answer.action, keys, to=machines.each[turn % 2].url)
        assert answer.said
    assert answer.verbs[-1] == "Hangup"
    assert _orders(database) == [BY_KEYS]


def web_processes(machine: Machine) -> None:
    machine.kill_workers("web")


def line_process(machine: Machine) -> None:
    machine.kill_workers("line")


# Milliseconds after the carrier has sent its request, which is answered after 15 to 30 where nothing else goes on.
MOMENTS_MS = (0, 3, 8, 15, 30)


@pytest.mark.parametrize(
    ("victim", "moment_ms"), [*((web_processes, moment_ms) for moment_ms in MOMENTS_MS), (line_process, 8)]
)
def test_whatever_dies_over_each_turn_the_caller_hears_its_answer_and_the_order_is_saved_once(
    machines: Machines, database: str, victim: Callable[[Machine], None], moment_ms: int
) -> None:
    caller = PostingCaller(machines.account, machines.url)
    answer = with_a_death(machines.first, victim, moment_ms, lambda: caller.post("/voice/incoming"))
    for turn, keys in enumerate(KEYS):
        key = partial(caller.key, answer.action, keys)
        answer = with_a_death(machines.each[turn % 2], victim, moment_ms, key)
        assert answer.said
    assert answer.verbs[-1] == "Hangup"
    assert _orders(database) == [BY_KEYS]


@pytest.mark.parametrize("fatal_turn", range(len(KEYS)))
def test_a_machine_that_is_lost_over_a_turn_leaves_the_call_to_the_other_one(
    machines: Machines, database: str, fatal_turn: int
) -> None:
    caller = PostingCaller(machines.account, machines.url)
    answer = caller.post("/voice/incoming")
    for turn, keys in enumerate(KEYS):
        key = partial(caller.key, answer.action, keys)
        if turn == fatal_turn:
            moment_ms = MOMENTS_MS[turn % len(MOMENTS_MS)]
            answer = with_a_death(machines.each[turn % 2], Machine.kill, moment_ms, key)
        else:
            answer = key()
        assert answer.said
    assert answer.verbs[-1] == "Hangup"
    assert _orders(database) == [BY_KEYS]


def with_a_death(
    machine: Machine, victim: Callable[[Machine], None], moment_ms: int, post: Callable[[], TwimlAnswer]
) -> TwimlAnswer:
    """The answer to a post, while which something of this machine is killed."""
    with ThreadPoolExecutor(1) as carrier:
        waiting = carrier.submit(post)
        time.sleep(moment_ms / 1000)
        victim(machine)
        return waiting.result()


def test_the_same_turn_posted_to_both_machines_at_once_is_taken_once(machines: Machines, database: str) -> None:
    caller = PostingCaller(machines.account, machines.url)
    answer = caller.post("/voice/incoming")
    with ThreadPoolExecutor(8) as crowd:
        for keys in KEYS:
            at = answer.action
            answers = list(crowd.map(lambda n: caller.key(at, keys, to=machines.each[n % 2].url), range(8)))  # noqa: B023
            assert len({tuple(each.said) for each in answers}) == 1
            answer = answers[0]
    assert _orders(database) == [BY_KEYS]


def test_a_session_begun_on_one_machine_holds_on_the_other(machines: Machines, database: str, shift: timedelta) -> None:
    engine = storage.open_engine(database)
    with storage.transaction(storage.open_sessions(engine)) as session:
        seed_demo_staff(session, shifted_clock(shift)())
    engine.dispose()
    browser = requests.Session()
    [token] = re.findall(r'X-CSRFToken": "([^"]+)"', browser.get(f"{machines.first.url}/login", timeout=30).text)
    signed_in = browser.post(
        f"{machines.second.url}/login",
        data={"login": "director", "password": DEMO_PASSWORD},
        headers={"X-CSRFToken": token, "HX-Request": "true"},
        timeout=30,
    )
    assert signed_in.ok
    page = browser.get(f"{machines.first.url}/today", timeout=30, allow_redirects=False)
    assert page.status_code == 200


@pytest.mark.speech
def test_a_call_walks_from_machine_to_machine_as_each_in_turn_is_lost_for_good(
    server: Postgres, shift: timedelta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that hears the caller dies as it asks for the PIN, for more, and for the yes; the other one takes
    over its stream."""
    # The machines on keys may still run, and would take the stream over as well.
    database = _new_database(server, "stream")
    _first_morning(database, shift)
    recovered = threading.Event()
    update = SimulatedCall.update

    def note_update(call: SimulatedCall, change: CallUpdate) -> None:
        update(call, change)
        recovered.set()

    monkeypatch.setattr(SimulatedCall, "update", note_update)
    fatal = ["请按键输入", "还有吗", "对吗"]
    opened = 0.0
    with served_machines(database, tmp_path, "stream", shift) as machines:
        here, other = machines.each
        here.start()

        def fail(event: Event) -> None:
            nonlocal opened, here, other
            if isinstance(event, StreamChanged) and event.state == "started":
                opened = time.monotonic()
            if isinstance(event, Said) and fatal and event.text.startswith(fatal[0]):
                fatal.pop(0)
                other.start()
                # So soon after a stream's start the line would wait for it instead of asking for another.
                time.sleep(max(0.0, opened + STREAM_OPENS_WITHIN.total_seconds() - time.monotonic()))
                recovered.clear()
                here.kill()
                here, other = other, here
                assert recovered.wait(90), f"{event}\n{_streams(database)}\n{machines.log()}"

        script = read_script(CALLS / "order_by_voice.yaml")
        patient = replace(script, steps=tuple(replace(step, within_ms=None) for step in script.steps))
        verdict = play(patient, machines.account, machines.number, pace=AS_FAST_AS_ACKNOWLEDGED, listener=fail)
        assert not verdict, "\n".join([verdict, machines.log()])
    assert not fatal
    assert _orders(database) == [BY_VOICE]


def _new_database(server: Postgres, name: str) -> str:
    url = server.create(name)
    storage.migrate(url)
    return url


def _first_morning(database: str, shift: timedelta) -> None:
    """Empty every table, and fill them as on the demo's first morning."""
    engine = storage.open_engine(database)
    sessions = storage.open_sessions(engine)
    tables = ", ".join(table.name for table in storage.Base.metadata.sorted_tables)
    with storage.transaction(sessions) as session:
        session.connection().exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    engine.dispose()
    fill_with_demo(database, shifted_clock(shift)())


def _orders(database: str) -> list[SavedOrder]:
    engine = storage.open_engine(database)
    with Session(engine) as session:
        found = saved_orders(session, SHOP)
    engine.dispose()
    return found


def _streams(database: str) -> str:
    """The stream of each call, as the line has recorded it."""
    engine = storage.open_engine(database)
    with Session(engine) as session:
        columns = (Call.call_key, Call.turn_number, Call.stream_id, Call.stream_started_at, Call.stream_heartbeat_at)
        found = session.execute(select(*columns, func.now())).all()
    engine.dispose()
    return str(found)
