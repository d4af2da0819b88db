"""An outbound call to a retailer: the called party is asked if it is the shop, then the flow is the usual one."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callflows import speaking
from callflows.flows import OUTBOUND_FLOW
from callflows.state import OUTBOUND
from orders.book.models import OrderRow
from orders.retailers.models import RetailerPhone
from speech.listening import Choice
from speech.understanding import build_understanding
from speech.utterance import Utterance
from tests.support.desk_world import CLASSIC, SHOP, World
from tests.support.dialogue import Dialogue, add, pick

GREETING = "您好，这里是演示烟草订货热线，我是一号订货员。今天是您的订货日，请问您是店12吗？"
NOT_NOW = "好的，不打扰您了。今天要订货，请打零三七二，五五五五，零零零零。"
THANKS = "谢谢您的合作，再见。"


@pytest.fixture
def call(world: World) -> Dialogue:
    return Dialogue(world, flow=OUTBOUND)


def channel(world: World) -> str:
    with world.session() as session:
        return session.scalars(select(OrderRow.channel)).one()


def test_who_picks_up_hears_whose_line_it_is_and_is_asked_for_the_shop(call: Dialogue) -> None:
    call.line_says(GREETING)
    assert call.options == ["就是我", "打错了", "不方便"]


@pytest.mark.parametrize(
    ("words", "parted"),
    [
        *((words, "") for words in ("是的", "对", "嗯", "是我", "对我是", "我就是", "好的")),
        *((words, "somebody else") for words in ("不是", "打错了", "我不是", "找错人了", "对不打错了")),
        *((words, "not now") for words in ("不方便", "我现在不方便", "没空", "没时间", "我在忙", "今天不订了")),
        *((words, "not now") for words in ("不用", "不用了", "不需要", "算了")),
    ],
)
def test_what_is_said_when_a_call_is_answered_is_understood(call: Dialogue, words: str, parted: str) -> None:
    heard = build_understanding(call.world.catalog).of_text(call.listens, words)
    call.caller_says(words, heard)
    assert (call.state.outbound_outcome, call.state.signed_in) == (parted, not parted)


def test_a_yes_signs_in_and_an_order_is_saved_as_one_the_line_rang_for(call: Dialogue, world: World) -> None:
    call.caller_says("对")
    call.line_says("请问您需要什么烟？")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.caller_says("对")
    call.line_mentions("您的订货已经保存")
    call.line_hangs_up()
    assert call.saved_cartons == {CLASSIC: 5}
    assert channel(world) == "outbound"


@pytest.mark.parametrize("meaning", [pick(3), Utterance(command="done")])
def test_who_does_not_want_to_order_now_is_left_alone_politely(call: Dialogue, meaning: Utterance) -> None:
    call.caller_says("不方便", meaning)
    call.line_says(NOT_NOW, THANKS)
    call.line_hangs_up()
    assert (call.state.outbound_outcome, call.draft_cartons) == ("not now", {})


@pytest.mark.parametrize("words", ["就这些", "不要"])
def test_who_wants_nothing_after_all_is_left_alone_too(call: Dialogue, words: str) -> None:
    call.caller_says("对")
    call.caller_says(words)
    call.line_says(NOT_NOW, THANKS)
    call.line_hangs_up()
    assert call.state.outbound_outcome == "not now"


def test_with_something_ordered_that_is_all_means_the_read_back(call: Dialogue) -> None:
    call.caller_says("对")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("就这些")
    call.line_mentions("现在我们核对一下您的订货")


@pytest.mark.parametrize("meaning", [pick(2), Utterance(command="no")])
def test_somebody_else_is_told_sorry_and_asked_for_no_code(call: Dialogue, meaning: Utterance) -> None:
    call.caller_says("打错了", meaning)
    call.line_says("对不起，打扰您了。", THANKS)
    call.line_hangs_up()
    assert (call.state.outbound_outcome, call.state.customer_code) == ("somebody else", "")


def test_what_was_not_heard_for_certain_decides_nothing(call: Dialogue) -> None:
    for unsure in (Utterance(choice=2, confirm=True), Utterance(command="yes", confirm=True)):
        call.caller_says("…", unsure)
        call.line_mentions("请")
        assert isinstance(call.listens, Choice)


def test_who_says_nothing_is_asked_three_times_and_then_let_go(call: Dialogue) -> None:
    for _ in range(3):
        call.caller_is_silent()
        assert isinstance(call.listens, Choice)
    call.caller_is_silent()
    call.line_says(NOT_NOW, THANKS)
    call.line_hangs_up()
    assert call.state.outbound_outcome == "silent"


def test_who_has_only_keys_is_told_which(world: World) -> None:
    call = Dialogue(world, flow=OUTBOUND, recogniser=False)
    call.line_mentions("是店12请按一，不是请按二，今天不用订请按三。")


def test_an_operator_can_be_had_at_once(call: Dialogue) -> None:
    call.caller_says("转人工")
    call.goes_to_operator("asked")


def test_a_number_given_up_while_it_rang_is_told_no_name(world: World) -> None:
    with world.session() as session:
        session.delete(session.get_one(RetailerPhone, "+8613800000012"))
    call = Dialogue(world, flow=OUTBOUND)
    call.line_says("对不起，打扰您了。", THANKS)
    call.line_hangs_up()


def test_who_ordered_while_it_rang_is_told_so(world: World) -> None:
    first = Dialogue(world, key="call-0")
    first.caller_says("对")
    first.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call = Dialogue(world, flow=OUTBOUND)
    first.caller_says("就这些")
    first.caller_says("对")
    call.caller_says("对")
    call.line_mentions("您今天已经订过货了")


def test_what_a_dropped_call_left_is_taken_up_when_the_line_rings(world: World) -> None:
    first = Dialogue(world, key="call-0")
    first.caller_says("对")
    first.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    first.caller_hangs_up()
    call = Dialogue(world, flow=OUTBOUND)
    call.caller_says("对")
    call.line_mentions("您上次没有订完")


def test_every_step_of_the_way_can_be_reached() -> None:
    rows = {row.step.name: row for row in OUTBOUND_FLOW.rows}
    found, todo = set(), [OUTBOUND_FLOW.first]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [target for target in rows[name].then.values() if isinstance(target, str)]
    assert found == set(rows)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+8637255550000", "零三七二，五五五五，零零零零"),
        ("+861055550000", "零幺零，五五五五，零零零零"),
        ("+8613800000012", "幺三八零，零零零零，零幺二"),
        ("10086", "幺零零八，六"),
    ],
)
def test_a_telephone_number_is_said_as_it_is_dialled(number: str, said: str) -> None:
    assert speaking.telephone(number) == said


def test_the_shop_is_the_one_that_was_called(world: World, call: Dialogue) -> None:
    call.caller_says("对")
    assert (call.state.customer_code, call.state.signed_in) == (SHOP, True)
