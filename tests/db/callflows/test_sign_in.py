"""Identification of the caller, and its eligibility to order now."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from clock import SHANGHAI
from orders.book.models import OrderRow
from orders.models import HotlineRow
from speech.listening import Choice, Digits
from speech.understanding import Understanding
from speech.utterance import Utterance
from tests.support.desk_world import CHINA, CLASSIC, CORNER, MAIN, PIN, SHOP, STATION, SUPPLEMENTARY, World
from tests.support.dialogue import STRANGER, Dialogue, add, code_utterance, pick, pin, signed_in

NOBODY = "410502999999"


def test_a_caller_at_a_registered_number_is_greeted_by_name_and_needs_no_pin(world: World) -> None:
    call = Dialogue(world)
    call.line_says("您好，演示烟草一号订货员为您服务。请问您是店12吗？")
    assert isinstance(call.listens, Choice)
    call.caller_says("对")
    call.line_says("请问您需要什么烟？")


def test_somebody_else_at_a_registered_number_is_asked_for_a_code(world: World) -> None:
    call = Dialogue(world)
    call.caller_says("不对")
    call.line_says("请问您的客户代码是多少？")
    call.caller_keys(STATION, code_utterance(STATION))
    call.line_says("请按键输入四位密码。")
    call.caller_keys(PIN, pin())
    call.line_mentions("店37，您好。")


def test_a_spoken_code_is_said_back_and_then_the_pin_is_keyed(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.line_says("您好，演示烟草一号订货员为您服务，您的客户代码是多少？")
    assert call.listens == Digits(12)
    call.caller_says("四幺零五零二 幺零零零幺二", code_utterance(SHOP))
    call.line_says("您的客户代码是四幺零五，零二幺零，零零幺二，对吗？")
    call.caller_says("对")
    call.line_says("请按键输入四位密码。")
    assert call.listens == Digits(4, "pin")
    call.caller_keys(PIN, pin())
    call.line_says("店12，您好。", "请问您需要什么烟？")


def test_a_keyed_code_needs_no_saying_back(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.line_says("请按键输入四位密码。")


def test_of_several_ways_to_hear_a_code_the_one_that_is_somebodys_is_said_back(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says("四幺零五零二 幺零零零幺二", code_utterance(NOBODY, SHOP))
    call.line_mentions("四幺零五，零二幺零，零零幺二，对吗")


def test_a_code_heard_wrong_is_asked_again(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says("…", code_utterance(NOBODY))
    call.caller_says("不对")
    call.line_says("请您再报一遍客户代码，也可以用按键输入。")


def test_half_a_code_is_not_heard(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says("四幺零五", code_utterance("4105"))
    call.line_says("抱歉，我没听清楚，请您再说一遍。", "请问您的客户代码是多少？")


def test_an_unknown_code_and_a_wrong_pin_are_told_in_the_same_words(world: World) -> None:
    replies = []
    for who, secret in ((NOBODY, PIN), (SHOP, "1111")):
        call = Dialogue(world, caller=STRANGER, key=f"call-{who}")
        call.caller_keys(who, code_utterance(who))
        asked = call.reply
        call.caller_keys(secret, pin(secret))
        replies.append((asked, call.reply))
    assert replies[0] == replies[1]
    assert replies[0][1].say[0] == "客户代码或者密码不对。"


def test_a_spoken_pin_is_not_taken(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.caller_says("二四六八", Utterance(digits=(PIN,)))
    call.line_mentions("请用电话按键输入四位密码")


def test_three_failures_lead_to_an_operator(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    for _ in range(3):
        call.caller_keys(SHOP, code_utterance(SHOP))
        call.caller_keys("1111", pin("1111"))
    call.line_says("没有核对上您的客户代码，给您转人工，请稍候。")
    call.goes_to_operator("not_identified")


def test_codes_heard_wrong_count_as_failures_too(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says("…", code_utterance(NOBODY))
    call.caller_says("不对")
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.caller_keys("1111", pin("1111"))
    call.caller_says("…", code_utterance(NOBODY))
    call.caller_says("不对")
    call.goes_to_operator("not_identified")


def test_a_locked_code_leads_to_an_operator_whatever_the_pin(world: World) -> None:
    for n in range(2):
        guesser = Dialogue(world, caller=f"+86139000000{n}", key=f"guess-{n}")
        for _ in range(3):
            guesser.caller_keys(SHOP, code_utterance(SHOP))
            guesser.caller_keys("1111", pin("1111"))
    call = Dialogue(world, caller=STRANGER)
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.caller_keys(PIN, pin())
    call.goes_to_operator("locked")


def test_who_cannot_be_identified_for_silence_gets_an_operator(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    for _ in range(4):
        call.caller_is_silent()
    call.goes_to_operator("not_identified")


def test_a_suspended_retailer_is_told_so_only_after_it_is_identified(world: World) -> None:
    world.change_retailer(SHOP, status="suspended")
    call = Dialogue(world, caller=STRANGER)
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.line_does_not_say("暂停")
    call.caller_keys(PIN, pin())
    call.line_mentions("您的供货现在是暂停的，今天不能订货。")


def test_another_day_than_the_order_day_is_explained_with_the_next_one(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_keys(CORNER, code_utterance(CORNER))
    call.caller_keys(PIN, pin())
    call.line_says(
        "店29，您好。",
        "对不起，今天不是您的订货日。",
        "您下一个订货日是十一月二十四日星期二。",
        "您可以问货到哪了、订了什么、余额多少。请问您要办什么？",
    )
    call.caller_is_silent()
    call.line_says("请问您要办什么？没有别的事，您可以挂断了。")
    for _ in range(3):
        call.caller_is_silent()
    call.line_says("谢谢您的合作，再见。")
    call.line_hangs_up()


def test_who_may_not_order_can_still_have_an_operator(world: World) -> None:
    world.change_retailer(SHOP, status="suspended")
    call = Dialogue(world)
    call.caller_says("对")
    call.caller_says("转人工")
    call.goes_to_operator("asked")


def test_who_has_ordered_today_is_told_how_much(world: World) -> None:
    first = signed_in(world)
    first.caller_says("红塔山硬经典五条，就这些", Utterance(items=add(CLASSIC, 5).items, command="done"))
    first.caller_says("对")
    second = signed_in(world, key="call-2")
    second.line_mentions("您今天已经订过货了，您已经订了五条。")


def test_the_supplementary_line_is_for_who_missed_its_call(world: World) -> None:
    call = Dialogue(world, called=SUPPLEMENTARY)
    call.line_mentions("演示烟草九号订货员")
    call.caller_says("对")
    call.line_says(
        "对不起，这是补货电话，只给今天没接到电话的客户用。",
        "要订货请打零三七二，五五五五，零零零零。",
        "您可以问货到哪了、订了什么、余额多少。请问您要办什么？",
    )


def test_who_rings_the_supplementary_line_on_another_day_hears_its_order_day(world: World) -> None:
    world.clock.move(hours=24)
    call = Dialogue(world, called=SUPPLEMENTARY)
    call.caller_says("对")
    call.line_mentions("要订货请打零三七二，五五五五，零零零零。")
    call.line_mentions("您下一个订货日是")


def test_where_several_lines_take_regular_orders_none_is_named(world: World) -> None:
    with world.session() as session:
        session.add(HotlineRow(number="+8637255550001", name="演示", kind="regular", seat="2"))
    call = Dialogue(world, called=SUPPLEMENTARY)
    call.caller_says("对")
    call.line_mentions("只给今天没接到电话的客户用")
    call.line_does_not_say("要订货请打")


def test_a_dropped_call_is_taken_up_again(world: World) -> None:
    dropped = signed_in(world)
    dropped.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    dropped.caller_hangs_up()
    call = signed_in(world, key="call-2")
    call.line_says("您上次没有订完：红塔山硬经典五条。接着订吗？")
    call.caller_says("对")
    call.line_says("好的，接着订。", "还有吗？")
    assert call.draft_cartons == {CLASSIC: 5}
    world.check_books()


def test_going_on_may_be_said_by_going_on(world: World) -> None:
    dropped = signed_in(world)
    dropped.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    dropped.caller_hangs_up()
    call = signed_in(world, key="call-2")
    call.caller_says("再来三条硬中华", add(CHINA, 3))
    assert call.draft_cartons == {CLASSIC: 5, CHINA: 3}


def test_a_dropped_order_may_be_begun_afresh(world: World) -> None:
    dropped = signed_in(world)
    dropped.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    dropped.caller_hangs_up()
    call = signed_in(world, key="call-2")
    call.caller_says("不要")
    call.line_says("好的，重新订。", "请问您需要什么烟？")
    assert call.draft_cartons == {}
    world.check_books()


def test_a_line_for_several_regions_asks_for_the_region_first(world: World) -> None:
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == SUPPLEMENTARY)).one()
        row.regions = [["1", "东区"], ["2", "西区"]]
    call = Dialogue(world, called=SUPPLEMENTARY)
    call.line_says("您好，演示烟草九号订货员为您服务。请问您是哪个区的？东区请按一，西区请按二。")
    assert call.options == ["东区", "西区"]
    call.caller_says("天气不错", Utterance(choice=7))
    call.line_says("抱歉，我没听清楚，请您再说一遍。", "您是哪个区的？东区请按一，西区请按二。")
    call.caller_is_silent()
    call.line_says("东区请按一，西区请按二，要人工请按零。")
    call.caller_says("西区", pick(2))
    call.line_says("请问您是店12吗？")
    assert call.state.region == "西区"


@pytest.mark.parametrize("said", ["东", "东区", "东区的", "我是东区的", "第一个"])
def test_a_region_is_understood_without_the_word_region(world: World, said: str) -> None:
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == SUPPLEMENTARY)).one()
        row.regions = [["1", "东区"], ["2", "西区"]]
    call = Dialogue(world, called=SUPPLEMENTARY)
    call.caller_says(said, Understanding(world.catalog).of_text(call.listens, said))
    assert call.state.region == "东区"


@pytest.mark.parametrize("by_key", [False, True])
def test_the_region_chosen_stays_with_the_supplementary_order(world: World, by_key: bool) -> None:
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == SUPPLEMENTARY)).one()
        row.regions = [["1", "东区"], ["2", "西区"]]
    world.change_retailer(order_weekday=1)
    world.allow_everything()
    world.missed(SHOP)
    call = Dialogue(world, called=SUPPLEMENTARY)
    if by_key:
        call.caller_keys("2", pick(2))
    else:
        call.caller_says("西区", pick(2))
    call.caller_says("对")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_hangs_up()
    with world.desk() as desk:
        left = desk.eligibility(world.retailer(), desk.hotline(SUPPLEMENTARY)).draft
    assert left is not None
    assert left.region == "西区"
    # A caller who calls again and chooses differently means the later choice.
    again = Dialogue(world, called=SUPPLEMENTARY, key="call-2")
    again.caller_says("东区", pick(1))
    again.caller_says("对")
    again.caller_says("好的，就这些", Utterance(command="done"))
    again.caller_says("对")
    with world.session() as session:
        saved = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None))).one()
        assert (saved.kind, saved.region) == ("supplementary", "东区")


def test_after_the_spring_festival_callers_are_wished_a_happy_new_year(world: World) -> None:
    world.clock.move_to(datetime(2027, 2, 15, 9, 0, tzinfo=SHANGHAI))
    call = Dialogue(world, caller=STRANGER)
    call.line_says("新年好，演示烟草一号订货员为您服务，您的客户代码是多少？")


def test_before_the_line_opens_the_caller_hears_when_it_does(world: World) -> None:
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == MAIN)).one()
        row.opens, row.closes = 8 * 60, 17 * 60 + 30
    world.clock.move_to(datetime(2026, 11, 23, 7, 45, tzinfo=SHANGHAI))
    signed_in(world).line_mentions("对不起，现在不是订货时间。十一月二十三日星期一八点开始订货。")
    world.clock.move_to(datetime(2026, 11, 23, 17, 30, tzinfo=SHANGHAI))
    signed_in(world, key="late").line_mentions("对不起，今天的订货时间过了。十一月三十日星期一八点开始订货。")


@pytest.mark.parametrize("words", ["就这些", "有什么烟", "和上次一样"])
def test_nothing_is_ordered_before_the_caller_is_known(world: World, words: str) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says(words)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    assert not call.state.signed_in
    assert world.demand() == []
