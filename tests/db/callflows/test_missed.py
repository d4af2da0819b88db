"""A retailer that missed its call and rings the main line hears what is done, or is served there at once (TR 3.3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from orders.book.models import OrderRow
from orders.models import HotlineRow
from orders.outbound.models import MissedCall, Remedy
from orders.windows import business_day
from tests.support.desk_world import CLASSIC, MAIN, SHOP, SUPPLEMENTARY, World
from tests.support.dialogue import Dialogue, add, pick, signed_in


@pytest.fixture
def missed(world: World) -> World:
    """The shop missed its call yesterday, and may ring the supplementary hotline today."""
    world.change_retailer(SHOP, order_weekday=6)
    world.allow_everything()
    world.missed(SHOP)
    return world


def remedy(world: World, kind: Remedy, days: int) -> None:
    with world.session() as session:
        row = session.scalars(select(MissedCall)).one()
        row.remedy, row.remedy_day = kind, business_day(world.clock()) + timedelta(days=days)


def serve_missed_callers(world: World, *, regions: bool = False) -> None:
    with world.session() as session:
        for row in session.scalars(select(HotlineRow)):
            row.missed_callers = "serve" if row.kind == "regular" else "tell"
            if regions and row.kind == "supplementary":
                row.regions = [["1", "东区"], ["2", "西区"]]


AFTER = "您可以问货到哪了、订了什么、余额多少。请问您要办什么？"


def test_it_is_told_the_supplementary_number(missed: World) -> None:
    call = signed_in(missed)
    call.line_says(
        "对不起，今天不是您的订货日。",
        "您没有接到我们的电话，今天可以打补货电话零三七二，五五九三，三三三三订货。",
        AFTER,
    )


def test_before_the_hotline_opens_it_is_told_from_when_on(missed: World) -> None:
    missed.hours(SUPPLEMENTARY, "13:30", "17:00")
    call = signed_in(missed)
    call.line_mentions("今天十三点半起可以打补货电话")
    missed.clock.move(hours=9)
    signed_in(missed, key="too late").line_does_not_say("补货")


def test_after_closing_it_hears_that_the_time_is_over_and_where_to_ring(world: World) -> None:
    world.allow_everything()
    world.missed(SHOP)
    world.hours(MAIN, "06:00", "08:00")
    call = signed_in(world)
    call.line_says(
        "对不起，今天的订货时间过了。",
        "您没有接到我们的电话，今天可以打补货电话零三七二，五五九三，三三三三订货。",
        AFTER,
    )


def test_after_hand_over_no_number_is_told(missed: World) -> None:
    missed.day_step("hand_over")
    call = signed_in(missed)
    call.line_does_not_say("补货")
    call.line_mentions("您下一个订货日是")


def test_who_is_to_be_visited_is_told_when(missed: World) -> None:
    remedy(missed, "visit", 1)
    call = signed_in(missed)
    call.line_mentions("您没有接到我们的电话，客户经理十一月二十四日星期二上门为您订货。")


def test_who_waits_for_the_next_cycle_is_told_its_day(missed: World) -> None:
    remedy(missed, "next_cycle", 6)
    call = signed_in(missed)
    call.line_says("对不起，今天不是您的订货日。", "您下一个订货日是十一月二十九日星期日。", AFTER)


def test_a_line_set_to_serve_takes_the_supplementary_order_at_once(missed: World) -> None:
    serve_missed_callers(missed)
    call = signed_in(missed)
    call.line_says("您没有接到我们的电话，现在给您补货。", "请问您需要什么烟？")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.caller_says("对")
    call.line_mentions("您的订货已经保存")
    with missed.session() as session:
        order = session.scalars(select(OrderRow)).one()
        assert (order.kind, order.channel) == ("supplementary", "phone")
        assert session.get_one(HotlineRow, order.hotline_id).number == SUPPLEMENTARY


def test_there_too_the_region_is_asked(missed: World) -> None:
    serve_missed_callers(missed, regions=True)
    call = signed_in(missed)
    call.line_says("您没有接到我们的电话，现在给您补货。", "请问您是哪个区的？东区请按一，西区请按二。")
    call.caller_is_silent()
    call.line_says("您是哪个区的？东区请按一，西区请按二。")
    call.caller_says("西区", pick(2))
    call.line_says("请问您需要什么烟？")
    assert call.state.region == "西区"


def test_a_call_that_broke_off_there_is_taken_up_again(missed: World) -> None:
    serve_missed_callers(missed)
    call = signed_in(missed)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_hangs_up()
    again = signed_in(missed, key="call-2")
    again.line_mentions("您上次没有订完：红塔山硬经典五条。")


def test_a_line_set_to_serve_serves_nobody_else(world: World) -> None:
    serve_missed_callers(world)
    world.change_retailer(SHOP, order_weekday=1)
    signed_in(world).line_says("对不起，今天不是您的订货日。", "您下一个订货日是十一月二十四日星期二。", AFTER)
    due = Dialogue(world, key="due")
    world.change_retailer(SHOP, order_weekday=0)
    due.caller_says("对")
    due.line_says("请问您需要什么烟？")
