"""Open questions of a line are asked one at a time, and no other line is changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from speech.listening import Choice, QuantityOf
from speech.utterance import Utterance
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, TAISHAN, World
from tests.support.dialogue import (
    ABOUT_TEN,
    ONE_BOX,
    Dialogue,
    add,
    asks_if_available,
    change,
    item,
    lines,
    pick,
    quantity_only,
    remove,
    signed_in,
)

BOTH = (CLASSIC, ERA)


def asked_which(world: World, count: float | None = 5) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山五条", lines(item(*BOTH, count=count, said="红塔山")))
    return call


def test_two_specs_of_one_brand_are_asked_between(world: World) -> None:
    call = asked_which(world)
    call.line_says("红塔山有两种：硬经典、新时代，您要哪一种？")
    assert isinstance(call.listens, Choice)
    assert call.listens.or_items
    assert call.options == ["硬经典", "新时代"]
    assert call.listens.options[0].key == "1"
    assert "红塔山硬经典" in call.listens.options[0].phrases
    assert call.draft_cartons == {}


def test_the_answer_may_be_an_ordinal_or_a_key(world: World) -> None:
    call = asked_which(world)
    call.caller_says("第二种", pick(2))
    call.line_says("红塔山新时代，好的，五条。", "还有吗？")
    assert call.draft_cartons == {ERA: 5}


def test_the_answer_may_be_a_name(world: World) -> None:
    call = asked_which(world)
    call.caller_says("红塔山新时代", add(ERA))
    assert call.draft_cartons == {ERA: 5}


def test_the_answer_may_bring_another_quantity(world: World) -> None:
    call = asked_which(world)
    call.caller_says("新时代，要三条", lines(item(count=3), choice=1))
    assert call.draft_cartons == {ERA: 3}


def test_no_quantity_is_asked_for_once_the_spec_is_known(world: World) -> None:
    call = asked_which(world, count=None)
    call.caller_says("硬经典", pick(1))
    call.line_says("红塔山硬经典，您要几条？")
    assert isinstance(call.listens, QuantityOf)
    assert call.listens.barcode == CLASSIC
    call.caller_says("五条", quantity_only(5))
    assert call.draft_cartons == {CLASSIC: 5}


def test_specs_of_two_brands_are_asked_between_by_their_whole_names(world: World) -> None:
    call = signed_in(world)
    call.caller_says("软蓝五条", lines(item(LIQUN, CRANE, count=5, said="软蓝")))
    call.line_says("软蓝有两种：利群软蓝、黄鹤楼软蓝，您要哪一种？")


def test_the_other_lines_of_the_breath_are_taken_before_the_question(world: World) -> None:
    call = signed_in(world)
    call.caller_says(
        "硬中华两条，红塔山五条，黄鹤楼软蓝三条",
        lines(item(CHINA, count=2), item(*BOTH, count=5, said="红塔山"), item(CRANE, count=3)),
    )
    call.line_says("好的，中华硬两条，黄鹤楼软蓝三条。", "红塔山有两种：硬经典、新时代，您要哪一种？")
    assert call.draft_cartons == {CHINA: 2, CRANE: 3}


def test_two_questions_are_asked_one_after_the_other(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华，红塔山五条", lines(item(CHINA), item(*BOTH, count=5, said="红塔山")))
    call.line_says("中华硬，您要几条？")
    call.caller_says("两条", quantity_only(2))
    call.line_says("中华硬，好的，两条。", "红塔山有两种：硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CHINA: 2, CLASSIC: 5}


def test_what_an_answer_leaves_open_is_asked_before_the_other_questions(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山，硬中华", lines(item(*BOTH, said="红塔山"), item(CHINA)))
    call.caller_says("第一种", pick(1))
    call.line_says("红塔山硬经典，您要几条？")
    call.caller_says("五条", quantity_only(5))
    call.line_mentions("中华硬，您要几条？")


def test_another_line_said_instead_of_an_answer_is_taken_and_the_question_asked_again(world: World) -> None:
    call = asked_which(world)
    call.caller_says("再来硬中华两条", add(CHINA, 2))
    call.line_says("中华硬两条，记下了。", "硬经典、新时代，您要哪一种？")
    call.caller_says("还有泰山望岳三条", add(TAISHAN, 3))
    call.line_says("泰山望岳三条，记下了。", "红塔山有两种：硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CHINA: 2, TAISHAN: 3, CLASSIC: 5}


def test_a_line_that_has_to_be_asked_about_later_is_acknowledged_as_well(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华", add(CHINA))
    call.line_says("中华硬，您要几条？")
    call.caller_says("红塔山五条，泰山望岳", lines(item(*BOTH, count=5, said="红塔山"), item(TAISHAN)))
    call.line_says("红塔山，泰山望岳，记下了。", "中华硬呢，您要几条？")
    call.caller_says("两条", quantity_only(2))
    call.line_says("中华硬，好的，两条。", "红塔山有两种：硬经典、新时代，您要哪一种？")


@pytest.mark.parametrize("recogniser", [True, False])
@pytest.mark.parametrize(
    "opening",
    [
        lines(item(*BOTH, count=5, said="红塔山")),
        add(CLASSIC),
        add(LIQUN, 3),
        add(TAISHAN, 3),
        replace(add(CLASSIC, 5), confirm=True),
    ],
    ids=["which", "how many", "the substitute", "the rest", "unsure"],
)
def test_no_question_is_repeated_word_for_word_whatever_is_said_meanwhile(
    world: World, opening: Utterance, recogniser: bool
) -> None:
    world.stock(LIQUN, 0)
    world.stock(TAISHAN, 2)
    call = signed_in(world, recogniser=recogniser)
    call.caller_says("…", opening)
    step, asked = call.state.step, call.reply.say[-1]
    for _ in range(3):
        call.caller_says("余额多少")
        assert call.state.step == step
        assert call.reply.say[-1] != asked
        asked = call.reply.say[-1]


def test_correcting_another_line_leaves_the_question_open(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华两条，红塔山五条", lines(item(CHINA, count=2), item(*BOTH, count=5, said="红塔山")))
    call.caller_says("硬中华改成三条", change(CHINA, 3))
    call.line_says("好的，中华硬改成三条。", "硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CHINA: 3, CLASSIC: 5}


def test_the_quantity_of_the_open_line_may_be_put_right_meanwhile(world: World) -> None:
    call = asked_which(world)
    call.caller_says("不对，三条", lines(item(count=3, action="change")))
    call.line_says("红塔山有两种：硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CLASSIC: 3}


def test_a_line_that_is_not_wanted_after_all_is_dropped(world: World) -> None:
    for words, meaning in (("不要", None), ("红塔山不要了", lines(item(*BOTH, action="remove")))):
        call = asked_which(world)
        call.caller_says(words, meaning)
        call.line_says("好的，红塔山不订了。", "请问您需要什么烟？")
        assert call.draft_cartons == {}


def test_that_is_all_waits_for_the_answer_and_then_goes_to_the_read_back(world: World) -> None:
    call = asked_which(world)
    call.caller_says("就这些")
    call.line_says("硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    call.line_mentions("好，现在我们核对一下您的订货。")
    call.line_mentions("红塔山硬经典，五条。")


def test_dropping_a_line_may_end_the_order(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华两条，红塔山五条", lines(item(CHINA, count=2), item(*BOTH, count=5, said="红塔山")))
    call.caller_says("红塔山不要了，就这些", lines(item(*BOTH, action="remove"), command="done"))
    call.line_mentions("好，现在我们核对一下您的订货。中华硬，两条。")


def test_that_is_all_said_twice_drops_the_question(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华两条，红塔山五条", lines(item(CHINA, count=2), item(*BOTH, count=5, said="红塔山")))
    call.caller_says("就这些")
    call.caller_says("就这些")
    call.line_mentions("好的，红塔山不订了。")
    call.line_mentions("好，现在我们核对一下您的订货。")
    assert call.draft_cartons == {CHINA: 2}


def test_a_place_that_was_not_offered_is_not_an_answer(world: World) -> None:
    call = asked_which(world)
    call.caller_says("第五种", pick(5))
    call.line_says("抱歉，我没听清楚，请您再说一遍。", "硬经典、新时代，您要哪一种？")


def test_many_specs_are_offered_a_few_at_a_time(world: World) -> None:
    call = signed_in(world)
    everything = tuple(world.catalog.specs)
    call.caller_says("蓝的五条", lines(item(*everything, count=5, said="蓝的")))
    call.line_says("蓝的有六种：红塔山硬经典、红塔山新时代、利群软蓝、黄鹤楼软蓝、泰山望岳、其他，您要哪一种？")
    call.caller_says("其他", pick(6))
    call.line_says("蓝的有六种：中华硬、其他，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CHINA: 5}


def test_a_narrower_answer_narrows_the_question(world: World) -> None:
    call = signed_in(world)
    everything = tuple(world.catalog.specs)
    call.caller_says("那个五条", lines(item(*everything, count=5)))
    call.caller_says("红塔山", lines(item(*BOTH, said="红塔山")))
    call.line_says("红塔山有两种：硬经典、新时代，您要哪一种？")
    call.caller_says("第一种", pick(1))
    assert call.draft_cartons == {CLASSIC: 5}


def test_a_missing_quantity_is_asked_for(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典", add(CLASSIC))
    call.line_says("红塔山硬经典，您要几条？")
    call.caller_says("五条", quantity_only(5))
    call.line_says("红塔山硬经典，好的，五条。", "还有吗？")


def test_the_second_missing_quantity_is_coached(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典", add(CLASSIC))
    call.caller_says("五条", quantity_only(5))
    call.caller_says("硬中华", add(CHINA))
    call.line_says("请您连数量一起报，好吗？", "中华硬，您要几条？")


def test_a_quantity_may_come_with_the_name_and_with_other_lines(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典", add(CLASSIC))
    call.caller_says("红塔山硬经典五条，硬中华两条", lines(item(CLASSIC, count=5), item(CHINA, count=2)))
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 2}


def test_a_vague_quantity_is_asked_back_however_often_until_an_operator_helps(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典十来条", add(CLASSIC, ABOUT_TEN))
    call.line_says("请您说一个准数，红塔山硬经典，您要几条？")
    for _ in range(3):
        call.caller_says("十来条", quantity_only(ABOUT_TEN))
        call.line_says("请您说一个准数，红塔山硬经典，您要几条？")
    call.caller_says("十来条", quantity_only(ABOUT_TEN))
    call.goes_to_operator("stuck")
    assert call.draft_cartons == {}


def test_a_vague_quantity_is_settled_by_a_number(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典十来条", add(CLASSIC, ABOUT_TEN))
    call.caller_says("十二条", quantity_only(12))
    assert call.draft_cartons == {CLASSIC: 12}


def test_another_line_heard_with_doubt_is_asked_before_a_vague_quantity_is_asked_again(world: World) -> None:
    call = signed_in(world)
    call.caller_says("中华软", add(CHINA, None))
    unsure = lines(item(count=ABOUT_TEN), item(*BOTH, count=5, said="红塔山"), confirm=True)
    call.caller_says("十来条，红塔山五条", unsure)
    call.line_says("您要的是红塔山五条，对吗？")
    call.caller_says("不对")
    call.line_mentions("您要几条")
    call.caller_says("十条", quantity_only(10))
    assert call.draft_cartons == {CHINA: 10}


def test_a_box_is_asked_back_in_cartons(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典一箱", add(CLASSIC, ONE_BOX))
    call.line_says("请您按条数报，红塔山硬经典，您要几条？")


def test_a_line_without_a_quantity_may_be_dropped(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典", add(CLASSIC))
    call.caller_says("红塔山硬经典不要了", remove(CLASSIC))
    call.line_says("好的，红塔山硬经典不订了。", "请问您需要什么烟？")


def test_what_the_recogniser_is_unsure_of_is_said_back_before_it_is_taken(world: World) -> None:
    call = signed_in(world)
    heard = lines(item(CLASSIC, count=5), item(CHINA, count=2), confirm=True)
    call.caller_says("红塔山硬经典五条，硬中华两条", heard)
    call.line_says("您要的是红塔山硬经典五条，中华硬两条，对吗？")
    assert call.draft_cartons == {}
    call.caller_says("对")
    call.line_says("好的，红塔山硬经典五条，中华硬两条。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 2}


def test_what_was_heard_wrong_is_said_again(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", lines(item(CHINA, count=5), confirm=True))
    call.caller_says("不对")
    call.line_says("请您再说一遍。", "请问您需要什么烟？")
    assert call.draft_cartons == {}


def test_what_was_heard_wrong_may_be_put_right_at_once(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", lines(item(CHINA, count=5), confirm=True))
    call.caller_says("不对，红塔山硬经典五条", lines(item(CLASSIC, count=5), command="no"))
    assert call.draft_cartons == {CLASSIC: 5}


def test_an_unsure_change_and_removal_are_said_back_as_such(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，硬中华两条", lines(item(CLASSIC, count=5), item(CHINA, count=2)))
    unsure = lines(item(CLASSIC, count=3, action="change"), item(CHINA, action="remove"), confirm=True)
    call.caller_says("红塔山硬经典改成三条，硬中华不要了", unsure)
    call.line_says("您要的是红塔山硬经典改成三条，中华硬不要了，对吗？")
    call.caller_says("对")
    assert call.draft_cartons == {CLASSIC: 3}


def test_that_is_all_is_remembered_with_unsure_lines(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), confirm=True, command="done"))
    call.caller_says("对")
    call.line_mentions("好，现在我们核对一下您的订货。")


def test_yes_to_anything_else_is_an_invitation_to_speak(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("对")
    call.line_says("请讲。", "还有吗？")


def test_today_is_told_price_by_price_and_a_few_specs_at_a_time(world: World) -> None:
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.line_says(
        "您写好单子了可以直接报。今天的零售价有：第一，每包四十五元七角九分，每条四百五十七元九角，"
        "第二，每包二十元零九分，每条二百元九角，"
        "第三，每包十元五角六分到十九元七角一分，每条一百零五元六角到一百九十七元一角，第四，每包九元，每条九十元。"
        "您需要什么价位的？"
    )
    call.caller_says("第三个", pick(3))
    call.line_says(
        "每包十元五角六分到十九元七角一分，每条一百零五元六角到一百九十七元一角的今天有：",
        "黄鹤楼软蓝，利群软蓝，红塔山新时代。",
        "您需要什么？还要听，请说继续；不听了，请说停。",
    )
    call.caller_says("利群软蓝两条", add(LIQUN, 2))
    call.line_says("利群软蓝，好的，两条。", "还有吗？还要听，请说继续；不听了，请说停。")
    call.caller_says("好的")
    call.line_mentions("红塔山硬经典。")
    call.caller_says("好的")
    call.line_says("今天的品种就这些。", "还有吗？")
    assert call.draft_cartons == {LIQUN: 2}


def test_a_caller_with_a_list_may_say_it_instead_of_a_price(world: World) -> None:
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.caller_says("硬中华两条", add(CHINA, 2))
    call.line_says("中华硬，好的，两条。", "还有吗？")


def test_listening_on_may_be_ended(world: World) -> None:
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.caller_says("第二个", pick(2))
    call.caller_says("不要")
    call.line_says("请问您需要什么烟？")


def test_go_on_and_stop_are_said_at_a_page_of_specs_as_they_are_asked_for(world: World) -> None:
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.caller_says("第三个", pick(3))
    call.caller_says("继续", pick(1))
    call.line_mentions("红塔山硬经典。")
    call.caller_says("停", pick(2))
    call.line_says("请问您需要什么烟？")


def test_a_question_about_a_line_of_the_band_comes_back_to_the_band(world: World) -> None:
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.caller_says("第二个", pick(2))
    call.caller_says("利群软蓝", asks_if_available(LIQUN))
    call.line_says("利群软蓝，您需要多少？")
    call.caller_says("两条", quantity_only(2))
    call.line_says("利群软蓝，好的，两条。", "还有吗？还要听，请说继续；不听了，请说停。")


def test_the_department_s_bands_do_not_make_the_prices_overlap(world: World) -> None:
    specs = world.catalog.specs.items()
    mixed = {barcode: replace(spec, price_band=place % 2) for place, (barcode, spec) in enumerate(specs)}
    world.catalog = replace(world.catalog, specs=mixed)
    call = signed_in(world)
    call.caller_says("有什么烟")
    ranges = call.state.price_ranges
    assert all(dearer[0] > cheaper[1] for dearer, cheaper in pairwise(ranges))
    call.caller_says("第四个", pick(4))
    call.line_mentions("红塔山硬经典。")


def test_nothing_left_today_is_said(world: World) -> None:
    for barcode in world.catalog.specs:
        world.stock(barcode, 0)
    call = signed_in(world)
    call.caller_says("有什么烟")
    call.line_says("对不起，今天能订的品种都订完了。", "请问您需要什么烟？")


def test_a_choice_where_none_was_offered_is_not_understood(world: World) -> None:
    call = signed_in(world)
    call.caller_says("第二种", Utterance(choice=1))
    call.line_mentions("抱歉，我没听清楚，请您再说一遍。")
