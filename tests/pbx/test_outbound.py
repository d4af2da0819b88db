"""Retailers that are due are called over a real exchange: what their telephones see and hear, and what is recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.exchange import Exchange
from tests.support.exchange_line import Dialogue, wait_until
from tests.support.outbound_line import RETAILER, DiallingLine, retailers_telephone
from tests.support.recorded_callers import speech_only
from tests.support.sip_telephone import Call, Telephone

SHOP_PHONE, LINE = "+8613800000012", "+8637255550000"
# Half a second of speech, as who says hello.
HELLO = speech_only("who_itself_a")[:4000]
# Eight seconds of it, as a machine's greeting.
ANNOUNCEMENT = speech_only("code_410502100012_yi_b") + speech_only("items_liqunxinban_5_yunyanzi_3_a")


@pytest.fixture(scope="module")
def line_class() -> type[DiallingLine]:
    return DiallingLine


@contextmanager
def called(line: DiallingLine, telephone: Telephone) -> Iterator[Call]:
    """The line's call to the retailer."""
    line.call_retailer()
    with line.dialler():
        call = telephone.wait_for_call(within_s=60)
        assert (call.number, call.caller) == (SHOP_PHONE, LINE)
        yield call


def greeted(line: DiallingLine, call: Call, *, within_s: float = 8.0) -> Dialogue:
    """The retailer who has said hello, and hears the greeting."""
    call.wait_until_answered()
    call.media.pause(0.2)
    said = call.media.say(HELLO)
    call.media.wait_for_sound(within_s=within_s, since=said)
    dialogue = Dialogue(line, call)
    assert "今天是您的订货日" in dialogue.asked
    return dialogue


def test_a_retailer_is_rung_answers_and_orders_by_keys(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange) as telephone, called(line, telephone) as call:
        retailer = greeted(line, call)
        retailer.presses("1", interrupting=True)
        retailer.presses("198*5#", interrupting=True)
        retailer.presses("#", interrupting=True)
        assert "核对" in retailer.asked
        retailer.presses("1")
        call.wait_until_ended(60)
        line.wait_for_outcome("ordered")
    (order,) = line.orders(RETAILER)
    assert order.state == "confirmed"
    assert list(order.lines.values()) == [5]


def test_a_retailer_orders_by_voice(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange) as telephone, called(line, telephone) as call:
        retailer = greeted(line, call)
        for said in ("cmd_yes_shide_b", "item_hongtashan_yingjingdian_5_a", "cmd_done_jiuzhexie_a", "cmd_yes_duide_a"):
            retailer.says(said)
        call.wait_until_ended(60)
        line.wait_for_outcome("ordered")
    assert line.orders(RETAILER)[0].lines == {"红塔山(硬经典)": 5}


def test_who_answers_and_says_nothing_is_greeted_soon(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange) as telephone, called(line, telephone) as call:
        call.wait_until_answered()
        assert call.media.wait_for_sound(within_s=10, since=call.answered_at) - call.answered_at < 5
        call.hang_up()
        line.wait_for_outcome("answered")


@pytest.mark.parametrize(("answers", "outcome"), [("busy", "busy"), ("declines", "busy")])
def test_a_retailer_who_is_busy_is_called_later(
    exchange: Exchange, line: DiallingLine, answers: str, outcome: str
) -> None:
    with retailers_telephone(exchange, answers) as telephone, called(line, telephone):  # type: ignore[arg-type]
        line.wait_for_outcome(outcome)


def test_nobody_answers_for_half_a_minute(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange, "rings") as telephone, called(line, telephone) as call:
        call.wait_until_ended(45)
        line.wait_for_outcome("no_answer")


def test_a_trunk_that_is_full_costs_the_retailer_no_attempt(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange, "full") as telephone, called(line, telephone):
        wait_until(lambda: not line.attempts(), "the attempt was not taken back")
        assert line.trunk_is_left_alone()
        assert len(telephone.called()) == 1


def test_calling_that_is_stopped_rings_no_longer(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange, "rings") as telephone, called(line, telephone) as call:
        line.stop_calling()
        line.wait_for_outcome("cancelled")
        call.wait_until_ended()


def test_a_machine_is_heard_out_and_left_a_message(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange) as telephone, called(line, telephone) as call:
        call.wait_until_answered()
        announced = call.media.say(ANNOUNCEMENT)
        heard_at = call.media.wait_for_sound(within_s=30, since=call.answered_at)
        assert heard_at > announced, "the machine was interrupted"
        call.wait_until_ended(60)
        line.wait_for_outcome("machine")
    assert line.latest_call() is None


def test_a_call_that_rings_outlives_the_process(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange, "rings") as telephone, called(line, telephone) as call:
        line.kill_line_workers()
        wait_until(line.leads, "no process leads the exchange")
        call.answer()
        retailer = greeted(line, call)
        retailer.presses("3", interrupting=True)
        call.wait_until_ended(60)
        line.wait_for_outcome("declined")


def test_who_answers_while_no_process_runs_is_greeted_by_the_next(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange, "rings") as telephone, called(line, telephone) as call:
        line.kill_line_workers()
        call.answer()
        greeted(line, call, within_s=15)


def test_a_conversation_outlives_the_process(exchange: Exchange, line: DiallingLine) -> None:
    with retailers_telephone(exchange) as telephone, called(line, telephone) as call:
        retailer = greeted(line, call)
        retailer.presses("1", interrupting=True)
        line.kill_line_workers()
        # What was on its way is over by then.
        call.media.wait_for_sound(within_s=15, since=time.monotonic() + 0.3)
        retailer.presses("198*5#", interrupting=True)
        retailer.presses("#", interrupting=True)
        retailer.presses("1")
        call.wait_until_ended(60)
        line.wait_for_outcome("ordered")
