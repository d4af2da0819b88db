"""Brands and quantities: taken, added to, changed, removed, cut, and offered as substitutes."""

from __future__ import annotations

from dataclasses import replace

from speech.listening import Items, YesNo
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, TAISHAN, World
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
