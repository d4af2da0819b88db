"""Operators on an exchange of one's own: callers wait, operators are rung, and the two talk. The exchange is pretended;
the rest is the line's own."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from ivr.carrier import OPERATOR_RING_S, CarrierError, browser_address
from ivr.turns.calls import Calls
from tests.support.jumping_loop import played, until
from tests.support.pretended_media import MUSIC
from tests.support.pretended_office import LEADER, LI, LINE, SHOP, WANG, Office


@played
async def test_an_operator_is_rung_for_a_caller_who_hears_music_and_then_the_operator(office: Office) -> None:
    office.check_in_paused(WANG)
    async with office.led():
        caller = await office.waits()
        await office.hears_music(caller)
        office.set_ready(LI)
        operator = await office.takes_call()
        await office.talk(caller, operator)
        assert office.exchange.dialled == ["PJSIP/8001"]
        assert (office.ticket().state, office.attempts()) == ("taken", [(LI, "accepted")])
        office.exchange.destroy(operator)
        await office.hears(caller, "queue.operator_gone")
        assert office.attempts() == [(LI, "over")]
        office.exchange.destroy(caller)
        await office.is_quiet()
        await until(lambda: not office.exchange.bridges, "the end of all bridges")


@played
async def test_an_operator_whose_caller_hangs_up_is_told_and_hung_up_on(office: Office) -> None:
    async with office.talking() as (caller, operator):
        office.exchange.destroy(caller)
        await office.hears(operator, "operator.call_over")
        await office.is_quiet()


@played
async def test_an_operator_who_is_busy_absent_or_unreachable_leads_to_the_next_one(office: Office) -> None:
    office.exchange.telephones = {"PJSIP/8001": "busy", "PJSIP/8003": "rings"}
    office.set_ready(LI, WANG, LEADER)
    async with office.led():
        await office.waits()
        await until(lambda: len(office.exchange.dialled) == 3, "all to be rung")
        rang = office.loop.time()
        await until(lambda: office.attempts()[2][1] != "ringing", "the end of ringing")
        assert office.loop.time() - rang == pytest.approx(OPERATOR_RING_S, abs=1)
        assert office.attempts() == [(LI, "declined"), (WANG, "failed"), (LEADER, "unanswered")]


@played
async def test_a_telephone_stops_ringing_when_the_caller_hangs_up(office: Office) -> None:
    office.exchange.telephones = {"PJSIP/8001": "rings"}
    office.set_ready(LI)
    async with office.led():
        caller = await office.waits()
        await until(lambda: office.exchange.of("operator"), "an operator's call")
        office.exchange.destroy(caller)
        await office.is_quiet()
        assert (office.ticket().state, office.attempts()) == ("abandoned", [(LI, "cancelled")])


@played
async def test_a_machine_that_answers_for_an_operator_does_not_get_the_caller(office: Office) -> None:
    office.set_ready(LI)
    async with office.led():
        caller = await office.waits()
        await until(lambda: office.attempts() == [(LI, "unanswered")], "the end of the operator's call")
        assert office.exchange.of("operator") == []
        assert office.ticket().state == "waiting"
        assert office.exchange.said_to(caller)[-1] == MUSIC


@played
async def test_of_two_who_reach_for_a_caller_one_gets_them(office: Office) -> None:
    office.set_ready(LI)
    async with office.led():
        caller = await office.waits()
        first = await office.answers("operator", "operator.accept")
        # The one presses 1, and before that is known the other one has the caller.
        office.exchange.press(first, "1")
        assert office.line.take_over.take_over(caller, WANG) is None
        second = await office.takes_call()
        await office.talk(caller, second)
        assert first not in office.exchange.channels
        assert office.attempts() == [(LI, "cancelled"), (WANG, "accepted")]


@played
async def test_a_caller_is_put_on_hold_and_taken_back(office: Office) -> None:
    async with office.talking() as (caller, operator):
        dispatcher, ticket = office.line.operators.dispatcher, office.ticket().id
        assert dispatcher.put_on_hold(ticket)
        await office.hears(caller, "queue.hold")
        await office.hears(operator, "operator.caller_on_hold")
        await office.hears_music(caller)
        assert not office.exchange.hear_each_other(caller, operator)
        # A minute on hold changes nothing.
        await asyncio.sleep(60)
        assert dispatcher.take_off_hold(ticket)
        await office.talk(caller, operator)
        assert dispatcher.put_on_hold(ticket)
        await until(lambda: not office.exchange.hear_each_other(caller, operator), "the end of the talk")
        await asyncio.sleep(5)
        office.exchange.press(operator, "1")
        await office.talk(caller, operator)


@played
async def test_a_caller_leaves_the_queue_by_a_key(office: Office) -> None:
    office.check_in_paused(WANG)
    async with office.led():
        caller = await office.waits()
        await office.hears_music(caller)
        office.exchange.press(caller, "*")
        await until(lambda: office.ticket().state == "returned", "the way back")
        said = len(office.exchange.said_to(caller))
        await until(lambda: len(office.exchange.said_to(caller)) > said, "the line's next words")
        assert office.exchange.said_to(caller)[-1] != MUSIC


@played
async def test_a_call_is_taken_over_from_an_operator(office: Office) -> None:
    async with office.talking() as (caller, first):
        assert office.line.take_over.take_over(caller, LEADER) is None
        await office.hears(first, "operator.call_over")
        await until(lambda: first not in office.exchange.channels, "the end of the first talk")
        await office.talk(caller, await office.takes_call())
        assert office.attempts() == [(LI, "over"), (LEADER, "accepted")]


@played
async def test_a_caller_is_called_back_from_the_operators_telephone(office: Office) -> None:
    office.exchange.telephones[f"PJSIP/{SHOP}@trunk"] = "answers"
    async with office.led():
        await office.asks_to_be_called_back()
        operator = await office.calls_back()
        await until(lambda: office.exchange.of("dialled"), "the call to the caller")
        (called_back,) = office.exchange.of("dialled")
        await office.talk(operator, called_back)
        assert office.callback().state == "reached"
        office.exchange.destroy(called_back)
        await office.hears(operator, "operator.call_over")
        await office.is_quiet()


@played
async def test_a_caller_who_is_not_reached_is_still_to_be_called_back(office: Office) -> None:
    office.exchange.telephones[f"PJSIP/{SHOP}@trunk"] = "rings"
    async with office.led():
        await office.asks_to_be_called_back()
        operator = await office.calls_back()
        await office.hears(operator, "operator.not_reached")
        await office.is_quiet()
        assert office.callback().state == "attempted"


@pytest.mark.parametrize("office", [("8001", "8002")], indirect=True)
@played
async def test_a_caller_whom_the_database_cannot_serve_is_connected_to_a_fixed_number(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    async with office.led():
        monkeypatch.setattr(Calls, "begin", fails)
        caller = office.exchange.call_in(SHOP, LINE)
        first = await office.answers("direct", "operator.accept")
        # The first one does not want to: the next one is rung.
        office.exchange.press(first, "3")
        await until(lambda: first not in office.exchange.channels, "the end of the first operator's call")
        second = await office.answers("direct", "operator.accept")
        office.exchange.press(second, "1")
        await office.talk(caller, second)
        assert sorted(office.exchange.dialled) == ["PJSIP/8001", "PJSIP/8002"]
        office.exchange.destroy(caller)
        await office.is_quiet()


@played
async def test_desks_browsers_and_numbers_are_dialled_and_no_others(office: Office) -> None:
    office.exchange.telephones = dict.fromkeys(("PJSIP/8001", office.browser, "PJSIP/+8613700000001@trunk"), "rings")
    carrier = office.line.carrier
    for number, address in enumerate(("8001", browser_address("staff-1"), "+8613700000001")):
        assert carrier.dial_operator(address, LINE, number).startswith(f"hotline-operator-{number}-")
    assert office.exchange.dialled == list(office.exchange.telephones)
    for address in ("+8616800000", "+4420123456", "8001@elsewhere", "sip:8001", "trunk", ""):
        with pytest.raises(CarrierError, match="may not be dialled"):
            carrier.dial_operator(address, LINE, 9)
    with pytest.raises(CarrierError):
        carrier.dial_operator("8009", LINE, 9)


@played
async def test_an_operator_in_the_browser_takes_the_call_by_answering(office: Office) -> None:
    office.exchange.telephones = {office.browser: "answers"}
    office.set_ready(LI, device="browser")
    async with office.led():
        caller = await office.waits()
        await until(lambda: office.exchange.of("operator"), "an operator's call")
        (operator,) = office.exchange.of("operator")
        await office.talk(caller, operator)
