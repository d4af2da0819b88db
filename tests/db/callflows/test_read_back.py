"""The read-back: every line, the totals, and nothing saved without a yes."""

from __future__ import annotations

from callflows.replies import ListenFor
from speech.listening import YesNo
from tests.support.desk_world import CHINA, CLASSIC, ERA, PIN, STATION, World
from tests.support.dialogue import (
    STRANGER,
    Dialogue,
    add,
    change,
    code_utterance,
    item,
    lines,
    pick,
    pin,
    remove,
    signed_in,
)


def read_back(world: World, **how: str) -> Dialogue:
    call = signed_in(world, **how)
    call.caller_says("红塔山硬经典五条，硬中华三条", lines(item(CLASSIC, count=5), item(CHINA, count=3)))
    call.caller_says("就这些")
    return call


def test_every_line_is_read_back_with_the_totals_and_the_shortfall(world: World) -> None:
    call = read_back(world)
    call.line_says(
        "好，现在我们核对一下您的订货。",
        "红塔山硬经典，五条。",
        "中华硬，三条。",
        "您今天订货的总条数是八条，总金额为一千五百一十九元八角；您卡内余额一千元，需再存五百一十九元八角。",
        "对吗？",
    )
    assert isinstance(call.listens, YesNo)
    assert call.listens.or_items


def test_lines_are_taken_and_read_back_in_the_order_they_were_said(world: World) -> None:
    call = signed_in(world)
    breath = lines(item(CHINA, count=1), item(ERA, count=2), item(CLASSIC, count=3))
    call.caller_says("硬中华一条，红塔山新时代两条，红塔山硬经典三条", breath)
    call.line_says("好的，中华硬一条，红塔山新时代两条，红塔山硬经典三条。", "还有吗？")
    call.caller_says("硬中华改成两条，就这些", change(CHINA, 2, command="done"))
    call.line_says(
        "好，现在我们核对一下您的订货。",
        "中华硬，两条。",
        "红塔山新时代，两条。",
        "红塔山硬经典，三条。",
        "您今天订货的总条数是七条，总金额为一千一百六十四元二角；您卡内余额一千元，需再存一百六十四元二角。",
        "对吗？",
    )
    call.caller_says("对")
    assert list(call.saved_cartons) == [CHINA, ERA, CLASSIC]
    assert [barcode for barcode, *_ in world.demand()] == [CHINA, ERA, CLASSIC]


def test_a_yes_saves_tells_the_number_reminds_of_the_deposit_and_thanks(world: World) -> None:
    call = read_back(world)
    call.caller_says("对")
    call.line_says(
        "您的订货已经保存，订单号二零二六，幺幺二三，零零零零，零幺。",
        "请您在送货前再存五百一十九元八角。",
        "谢谢您的合作，再见。",
    )
    call.line_hangs_up()
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}
    world.check_books()


def test_nobody_is_reminded_who_has_enough(world: World) -> None:
    world.change_retailer(balance_fen=1_519_80)
    call = read_back(world)
    call.line_mentions("您卡内余额一千五百一十九元八角。")
    call.caller_says("对")
    call.line_does_not_say("送货前")


def is_heard_out(call: Dialogue) -> bool:
    """True if a key pressed during the last reply is reported as early."""
    assert isinstance(call.reply.then, ListenFor)
    return call.reply.then.hear_out


TOTALS = "您今天订货的总条数是八条，总金额为一千五百一十九元八角；您卡内余额一千元，需再存五百一十九元八角。"


class TestAKeyPressedIntoTheReadBack:
    def test_a_yes_is_asked_for_once_more_after_the_totals(self, world: World) -> None:
        call = read_back(world)
        assert is_heard_out(call)
        call.caller_keys_early("1", lines(command="yes"))
        call.line_says("请您听一下总数，没有错再按一。", TOTALS, "对吗？")
        assert call.saved_cartons == {}
        assert not is_heard_out(call), "nobody is held up twice"
        call.caller_keys("1", lines(command="yes"))
        assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}

    def test_after_a_change_it_has_to_be_heard_out_again(self, world: World) -> None:
        call = read_back(world)
        call.caller_keys_early("1", lines(command="yes"))
        call.caller_says("硬中华改成一条", change(CHINA, 1))
        assert is_heard_out(call)

    def test_a_no_is_taken_at_once(self, world: World) -> None:
        call = read_back(world)
        call.caller_keys_early("2", lines(command="no"))
        call.line_says("您要改哪一样？")

    def test_an_operator_is_had_at_once(self, world: World) -> None:
        call = read_back(world)
        call.caller_keys_early("0", lines(command="operator"))
        call.goes_to_operator("asked")

    def test_a_slip_of_the_finger_has_all_of_it_said_again(self, world: World) -> None:
        call = read_back(world)
        whole = call.reply
        call.caller_keys_early("7", lines())
        assert call.reply == whole


def test_a_no_asks_what_to_change(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对")
    call.line_says("您要改哪一样？")
    assert call.saved_cartons == {}


def test_after_a_change_only_what_changed_is_read_with_the_totals(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对")
    call.caller_says("硬中华改成一条", change(CHINA, 1))
    call.line_says(
        "按您说的改好了：",
        "中华硬，一条。",
        "您今天订货的总条数是六条，总金额为七百五十六元六角；您卡内余额一千元。",
        "对吗？",
    )
    call.caller_says("对")
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 1}


def test_a_no_may_bring_the_change_along(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对，硬中华要一条", lines(item(CHINA, count=1, action="change"), command="no"))
    call.line_mentions("中华硬，一条。")
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 1}


def test_after_a_no_a_brand_with_a_quantity_says_how_much_it_should_be(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对，硬中华一条", lines(item(CHINA, count=1), command="no"))
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 1}
    call.caller_says("不对")
    call.caller_says("硬中华两条", add(CHINA, 2))
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 2}


def test_an_addition_at_the_last_moment_is_read_back_and_needs_its_own_yes(world: World) -> None:
    call = read_back(world)
    call.caller_says("对，再来两条红塔山新时代", lines(item(ERA, count=2), command="yes"))
    call.line_mentions("红塔山新时代，两条。")
    assert call.saved_cartons == {}
    call.caller_says("对")
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 3, ERA: 2}


def test_a_removal_at_the_last_moment_is_read_back(world: World) -> None:
    call = read_back(world)
    call.caller_says("硬中华不要了", remove(CHINA))
    call.line_says(
        "按您说的改好了：",
        "中华硬，不要了。",
        "您今天订货的总条数是五条，总金额为三百七十五元；您卡内余额一千元。",
        "对吗？",
    )


def test_a_question_about_a_change_comes_back_to_the_read_back(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对，还要红塔山", lines(item(ERA, CLASSIC, said="红塔山"), command="no"))
    call.line_says("红塔山硬经典，您要几条？")
    call.caller_says("六条", lines(item(count=6)))
    call.line_mentions("红塔山硬经典，六条。")
    assert call.draft_cartons == {CLASSIC: 6, CHINA: 3}


def test_a_close_call_at_the_read_back_is_asked(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华三条，就这些", lines(item(CHINA, count=3), command="done"))
    call.caller_says("再来红塔山两条", lines(item(CLASSIC, ERA, count=2, said="红塔山")))
    call.line_says("红塔山有两种：硬经典、新时代，您要哪一种？")
    call.caller_says("第二种", pick(2))
    call.line_mentions("红塔山新时代，两条。")
    call.line_does_not_say("中华")


def test_an_order_emptied_at_the_read_back_is_begun_again(world: World) -> None:
    call = signed_in(world)
    call.caller_says("硬中华三条，就这些", lines(item(CHINA, count=3), command="done"))
    call.caller_says("硬中华不要了", remove(CHINA))
    call.line_says("您还没有订货。", "请问您需要什么烟？")


def test_that_is_all_is_no_yes(world: World) -> None:
    call = read_back(world)
    call.caller_says("就这些")
    assert call.saved_cartons == {}
    call.line_mentions("您的订货对吗？")


def test_a_yes_the_recogniser_was_not_sure_of_saves_nothing(world: World) -> None:
    call = read_back(world)
    call.caller_says("对", lines(command="yes", confirm=True))
    assert call.saved_cartons == {}


def test_nothing_to_change_after_all_reads_everything_again(world: World) -> None:
    call = read_back(world)
    call.caller_says("不对")
    call.caller_says("就这些")
    call.line_mentions("好，现在我们核对一下您的订货。")
    call.line_mentions("红塔山硬经典，五条。")


def test_what_went_to_others_meanwhile_is_read_back_again_and_not_saved(world: World) -> None:
    world.stock(CHINA, 3)
    call = read_back(world)
    world.clock.move(minutes=20)
    other = Dialogue(world, caller=STRANGER, key="other")
    other.caller_keys(STATION, code_utterance(STATION))
    other.caller_keys(PIN, pin())
    other.caller_says("硬中华两条", add(CHINA, 2))
    call.caller_says("对")
    call.line_says(
        "有的烟刚被别人订走了，我再给您念一遍。",
        "按您说的改好了：",
        "中华硬，一条。",
        "您今天订货的总条数是六条，总金额为七百五十六元六角；您卡内余额一千元。",
        "对吗？",
    )
    assert call.saved_cartons == {}
    call.caller_says("对")
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 1}
    world.check_books()


def test_an_order_taken_up_by_another_call_is_no_longer_this_calls(world: World) -> None:
    call = read_back(world)
    world.clock.move(minutes=20)
    other = signed_in(world, key="other")
    other.caller_says("好的")
    call.caller_says("红塔山新时代两条", add(ERA, 2))
    call.line_says("请问您需要什么烟？")
    assert other.draft_cartons == {CLASSIC: 5, CHINA: 3}
    world.check_books()


def test_an_order_saved_by_another_call_is_explained(world: World) -> None:
    call = read_back(world)
    other = signed_in(world, key="other")
    other.caller_says("红塔山硬经典一条，就这些", lines(item(CLASSIC, count=1), command="done"))
    other.caller_says("对")
    call.caller_says("对")
    call.line_mentions("您今天已经订过货了，您已经订了一条。")
    assert call.saved_cartons == {CLASSIC: 1}


def test_an_order_not_saved_by_the_end_of_the_day_is_not_saved_the_day_after(world: World) -> None:
    call = read_back(world)
    world.clock.move(days=1)
    call.caller_says("对")
    call.line_mentions("对不起，现在不是订货时间。")


def test_a_turn_repeated_after_the_end_changes_nothing(world: World) -> None:
    call = read_back(world)
    call.caller_says("对")
    last = call.reply
    call.caller_says("对")
    assert call.reply == last
    assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}


def test_hanging_up_before_the_yes_saves_nothing_and_keeps_the_draft(world: World) -> None:
    call = read_back(world)
    call.caller_hangs_up()
    assert call.saved_cartons == {}
    again = signed_in(world, key="call-2")
    again.line_says("您上次没有订完：红塔山硬经典五条，中华硬三条。接着订吗？")
