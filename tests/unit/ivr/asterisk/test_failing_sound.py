"""Sound that breaks off on a pretended Asterisk, at every moment: no error is left that nobody takes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from ivr.asterisk import coach
from ivr.asterisk.ari import AriError
from ivr.asterisk.leg import Leg
from ivr.asterisk.media import Media, MediaClosed
from ivr.asterisk.talks import _with_ringing_tone
from ivr.instructions import Coach
from tests.support.jumping_loop import until
from tests.support.pretended_media import MediaSocket
from tests.unit.ivr.asterisk.test_exchange import CALL, World, begun, play

MOMENTS = range(6)


def errors_nobody_takes(scenario: Callable[[World], Coroutine[Any, Any, None]]) -> list[str]:
    """What the event loop says of errors that nobody has taken."""
    told: list[str] = []

    async def watched(world: World) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(str(context["message"])))
        await scenario(world)
        gc.collect()

    play(watched)
    gc.collect()
    return told


async def steps_of_the_loop(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def refused(_leg: Leg) -> Media:
    raise AriError("no media")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_prompt_whose_sound_ends_as_it_is_broken_off(moment: int) -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            world.media.end()
            await steps_of_the_loop(moment)
            exchange.redirect(CALL, "turn", {"turn": "1"})
            await until(lambda: len(world.line.turns) == 1, "the turn")

    assert errors_nobody_takes(scenario) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_key_that_is_pressed_as_the_sound_ends(moment: int) -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.exchange.press(CALL, "1")
            await steps_of_the_loop(moment)
            world.media.end()
            world.exchange.destroy(CALL)
            await until(lambda: world.line.ended, "the end")

    assert errors_nobody_takes(scenario) == []


class BreakingSocket(MediaSocket):
    """A socket that breaks off as it is written to."""

    async def send_str(self, text: str) -> None:
        self.end()
        await steps_of_the_loop(3)
        raise ConnectionResetError("broken")


def test_a_socket_that_breaks_off_as_the_end_of_a_prompt_is_marked() -> None:
    async def scenario(world: World) -> None:
        nothing: Any = None
        socket: Any = BreakingSocket(lambda: None)
        media = Media(nothing, CALL, socket)

        async def sound() -> AsyncIterator[bytes]:
            yield b"\x55" * 160

        with pytest.raises(MediaClosed):
            await media.play(sound())

    assert errors_nobody_takes(scenario) == []


def test_a_call_that_ends_as_its_ear_gets_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            monkeypatch.setattr(Leg, "media", refused)
            exchange.legs[CALL].listen_to_speech("another")
            await asyncio.sleep(0.1)
            world.exchange.destroy(CALL)
            await until(lambda: world.line.ended, "the end")

    assert errors_nobody_takes(scenario) == []


def test_who_waits_for_a_telephone_without_sound_still_learns_that_it_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            monkeypatch.setattr(Leg, "media", refused)
            agreed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            waiting = asyncio.create_task(_with_ringing_tone(exchange.legs[CALL], agreed))
            await asyncio.sleep(0.1)
            agreed.set_result(True)
            assert await waiting

    assert errors_nobody_takes(scenario) == []


def test_a_supervisor_who_cannot_join_leaves_nothing_running() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            await coach.coach(exchange.legs[CALL], Coach(1, CALL, "gone", 0))
            assert exchange._awaited == {}

    assert errors_nobody_takes(scenario) == []
