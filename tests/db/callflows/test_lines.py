"""Brands and quantities: taken, added to, changed, removed, and ordered as last time."""

from __future__ import annotations

from dataclasses import replace

from speech.listening import Items
from tests.support.desk_world import CHINA, CLASSIC, ERA, World
from tests.support.dialogue import (
    HALF_A_CASE,
    add,
    asks_if_available,
    cartons,
    change,
    item,
    lines,
    quantity_only,
    remove,
    signed_in,
)


def test_one_line_is_taken_and_more_is_asked_for(world: World) -> None:
    call = signed_in(world)
    call.line_says("请问您需要什么烟？")
    assert isinstance(call.listens, Items)
    assert CLASSIC in call.listens.barcodes
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.line_says("红塔山硬经典，好的，五条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5}


def test_two_cartons_are_said_as_a_chinese_ear_expects(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典两条", add(CLASSIC, 2))
    call.line_says("红塔山硬经典，好的，两条。", "还有吗？")


def test_several_lines_in_one_breath_are_taken_at_once(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，硬中华两条", lines(item(CLASSIC, count=5), item(CHINA, count=2)))
    call.line_says("好的，红塔山硬经典五条，中华硬两条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 2}


def test_half_a_case_is_said_back_in_cartons(world: World) -> None:
    world.limit(CLASSIC, 50)
    call = signed_in(world)
    call.caller_says("红塔山硬经典半件", add(CLASSIC, HALF_A_CASE))
    call.line_mentions("红塔山硬经典，好的，二十五条。")
    assert call.draft_cartons == {CLASSIC: 25}


def test_what_is_ordered_already_is_added_to_and_the_total_said(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("再来三条红塔山硬经典", add(CLASSIC, 3))
    call.line_says("红塔山硬经典品牌您已经订过，现在一共八条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 8}


def test_a_brand_ordered_already_and_named_without_a_quantity_is_asked_about(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典", add(CLASSIC))
    call.line_says("红塔山硬经典品牌您已经订过，订了五条。您再要几条？")
    call.caller_says("三条", quantity_only(3))
    assert call.draft_cartons == {CLASSIC: 8}


def test_asking_for_what_is_ordered_already_is_answered_with_how_much(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典有没有", asks_if_available(CLASSIC))
    call.line_says("您已经订了五条。", "还有吗？")


def test_a_line_is_changed(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，硬中华两条", lines(item(CLASSIC, count=5), item(CHINA, count=2)))
    call.caller_says("红塔山硬经典改成三条", change(CLASSIC, 3))
    call.line_says("好的，红塔山硬经典改成三条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 3, CHINA: 2}


def test_a_change_without_a_brand_is_of_the_line_said_last(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华两条", add(CHINA, 2))
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("不对，要三条", lines(item(count=3, action="change"), command="no"))
    assert call.draft_cartons == {CHINA: 2, CLASSIC: 3}


def test_a_line_is_removed(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，硬中华两条", lines(item(CLASSIC, count=5), item(CHINA, count=2)))
    call.caller_says("硬中华不要了", remove(CHINA))
    call.line_says("好的，中华硬不要了。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5}


def test_part_of_a_line_is_removed(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典去掉两条", lines(item(CLASSIC, count=2, action="reduce")))
    call.line_says("好的，红塔山硬经典减两条，现在一共三条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 3}


def test_removing_what_was_not_ordered_is_said_and_changes_nothing(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("硬中华不要了", remove(CHINA))
    call.line_says("您没有订中华硬。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5}


def test_of_two_brands_that_sound_alike_the_ordered_one_is_meant_when_removing(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山不要了", lines(item(CLASSIC, ERA, action="remove", said="红塔山")))
    call.line_says("好的，红塔山硬经典不要了。", "请问您需要什么烟？")
    assert call.draft_cartons == {}


def test_a_bare_removal_is_asked_about_and_not_guessed(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("去掉", lines(item(action="remove")))
    call.line_says("您要的是红塔山硬经典不要了，对吗？")
    assert call.draft_cartons == {CLASSIC: 5}
    call.caller_says("对")
    assert call.draft_cartons == {}


def test_one_brand_may_be_swapped_for_another_in_one_breath(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典换成硬中华三条", lines(item(CLASSIC, action="remove"), item(CHINA, count=3)))
    assert call.draft_cartons == {CHINA: 3}


def test_what_is_said_and_taken_back_in_one_breath_is_not_ordered(world: World) -> None:
    call = signed_in(world)
    call.caller_says(
        "红塔山硬经典五条，硬中华两条，红塔山硬经典不要了",
        lines(item(CLASSIC, count=5), item(CHINA, count=2), item(CLASSIC, action="remove")),
    )
    assert call.draft_cartons == {CHINA: 2}


def test_changing_to_nothing_removes(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典改成零条", change(CLASSIC, 0))
    assert call.draft_cartons == {}


def test_a_quantity_without_a_brand_is_asked_for_the_brand(world: World) -> None:
    call = signed_in(world)
    call.caller_says("五条", quantity_only(5))
    call.line_says("您要的是什么烟？请您连烟名和数量一起报。", "请问您需要什么烟？")


def test_the_last_order_is_told_when_asked(world: World) -> None:
    call = signed_in(world)
    call.caller_says("上次订了什么")
    call.line_says("没有查到您上次的订货。", "请问您需要什么烟？")
    save_an_order_and_wait_a_week(world)
    call = signed_in(world, key="a week later")
    call.caller_says("上次订了什么")
    call.line_says("您上次订的是：红塔山硬经典五条，中华硬两条，一共七条。", "请问您需要什么烟？")


def test_the_same_as_last_time_is_cut_to_today_and_read_back(world: World) -> None:
    save_an_order_and_wait_a_week(world)
    world.limit(CLASSIC, 3)
    world.stock(CHINA, 0)
    call = signed_in(world, key="a week later")
    call.caller_says("和上次一样")
    call.line_says(
        "好的，照上次的订。",
        "对不起，红塔山硬经典有限量，您这次能订三条，已经给您订上。",
        "中华硬，对不起，您要的品种暂时无货。",
        "好，现在我们核对一下您的订货。",
        "红塔山硬经典，三条。",
        "您今天订货的总条数是三条，总金额为二百二十五元；您卡内余额一千元。",
        "对吗？",
    )
    assert call.draft_cartons == {CLASSIC: 3}


def test_of_the_last_order_what_the_catalogue_has_no_more_is_said_to_be_gone(world: World) -> None:
    save_an_order_and_wait_a_week(world)
    specs = {barcode: spec for barcode, spec in world.catalog.specs.items() if barcode != CHINA}
    world.catalog = replace(world.catalog, specs=specs)
    call = signed_in(world, key="a week later")
    call.caller_says("上次订了什么")
    call.line_mentions("红塔山硬经典五条，中华硬两条，一共七条。")
    call.caller_says("和上次一样")
    call.line_mentions("对不起，中华硬已经不供应了。")
    assert call.draft_cartons == {CLASSIC: 5}
    assert ("", 20, 0, "not_in_catalogue") in world.demand()


def test_the_same_as_last_time_leaves_what_was_already_said_as_it_is(world: World) -> None:
    save_an_order_and_wait_a_week(world)
    call = signed_in(world, key="a week later")
    call.caller_says("红塔山硬经典八条", add(CLASSIC, 8))
    call.caller_says("其他和上次一样", lines(command="usual"))
    assert call.draft_cartons == {CLASSIC: 8, CHINA: 2}


def save_an_order_and_wait_a_week(world: World) -> None:
    call = signed_in(world, key="a week ago")
    both = lines(item(CLASSIC, count=cartons(5)), item(CHINA, count=2), command="done")
    call.caller_says("红塔山硬经典五条，硬中华两条，就这些", both)
    call.caller_says("对")
    world.clock.move(days=7)
    world.supply()


def test_a_line_said_again_straight_after_is_not_ordered_twice(world: World) -> None:
    call = signed_in(world)
    for _ in range(2):
        call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
        assert call.draft_cartons == {CLASSIC: 5}
    call.line_says("您已经订了五条。", "还有吗？")
    call.caller_says("硬中华两条", add(CHINA, 2))
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.line_says("红塔山硬经典品牌您已经订过，现在一共十条。", "还有吗？")


def test_more_of_a_line_is_added_however_soon_it_is_said(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典三条", add(CLASSIC, 3))
    call.caller_says("再来红塔山硬经典三条", lines(replace(item(CLASSIC, count=3), more=True)))
    assert call.draft_cartons == {CLASSIC: 6}
    call.caller_says("再加两条", lines(replace(item(count=2), more=True)))
    call.line_says("红塔山硬经典品牌您已经订过，现在一共八条。", "还有吗？")


def test_everything_but_one_is_asked_for_by_name(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("除了硬中华都要五条", lines(command="all_but"))
    call.line_says("请您要哪种报哪种，连数量一起报。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5}
