"""The commands of every step: repeat, an operator, help; and its reaction to silence and nonsense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from callflows.flows import ORDERING_FLOW
from callflows.replies import ListenFor
from orders.models import DepartmentRule, HotlineRow
from tests.support.desk_world import CLASSIC, ERA, LIQUN, MAIN, PIN, SHOP, World
from tests.support.dialogue import STRANGER, Dialogue, add, change, code_utterance, item, lines, pick, pin, signed_in


def at_choose_region(world: World) -> Dialogue:
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == MAIN)).one()
        row.regions = [["1", "东区"], ["2", "西区"]]
    return Dialogue(world)


def at_choose_supplementary_region(world: World) -> Dialogue:
    world.change_retailer(SHOP, order_weekday=6)
    world.allow_everything()
    world.missed(SHOP)
    with world.session() as session:
        for row in session.scalars(select(HotlineRow)):
            row.missed_callers = "serve"
            row.regions = [["1", "东区"], ["2", "西区"]] if row.kind == "supplementary" else []
    return signed_in(world)


def at_confirm_caller(world: World) -> Dialogue:
    return Dialogue(world)


def at_ask_code(world: World) -> Dialogue:
    return Dialogue(world, caller=STRANGER)


def at_confirm_code(world: World) -> Dialogue:
    call = at_ask_code(world)
    call.caller_says("四幺零五…", code_utterance(SHOP))
    return call


def at_ask_pin(world: World) -> Dialogue:
    call = at_ask_code(world)
    call.caller_keys(SHOP, code_utterance(SHOP))
    return call


def at_resume_draft(world: World) -> Dialogue:
    dropped = signed_in(world, key="dropped")
    dropped.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    dropped.caller_hangs_up()
    return signed_in(world)


def at_take_items(world: World) -> Dialogue:
    return signed_in(world)


def at_confirm_lines(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", lines(item(CLASSIC, count=5), confirm=True))
    return call


def at_choose_spec(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山五条", lines(item(CLASSIC, ERA, count=5, said="红塔山")))
    return call


def at_ask_quantity(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山硬经典", add(CLASSIC))
    return call


def at_offer_substitute(world: World) -> Dialogue:
    world.stock(LIQUN, 0)
    call = signed_in(world)
    call.caller_says("软蓝利群五条", add(LIQUN, 5))
    return call


def at_offer_rest(world: World) -> Dialogue:
    world.stock(CLASSIC, 3)
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    return call


def at_choose_band(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("有什么烟")
    return call


def at_browse_specs(world: World) -> Dialogue:
    call = at_choose_band(world)
    call.caller_says("第一个", pick(1))
    return call


def at_prove_identity(world: World) -> Dialogue:
    with world.session() as session:
        session.get_one(DepartmentRule, "registered_number_pin").value = 1
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    return call


def at_read_back(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    return call


def at_ask_change(world: World) -> Dialogue:
    call = at_read_back(world)
    call.caller_says("不对")
    return call


def at_leave(world: World) -> Dialogue:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.caller_says("全部取消")
    return call


def at_after_order(world: World) -> Dialogue:
    world.change_retailer(status="suspended")
    return signed_in(world)


def at_change_saved(world: World) -> Dialogue:
    call = after_saving(world)
    call.caller_says("改订单", pick(4))
    return call


def at_confirm_request(world: World) -> Dialogue:
    call = after_saving(world)
    call.caller_says("我要取消订单")
    return call


def after_saving(world: World) -> Dialogue:
    """A second call by the demo shop, after one that saved five cartons."""
    first = signed_in(world, key="first")
    first.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    first.caller_says("对")
    first.caller_hangs_up()
    return signed_in(world)


ARRIVALS: dict[str, Callable[[World], Dialogue]] = {
    name.removeprefix("at_"): arrive for name, arrive in list(globals().items()) if name.startswith("at_")
}
everywhere = pytest.mark.parametrize("step", ARRIVALS)


def test_every_step_that_asks_anything_is_tried_here() -> None:
    assert {row.step.name for row in ORDERING_FLOW.rows} - set(ARRIVALS) == {"admission", "refused"}


@everywhere
def test_repeat_says_the_last_reply_again(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    assert call.state.step == step
    asked = call.reply
    call.caller_says("重复一遍")
    assert call.reply == asked


@everywhere
def test_repeat_after_a_misfire_says_the_question_and_not_the_apology(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    asked = call.reply
    call.caller_says("今天天气真不错")
    call.caller_says("重复一遍")
    assert call.reply == asked


@everywhere
def test_an_operator_can_be_had(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order = call.draft_cartons
    call.caller_says("转人工")
    call.line_says("好的，给您转人工，请稍候。")
    call.goes_to_operator("asked")
    assert call.draft_cartons == order, "the operator finds the order as it was"


@everywhere
def test_help_tells_what_to_say_or_press(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order = call.draft_cartons
    call.caller_says("怎么订")
    assert call.reply.say
    assert isinstance(call.reply.then, ListenFor)
    assert call.state.step == step
    assert call.draft_cartons == order


@everywhere
def test_silence_climbs_to_keys_and_then_to_an_operator(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order, said = call.draft_cartons, []
    for _ in range(3):
        call.caller_is_silent()
        said.append("".join(call.reply.say))
        call.line_does_not_say("抱歉")
    assert "按" in said[-1], "the last thing tried are keys"
    call.caller_is_silent()
    if step == "after_order":
        call.line_says("谢谢您的合作，再见。")
        call.line_hangs_up()
        return
    identifying = step in ("confirm_caller", "ask_code", "confirm_code", "ask_pin", "prove_identity")
    call.goes_to_operator("not_identified" if identifying else "stuck")
    assert call.draft_cartons == order


@everywhere
def test_nonsense_is_apologised_for_and_changes_nothing(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order = call.draft_cartons
    for _ in range(3):
        call.caller_says("今天天气真不错")
        assert call.reply.say[0] == "抱歉，我没听清楚，请您再说一遍。"
        assert call.state.step == step
    call.caller_says("今天天气真不错")
    call.line_mentions("给您转人工，请稍候。")
    assert call.draft_cartons == order


@everywhere
def test_help_says_nothing_twice(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    call.caller_says("怎么订")
    assert len(set(call.reply.say)) == len(call.reply.say)


@everywhere
def test_a_yes_the_recogniser_was_not_sure_of_is_asked_again(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order = call.draft_cartons
    call.caller_says("对", lines(command="yes", confirm=True))
    assert (call.state.step, call.draft_cartons, call.state.saved) == (step, order, False)


def test_being_understood_once_resets_the_reprompts(world: World) -> None:
    call = signed_in(world)
    for _ in range(3):
        call.caller_is_silent()
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    for _ in range(3):
        call.caller_is_silent()
    assert isinstance(call.reply.then, ListenFor)


def test_lines_said_with_the_wish_for_an_operator_are_taken_along(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条，转人工", lines(item(CLASSIC, count=5), command="operator"))
    call.goes_to_operator("asked")
    assert call.draft_cartons == {CLASSIC: 5}


def test_after_the_transfer_a_late_turn_changes_nothing(world: World) -> None:
    call = signed_in(world)
    call.caller_says("转人工")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    call.goes_to_operator("asked")
    assert call.draft_cartons == {}


@everywhere
def test_a_call_given_back_goes_on(world: World, step: str) -> None:
    call = ARRIVALS[step](world)
    order = call.draft_cartons
    call.caller_says("转人工")
    call.operator_returns_call()
    assert isinstance(call.reply.then, ListenFor)
    assert call.draft_cartons == order
    if order:
        call.line_mentions("好，现在我们核对一下您的订货。")


def test_what_the_operator_changed_is_read_back_when_the_call_is_given_back(world: World) -> None:
    call = at_read_back(world)
    call.caller_says("转人工")
    with world.desk() as desk:
        desk.draft(call.key).set_line(ERA, 20)
    call.operator_returns_call()
    call.line_mentions("红塔山硬经典，五条。红塔山新时代，两条。")
    call.caller_says("对")
    assert call.saved_cartons == {CLASSIC: 5, ERA: 2}


def test_a_call_may_be_dropped_at_any_time_even_before_it_is_known_whose_it_is(world: World) -> None:
    for n, arrive in enumerate((at_ask_code, at_confirm_caller)):
        call = arrive(world)
        call.caller_hangs_up()
        assert not call.state.signed_in, n


def test_a_call_whose_spec_leaves_the_catalogue_is_passed_on(world: World) -> None:
    call = at_read_back(world)
    specs = {barcode: spec for barcode, spec in world.catalog.specs.items() if barcode != CLASSIC}
    world.catalog = replace(world.catalog, specs=specs)
    call.caller_says("红塔山硬经典改成三条", change(CLASSIC, 3))
    call.line_mentions("您要的是什么烟？")
    call.caller_says("红塔山新时代两条", add(ERA, 2))
    assert call.draft_cartons == {CLASSIC: 5, ERA: 2}
    call.caller_says("不对")
    call.caller_says("就这些")
    call.goes_to_operator("stuck")
    assert call.draft_cartons == {CLASSIC: 5, ERA: 2}, "the operator finds the order as it was"


def test_the_whole_order_by_keys_alone(world: World) -> None:
    """Every prompt has to name the keys to press, since no speech is recognised."""
    call = Dialogue(world, caller=STRANGER, recogniser=False)
    call.line_mentions("请用按键输入，按完按井号。")
    call.caller_keys(f"{SHOP}#", code_utterance(SHOP))
    call.caller_keys(f"{PIN}#", pin())
    call.line_says("店12，您好。", "请按烟的代码、星号、条数、井号。听品种按九，订完了直接按井号。")
    call.caller_keys("101*5#", add(CLASSIC, 5))
    call.line_says("红塔山硬经典，好的，五条。", "还有吗？请接着按。订完了，直接按井号。")
    call.caller_keys("#", lines(command="done"))
    call.line_mentions("对请按一，要改请按二。")
    call.caller_keys("2", lines(command="no"))
    call.line_mentions("条数按零就是不要")
    call.caller_keys("101*3#", add(CLASSIC, 3))
    call.line_mentions("红塔山硬经典，三条。")
    call.caller_keys("1", lines(command="yes"))
    call.line_hangs_up()
    assert call.saved_cartons == {CLASSIC: 3}


@everywhere
def test_who_has_only_keys_is_always_told_what_to_press(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Dialogue.__init__
    monkeypatch.setattr(Dialogue, "__init__", lambda self, world, **how: begin(self, world, **how, recogniser=False))
    call = ARRIVALS[step](world)
    said = "".join(call.reply.say)
    assert "按" in said
    assert "请说" not in said
    call.caller_is_silent()
    call.line_mentions("按")
    call.line_does_not_say("请说")


def test_who_browses_by_keys_hears_the_codes_to_press(world: World) -> None:
    call = signed_in(world, recogniser=False)
    call.caller_says("有什么烟")
    call.line_mentions("请按二")
    call.caller_keys("3", pick(3))
    call.line_mentions("红塔山新时代，代码幺零二")


def test_who_chooses_by_keys_hears_a_key_for_each(world: World) -> None:
    call = signed_in(world, recogniser=False)
    call.caller_says("红塔山五条", lines(item(CLASSIC, ERA, count=5, said="红塔山")))
    call.line_says("红塔山有两种：硬经典请按一，新时代请按二。")


def test_who_can_be_heard_is_offered_keys_when_words_fail(world: World) -> None:
    call = at_choose_spec(world)
    call.caller_says("今天天气真不错")
    call.caller_says("今天天气真不错")
    call.line_says("抱歉，我没听清楚，请您再说一遍。", "硬经典请按一，新时代请按二。")
