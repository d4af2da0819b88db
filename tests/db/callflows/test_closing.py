"""The line closes during a call: who began in time may finish, hears until when, and loses nothing at midnight."""

from __future__ import annotations

from datetime import datetime

import pytest

from clock import SHANGHAI
from tests.support.desk_world import CHINA, CLASSIC, MAIN, World
from tests.support.dialogue import Dialogue, add, signed_in


def at(hour: int, minute: int, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


def said(call: Dialogue) -> str:
    return "".join(call.reply.say)


@pytest.fixture
def call(world: World) -> Dialogue:
    """A caller who has ordered five cartons a minute before the line closes."""
    world.hours(MAIN, "08:00", "12:00")
    world.clock.move_to(at(11, 59))
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    return call


def test_who_says_yes_a_minute_after_closing_has_the_order(world: World, call: Dialogue) -> None:
    call.caller_says("就这些")
    world.clock.move_to(at(12, 1))
    call.caller_says("对")
    assert "您的订货已经保存" in said(call)
    assert "订货时间到了" not in said(call)
    assert call.saved_cartons == {CLASSIC: 5}
    world.check_books()


def test_who_has_not_finished_at_closing_is_told_once_until_when_it_may(world: World, call: Dialogue) -> None:
    world.clock.move_to(at(12, 0))
    call.caller_says("硬中华三条", add(CHINA, 3))
    assert call.reply.say[0] == "订货时间到了，您这次的订货请在十二点十分以前订完。"
    call.caller_says("就这些")
    assert "订货时间到了" not in said(call)
    call.caller_says("对")
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}


def test_after_the_grace_the_line_is_closed(world: World, call: Dialogue) -> None:
    call.caller_says("就这些")
    world.clock.move_to(at(12, 10))
    call.caller_says("对")
    assert "对不起，今天的订货时间过了。" in said(call)
    assert call.saved_cartons == {}
    world.check_books()


def test_who_was_cut_off_at_closing_and_calls_again_goes_on(world: World, call: Dialogue) -> None:
    call.caller_hangs_up()
    world.clock.move_to(at(12, 2))
    again = signed_in(world, key="call-2")
    assert "您上次没有订完：红塔山硬经典五条。接着订吗？" in said(again)
    again.caller_says("对")
    again.caller_says("就这些")
    again.caller_says("对")
    assert again.saved_cartons == {CLASSIC: 5}
    world.check_books()


def test_who_rings_after_closing_begins_nothing(world: World) -> None:
    world.hours(MAIN, "08:00", "12:00")
    world.clock.move_to(at(12, 1))
    assert "对不起，今天的订货时间过了。" in said(signed_in(world))


def test_a_call_past_midnight_goes_on_with_the_day_it_was_begun_on(world: World) -> None:
    world.clock.move_to(at(23, 58))
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    world.clock.move_to(at(0, 1, day=24))
    call.caller_says("硬中华三条", add(CHINA, 3))
    assert call.reply.say[0] == "订货时间到了，您这次的订货请在零点十分以前订完。"
    assert "好的，三条" in said(call)
    call.caller_says("就这些")
    call.caller_says("对")
    world.clock.move_to(at(23, 59))
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}
    world.check_books()
