"""Brands of which there is less than asked for: cut to the limit, offered as the rest, replaced by substitutes."""

from __future__ import annotations

from dataclasses import replace

from speech.listening import YesNo
from tests.support.desk_world import CHINA, CLASSIC, CRANE, LIQUN, TAISHAN, World
from tests.support.dialogue import (
    add,
    asks_if_available,
    change,
    item,
    lines,
    quantity_only,
    remove,
    signed_in,
)


def test_a_request_over_the_limit_is_cut_to_it_and_said_and_recorded(world: World) -> None:
    world.limit(CLASSIC, 6)
    call = signed_in(world)
    call.caller_says("红塔山硬经典十条", add(CLASSIC, 10))
    call.line_says("对不起，红塔山硬经典有限量，您这次能订六条，已经给您订上。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 6}
    assert world.demand() == [(CLASSIC, 100, 60, "limit")]


def test_a_limit_used_up_is_said(world: World) -> None:
    world.limit(CLASSIC, 6)
    call = signed_in(world)
    call.caller_says("红塔山硬经典六条", add(CLASSIC, 6))
    call.caller_says("再来一条红塔山硬经典", add(CLASSIC, 1))
    call.line_says("对不起，红塔山硬经典您这次最多能订六条，已经订了六条。", "还有吗？")


def test_only_some_left_are_offered_and_taken_on_a_yes(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.line_says("对不起，您要的红塔山硬经典烟只有三条。三条您要吗？")
    assert isinstance(call.listens, YesNo)
    call.caller_says("好的")
    call.line_says("红塔山硬经典，好的，三条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 3}
    assert world.demand() == [(CLASSIC, 50, 30, "stock")]


def test_the_rest_is_given_back_on_a_no(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("不要")
    call.line_says("好的，红塔山硬经典不加了。", "请问您需要什么烟？")
    assert call.draft_cartons == {}
    assert world.demand() == [(CLASSIC, 50, 0, "stock")], "what was wanted is still wanted"
    assert world.withdrawn() == []
    world.check_books()


def test_refusing_the_rest_leaves_what_was_ordered_before(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典两条", add(CLASSIC, 2))
    call.caller_says("再来五条红塔山硬经典", add(CLASSIC, 5))
    call.line_says("对不起，您要的红塔山硬经典烟只有一条。一条您要吗？")
    call.caller_says("不要")
    assert call.draft_cartons == {CLASSIC: 2}
    assert world.demand() == [(CLASSIC, 70, 20, "stock")]


def test_fewer_than_the_rest_may_be_taken(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("那来两条", quantity_only(2))
    call.line_says("红塔山硬经典，好的，两条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 2}
    assert world.demand() == [(CLASSIC, 50, 20, "stock")]
    world.check_books()


def test_fewer_than_the_rest_may_be_taken_by_name(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典两条", add(CLASSIC, 2))
    call.caller_says("红塔山硬经典改成八条", change(CLASSIC, 8))
    call.line_says("对不起，您要的红塔山硬经典烟只有三条。三条您要吗？")
    call.caller_says("红塔山硬经典两条", add(CLASSIC, 2))
    assert call.draft_cartons == {CLASSIC: 2}
    assert world.demand() == [(CLASSIC, 80, 20, "stock")]


def test_who_insists_on_more_than_the_rest_is_told_again(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("我要四条", quantity_only(4))
    call.line_says("对不起，您要的红塔山硬经典烟只有三条。三条您要吗？")


def test_what_the_caller_takes_off_again_is_kept_as_withdrawn(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("红塔山硬经典不要了", remove(CLASSIC))
    assert world.demand() == [(CLASSIC, 50, 50, None)]
    assert world.withdrawn() == [CLASSIC]


def test_going_on_keeps_the_rest(world: World) -> None:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("再来硬中华两条", add(CHINA, 2))
    assert call.draft_cartons == {CLASSIC: 3, CHINA: 2}


def test_what_is_out_is_asked_for_its_quantity_first_and_then_a_substitute_is_named(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群有没有", asks_if_available(LIQUN))
    call.line_says("利群软蓝，您需要多少？")
    call.caller_says("五条", quantity_only(5))
    call.line_says("利群软蓝，对不起，您要的品种暂时无货，您看黄鹤楼软蓝品牌行吗？")
    assert world.demand() == [(LIQUN, 50, 0, "out_of_stock")]
    call.caller_says("好的")
    call.line_says("黄鹤楼软蓝，好的，五条。", "还有吗？")
    assert call.draft_cartons == {CRANE: 5}


def test_a_substitute_by_table_comes_before_one_by_rule(world: World) -> None:
    world.substitute(LIQUN, CHINA)
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.line_mentions("您看中华硬品牌行吗？")
    world.stock(CHINA, 0)
    call = signed_in(world, key="call-2")
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.line_mentions("您看黄鹤楼软蓝品牌行吗？")


def test_a_substitute_may_be_refused(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("不要")
    call.line_says("请问您需要什么烟？")
    assert call.draft_cartons == {}
    assert world.demand() == [(LIQUN, 50, 0, "out_of_stock")]
    assert world.withdrawn() == []


def test_a_substitute_may_be_taken_in_another_quantity(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("行，来三条", replace(quantity_only(3), command="yes"))
    assert call.draft_cartons == {CRANE: 3}


def test_that_is_all_after_an_answer_ends_the_order_and_alone_is_the_answer(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("三条，就这些", replace(quantity_only(3), command="done"))
    call.line_mentions("好，现在我们核对一下您的订货。黄鹤楼软蓝，三条。")
    call = signed_in(world, key="call-2")
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("没有了")
    call.line_says("请问您需要什么烟？")


def test_another_brand_may_be_named_instead_of_the_substitute(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("那来泰山望岳四条", add(TAISHAN, 4))
    call.line_says("泰山望岳，好的，四条。", "还有吗？")
    assert call.draft_cartons == {TAISHAN: 4}


def test_a_substitute_named_with_its_quantity_is_taken_once(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("好，黄鹤楼软蓝三条", lines(item(CRANE, count=3), command="yes"))
    assert call.draft_cartons == {CRANE: 3}


def test_a_caller_who_insists_is_told_that_there_truly_is_none(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("软蓝利群有货啊", asks_if_available(LIQUN))
    call.line_says("抱歉，确实没货。", "您看黄鹤楼软蓝品牌行吗？")
    call.caller_says("不要")
    call.caller_says("软蓝利群有没有", asks_if_available(LIQUN))
    call.line_says("抱歉，确实没货。", "请问您需要什么烟？")


def test_insisting_with_a_quantity_is_recorded_and_answered_the_same(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("不要")
    call.caller_says("软蓝利群六条", add(LIQUN, 6))
    call.line_says("抱歉，确实没货。", "请问您需要什么烟？")
    assert [(barcode, granted) for barcode, _, granted, _ in world.demand()] == [(LIQUN, 0)]


def test_what_came_back_on_the_shelf_is_taken_after_all(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    call.caller_says("不要")
    world.stock(LIQUN, 9)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    assert call.draft_cartons == {LIQUN: 5}


def test_without_a_substitute_being_out_is_just_said(world: World) -> None:
    world.stock(CHINA, 0)
    call = signed_in(world)
    call.caller_says("硬中华五条", add(CHINA, 5))
    call.line_says("中华硬，对不起，您要的品种暂时无货。", "请问您需要什么烟？")


def test_a_line_that_is_out_does_not_disturb_the_others_of_its_breath(world: World) -> None:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says(
        "红塔山硬经典五条，软蓝利群三条，硬中华两条",
        lines(item(CLASSIC, count=5), item(LIQUN, count=3), item(CHINA, count=2)),
    )
    call.line_says(
        "好的，红塔山硬经典五条，中华硬两条。", "利群软蓝，对不起，您要的品种暂时无货，您看黄鹤楼软蓝品牌行吗？"
    )
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 2}
