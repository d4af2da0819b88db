"""A caller's number proves nothing: what a registered number opens by itself is the department's rule."""

from __future__ import annotations

import pytest

from orders.department_rules import REGISTERED_NUMBER_PINS, RegisteredNumberPin, UnknownRule, set_rule
from orders.models import DepartmentRule
from orders.retailers.models import RetailerRow
from speech.listening import Digits
from tests.support.desk_world import CLASSIC, CORNER, PIN, SHOP, World
from tests.support.dialogue import STRANGER, Dialogue, add, code_utterance, pick, pin, signed_in

ASKED = "为了您的账户安全，请按键输入四位密码。"


def ask_the_pin(world: World, when: RegisteredNumberPin) -> None:
    with world.session() as session:
        session.merge(DepartmentRule(name="registered_number_pin", value=REGISTERED_NUMBER_PINS.index(when)))


@pytest.fixture
def before_saving(world: World) -> World:
    ask_the_pin(world, "before_saving")
    return world


def test_where_the_department_sets_nothing_the_pin_is_asked_for_before_saving(world: World) -> None:
    with world.session() as session:
        session.delete(session.get_one(DepartmentRule, "registered_number_pin"))
    with world.desk() as desk:
        assert desk.registered_number_pin == "before_saving"


def test_an_order_from_a_registered_number_is_saved_only_after_the_pin(before_saving: World) -> None:
    call = signed_in(before_saving)
    call.line_says("请问您需要什么烟？")
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.line_says(ASKED)
    assert call.listens == Digits(4, "pin")
    call.caller_keys(PIN, pin())
    call.line_mentions("好，现在我们核对一下您的订货。")
    call.line_mentions("您卡内余额一千元")
    call.caller_says("对")
    call.line_hangs_up()
    assert call.saved_cartons == {CLASSIC: 5}


def test_who_spoofs_a_registered_number_saves_nothing_and_hears_no_balance(before_saving: World) -> None:
    call = signed_in(before_saving)
    heard = list(call.reply.say)
    call.caller_says("余额多少")
    call.line_says(ASKED)
    for guess in ("1111", "2222"):
        call.caller_keys(guess, pin(guess))
        call.line_says("密码不对。", ASKED)
        heard += call.reply.say
    call.caller_keys("3333", pin("3333"))
    call.goes_to_operator("not_identified")
    assert not any("余额" in sentence and "元" in sentence for sentence in heard)
    assert call.saved_cartons == {}


def test_the_balance_is_told_once_the_pin_is_keyed_and_the_order_goes_on(before_saving: World) -> None:
    call = signed_in(before_saving)
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.caller_says("余额多少")
    call.line_says(ASKED)
    call.caller_keys(PIN, pin())
    call.line_mentions("您卡内余额一千元")
    call.line_mentions("还有吗？")
    call.caller_says("就这些")
    call.line_mentions("好，现在我们核对一下您的订货。")


@pytest.mark.parametrize("question", ["上次订了什么", "我的货到哪了"])
def test_earlier_orders_are_told_after_the_pin(before_saving: World, question: str) -> None:
    call = signed_in(before_saving)
    call.caller_says(question)
    call.line_says(ASKED)


def test_who_does_not_key_the_pin_for_a_question_goes_on_without_the_answer(before_saving: World) -> None:
    call = signed_in(before_saving)
    call.caller_says("余额多少")
    for _ in range(4):
        call.caller_is_silent()
    call.line_mentions("请问您需要什么烟？")
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.line_mentions("红塔山硬经典，好的，五条")


def test_a_draft_is_told_to_nobody_before_the_pin(before_saving: World) -> None:
    first = signed_in(before_saving, key="first")
    first.caller_says("红塔山五条", add(CLASSIC, 5))
    first.caller_hangs_up()
    second = signed_in(before_saving, key="second")
    second.line_says(ASKED)
    second.caller_keys(PIN, pin())
    second.line_mentions("红塔山硬经典五条")


def test_what_was_ordered_today_is_told_and_changed_after_the_pin(before_saving: World) -> None:
    call = signed_in(before_saving, key="first")
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.caller_keys(PIN, pin())
    call.caller_says("对")
    again = signed_in(before_saving, key="second")
    again.line_mentions("您今天已经订过货了。")
    again.line_does_not_say("五条")
    again.caller_says("念一遍订单", pick(2))
    again.line_says(ASKED)
    again.caller_keys(PIN, pin())
    again.caller_says("念一遍订单", pick(2))
    again.line_mentions("五条")


def test_a_caller_that_keyed_code_and_pin_is_not_asked_again(before_saving: World) -> None:
    call = Dialogue(before_saving, caller=STRANGER)
    call.caller_keys(SHOP, code_utterance(SHOP))
    call.caller_keys(PIN, pin())
    call.caller_says("余额多少")
    call.line_mentions("您卡内余额一千元")
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.line_mentions("好，现在我们核对一下您的订货。")


def test_a_retailer_without_a_pin_is_passed_to_an_operator(before_saving: World) -> None:
    with before_saving.session() as session:
        session.query(RetailerRow).filter_by(customer_code=SHOP).one().pin_hash = None
    call = signed_in(before_saving)
    call.caller_says("红塔山五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.line_mentions("您还没有设密码。")
    call.goes_to_operator("not_identified")


def test_wrong_pins_at_the_registered_number_make_it_wait(before_saving: World) -> None:
    for key in ("first", "second"):
        call = signed_in(before_saving, key=key)
        call.caller_says("余额多少")
        for guess in ("1111", "2222", "3333"):
            if call.reply.say[-1] == ASKED:
                call.caller_keys(guess, pin(guess))
    call.goes_to_operator("locked")


def test_always_no_name_is_said_before_the_pin(world: World) -> None:
    ask_the_pin(world, "always")
    call = Dialogue(world)
    call.line_says("您好，演示烟草一号订货员为您服务。", "请按键输入四位密码。")
    call.caller_keys("1111", pin("1111"))
    call.line_mentions("客户代码或者密码不对。")
    call.caller_keys(CORNER, code_utterance(CORNER))
    call.line_says("请按键输入四位密码。")


def test_always_the_pin_alone_signs_in_at_a_registered_number(world: World) -> None:
    ask_the_pin(world, "always")
    call = Dialogue(world)
    call.caller_keys(PIN, pin())
    call.line_says("店12，您好。", "请问您需要什么烟？")
    call.caller_says("余额多少")
    call.line_mentions("您卡内余额一千元")


def test_never_everything_is_as_by_its_pin(world: World) -> None:
    call = signed_in(world)
    call.caller_says("余额多少")
    call.line_mentions("您卡内余额一千元")


def test_there_are_three_values(world: World) -> None:
    with world.session() as session, pytest.raises(UnknownRule, match="at most 2"):
        set_rule(session, "registered_number_pin", 3, by="the leader", why="as agreed", now=world.clock())
