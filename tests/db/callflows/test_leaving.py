"""Leaving before the order is saved: dropped only after a question, or kept for later; and the order read on wish."""

from __future__ import annotations

import pytest

from speech.understanding import Understanding
from tests.support.desk_world import CHINA, CLASSIC, LIQUN, MAIN, World, catalog
from tests.support.dialogue import Dialogue, TypedDialogue, add, change, item, lines, remove, signed_in


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


def eight_cartons(world: World, **how: str) -> Dialogue:
    call = signed_in(world, **how)
    call.caller_says("红塔山硬经典五条，硬中华三条", lines(item(CLASSIC, count=5), item(CHINA, count=3)))
    return call


class TestDroppingAll:
    def test_is_asked_about_first(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("全部取消")
        call.line_says("您订的一共八条，全部不要了吗？")
        assert call.draft_cartons == {CLASSIC: 5, CHINA: 3}
        call.caller_says("对")
        call.line_says("好的，全部不要了。", "您还要订别的吗？")
        assert call.draft_cartons == {}
        world.check_books()

    def test_leads_to_other_lines(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("全部取消")
        call.caller_says("对")
        call.caller_says("软蓝利群两条", add(LIQUN, 2))
        call.line_says("利群软蓝，好的，两条。", "还有吗？")
        call.caller_says("就这些")
        call.caller_says("对")
        assert call.saved_cartons == {LIQUN: 2}

    @pytest.mark.parametrize("words", ["没有了", "不要", "全部取消"])
    def test_ends_with_a_goodbye_that_says_until_when_to_ring_again(self, world: World, words: str) -> None:
        world.hours(MAIN, "08:00", "17:30")
        call = eight_cartons(world)
        call.caller_says("全部取消")
        call.caller_says("对")
        call.caller_says(words)
        call.line_says("好的，这次不订。", "今天十七点半以前再打来，可以接着订。", "谢谢您的合作，再见。")
        call.line_hangs_up()

    def test_is_left_at_a_no(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("全部取消")
        call.caller_says("不对")
        call.line_says("好的，给您留着。", "还有吗？")
        assert call.draft_cartons == {CLASSIC: 5, CHINA: 3}

    def test_at_the_read_back_goes_back_to_it_at_a_no(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("就这些")
        call.caller_says("全部取消")
        call.line_says("您订的一共八条，全部不要了吗？")
        call.caller_says("不对")
        call.line_says("好的，给您留着。", "对吗？")
        call.caller_says("对")
        assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}

    def test_at_an_open_question_drops_the_question_too(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("软蓝利群", add(LIQUN))
        call.line_says("利群软蓝，您要几条？")
        call.caller_says("全部取消")
        call.line_says("您订的一共八条，全部不要了吗？")
        call.caller_says("对")
        call.line_says("好的，全部不要了。", "您还要订别的吗？")

    def test_of_nothing_but_an_open_question_asks_for_other_lines(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群", add(LIQUN))
        call.caller_says("全部取消")
        call.line_says("好的，全部不要了。", "您还要订别的吗？")

    def test_of_a_draft_that_was_left(self, world: World) -> None:
        eight_cartons(world, key="dropped").caller_hangs_up()
        call = signed_in(world)
        call.line_mentions("接着订吗？")
        call.caller_says("全部取消")
        call.line_says("您订的一共八条，全部不要了吗？")

    def test_with_nothing_ordered_says_goodbye(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("全部取消")
        call.line_says("好的，这次不订。", "今天再打来，可以接着订。", "谢谢您的合作，再见。")
        call.line_hangs_up()

    def test_but_one_line_keeps_that_line(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("全部取消")
        call.caller_says("红塔山不要了", remove(CLASSIC))
        assert call.draft_cartons == {CHINA: 3}


class TestRingingAgainLater:
    def test_keeps_the_draft_and_says_until_when(self, world: World) -> None:
        world.hours(MAIN, "08:00", "17:30")
        call = eight_cartons(world)
        world.clock.move(minutes=5)
        call.caller_says("先不订了我等会儿再打")
        call.line_says(
            "好的，您订的八条先不保存，货给您留到九点二十分。",
            "今天十七点半以前再打来，可以接着订。",
            "谢谢您的合作，再见。",
        )
        call.line_hangs_up()
        call.caller_hangs_up()
        world.check_books()
        again = signed_in(world, key="again")
        again.line_says("您上次没有订完：红塔山硬经典五条，中华硬三条。接着订吗？")

    def test_with_nothing_ordered_says_until_when(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("先不订了我等会儿再打")
        call.line_says("好的。", "今天再打来，可以接着订。", "谢谢您的合作，再见。")

    def test_that_was_not_heard_for_certain_is_asked_about(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("等会儿再打", lines(command="later", confirm=True))
        call.line_says("您是等会儿再打来订吗？")
        call.caller_says("重复一遍")
        call.line_says("您是等会儿再打来订吗？")
        call.caller_says("对")
        call.line_hangs_up()


class TestReadingAll:
    def test_reads_every_line_while_lines_are_taken(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("从头念一遍")
        call.line_says(
            "您现在订的是：红塔山硬经典五条，中华硬三条。", "您现在订了八条，金额一千五百一十九元八角。", "还有吗？"
        )

    def test_reads_the_whole_order_at_the_read_back_also_after_a_change(self, world: World) -> None:
        call = eight_cartons(world)
        call.caller_says("就这些")
        call.caller_says("硬中华改成一条", change(CHINA, 1))
        call.line_does_not_say("红塔山硬经典")
        call.caller_says("从头念一遍")
        call.line_mentions("红塔山硬经典，五条。中华硬，一条。您今天订货的总条数是六条")
        call.caller_says("重复一遍")
        call.line_mentions("红塔山硬经典，五条。中华硬，一条。您今天订货的总条数是六条")
        call.caller_says("对")
        assert call.saved_cartons == {CLASSIC: 5, CHINA: 1}

    def test_of_nothing_says_so(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("从头念一遍")
        call.line_says("您还没有订货。", "请问您需要什么烟？")


def test_say_it_again_repeats_what_was_said_last(world: World) -> None:
    call = eight_cartons(world)
    call.caller_says("就这些")
    call.caller_says("硬中华改成一条", change(CHINA, 1))
    said = call.reply.say
    call.caller_says("重复一遍")
    call.line_says(*said)
    call.caller_says("怎么订")
    help_said = call.reply.say
    call.caller_says("重复一遍")
    call.line_says(*help_said)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("不订了", "您订的一共五条，全部不要了吗？"),
        ("我不订了", "您订的一共五条，全部不要了吗？"),
        ("全部取消", "您订的一共五条，全部不要了吗？"),
        ("全都不要了", "您订的一共五条，全部不要了吗？"),
        ("算了不要了", "您订的一共五条，全部不要了吗？"),
        ("取消订单", "您订的一共五条，全部不要了吗？"),
        ("先不订了我等会儿再打", "货给您留到"),
        ("我等会儿再打", "货给您留到"),
        ("从头念一遍", "红塔山硬经典五条"),
        ("从头到尾再念一遍", "红塔山硬经典五条"),
        ("我订了什么", "红塔山硬经典五条"),
        ("再说一遍", "红塔山硬经典，好的，五条。还有吗？"),
        ("不要了", "好，现在我们核对一下您的订货。"),
        ("红塔山硬经典不要了", "好的，红塔山硬经典不要了。"),
    ],
)
def test_the_callers_own_words(world: World, understanding: Understanding, words: str, answer: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山硬经典五条")
    assert answer in caller.says(words)
