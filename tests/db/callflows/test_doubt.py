"""Utterances that were not recognised for certain: a doubtful command, quantities that sound alike, words beside the
lines, and a brand or spec that this retailer cannot order."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from callflows.speaking import counted
from speech.listening import QuantityOf, YesNo
from speech.utterance import Action, Item, Quantity, Utterance
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, World
from tests.support.dialogue import Dialogue, add, cartons, item, lines, quantity_only, signed_in

DOUBTFUL_YES = Utterance(command="yes", confirm=True)
DOUBTFUL_USUAL = Utterance(command="usual", confirm=True)
DOUBTFUL_OPERATOR = Utterance(command="operator", confirm=True)
NOT_HEARD = "抱歉，我没听清楚，请您再说一遍。"


def read_back(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    return call


def six_or_nine(*barcodes: str, action: Action = "add", count: float = 6, other: float = 9) -> Item:
    return replace(item(*barcodes, count=count, action=action), other_quantities=(cartons(other),))


class TestAYesIsDear:
    def test_a_doubtful_yes_at_the_read_back_is_asked_for_again(self, world: World) -> None:
        call = read_back(world)
        call.caller_says("对", DOUBTFUL_YES)
        call.line_says("我没听清楚。要是对，请再说一遍对，或者按一。")
        assert call.saved_cartons == {}
        call.caller_says("对")
        assert call.saved_cartons == {CLASSIC: 5}

    def test_after_two_doubtful_ones_only_a_key_is_a_yes(self, world: World) -> None:
        call = read_back(world)
        call.caller_says("对", DOUBTFUL_YES)
        call.caller_says("对", DOUBTFUL_YES)
        call.line_says("我还是没听清楚。对请按一，不对请按二，要人工请按零。")
        call.caller_says("对")
        call.line_says("我还是没听清楚。对请按一，不对请按二，要人工请按零。")
        assert call.saved_cartons == {}
        call.caller_keys("1", Utterance(command="yes"))
        assert call.saved_cartons == {CLASSIC: 5}

    def test_a_no_counts_however_often_the_yes_was_doubtful(self, world: World) -> None:
        call = read_back(world)
        for _ in range(2):
            call.caller_says("对", DOUBTFUL_YES)
        call.caller_says("不对")
        call.line_says("您要改哪一样？")

    def test_who_is_never_heard_for_certain_gets_an_operator(self, world: World) -> None:
        call = read_back(world)
        for _ in range(4):
            call.caller_says("对", DOUBTFUL_YES)
        call.goes_to_operator("stuck")
        assert call.saved_cartons == {}

    def test_a_yes_beside_something_that_was_not_understood_is_doubtful(self, world: World) -> None:
        call = read_back(world)
        call.caller_says("对，那个……", Utterance(command="yes", incomplete=True))
        call.line_mentions("请再说一遍对")
        assert call.saved_cartons == {}

    def test_doubt_is_over_once_a_turn_was_understood(self, world: World) -> None:
        call = read_back(world)
        call.caller_says("对", DOUBTFUL_YES)
        call.caller_says("再来硬中华两条", add(CHINA, 2))
        call.caller_says("对", DOUBTFUL_YES)
        call.line_says("我没听清楚。要是对，请再说一遍对，或者按一。")

    def test_a_doubtful_yes_takes_no_substitute_and_a_doubtful_no_drops_none(self, world: World) -> None:
        world.stock(LIQUN, 0)
        call = signed_in(world)
        call.caller_says("软蓝利群三条", add(LIQUN, 3))
        call.caller_says("行", DOUBTFUL_YES)
        call.line_mentions("请再说一遍对")
        call.caller_says("不行", Utterance(command="no", confirm=True))
        call.line_says(NOT_HEARD, "换成黄鹤楼软蓝请按一，不要请按二，要人工请按零。")
        call.caller_says("对")
        assert call.draft_cartons == {CRANE: 3}

    def test_a_doubtful_no_does_not_throw_away_the_order_of_a_dropped_call(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
        call.caller_hangs_up()
        call = signed_in(world, key="call-2")
        call.caller_says("不", Utterance(command="no", confirm=True))
        call.line_says(NOT_HEARD, "接着上次的订吗？")
        assert call.draft_cartons == {CLASSIC: 5}


class TestADoubtfulCommand:
    def test_the_usual_is_asked_about_before_it_is_ordered(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("照旧", DOUBTFUL_USUAL)
        call.line_says("您是要照上次的订吗？")
        assert isinstance(call.listens, YesNo)
        call.caller_says("对")
        call.line_mentions("没有查到您上次的订货。")

    def test_an_operator_is_asked_about_before_the_call_is_passed_on(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("转人工", DOUBTFUL_OPERATOR)
        call.line_says("您是要转人工吗？")
        call.caller_says("对")
        call.goes_to_operator("asked")

    def test_what_is_said_twice_is_meant(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("转人工", DOUBTFUL_OPERATOR)
        call.caller_says("转人工", DOUBTFUL_OPERATOR)
        call.goes_to_operator("asked")

    def test_a_no_returns_to_the_question(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("转人工", DOUBTFUL_OPERATOR)
        call.caller_says("不对")
        call.line_says("您还需要什么烟？订完了，请说就这些。")
        call.caller_says("对")
        call.line_mentions("请讲。")

    def test_who_goes_on_with_the_order_did_not_mean_it(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("照旧", DOUBTFUL_USUAL)
        call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
        call.line_says("红塔山硬经典，好的，五条。", "还有吗？")

    def test_silence_is_no_answer(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("转人工", DOUBTFUL_OPERATOR)
        call.caller_is_silent()
        call.caller_says("对")
        call.line_mentions("请讲。")


class TestQuantitiesThatSoundAlike:
    def test_the_line_asks_which_it_was(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典六条", lines(six_or_nine(CLASSIC)))
        call.line_says("红塔山硬经典，六条还是九条？")
        assert isinstance(call.listens, QuantityOf)
        assert call.draft_cartons == {}
        call.caller_says("九条", quantity_only(9))
        call.line_says("红塔山硬经典，好的，九条。", "还有吗？")

    def test_any_other_quantity_is_an_answer_too(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典六条", lines(six_or_nine(CLASSIC)))
        call.caller_keys("3#", add(CLASSIC, 3))
        assert call.draft_cartons == {CLASSIC: 3}

    def test_other_lines_of_the_breath_are_taken_meanwhile(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("硬中华两条，红塔山硬经典六条", lines(item(CHINA, count=2), six_or_nine(CLASSIC)))
        call.line_says("中华硬，好的，两条。", "红塔山硬经典，六条还是九条？")

    def test_an_answer_as_doubtful_is_settled_by_both_turns(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典六条", lines(six_or_nine(CLASSIC)))
        call.caller_says("九条", lines(six_or_nine(count=9, other=5)))
        assert call.draft_cartons == {CLASSIC: 9}

    def test_an_answer_that_leaves_it_open_is_asked_for_in_other_ways(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典六条", lines(six_or_nine(CLASSIC)))
        call.caller_says("六条", lines(six_or_nine()))
        call.line_says(NOT_HEARD, "红塔山硬经典，您要几条？")
        call.caller_says("六条", lines(six_or_nine()))
        call.caller_says("六条", lines(six_or_nine()))
        call.line_says(NOT_HEARD, "红塔山硬经典，您要几条？请按条数和井号。要人工请按零。")
        call.caller_keys("6#", add(CLASSIC, 6))
        assert call.draft_cartons == {CLASSIC: 6}

    def test_the_quantity_of_a_changed_line_is_asked_as_well(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
        call.caller_says("红塔山硬经典改成六条", lines(six_or_nine(CLASSIC, action="change")))
        call.line_says("红塔山硬经典，六条还是九条？")
        call.caller_says("六条", quantity_only(6))
        call.line_says("好的，红塔山硬经典改成六条。", "还有吗？")

    def test_the_quantity_of_a_substitute_too(self, world: World) -> None:
        world.stock(LIQUN, 0)
        call = signed_in(world)
        call.caller_says("软蓝利群三条", add(LIQUN, 3))
        call.caller_says("六条吧", lines(six_or_nine()))
        call.line_says("黄鹤楼软蓝，六条还是九条？")

    def test_a_yes_to_the_line_said_back_settles_its_quantity(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典六条", lines(six_or_nine(CLASSIC), confirm=True))
        call.line_says("您要的是红塔山硬经典六条，对吗？")
        call.caller_says("对")
        assert call.draft_cartons == {CLASSIC: 6}

    def test_two_ways_to_say_one_quantity_are_not_asked_about(self, world: World) -> None:
        call = signed_in(world)
        both = replace(item(CLASSIC, count=1), other_quantities=(Quantity(20, "pack"),))
        call.caller_says("红塔山硬经典一条", lines(both))
        assert call.draft_cartons == {CLASSIC: 1}


@pytest.mark.parametrize("reason", [Quantity(20, vague=True), Quantity(2, "unclear")])
def test_a_vague_quantity_is_asked_for_as_before_whatever_sounds_like_it(world: World, reason: Quantity) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典十来条", lines(replace(item(CLASSIC, count=reason), other_quantities=(cartons(4),))))
    call.line_mentions("您要几条？")
    call.line_does_not_say("还是")


class TestWordsBesideTheLines:
    def test_what_was_not_understood_is_said_and_the_order_goes_on(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条……", lines(item(CLASSIC, count=5), incomplete=True))
        call.line_says("红塔山硬经典，好的，五条。", "别的话我没听清楚。", "还有吗？")

    def test_it_is_said_once(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山五条……", lines(item(CLASSIC, ERA, count=5, said="红塔山"), incomplete=True))
        call.line_says("别的话我没听清楚。", "红塔山有两种：硬经典、新时代，您要哪一种？")
        call.caller_says("硬经典", lines(item(CLASSIC)))
        call.line_does_not_say("没听清楚")

    def test_with_lines_that_are_said_back_too(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条……", lines(item(CLASSIC, count=5), confirm=True, incomplete=True))
        call.line_says("别的话我没听清楚。", "您要的是红塔山硬经典五条，对吗？")
        call.caller_says("对")
        call.line_does_not_say("没听清楚")

    def test_the_order_is_not_read_back_before_the_rest_was_heard(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("…就这些", lines(item(CLASSIC, count=5), command="done", incomplete=True))
        call.line_says("红塔山硬经典，好的，五条。", "别的话我没听清楚。", "还有吗？")


class TestABrandInNoCatalogue:
    def test_a_brand_in_no_catalogue_is_not_carried(self, world: World) -> None:
        call = signed_in(world)
        camel = Item("add", (), cartons(2), "骆驼", not_carried=True)
        call.caller_says("骆驼两条，硬中华一条", lines(camel, item(CHINA, count=1)))
        call.line_says("中华硬，好的，一条。", "对不起，没有骆驼这个牌子。", "还有吗？")
        call.caller_says("那个烟两条", lines(replace(camel, said="")))
        call.line_says("对不起，没有您说的这个牌子。", "还有吗？")
        assert call.draft_cartons == {CHINA: 1}
        assert world.demand()[0] == ("", 20, 0, "not_in_catalogue")

    def test_it_answers_no_question_about_another_spec(self, world: World) -> None:
        camel = Item("add", (), cartons(2), "骆驼", not_carried=True)
        call = signed_in(world)
        call.caller_says("红塔山硬经典", add(CLASSIC))
        call.caller_says("骆驼两条", lines(camel))
        call.line_mentions("对不起，没有骆驼这个牌子。")
        call.line_mentions("红塔山硬经典呢，您要几条？")
        world.stock(LIQUN, 0)
        call = signed_in(world, key="call-2")
        call.caller_says("软蓝利群三条", add(LIQUN, 3))
        call.caller_says("骆驼两条", lines(camel))
        assert call.draft_cartons == {}


def test_of_any_two_quantities_the_caller_gets_the_one_it_names(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典三条", add(CLASSIC, 3))
    for first, second in itertools.permutations((1, 2, 4, 6, 9, 10), 2):
        call.caller_says("改成…", lines(six_or_nine(CLASSIC, action="change", count=first, other=second)))
        call.line_says(f"红塔山硬经典，{counted(first, '条')}还是{counted(second, '条')}？")
        call.caller_says("…", quantity_only(second))
        assert call.draft_cartons == {CLASSIC: second}
