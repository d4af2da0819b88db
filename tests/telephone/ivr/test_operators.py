"""Operators are dialled one after another, and a waiting caller is never lost, whatever happens to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.operators.ringing import REDIAL_AFTER
from ivr.services import services
from simulator.account import CalledParty
from tests.support.desk_world import World
from tests.support.operators import (
    LI,
    OTHER_PHONE,
    WANG,
    OperatorsFixture,
    answering_party,
    served_operators,
    wait_until,
)


@pytest.fixture
def switchboard(world: World, database_url: str) -> Iterator[OperatorsFixture]:
    with served_operators(world, database_url) as switchboard:
        yield switchboard


def test_the_operator_who_presses_one_talks_with_the_caller(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    assert switchboard.ticket().taken_by == LI
    assert switchboard.ring_attempts() == [(LI, "accepted")]
    assert not caller.call.ended


def test_who_is_dialled_hears_who_is_calling_and_why(switchboard: OperatorsFixture) -> None:
    heard: list[str] = []
    switchboard.set_ready(LI)
    switchboard.account.answerers["+8613700000001"] = lambda call: (
        call.pick_up(),
        lambda event: heard.append(getattr(event, "text", "")),
    )[1]
    caller = switchboard.caller()
    caller.press_when_said("请按一", "1")
    caller.press_when_said("井号", "0")
    wait_until(lambda: any("接听请按一" in words for words in heard), "the whisper")
    assert any("要人工，还没有订货" in words for words in heard)


@pytest.mark.parametrize(
    ("party", "outcome", "ready_after"),
    [
        (answering_party("2"), "declined", True),
        (answering_party(""), "unanswered", False),
        (CalledParty("no-answer"), "unanswered", False),
        (CalledParty("busy", after_ms=500), "declined", True),
        (CalledParty("failed"), "failed", False),
    ],
    ids=["presses 2", "a machine answers", "no answer", "engaged", "a dead line"],
)
def test_an_operator_who_does_not_take_the_call_hands_it_to_the_next(
    switchboard: OperatorsFixture, party: CalledParty, outcome: str, ready_after: bool
) -> None:
    switchboard.set_ready(LI, party)
    switchboard.world.clock.move(seconds=5)
    switchboard.set_ready(WANG, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_until_said("正在为您接通订货员")
    caller.wait_for_bridge()
    assert switchboard.ring_attempts() == [(LI, outcome), (WANG, "accepted")]
    assert switchboard.ticket().taken_by == WANG
    # An operator who did not answer is not dialled again before becoming ready again.
    assert switchboard.presence(LI).ready is ready_after


def test_the_longest_idle_is_dialled_first(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(WANG, answering_party("1"))
    switchboard.world.clock.move(seconds=5)
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    assert switchboard.ring_attempts() == [(WANG, "accepted")]


def test_two_callers_ring_two_operators(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1"))
    switchboard.set_ready(WANG, answering_party("1"))
    callers = [switchboard.caller(), switchboard.caller(OTHER_PHONE)]
    callers[0].asks_for_operator()
    callers[1].press_when_said("客户代码", "0")
    for caller in callers:
        caller.wait_for_bridge()
    assert sorted(switchboard.ring_attempts()) == [(LI, "accepted"), (WANG, "accepted")]


def test_a_declined_caller_is_offered_again_when_nobody_else_is_there(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("2"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "declined")], "the call to be declined")
    switchboard.set_ready(LI, answering_party("1"))
    caller.wait_until_said("正在为您接通订货员")
    assert len(switchboard.ring_attempts()) == 1
    switchboard.world.clock.move(seconds=REDIAL_AFTER.seconds + 1)
    switchboard.set_ready(LI, answering_party("1"))
    caller.wait_for_bridge()


def test_who_missed_a_call_and_says_that_they_are_ready_is_dialled_at_once(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, CalledParty("no-answer"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "unanswered")], "the ringing to end")
    switchboard.world.clock.move(seconds=1)
    switchboard.set_ready(LI, answering_party("1"))
    caller.wait_for_bridge()
    assert switchboard.ring_attempts() == [(LI, "unanswered"), (LI, "accepted")]


def test_a_caller_who_hangs_up_stops_the_ringing(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, CalledParty("no-answer"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "ringing")], "the ringing")
    caller.call.hang_up()
    switchboard.wait_for_ticket_state("abandoned")
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "cancelled")], "the ringing to stop")
    # It is not the operator's fault, so the operator stays ready.
    assert switchboard.presence(LI).ready


def test_an_operator_who_hangs_up_leaves_the_caller_a_choice_and_the_next_operator_comes(
    switchboard: OperatorsFixture,
) -> None:
    switchboard.set_ready(LI, answering_party("1", talks_ms=2_000))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.press_when_said("还要找订货员请按零", "0")
    caller.wait_for_bridge()
    caller.wait_for_bridge_end()
    switchboard.set_ready(WANG, answering_party("1"))
    wait_until(lambda: (WANG, "accepted") in switchboard.ring_attempts(), "the next operator")
    caller.wait_for_bridge()
    assert switchboard.ticket().taken_by == WANG


def test_an_operator_who_hangs_up_leaves_the_caller_to_the_automatic_line(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1", talks_ms=2_000))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.press_when_said("回到自动订货请按一", "1")
    switchboard.wait_for_ticket_state("given_back")
    assert not caller.call.ended


def test_a_caller_who_says_nothing_after_the_talk_is_bidden_goodbye(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1", talks_ms=1_000))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_until_said("订货员已经挂机")
    caller.wait_until_said("谢谢您的合作，再见。")
    caller.call.join(10)
    # The order sheet can still be finished at the desk.
    assert switchboard.ticket().state == "taken"


def test_taking_at_the_desk_while_another_telephone_rings_gives_the_call_to_one(switchboard: OperatorsFixture) -> None:
    switchboard.check_in_paused(WANG)
    switchboard.account.parties["+8613700000002"] = answering_party("1")
    switchboard.set_ready(LI, CalledParty("answered", after_ms=10_000, make_callee=answering_party("1").make_callee))
    desk = switchboard.visitor("operator2")
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "ringing")], "the ringing")
    answer = desk.post(f"/desk/tickets/{switchboard.ticket().id}/take")
    assert answer.status_code == 204
    caller.wait_for_bridge()
    assert switchboard.ticket().taken_by == WANG
    assert switchboard.ring_attempts() == [(LI, "cancelled"), (WANG, "accepted")]


def test_a_caller_taken_at_the_desk_by_who_does_not_answer_waits_again(switchboard: OperatorsFixture) -> None:
    switchboard.check_in_paused(WANG)
    switchboard.account.parties["+8613700000002"] = CalledParty("busy", after_ms=500)
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_until_said("正在为您接通订货员")
    switchboard.visitor("operator2").post(f"/desk/tickets/{switchboard.ticket().id}/take")
    wait_until(lambda: switchboard.ring_attempts() == [(WANG, "declined")], "the engaged tone")
    switchboard.wait_for_ticket_state("waiting")
    assert not caller.call.ended


def test_hold_is_music_for_the_caller_and_the_operator_comes_back(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    desk = switchboard.visitor("operator")
    assert "请客户稍等" in desk.get(f"/desk/orders/{caller.call_key}").get_data(as_text=True)
    assert desk.post(f"/desk/tickets/{switchboard.ticket().id}/hold").status_code == 204
    assert "接回客户" in desk.get(f"/desk/orders/{caller.call_key}").get_data(as_text=True)
    caller.wait_until_said("请您稍等，订货员马上回来。")
    caller.wait_until_said("waiting.wav")
    assert caller.call.bridge is None
    assert desk.post(f"/desk/tickets/{switchboard.ticket().id}/hold").status_code == 409
    assert desk.post(f"/desk/tickets/{switchboard.ticket().id}/resume").status_code == 204
    caller.wait_for_bridge()
    assert switchboard.ring_attempts() == [(LI, "accepted")]


def test_a_talk_given_back_goes_on_with_the_machine_and_the_operators_call_ends(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    desk = switchboard.visitor("operator")
    assert desk.post(f"/desk/tickets/{switchboard.ticket().id}/give-back").status_code == 204
    caller.wait_until_said("请按一")
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "over")], "the operator's call to end")


def test_the_next_caller_is_rung_once_wrap_up_is_over_and_not_before(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    caller.call.hang_up()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "over")], "the operator's call to end")
    following = switchboard.caller(OTHER_PHONE)
    following.press_when_said("客户代码", "0")
    following.wait_until_said("waiting.wav")
    assert switchboard.ring_attempts() == [(LI, "over")]
    switchboard.world.clock.move(seconds=30)
    # As the desk's page does, which stays open.
    services(switchboard.app).line.operators.dispatcher.end_wrap_ups()
    following.wait_for_bridge()
    assert switchboard.ring_attempts() == [(LI, "over"), (LI, "accepted")]


def test_a_callers_queue_is_gone_with_them(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, CalledParty("no-answer"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "ringing")], "the ringing")
    queue = switchboard.account.queue(caller.call_key)
    assert queue.waiting == [caller.call]
    caller.call.hang_up()
    wait_until(lambda: switchboard.account.queue_by_sid(queue.sid) is None, "the queue to be deleted")


def test_a_restart_in_the_middle_loses_nobody(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI, CalledParty("answered", after_ms=8_000, make_callee=answering_party("1").make_callee))
    caller = switchboard.caller()
    caller.asks_for_operator()
    wait_until(lambda: switchboard.ring_attempts() == [(LI, "ringing")], "the ringing")
    switchboard.restart()
    caller.wait_for_bridge()
    assert not caller.call.ended
    assert switchboard.ticket().taken_by == LI


def test_numbers_of_the_fixed_list_are_dialled_without_a_desk(world: World, database_url: str) -> None:
    with served_operators(world, database_url, operator_numbers="+8637255550001,+8637255550002") as switchboard:
        switchboard.account.parties["+8637255550001"] = CalledParty("busy", after_ms=500)
        switchboard.account.parties["+8637255550002"] = answering_party("1")
        caller = switchboard.caller()
        caller.asks_for_operator()
        caller.wait_for_bridge()
        assert switchboard.ring_attempts() == [(None, "declined"), (None, "accepted")]
        caller.call.hang_up()
        switchboard.wait_for_ticket_state("finished")
