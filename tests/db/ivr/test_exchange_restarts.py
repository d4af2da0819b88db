"""The process that leads a pretended exchange is killed: callers, operators and leaders go on with the next one."""

from __future__ import annotations

import asyncio

import pytest

from ivr.asterisk.channels import talk_bridge
from tests.support.jumping_loop import played, until
from tests.support.pretended_office import LI, WANG, Office


@played
async def test_a_talk_goes_on_when_the_process_is_killed_and_its_end_is_noticed_by_the_next(office: Office) -> None:
    async with office.talking() as (caller, operator):
        pass
    assert office.exchange.hear_each_other(caller, operator)
    async with office.led():
        await asyncio.sleep(5)
        assert office.exchange.hear_each_other(caller, operator)
        assert office.line.operators.dispatcher.put_on_hold(office.ticket().id)
        await office.hears(caller, "queue.hold")
        office.exchange.press(operator, "1")
        await office.talk(caller, operator)
        office.exchange.destroy(operator)
        await office.hears(caller, "queue.operator_gone")


@played
async def test_an_operator_who_hung_up_while_no_process_led_is_missed_by_the_next(office: Office) -> None:
    async with office.talking() as (caller, operator):
        pass
    office.exchange.destroy(operator)
    async with office.led():
        await office.hears(caller, "queue.operator_gone")
        assert office.attempts() == [(LI, "over")]


@pytest.mark.parametrize("moment", ["music", "ringing", "whisper", "hold"])
@played
async def test_a_process_killed_at_any_moment_loses_nobody(office: Office, moment: str) -> None:
    office.check_in_paused(WANG)
    if moment != "music":
        office.set_ready(LI)
    async with office.led():
        caller = await office.waits()
        if moment == "music":
            await office.hears_music(caller)
        if moment == "ringing":
            await until(lambda: office.exchange.of("operator"), "an operator's call")
        if moment == "whisper":
            await office.answers("operator", "operator.accept")
        if moment == "hold":
            operator = await office.takes_call()
            await office.talk(caller, operator)
            assert office.line.operators.dispatcher.put_on_hold(office.ticket().id)
            await office.hears(operator, "operator.caller_on_hold")
    async with office.led():
        office.set_ready(LI)
        if moment == "hold":
            await office.hears_music(caller)
            assert office.line.operators.dispatcher.take_off_hold(office.ticket().id)
        else:
            operator = await office.takes_call()
        await office.talk(caller, operator)
        assert [state for _, state in office.attempts()] == ["accepted"]


@played
async def test_a_leader_whispers_on_after_the_process_was_killed(office: Office) -> None:
    async with office.talking() as (caller, operator):
        leader = await office.whispers(caller)
        await until(lambda: office.exchange.bridges.get(talk_bridge(leader), [])[1:], "the leader in the talk")
    async with office.led():
        await until(lambda: len(office.exchange.snooped) == 2, "the way to the operator's ear")
        await until(
            lambda: any(office.exchange.hear_each_other(leader, ear) for ear in office.exchange.of("whisper")),
            "the leader in the talk",
        )
        assert office.exchange.hear_each_other(caller, operator)
