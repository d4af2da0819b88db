"""Operators at real telephones: the exchange rings them for callers who wait, and connects the two."""

from __future__ import annotations

import time

import pytest

from ivr.carrier import OPERATOR_RING_S
from tests.support.exchange_line import LINE, PATIENCE_S, KeypadLine, wait_until
from tests.support.likeness import is_in
from tests.support.office import (
    CALLER_SAYS,
    LEADER,
    LEADER_SAYS,
    LI,
    OPERATOR_SAYS,
    SHOP,
    WANG,
    Office,
    assert_hears,
    hears,
    prompt,
    takes_call,
)
from tests.support.sip_telephone import calling, desk_telephone


@pytest.fixture(scope="module")
def line_class() -> type[KeypadLine]:
    return KeypadLine


def test_an_operator_is_rung_hears_who_calls_and_talks_with_the_caller(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        wait_until(lambda: office.ticket().state == "taken", "the operator's 1 was not taken")
        office.assert_talk(caller, operator)
        # The operator hangs up: the caller is asked how to go on.
        hung_up = time.monotonic()
        operator.hang_up()
        assert_hears(caller, hung_up, prompt("queue.operator_gone"), "the question after an operator has hung up")
        assert office.attempts(office.ticket().call_key) == [(LI, "over")]
        caller.media.press("1")
        wait_until(lambda: office.ticket().state == "given_back", "the caller is not back at the line")


def test_a_caller_on_hold_hears_music_until_the_operator_is_back(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        ticket, held = office.ticket().id, time.monotonic()
        assert office.line.operators.dispatcher.put_on_hold(ticket)
        assert_hears(caller, held, prompt("queue.hold"), "the words before the music")
        assert_hears(operator, held, prompt("operator.caller_on_hold"), "what is said to the operator")
        caller.media.wait_for_sound(within_s=5)
        said = time.monotonic()
        operator.media.say(OPERATOR_SAYS)
        time.sleep(3)
        assert not hears(caller, said, OPERATOR_SAYS)
        assert office.line.operators.dispatcher.take_off_hold(ticket)
        office.assert_talk(caller, operator)
        # And once more, with the operator's own key.
        assert office.line.operators.dispatcher.put_on_hold(ticket)
        assert_hears(operator, time.monotonic(), prompt("operator.caller_on_hold"), "what is said to the operator")
        operator.media.press("1")
        office.assert_talk(caller, operator)


def test_a_caller_given_back_is_with_the_line_and_the_operator_is_free(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        desk, given_back = office.visitor("operator"), time.monotonic()
        assert desk.post(f"/desk/tickets/{office.ticket().id}/give-back").status_code < 400
        assert_hears(operator, given_back, prompt("operator.call_over"), "the end of the operator's call")
        operator.wait_until_ended()
        assert caller.media.wait_for_sound(within_s=5, since=given_back)
        assert office.ticket().state == "given_back"


def test_a_busy_operator_and_one_that_cannot_be_reached_are_passed_over(office: Office) -> None:
    office.set_ready(LI, WANG, LEADER)
    # The first is busy, the second's telephone is switched off, and the third answers.
    with (
        desk_telephone(office.exchange, "8001", "busy"),
        desk_telephone(office.exchange, "8003") as telephone,
        office.caller_who_waits() as caller,
    ):
        office.assert_talk(caller, takes_call(telephone))
        assert office.attempts(office.ticket().call_key) == [(LI, "declined"), (WANG, "failed"), (LEADER, "accepted")]


def test_an_operator_who_does_not_answer_is_paused_and_the_next_one_rings(office: Office) -> None:
    office.set_ready(LI, WANG)
    with (
        desk_telephone(office.exchange, "8001", "rings") as silent,
        desk_telephone(office.exchange, "8002") as telephone,
        office.caller_who_waits() as caller,
    ):
        silent.wait_for_call(PATIENCE_S)
        rang = time.monotonic()
        operator = takes_call(telephone)
        assert OPERATOR_RING_S - 2 < operator.answered_at - rang < OPERATOR_RING_S + 5
        office.assert_talk(caller, operator)
        assert office.attempts(office.ticket().call_key) == [(LI, "unanswered"), (WANG, "accepted")]


def test_a_telephone_stops_ringing_when_the_caller_hangs_up(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001", "rings") as telephone:
        with office.caller_who_waits():
            ringing = telephone.wait_for_call(PATIENCE_S)
            key = office.ticket().call_key
        ringing.wait_until_ended(5)
    assert office.attempts(key) == [(LI, "cancelled")]
    assert office.ticket().state == "abandoned"


def test_of_two_operators_who_reach_for_a_caller_one_gets_them(office: Office) -> None:
    office.set_ready(LI)
    with (
        desk_telephone(office.exchange, "8001") as first_telephone,
        desk_telephone(office.exchange, "8002") as second_telephone,
        office.caller_who_waits() as caller,
    ):
        first = first_telephone.wait_for_call(PATIENCE_S)
        first.wait_until_answered()
        office.set_ready(WANG)
        desk = office.visitor("operator2")
        # The one takes the caller at the desk while the other's key is on its way.
        desk.post("/seat", seat="2")
        first.media.press("1")
        taken = desk.post(f"/desk/tickets/{office.ticket().id}/take").status_code
        if taken == 409:
            office.assert_talk(caller, first)
        else:
            first.wait_until_ended()
            office.assert_talk(caller, takes_call(second_telephone))
        accepted = [outcome for _, outcome in office.attempts(office.ticket().call_key)].count("accepted")
        assert accepted == 1


def test_a_leader_who_whispers_is_heard_by_the_operator_alone(office: Office) -> None:
    office.set_ready(LI)
    with (
        desk_telephone(office.exchange, "8001") as telephone,
        desk_telephone(office.exchange, "8003") as leaders,
        office.caller_who_waits() as caller,
    ):
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        assert office.line.operators.whispering.begin(office.ticket().call_key, LEADER) is None
        leader = leaders.wait_for_call()
        leader.wait_until_answered()
        assert_hears(leader, leader.answered_at, prompt("operator.coach"), "what is asked of the leader")
        leader.media.press("1")
        wait_until(
            lambda: any("-whisper-" in one["id"] for one in office.exchange.ari("GET", "channels").json()),
            "the leader does not come to the operator's ear",
        )
        time.sleep(1)
        said = time.monotonic()
        leader.media.say(LEADER_SAYS)
        assert_hears(operator, said, LEADER_SAYS, "the leader's voice")
        assert not hears(caller, said, LEADER_SAYS)
        assert not hears(leader, said, LEADER_SAYS)
        said = time.monotonic()
        office.assert_talk(caller, operator)
        assert_hears(leader, said, CALLER_SAYS, "the caller's voice")
        assert_hears(leader, said, OPERATOR_SAYS, "the operator's voice")
        # The leader goes: the two talk on.
        leader.hang_up()
        office.assert_talk(caller, operator)
        assert office.line.operators.whispering.begin(office.ticket().call_key, LEADER) is None
        leader = leaders.wait_for_call(after=1)
        leader.wait_until_answered()
        leader.media.press("1")
        time.sleep(4)
        # The caller goes: nobody is left behind.
        caller.hang_up()
        operator.wait_until_ended()
        leader.wait_until_ended()


def test_a_call_is_taken_over_from_the_line_and_from_an_operator(office: Office) -> None:
    with (
        desk_telephone(office.exchange, "8001") as telephone,
        desk_telephone(office.exchange, "8003") as leaders,
        calling(office.exchange, LINE, caller=SHOP) as caller,
    ):
        caller.wait_until_answered()
        caller.media.wait_for_sound(within_s=PATIENCE_S)
        wait_until(office.open_calls, "there is no call")
        (key,) = office.open_calls()
        assert office.line.take_over.take_over(key, LI) is None
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        assert office.line.take_over.take_over(key, LEADER) is None
        operator.wait_until_ended()
        leader = takes_call(leaders)
        office.assert_talk(caller, leader)
        assert office.attempts(key) == [(LI, "over"), (LEADER, "accepted")]


def test_a_leader_listens_and_a_talk_is_recorded_with_its_sides_apart(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        key = office.ticket().call_key
        wait_until(office.two_talk, "no two talk")
        assert office.line.listening.begin(key, LEADER)
        sides: dict[str, bytes] = {"caller": b"", "other": b""}
        heard = 0
        caller.media.say(CALLER_SAYS)
        operator.media.pause(len(CALLER_SAYS) / 8_000)
        operator.media.say(OPERATOR_SAYS)
        until = time.monotonic() + len(CALLER_SAYS + OPERATOR_SAYS) / 8_000 + 3
        while time.monotonic() < until:
            for part in office.line.listening.hear(key, LEADER, heard) or ():
                heard = part.id
                sides = {"caller": sides["caller"] + part.caller, "other": sides["other"] + part.other}
            time.sleep(0.4)
        assert is_in(CALLER_SAYS, sides["caller"])
        assert is_in(OPERATOR_SAYS, sides["other"])
        assert not is_in(OPERATOR_SAYS, sides["caller"])
        office.line.listening.stop(key, LEADER)


def test_a_talk_goes_on_while_the_line_is_down_and_its_end_is_noticed_afterwards(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        office.served.kill()
        office.assert_talk(caller, operator)
        office.served.start()
        office.assert_talk(caller, operator)
        hung_up = time.monotonic()
        operator.hang_up()
        assert_hears(caller, hung_up, prompt("queue.operator_gone"), "the question after an operator has hung up")
        assert office.attempts(office.ticket().call_key) == [(LI, "over")]
