"""Leaders on a pretended exchange: they whisper to an operator who talks, and listen to both sides of a call."""

from __future__ import annotations

import asyncio

from tests.support.jumping_loop import played, until
from tests.support.pretended_office import LEADER, Office


@played
async def test_a_leader_hears_both_and_is_heard_by_the_operator(office: Office) -> None:
    async with office.talking() as (caller, operator):
        leader = await office.whispers(caller)
        await until(lambda: office.exchange.snooped, "the way to the operator's ear")
        ((spied_on, how),) = office.exchange.snooped
        assert (spied_on, how["spy"], how["whisper"]) == (operator, "both", "out")
        (ear,) = office.exchange.of("whisper")
        await office.talk(leader, ear)
        # The two have talked on all the time.
        assert office.exchange.hear_each_other(caller, operator)
        office.exchange.destroy(caller)
        await office.is_quiet()


@played
async def test_a_leader_who_hangs_up_leaves_the_talk_as_it_is(office: Office) -> None:
    async with office.talking() as (caller, operator):
        leader = await office.whispers(caller)
        await until(lambda: office.exchange.of("whisper"), "the way to the operator's ear")
        office.exchange.destroy(leader)
        await until(lambda: not office.exchange.of("whisper"), "the end of the way to the operator's ear")
        await asyncio.sleep(10)
        assert office.exchange.hear_each_other(caller, operator)
        # And may come back.
        assert office.line.operators.whispering.begin(caller, LEADER) is None


@played
async def test_both_sides_of_a_call_are_listened_to_apart(office: Office) -> None:
    async with office.led():
        caller = await office.calls()
        assert office.line.listening.begin(caller, LEADER)
        await until(lambda: len(office.exchange.spies(caller)) == 2, "both sides")
        callers, others = office.exchange.spies(caller)
        for _frame in range(100):
            callers.hear(b"c" * 160)
            others.hear(b"o" * 160)
            await asyncio.sleep(0.02)
        parts = office.line.listening.hear(caller, LEADER, 0) or ()
        assert set(b"".join(part.caller for part in parts)) <= set(b"c\xff")
        assert b"o" * 160 in b"".join(part.other for part in parts)
        office.line.listening.stop(caller, LEADER)
        office.exchange.destroy(caller)
        await office.is_quiet()
