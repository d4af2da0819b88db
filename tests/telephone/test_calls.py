"""Whole calls to the line as it is really served: a server process, a database file, the speech model, recorded voices.

Each call is a script of tests/calls; the opening comment of each gives its reason.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import storage
from ivr.turns.calls import STREAM_OPENS_WITHIN
from orders.demo import seed_demo
from simulator.call import SimulatedCall
from simulator.events import Event, Said, StreamChanged
from simulator.inbound_calls import play
from simulator.instructions import CallUpdate
from simulator.pace import AS_FAST_AS_ACKNOWLEDGED, REAL_TIME, Pace
from simulator.script import Expected, Script, read_script
from simulator.transcript import Transcript
from tests.support.databases import Databases
from tests.support.recorded_callers import line_noise, speech_only
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import SavedOrder, ServedLine, served_line

CALLS = Path(__file__).parents[1] / "calls"
SHOP, NOT_TODAY, SUPPLEMENTARY, BY_KEYS = "410502100012", "410502100029", "410502100061", "410502100078"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def shift() -> timedelta:
    return shift_to_morning()


@pytest.fixture(scope="session")
def demo_database(databases: Databases, shift: timedelta) -> str:
    """The address of the demo's database as `make run` makes it, to be copied."""

    def fill(sessions: storage.SessionFactory) -> None:
        with storage.transaction(sessions) as session:
            seed_demo(session, shifted_clock(shift)())

    return databases.prepared("demo_of_today", fill)


@pytest.fixture
def mode() -> str:
    return "stream"


@pytest.fixture(scope="session")
def lines(
    databases: Databases, demo_database: str, tmp_path_factory: pytest.TempPathFactory, shift: timedelta
) -> Iterator[Callable[[str], ServedLine]]:
    """A function that returns the server for a listening mode, started on first use."""
    served: dict[str, ServedLine] = {}
    with ExitStack() as to_the_end:

        def line_in(mode: str) -> ServedLine:
            if mode not in served:
                folder = tmp_path_factory.mktemp(mode)
                served[mode] = to_the_end.enter_context(served_line(databases.copy(demo_database), folder, mode, shift))
            return served[mode]

        yield line_in


@pytest.fixture
def line(lines: Callable[[str], ServedLine], databases: Databases, demo_database: str, mode: str) -> ServedLine:
    """The served line on the demo's first morning."""
    line = lines(mode)
    databases.restore(line.database_url, demo_database)
    if not line.is_running:
        line.start()
    return line


def script(name: str) -> Script:
    return read_script(CALLS / f"{name}.yaml")


def patient(played: Script) -> Script:
    """The same script without time limits: `make bench` measures the line's speed."""
    return replace(played, steps=tuple(replace(step, within_ms=None) for step in played.steps))


def call(line: ServedLine, script: Script, pace: Pace = AS_FAST_AS_ACKNOWLEDGED) -> None:
    """Play a script, and check that the call goes as it says."""
    lines: list[str] = []
    transcript = Transcript(lines.append, verbose=True)
    verdict = play(script, line.account, line.number, pace=pace, listener=transcript.hear)
    assert not verdict, "\n".join([verdict, *lines, line.log()])


def confirmed(customer_code: str, lines: dict[str, float], amount_yuan: float, kind: str = "regular") -> SavedOrder:
    return SavedOrder(customer_code, "confirmed", kind, lines, amount_yuan)


@pytest.mark.speech
@pytest.mark.parametrize(
    ("name", "saved"),
    [
        (
            "order_by_voice",
            confirmed(SHOP, {"利群(新版)": 5, "云烟(紫)": 3, "红塔山(硬经典)": 3}, 1284.00),
        ),
        ("registered_number_order", confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)),
        ("ambiguous_brand_asked_back", None),
        ("none_is_none", confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)),
        ("supplementary_hotline", confirmed(SUPPLEMENTARY, {"红塔山(硬经典)": 5}, 375.00, "supplementary")),
        ("nonsense_changes_nothing", confirmed(SHOP, {"玉溪(软)": 2, "红塔山(硬经典)": 5}, 777.80)),
        ("barge_in", confirmed(SHOP, {"利群(新版)": 5, "云烟(紫)": 3}, 1059.00)),
        ("code_read_aloud_while_keyed", confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)),
        ("silence_then_keys", confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)),
        ("key_into_the_read_back", confirmed(SHOP, {"红塔山(硬经典)": 5, "玉溪(软)": 2}, 777.80)),
    ],
)
def test_a_call_ends_in_the_order_that_was_read_back(line, name, saved):
    played = script(name)
    call(line, patient(played))
    customer_code = saved.customer_code if saved else SHOP
    orders = line.orders(customer_code)
    if saved:
        assert orders == [saved]
    else:
        [order] = orders
        assert order.state == "confirmed"
        assert list(order.lines.values()) == [5]


@pytest.mark.speech
def test_an_order_over_a_carrier_that_suppresses_silence_and_mixes_up_frames_is_saved(line):
    """In real time: while no frames come, the line hears silence by the wall's clock."""
    call(line, script("faulty_media_stream"), REAL_TIME)
    assert line.orders(SHOP) == [confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)]


@pytest.mark.speech
def test_who_goes_on_after_an_early_answer_is_answered_once_for_all_of_it(line):
    """红塔山硬经典五条……不对，红塔山要三条: the answer to the first part stops, and its turn is taken back."""
    played = patient(script("registered_number_order"))
    greeting, first, second, _remove, done, yes, end = played.steps[1:]
    sound = speech_only("item_hongtashan_yingjingdian_5_a") + line_noise(600) + speech_only("change_no_hongtashan_3_a")
    goes_on = replace(second, sound=sound, words="红塔山硬经典五条……不对，红塔山要三条", expect=(Expected("三条"),))
    read_back = replace(done, expect=(Expected("红塔山硬经典，三条"), Expected("对吗")))
    call(line, replace(played, steps=(played.steps[0], greeting, first, goes_on, read_back, yes, end)))
    assert line.orders(SHOP) == [confirmed(SHOP, {"玉溪(软)": 2, "红塔山(硬经典)": 3}, 627.80)]
    assert [turn["text"] for turn in line.turn_inputs() if turn.get("continued")] == ["红塔山硬经典五条"]


@pytest.mark.speech
@pytest.mark.parametrize("name", ["stuck_caller_gets_operator", "operator_asked_for"])
def test_a_caller_who_needs_an_operator_is_transferred_with_the_order_so_far(line, name):
    call(line, script(name))
    kept = [(order.state, order.lines) for order in line.orders(SHOP)]
    assert kept == ([("draft", {"玉溪(软)": 2})] if name == "operator_asked_for" else [])


@pytest.mark.speech
@pytest.mark.parametrize("name", ["not_order_day", "wrong_pin_three_times"])
def test_a_caller_who_may_not_order_gets_no_order(line, name):
    call(line, script(name))
    assert line.orders(SHOP) == line.orders(NOT_TODAY) == []


@pytest.mark.on_both
@pytest.mark.parametrize(("mode", "caller"), [("keypad", "anonymous"), ("stream", "+266696687")])
def test_an_order_by_keys_alone_is_saved_also_from_a_withheld_number(line, caller):
    call(line, replace(script("order_by_keys"), caller=caller))
    assert line.orders(BY_KEYS) == [confirmed(BY_KEYS, {"红塔山(硬经典)": 5, "玉溪(软)": 2}, 777.80)]


@pytest.mark.on_both
@pytest.mark.speech
@pytest.mark.parametrize("mode", ["record"])
def test_an_order_by_recordings_is_saved(line):
    """Not as fast as possible: recordings are there, and recognised, by the wall's clock."""
    call(line, script("order_by_recordings"), Pace(4))
    assert line.orders(SHOP) == [confirmed(SHOP, {"红塔山(硬经典)": 5}, 375.00)]


def power_cut(line: ServedLine, _recovered: threading.Event) -> None:
    line.kill()
    line.start()


def killed_line_process(line: ServedLine, _recovered: threading.Event) -> None:
    line.kill_line_workers()


def stopped_line_process(line: ServedLine, recovered: threading.Event) -> None:
    """Stop one process after the other, until it was the one that had the call."""
    for worker in line.line_workers():
        os.kill(worker, signal.SIGTERM)
        if recovered.wait(10):
            return


@pytest.mark.speech
@pytest.mark.parametrize("failure", [power_cut, killed_line_process, stopped_line_process])
def test_a_line_that_fails_between_turns_carries_on_with_the_order_so_far(line, monkeypatch, failure):
    """It fails as it asks for the PIN, for more, and for the yes: the call is recovered where it was."""
    fatal = ["请按键输入", "还有吗", "对吗"]
    opened = 0.0
    recovered = threading.Event()
    update = SimulatedCall.update

    def note_update(call: SimulatedCall, change: CallUpdate) -> None:
        update(call, change)
        recovered.set()

    monkeypatch.setattr(SimulatedCall, "update", note_update)

    def fail_in_the_middle(event: Event) -> None:
        nonlocal opened
        if isinstance(event, StreamChanged) and event.state == "started":
            opened = time.monotonic()
        if isinstance(event, Said) and fatal and event.text.startswith(fatal[0]):
            fatal.pop(0)
            # So soon after a stream's start the line would wait for it instead of asking for another.
            time.sleep(max(0.0, opened + STREAM_OPENS_WITHIN.total_seconds() - time.monotonic()))
            recovered.clear()
            failure(line, recovered)
            # The caller is silent until the line speaks again.
            assert recovered.wait(30), line.log()

    played = patient(script("order_by_voice"))
    verdict = play(played, line.account, line.number, pace=AS_FAST_AS_ACKNOWLEDGED, listener=fail_in_the_middle)
    assert not verdict, "\n".join([verdict, line.log()])
    assert not fatal
    assert line.orders(SHOP) == [confirmed(SHOP, {"利群(新版)": 5, "云烟(紫)": 3, "红塔山(硬经典)": 3}, 1284.00)]
