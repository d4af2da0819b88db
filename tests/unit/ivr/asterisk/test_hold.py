"""A telephone that puts the line on hold, on a pretended Asterisk: nothing is taken, and nothing is lost."""

from __future__ import annotations

import asyncio

import pytest

from ivr.asterisk.ear import Ear
from ivr.asterisk.leg import HOLD_MAX_S
from ivr.instructions import EndCall, QueueMusic
from tests.support.jumping_loop import until
from tests.unit.ivr.asterisk.test_exchange import CALL, GREETING, REPLY, World, begun, play

GOODBYE = "再见"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The sound that reaches the ears of calls."""
    sound: list[bytes] = []

    class AnEar:
        is_open = True

        def hear(self, mulaw: bytes) -> None:
            sound.append(mulaw)

        async def close(self) -> None:
            pass

    async def opened(*_: object) -> AnEar:
        return AnEar()

    monkeypatch.setattr(Ear, "open", opened)
    return sound


async def hold(world: World) -> None:
    world.exchange.report("ChannelHold", CALL)
    await asyncio.sleep(0.1)


def resume(world: World) -> None:
    world.exchange.report("ChannelUnhold", CALL)


def test_a_question_that_is_put_on_hold_is_broken_off_and_asked_again() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            await hold(world)
            await hold(world)
            assert world.media.commands[-1] == "FLUSH_MEDIA"
            await asyncio.sleep(60)
            await world.hears(GREETING)
            resume(world)
            await world.hears(GREETING, GREETING)

    assert play(scenario).line.turns == []


def test_a_question_that_was_put_is_asked_again_too() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            await asyncio.sleep(3)
            await hold(world)
            await asyncio.sleep(60)
            resume(world)
            await world.hears(GREETING, GREETING)

    assert play(scenario).line.turns == []


def test_what_comes_from_a_telephone_on_hold_is_no_speech(heard: list[bytes]) -> None:
    """The telephone's own music, for one."""

    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            exchange.legs[CALL].listen_to_speech("stream")
            await asyncio.sleep(0.1)
            world.media.hear(b"before")
            await asyncio.sleep(0.1)
            await hold(world)
            world.media.hear(b"music")
            await asyncio.sleep(0.1)
            resume(world)
            await asyncio.sleep(0.1)
            world.media.hear(b"after")
            await asyncio.sleep(0.1)

    play(scenario)
    assert heard == [b"before", b"after"]


def test_a_reply_that_is_ready_on_hold_is_said_afterwards() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            await hold(world)
            # What was said before is understood now.
            exchange.redirect(CALL, "turn", {"turn": "1"})
            await until(lambda: world.line.turns, "the turn")
            await asyncio.sleep(60)
            await world.hears(GREETING)
            world.line.present = lambda _snapshot: world.line.ask(REPLY)  # type: ignore[method-assign]
            resume(world)
            await world.hears(GREETING, REPLY)

    play(scenario)


def test_the_goodbye_waits_for_the_telephone_too() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            world.line.next = EndCall((GOODBYE,))
            world.line.present = lambda _snapshot: EndCall((GOODBYE,))  # type: ignore[method-assign]
            await hold(world)
            exchange.redirect(CALL, "turn", {"turn": "1"})
            await asyncio.sleep(60)
            assert CALL in world.exchange.channels
            resume(world)
            await world.hears(GREETING, GOODBYE)

    play(scenario)


def test_who_waits_for_an_operator_goes_on_waiting() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            world.line.next = QueueMusic(("请稍等",))
            exchange.redirect(CALL, "turn", {"turn": "1"})
            await until(exchange.legs[CALL].in_queue.is_set, "the queue")
            await hold(world)
            assert exchange.legs[CALL].in_queue.is_set()

    play(scenario)


def test_a_telephone_that_stays_away_is_not_waited_for_for_ever() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            await hold(world)
            await asyncio.sleep(HOLD_MAX_S - 1)
            await world.hears(GREETING)
            await asyncio.sleep(2)
            await world.hears(GREETING, GREETING)

    play(scenario)


def test_a_process_that_adopts_a_call_on_hold_asks_again_when_the_telephone_is_back() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            resume(world)
            await world.hears(GREETING, GREETING)

    play(scenario)
