"""Operators are dialled one after another, and a waiting caller is never lost, whatever happens to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.operators.ringing import AGAIN_AFTER
from simulator.account import Party
from tests.support.desk_world import World
from tests.support.operators import LI, OTHER_PHONE, WANG, Room, answers, telephone_room, until


@pytest.fixture
def room(world: World, sqlite_url: str) -> Iterator[Room]:
    with telephone_room(world, sqlite_url) as room:
        yield room


def test_the_operator_who_presses_one_talks_with_the_caller(room: Room) -> None:
    room.ready(LI, answers("1"))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.talks()
    assert room.ticket().taken_by == LI
    assert room.offers() == [(LI, "accepted")]
    assert not caller.call.ended


def test_who_is_rung_hears_who_is_calling_and_why(room: Room) -> None:
    heard: list[str] = []
    room.ready(LI)
    room.account.answerers["+8613700000001"] = lambda call: (
        call.pick_up(),
        lambda event: heard.append(getattr(event, "text", "")),
    )[1]
    caller = room.caller()
    caller.replies("请按一", "1")
    caller.replies("井号", "0")
    until(lambda: any("接听请按一" in words for words in heard), "the whisper")
    assert any("要人工，还没有订货" in words for words in heard)


@pytest.mark.parametrize(
    ("party", "outcome", "ready_after"),
    [
        (answers("2"), "declined", True),
        (answers(""), "unanswered", False),
        (Party("no-answer"), "unanswered", False),
        (Party("busy", after_ms=500), "declined", True),
        (Party("failed"), "failed", False),
    ],
    ids=["presses 2", "a machine answers", "no answer", "engaged", "a dead line"],
)
def test_an_operator_who_does_not_take_the_call_hands_it_to_the_next(
    room: Room, party: Party, outcome: str, ready_after: bool
) -> None:
    room.ready(LI, party)
    room.world.clock.move(seconds=5)
    room.ready(WANG, answers("1"))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.hears("订货员正在接听别的电话")
    caller.talks()
    assert room.offers() == [(LI, outcome), (WANG, "accepted")]
    assert room.ticket().taken_by == WANG
    # An operator who did not answer is not dialled again before becoming ready again.
    assert room.duty(LI).ready is ready_after


def test_the_longest_idle_is_rung_first(room: Room) -> None:
    room.ready(WANG, answers("1"))
    room.world.clock.move(seconds=5)
    room.ready(LI, answers("1"))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.talks()
    assert room.offers() == [(WANG, "accepted")]


def test_two_callers_ring_two_operators(room: Room) -> None:
    room.ready(LI, answers("1"))
    room.ready(WANG, answers("1"))
    callers = [room.caller(), room.caller(OTHER_PHONE)]
    callers[0].asks_for_a_person()
    callers[1].replies("客户代码", "0")
    for caller in callers:
        caller.talks()
    assert sorted(room.offers()) == [(LI, "accepted"), (WANG, "accepted")]


def test_a_declined_caller_is_offered_again_when_nobody_else_is_there(room: Room) -> None:
    room.ready(LI, answers("2"))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "declined")], "the call to be declined")
    room.ready(LI, answers("1"))
    caller.hears("订货员正在接听别的电话")
    assert len(room.offers()) == 1
    room.world.clock.move(seconds=AGAIN_AFTER.seconds + 1)
    room.ready(LI, answers("1"))
    caller.talks()


def test_who_missed_a_call_and_says_that_they_are_ready_is_rung_at_once(room: Room) -> None:
    room.ready(LI, Party("no-answer"))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "unanswered")], "the ringing to end")
    room.world.clock.move(seconds=1)
    room.ready(LI, answers("1"))
    caller.talks()
    assert room.offers() == [(LI, "unanswered"), (LI, "accepted")]


def test_a_caller_who_hangs_up_stops_the_ringing(room: Room) -> None:
    room.ready(LI, Party("no-answer"))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "ringing")], "the ringing")
    caller.call.hang_up()
    room.comes_to("left")
    until(lambda: room.offers() == [(LI, "called_off")], "the ringing to stop")
    # It is not the operator's fault, so the operator stays ready.
    assert room.duty(LI).ready


def test_an_operator_who_hangs_up_leaves_the_caller_a_choice_and_the_next_operator_comes(room: Room) -> None:
    room.ready(LI, answers("1", talks_ms=2_000))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.replies("还要找订货员请按零", "0")
    caller.talks()
    caller.is_alone()
    room.ready(WANG, answers("1"))
    until(lambda: (WANG, "accepted") in room.offers(), "the next operator")
    caller.talks()
    assert room.ticket().taken_by == WANG


def test_an_operator_who_hangs_up_leaves_the_caller_to_the_automatic_line(room: Room) -> None:
    room.ready(LI, answers("1", talks_ms=2_000))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.replies("回到自动订货请按一", "1")
    room.comes_to("given_back")
    assert not caller.call.ended


def test_a_caller_who_says_nothing_after_the_talk_is_bidden_goodbye(room: Room) -> None:
    room.ready(LI, answers("1", talks_ms=1_000))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.hears("订货员已经挂机")
    caller.hears("谢谢您的合作，再见。")
    caller.call.join(10)
    # The order sheet can still be finished at the desk.
    assert room.ticket().state == "taken"


def test_taking_at_the_desk_while_another_telephone_rings_gives_the_call_to_one(room: Room) -> None:
    room.at_the_desk(WANG)
    room.account.parties["+8613700000002"] = answers("1")
    room.ready(LI, Party("answered", after_ms=10_000, who=answers("1").who))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "ringing")], "the ringing")
    answer = room.visitor("operator2").post(f"/desk/tickets/{room.ticket().id}/take")
    assert answer.status_code == 204
    caller.talks()
    assert room.ticket().taken_by == WANG
    assert room.offers() == [(LI, "called_off"), (WANG, "accepted")]


def test_a_caller_taken_at_the_desk_by_who_does_not_answer_waits_again(room: Room) -> None:
    room.at_the_desk(WANG)
    room.account.parties["+8613700000002"] = Party("busy", after_ms=500)
    caller = room.caller()
    caller.asks_for_a_person()
    caller.hears("订货员正在接听别的电话")
    room.visitor("operator2").post(f"/desk/tickets/{room.ticket().id}/take")
    until(lambda: room.offers() == [(WANG, "declined")], "the engaged tone")
    room.comes_to("waiting")
    assert not caller.call.ended


def test_hold_is_music_for_the_caller_and_the_operator_comes_back(room: Room) -> None:
    room.ready(LI, answers("1"))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.talks()
    desk = room.visitor("operator")
    assert "保留" in desk.get(f"/desk/orders/{caller.sid}").get_data(as_text=True)
    assert desk.post(f"/desk/tickets/{room.ticket().id}/hold").status_code == 204
    assert "接回客户" in desk.get(f"/desk/orders/{caller.sid}").get_data(as_text=True)
    caller.hears("请您稍等，订货员马上回来。")
    caller.hears("waiting.wav")
    assert caller.call.bridge is None
    assert desk.post(f"/desk/tickets/{room.ticket().id}/hold").status_code == 409
    assert desk.post(f"/desk/tickets/{room.ticket().id}/resume").status_code == 204
    caller.talks()
    assert room.offers() == [(LI, "accepted")]


def test_a_talk_given_back_goes_on_with_the_machine_and_the_operators_call_ends(room: Room) -> None:
    room.ready(LI, answers("1"))
    caller = room.caller()
    caller.asks_for_a_person()
    caller.talks()
    desk = room.visitor("operator")
    assert desk.post(f"/desk/tickets/{room.ticket().id}/give-back").status_code == 204
    caller.hears("请按一")
    until(lambda: room.offers() == [(LI, "over")], "the operator's call to end")


def test_a_callers_queue_is_gone_with_them(room: Room) -> None:
    room.ready(LI, Party("no-answer"))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "ringing")], "the ringing")
    queue = room.account.queue(caller.sid)
    assert queue.waiting == [caller.call]
    caller.call.hang_up()
    until(lambda: room.account.queue_of_sid(queue.sid) is None, "the queue to be deleted")


def test_a_restart_in_the_middle_loses_nobody(room: Room) -> None:
    room.ready(LI, Party("answered", after_ms=8_000, who=answers("1").who))
    caller = room.caller()
    caller.asks_for_a_person()
    until(lambda: room.offers() == [(LI, "ringing")], "the ringing")
    room.restart()
    caller.talks()
    assert not caller.call.ended
    assert room.ticket().taken_by == LI


def test_numbers_of_the_fixed_list_are_rung_without_a_desk(world: World, sqlite_url: str) -> None:
    with telephone_room(world, sqlite_url, operator_numbers="+8637255550001,+8637255550002") as room:
        room.account.parties["+8637255550001"] = Party("busy", after_ms=500)
        room.account.parties["+8637255550002"] = answers("1")
        caller = room.caller()
        caller.asks_for_a_person()
        caller.talks()
        assert room.offers() == [(None, "declined"), (None, "accepted")]
        caller.call.hang_up()
        room.comes_to("finished")
