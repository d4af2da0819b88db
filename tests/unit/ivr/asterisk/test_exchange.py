"""Calls on a pretended Asterisk: how they begin, are redirected, adopted and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from ivr.asterisk.exchange import HOUSEKEEPING_EVERY_S, Exchange, Voice
from ivr.asterisk.media import CHUNKS_AHEAD
from ivr.asterisk.roles import INTERPRETERS, roles
from ivr.carrier import CarrierError
from ivr.instructions import Ask, EndCall, Instruction, Listening
from ivr.streams.media_streams import NotInProgress
from ivr.turns.calls import TurnRequest
from speech.listening import Items
from tests.support.jumping_loop import AtOnce, JumpingLoop, until
from tests.support.jumping_loop import play as run
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_exchange import PretendedAri, PretendedExchange
from tests.support.pretended_media import MediaSocket, spoken

CALL = "1796051141.0"
GREETING, REPLY = "您好", "还有吗"
# Each sentence takes this long, in seconds.
SENTENCE_S = 2.0
VOICE = PlainVoice(partial(spoken, seconds=SENTENCE_S))


class PretendedLine:
    """The services of a line whose calls are only counted; every prompt asks for items."""

    def __init__(self) -> None:
        self.automatic = self.operators = self.handover = self.queue = self.quiet_calls = self.calls = (
            self.media_streams
        ) = self.sound_forks = self.whispering = self.callback_calls = self.direct_dial = self
        self.prompts: Any = self
        self.failure, self.failure_goodbye = "刚才", "再见"
        self.state = "not_queued"
        self.started: list[tuple[str, str, str]] = []
        self.turns: list[TurnRequest] = []
        self.ended: list[tuple[str, str]] = []
        self.known: set[str] = set()
        self.next: Instruction | None = None

    def ask(self, *sentences: str) -> Ask:
        return Ask(CALL, sentences, Listening(len(self.turns) + 1, Items(), 8_000))

    def call_started(self, call_key: str, caller: str, called: str, failures: int = 0) -> Instruction:
        self.started.append((call_key, caller, called))
        self.known.add(call_key)
        return self.ask(GREETING)

    def turn_taken(
        self, call_key: str, request: TurnRequest, failures: int = 0, *, is_outbound: bool = False
    ) -> Instruction:
        self.turns.append(request)
        return self.next or self.ask(REPLY)

    def call_ended(self, call_key: str, status: str) -> None:
        self.ended.append((call_key, status))
        self.known.discard(call_key)

    def open_calls(self) -> frozenset[str]:
        return frozenset(self.known)

    def position(self, call_key: str) -> PretendedLine:
        return self

    def snapshot(self, call_key: str) -> str:
        return call_key

    def present(self, snapshot: str) -> Instruction:
        return self.ask(GREETING)

    def open(self, call_key: str, stream: str) -> None:
        raise NotInProgress("nobody listens here")


class World:
    """A pretended exchange, and line processes that may lead it."""

    def __init__(self) -> None:
        self.exchange = PretendedExchange()
        self.line = PretendedLine()
        # The processes that have tidied up, in order, and how often that will fail first.
        self.tidied: list[str] = []
        self.tidying_fails = 0

    @property
    def media(self) -> MediaSocket:
        """The call's media socket, the newest."""
        return self.exchange.media_of(CALL)[-1]

    async def hears(self, *sentences: str) -> None:
        """The caller has been sent these sentences, and no others."""
        await until(lambda: self.exchange.said_to(CALL) == list(sentences), f"{sentences} to be said")

    def tidy_up(self, process: str) -> None:
        if self.tidying_fails:
            self.tidying_fails -= 1
            raise CarrierError("the exchange could not be asked")
        self.tidied.append(process)

    @asynccontextmanager
    async def process(
        self, voice: Voice = VOICE, speaking: Executor | None = None, name: str = "line process"
    ) -> AsyncIterator[Exchange]:
        line: Any = self.line
        ari, at_once, tidy = PretendedAri(self.exchange), AtOnce(), partial(self.tidy_up, name)
        speaking = speaking or at_once
        exchange = Exchange(ari, line, voice, roles(line), INTERPRETERS, at_once, speaking, at_once, tidy)
        leading = asyncio.create_task(exchange.lead())
        await until(lambda: self.exchange.is_led, "a leader")
        try:
            yield exchange
        finally:
            leading.cancel()
            await asyncio.wait([leading])


def play(scenario: Callable[[World], Coroutine[Any, Any, None]]) -> World:
    world = World()
    run(JumpingLoop(), scenario(world))
    return world


def called(world: World) -> None:
    """A call has come in."""
    world.exchange.call_in("13800000012", "+8637255550000", CALL)


async def begun(world: World) -> None:
    """A call has come in, and its prompt is being said."""
    called(world)
    await world.hears(GREETING)


class TwoParts(PlainVoice):
    """A voice that makes a sentence in two parts, the first of which is one character."""

    def parts(self, sentence: str) -> list[str]:
        return [sentence[:1], sentence[1:]]


class HeldBack(AtOnce):
    """A thread that does all but the third piece of its work at once, and that once it is `released`."""

    def __init__(self) -> None:
        self._count = 0
        self._held: list[Callable[[], None]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._count += 1
        if self._count != 3:
            return super().submit(work, *args, **kwargs)
        future: Future[Any] = Future()
        self._held.append(lambda: future.set_result(work(*args, **kwargs)))
        return future

    def release(self) -> None:
        self._held.pop()()


def test_a_prompt_begins_while_a_part_that_the_pack_lacks_is_being_made() -> None:
    async def scenario(world: World) -> None:
        thread = HeldBack()
        async with world.process(TwoParts(partial(spoken, seconds=SENTENCE_S)), thread):
            called(world)
            await world.hears(GREETING[:1])
            thread.release()
            await world.hears(GREETING[:1], GREETING[1:])

    play(scenario)


def test_a_call_is_answered_and_hears_the_greeting() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            (media,) = world.exchange.of("media")
            assert world.exchange.hear_each_other(CALL, media)
            assert world.exchange.channels[CALL].state == "Up"

    assert play(scenario).line.started == [(CALL, "+8613800000012", "+8637255550000")]


def test_a_long_prompt_is_given_to_the_exchange_no_faster_than_it_can_keep_it() -> None:
    sentences = [f"第{number}行" for number in range(30)]

    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.line.next = world.line.ask(*sentences)
            redirected_elsewhere(world)
            await world.hears(GREETING, *sentences)
            assert world.media.most_queued_s <= CHUNKS_AHEAD + 0.1

    play(scenario)


def test_a_caller_to_whom_nothing_can_be_said_is_not_left_in_silence() -> None:
    def breaks_down(_sentence: str) -> bytes:
        raise RuntimeError("no sound at all")

    async def scenario(world: World) -> None:
        async with world.process(PlainVoice(breaks_down)):
            called(world)
            await until(lambda: world.line.ended == [(CALL, "completed")], "the end of the call")

    play(scenario)


def test_a_key_drops_what_is_left_of_the_prompt() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.exchange.press(CALL, "A")
            world.exchange.press(CALL, "1")
            await until(lambda: "FLUSH_MEDIA" in world.media.commands, "the end of the prompt")
            world.exchange.press(CALL, "#")
            await world.hears(GREETING, REPLY)

    assert [turn.keys for turn in play(scenario).line.turns] == ["1"]


def test_a_redirect_breaks_the_prompt_off() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            assert exchange.redirect(CALL, "turn", {"turn": "1"})
            await world.hears(GREETING, REPLY)
            assert "FLUSH_MEDIA" in world.media.commands
            assert not exchange.redirect("another", "turn", {"turn": "1"})

    assert play(scenario).line.turns == [TurnRequest(1)]


def redirected_elsewhere(world: World) -> None:
    """Another process redirects the call to its first turn."""
    about = {"source": f"channel:{CALL}"}
    world.exchange.request("POST", "/events/user/turn", about, {"variables": {"turn": "1"}})


def test_a_redirect_of_another_process_comes_as_an_event() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            redirected_elsewhere(world)
            await world.hears(GREETING, REPLY)

    assert play(scenario).line.turns == [TurnRequest(1)]


def test_a_hang_up_is_reported_and_leaves_nothing_behind() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.exchange.destroy(CALL)
            await until(lambda: world.line.ended, "the report")

    world = play(scenario)
    assert world.line.ended == [(CALL, "completed")]
    assert world.exchange.bridges == world.exchange.channels == {}
    assert world.media.closed


def test_the_last_sentence_is_heard_to_its_end_before_the_line_hangs_up() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            world.line.next = EndCall(("谢谢",))
            await begun(world)
            redirected_elsewhere(world)
            await world.hears(GREETING, "谢谢")
            await asyncio.sleep(SENTENCE_S - 0.2)
            assert CALL in world.exchange.channels
            await until(lambda: CALL not in world.exchange.channels, "the end of the call")

    play(scenario)


def test_a_prompt_waits_while_the_caller_speaks_and_goes_on_after_a_cough() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            leg, commands = exchange.legs[CALL], world.media.commands
            leg._give_way(True)
            await until(lambda: commands[-1] == "PAUSE_MEDIA", "the pause")
            leg._give_way(False)
            await until(lambda: commands[-1] == "CONTINUE_MEDIA", "the rest")

    play(scenario)


def test_a_killed_process_s_call_is_adopted_with_new_sound() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            before = world.media
            world.exchange.lose_events()
            await world.hears(GREETING, GREETING)
            assert before.closed
            assert CALL in world.exchange.channels

    world = play(scenario)
    assert world.line.ended == []


def test_a_call_whose_state_cannot_be_read_is_adopted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_line: PretendedLine, call_key: str) -> PretendedLine:
        raise OSError("the database is gone")

    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            monkeypatch.setattr(PretendedLine, "position", fail)
            world.exchange.lose_events()
            await world.hears(GREETING, "刚才", GREETING)
            assert len(world.line.started) == 2
            assert CALL in world.exchange.channels

    play(scenario)


def test_who_is_replaced_leaves_the_call_to_the_other() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as first, world.process() as second:
            await begun(world)
            led = first if first.legs else second
            other = second if led is first else first
            # As a process does that did not see that another leads.
            await other.ari.events()
            await until(lambda: not led.legs, "the other one to lead")
            assert CALL in world.exchange.channels

    assert play(scenario).line.ended == []


def test_a_call_that_ended_while_nobody_led_is_reported_as_ended() -> None:
    async def scenario(world: World) -> None:
        world.line.known = {"1796051100.0"}
        async with world.process():
            await until(lambda: world.line.ended, "the report")

    assert play(scenario).line.ended == [("1796051100.0", "failed")]


def test_a_channel_of_no_known_kind_is_left_alone() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            world.exchange.call_in("", "", "hotline-unheard-1-00000000")
            await begun(world)
            assert list(exchange.legs) == [CALL]

    play(scenario)


def test_the_process_that_leads_tidies_up_now_and_then_and_no_other() -> None:
    async def scenario(world: World) -> None:
        world.tidying_fails = 2
        async with world.process(name="first"), world.process(name="second"):
            await asyncio.sleep(5 * HOUSEKEEPING_EVERY_S + 1)

    assert play(scenario).tidied == ["first"] * 3
