"""None is none: each reason why a spec cannot be ordered has its sentence and its demand, however the spec is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orders.reporting.figures import read_figures
from orders.reporting.period import Period
from orders.windows import business_day
from speech.understanding import Understanding
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CRANE, ERA, LIQUN, PIN, SHOP, TAISHAN, World, catalog
from tests.support.dialogue import STRANGER, TypedDialogue, add, item, lines, question_about, signed_in


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


def none_supplied(world: World) -> None:
    """The day came with none: the allocation of none leaves every retailer a limit of none."""
    world.stock(LIQUN, 0)
    world.limit(LIQUN, 0)


def off_the_supply(world: World) -> None:
    world.no_supply(LIQUN)


def none_allotted(world: World) -> None:
    world.limit(LIQUN, 0)


REASONS = [
    (none_supplied, "out_of_stock", "利群软蓝，对不起，您要的品种暂时无货，您看黄鹤楼软蓝品牌行吗？"),
    (off_the_supply, "out_of_stock", "利群软蓝，对不起，您要的品种暂时无货，您看黄鹤楼软蓝品牌行吗？"),
    (none_allotted, "not_allotted", "对不起，利群软蓝这次没有分到您店里，您看黄鹤楼软蓝品牌行吗？"),
]
NAMINGS = [("软蓝利群三条",), ("利群三条",), ("利群", "三条"), ("利群有没有", "三条"), ("给我来三条利群软蓝",)]


@pytest.mark.parametrize("said", NAMINGS, ids="，".join)
@pytest.mark.parametrize(("make", "reason", "answer"), REASONS)
def test_each_reason_is_said_of_the_spec_and_kept(
    world: World,
    understanding: Understanding,
    make: Callable[[World], None],
    reason: str,
    answer: str,
    said: tuple[str, ...],
) -> None:
    make(world)
    caller = TypedDialogue(world, understanding)
    assert caller.says("是的", *said) == answer
    assert world.demand() == [(LIQUN, 30, 0, reason)]
    assert caller.says("好的") == "黄鹤楼软蓝，好的，三条。还有吗？"


@pytest.mark.parametrize(("make", "reason", "answer"), REASONS)
def test_each_reason_is_said_by_keys_too(
    world: World, understanding: Understanding, make: Callable[[World], None], reason: str, answer: str
) -> None:
    make(world)
    caller = TypedDialogue(world, understanding, caller=STRANGER, recogniser=False)
    caller.keys(f"{SHOP}#", f"{PIN}#")
    assert caller.keys("103*3#") == f"{answer}行请按一，不行请按二。"
    caller.keys("2")
    assert world.demand() == [(LIQUN, 30, 0, reason)]


@pytest.mark.parametrize(("make", "reason", "answer"), REASONS)
def test_it_is_said_of_what_an_answer_names_and_of_what_is_asked_about(
    world: World, understanding: Understanding, make: Callable[[World], None], reason: str, answer: str
) -> None:
    make(world)
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山五条", "不对，利群三条")
    assert world.demand() == [(LIQUN, 30, 0, reason)]
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert answer.split("，您看")[0] in caller.says("利群还能订多少")


def test_a_limit_used_up_says_how_many_the_shop_has(world: World, understanding: Understanding) -> None:
    world.limit(LIQUN, 3)
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "利群三条")
    for more in ("利群再来两条", "利群有没有", "利群还能订多少"):
        assert "利群软蓝您这次最多能订三条，已经订了三条。" in caller.says(more) or more == "利群有没有"
    assert world.demand() == [(LIQUN, 50, 30, "limit")]


def test_insisting_is_answered_with_the_reason_again(world: World) -> None:
    world.limit(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群三条", add(LIQUN, 3))
    call.caller_says("软蓝利群三条", add(LIQUN, 3))
    call.line_mentions("抱歉，利群软蓝这次确实没有分到您店里。")
    call.caller_says("不要")
    call.caller_says("软蓝利群", add(LIQUN))
    call.line_says("抱歉，利群软蓝这次确实没有分到您店里。", "请问您需要什么烟？")


def test_the_departments_own_bounds_are_not_said_to_be_the_shops_limit(world: World) -> None:
    world.department_rule("order_max_packs", 60)
    call = signed_in(world)
    call.caller_says("硬中华八条", add(CHINA, 8))
    call.line_says("对不起，一张订单的总条数有上限，中华硬给您订上六条。", "还有吗？")
    call.caller_says("泰山望岳一条", add(TAISHAN, 1))
    call.line_says("对不起，一张订单的总条数有上限，您已经订满，泰山望岳订不上了。", "还有吗？")


def test_the_bound_of_a_price_band_is_said_to_be_one(world: World) -> None:
    world.department_rule("band_max_cartons_10", 7)
    call = signed_in(world)
    call.caller_says("红塔山硬经典八条", add(CLASSIC, 8))
    call.line_says("对不起，这个价位有限量，红塔山硬经典给您订上七条。", "还有吗？")
    call.caller_says("红塔山新时代一条", add(ERA, 1))
    call.line_says("对不起，这个价位您这次已经订满，红塔山新时代订不上了。", "还有吗？")


@pytest.mark.parametrize(("said", "packs"), [("骆驼两条", 20), ("给我来两条骆驼", 20), ("骆驼有没有", 0)])
def test_a_brand_no_catalogue_has_is_said_to_be_none_and_kept(
    world: World, understanding: Understanding, said: str, packs: int
) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says(said) == "对不起，没有骆驼这个牌子。请问您需要什么烟？"
    assert world.demand() == [("", packs, 0, "not_in_catalogue")]
    assert caller.says("红塔山硬经典五条") == "红塔山硬经典，好的，五条。还有吗？"


# --- a brand of which no spec can be ordered


def test_of_a_brand_that_is_out_none_is_asked_about(world: World, understanding: Understanding) -> None:
    for barcode in (CLASSIC, ERA):
        world.stock(barcode, 0)
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("红塔山五条") == "红塔山，对不起，您要的品种暂时无货。请问您需要什么烟？"
    assert world.demand() == [(CLASSIC, 50, 0, "out_of_stock")]
    assert caller.says("红塔山有没有") == "抱歉，确实没货。请问您需要什么烟？"


def test_of_a_brand_none_of_which_was_allotted_the_quantity_is_asked_and_that_is_said(
    world: World, understanding: Understanding
) -> None:
    for barcode in (CLASSIC, ERA):
        world.limit(barcode, 0)
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("红塔山") == "红塔山，您要几条？"
    assert caller.says("五条") == "对不起，红塔山这次没有分到您店里。请问您需要什么烟？"
    assert world.demand() == [(CLASSIC, 50, 0, "not_allotted")]


def test_the_price_of_a_brand_that_cannot_be_had_lists_none_of_it(world: World) -> None:
    for barcode in (CLASSIC, ERA, LIQUN, CRANE):
        world.limit(barcode, 0)
    call = signed_in(world)
    call.caller_says("…多少钱", question_about("price", CLASSIC, ERA, LIQUN, CRANE, said="软的"))
    call.line_says("对不起，软的这次没有分到您店里。", "请问您需要什么烟？")


def test_of_a_brand_in_part_used_up_the_spec_it_has_is_named(world: World) -> None:
    world.limit(CLASSIC, 2)
    world.limit(ERA, 0)
    call = signed_in(world)
    call.caller_says("红塔山硬经典两条", add(CLASSIC, 2))
    call.caller_says("就这些", lines(command="done"))
    call.caller_says("对")
    world.clock.move(days=1)
    world.missed(SHOP)
    world.supply()
    world.limit(ERA, 0)
    call = signed_in(world, key="the day after", called="+8637255933333")
    call.caller_says("红塔山五条", lines(item(CLASSIC, ERA, count=5, said="红塔山")))
    call.line_says("对不起，红塔山硬经典您这次最多能订两条，已经订了两条。", "请问您需要什么烟？")


def test_a_substitute_for_a_brand_is_offered_by_the_brands_name(world: World) -> None:
    both = lines(item(CRANE, LIQUN, count=3, said="软蓝"))
    for barcode in (CRANE, LIQUN):
        world.stock(barcode, 0)
    call = signed_in(world)
    call.caller_says("软蓝三条", both)
    call.line_says("软蓝，对不起，您要的品种暂时无货，您看泰山望岳品牌行吗？")
    call.caller_says("我就要软蓝", replace(both, items=(item(CRANE, LIQUN, said="软蓝"),)))
    call.line_mentions("抱歉，确实没货。")
    call.caller_says("好的")
    assert call.draft_cartons == {TAISHAN: 3}


# --- the reports


def test_the_reports_have_a_column_for_each_reason(world: World) -> None:
    world.stock(CHINA, 0)
    world.limit(LIQUN, 0)
    world.limit(CLASSIC, 2)
    call = signed_in(world)
    camel = replace(item(count=4, said="骆驼"), not_carried=True)
    several = lines(item(CHINA, count=1), item(LIQUN, count=2), item(CLASSIC, count=5), camel)
    call.caller_says("硬中华一条，软蓝利群两条，红塔山硬经典五条，骆驼四条", several)
    with world.session() as session:
        today = business_day(world.clock())
        # The day is over: an order that is being made is no demand yet.
        found = read_figures(session, Period(today, today), today + timedelta(days=1))
        needs = {need.name: need for need in found.needs}
    assert {name: dict(need.unmet_by_reason) for name, need in needs.items()} == {
        "中华(硬)": {"out_of_stock": CARTON},
        "利群(软蓝)": {"not_allotted": 2 * CARTON},
        # Two more cartons were granted, but the order is not saved.
        "红塔山(硬经典)": {"limit": 3 * CARTON, "unsaved": 2 * CARTON},
        "骆驼": {"not_in_catalogue": 4 * CARTON},
    }
