"""Calls on a pretended Asterisk: how they begin, are redirected, adopted and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from ivr.asterisk import exchange as exchange_module
from ivr.asterisk.exchange import Exchange, Voice
from ivr.asterisk.roles import INTERPRETERS, roles
from ivr.carrier import Ask, EndCall, Instruction, Listening
from ivr.streams.media_streams import NotInProgress
from ivr.turns.calls import TurnRequest
from speech.listening import Items
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_ari import AtOnce, PretendedAri, until

CALL = "1796051141.0"
END = b"\x00"
GREETING, REPLY = "您好", "还有吗"


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
    """A pretended Asterisk, and line processes that may lead it."""

    def __init__(self) -> None:
        self.ari = PretendedAri()
        self.line = PretendedLine()

    def speak(self, sentence: str) -> bytes:
        """Sound that begins with its sentence."""
        return (sentence.encode() + END).ljust(16_000, b"\x55")

    @property
    def said(self) -> list[str]:
        """The sentences that were sent to the caller."""
        sent = [message for socket in self.ari.sockets.values() for message in socket.sent]
        return [message.partition(END)[0].decode() for message in sent if END in message]

    @asynccontextmanager
    async def process(self, voice: Voice | None = None, speaking: Executor | None = None) -> AsyncIterator[Exchange]:
        line, ari, at_once = cast(Any, self.line), cast(Any, self.ari), AtOnce()
        voice, speaking = voice or PlainVoice(self.speak), speaking or at_once
        exchange = Exchange(ari, line, voice, roles(line), INTERPRETERS, at_once, speaking, at_once)
        leading = asyncio.create_task(exchange.lead())
        try:
            yield exchange
        finally:
            leading.cancel()
            await asyncio.wait([leading])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "LOOK_EVERY_S", 0)


def play(scenario: Callable[[World], Awaitable[None]]) -> World:
    world = World()

    async def played() -> None:
        await scenario(world)

    asyncio.run(played())
    return world


async def called(world: World) -> None:
    """A call has come in."""
    await until(lambda: world.ari._events is not None)
    world.ari.call_in(CALL)


async def begun(world: World) -> None:
    """A call has come in, and its prompt is being said."""
    world.ari.held_marks = True
    await called(world)
    await until(lambda: any(world.ari.sockets) and "MARK_MEDIA" in world.ari.media_of(CALL).commands)


class TwoParts(PlainVoice):
    """A voice that makes a sentence in two parts, the first of which is one character."""

    def parts(self, sentence: str) -> list[str]:
        return [sentence[:1], sentence[1:]]


class HeldBack(AtOnce):
    """A thread that does all but the third piece of its work at once, and that once it is `released`."""

    def __init__(self) -> None:
        self._count = 0
        self._held: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._count += 1
        if self._count != 3:
            return super().submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        self._held.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future

    def release(self) -> None:
        self._held.pop()()


def test_a_prompt_begins_while_a_part_that_the_pack_lacks_is_being_made() -> None:
    async def scenario(world: World) -> None:
        thread = HeldBack()
        async with world.process(TwoParts(world.speak), thread):
            await called(world)
            await until(lambda: world.said == [GREETING[:1]])
            thread.release()
            await until(lambda: world.said == [GREETING[:1], GREETING[1:]])

    play(scenario)


def test_a_call_is_answered_and_hears_the_greeting() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            assert len(world.ari.bridges[f"hotline-own-{CALL}"]) == 2

    world = play(scenario)
    assert world.line.started == [(CALL, "+8613800000012", "+8637255550000")]
    assert world.ari.answered == [CALL]
    assert world.said == [GREETING]
    assert len(b"".join(world.ari.media_of(CALL).sent)) == 16_000


def test_a_caller_to_whom_nothing_can_be_said_is_not_left_in_silence() -> None:
    def breaks_down(_sentence: str) -> bytes:
        raise RuntimeError("no sound at all")

    async def scenario(world: World) -> None:
        async with world.process(PlainVoice(breaks_down)):
            await called(world)
            await until(lambda: world.line.ended == [(CALL, "completed")])

    assert play(scenario).said == []


def test_a_key_drops_what_is_left_of_the_prompt() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.ari.press(CALL, "A")
            world.ari.press(CALL, "1")
            await until(lambda: "FLUSH_MEDIA" in world.ari.media_of(CALL).commands)
            world.ari.press(CALL, "#")
            await until(lambda: world.said == [GREETING, REPLY])

    assert [turn.keys for turn in play(scenario).line.turns] == ["1"]


def test_a_redirect_breaks_the_prompt_off() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            assert exchange.redirect(CALL, "turn", {"turn": "1"})
            await until(lambda: world.said == [GREETING, REPLY])
            assert "FLUSH_MEDIA" in world.ari.media_of(CALL).commands
            assert not exchange.redirect("another", "turn", {"turn": "1"})

    assert play(scenario).line.turns == [TurnRequest(1)]


def test_a_redirect_of_another_process_comes_as_an_event() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.ari.emit("ChannelUserevent", CALL, eventname="turn", userevent={"turn": "1"})
            await until(lambda: world.said == [GREETING, REPLY])

    assert play(scenario).line.turns == [TurnRequest(1)]


def test_a_hang_up_is_reported_and_leaves_nothing_behind() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            world.ari.hang_up(CALL)
            await until(lambda: bool(world.line.ended))

    world = play(scenario)
    assert world.line.ended == [(CALL, "completed")]
    assert world.ari.bridges == {}
    assert world.ari.media_of(CALL).closed


def test_the_last_sentence_is_heard_to_its_end_before_the_line_hangs_up() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            world.line.next = EndCall(("谢谢",))
            await begun(world)
            world.ari.emit("ChannelUserevent", CALL, eventname="turn", userevent={"turn": "1"})
            await until(lambda: world.ari.media_of(CALL).commands.count("MARK_MEDIA") == 2)
            assert CALL in world.ari.channels
            world.ari.media_of(CALL).play_out()
            await until(lambda: CALL not in world.ari.channels)

    assert play(scenario).said == [GREETING, "谢谢"]


def test_a_prompt_waits_while_the_caller_speaks_and_goes_on_after_a_cough() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            leg, commands = exchange.legs[CALL], world.ari.media_of(CALL).commands
            leg._give_way(True)
            await until(lambda: commands[-1] == "PAUSE_MEDIA")
            leg._give_way(False)
            await until(lambda: commands[-1] == "CONTINUE_MEDIA")

    play(scenario)


def test_no_more_is_sent_than_asterisk_takes() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await begun(world)
            media = await exchange.legs[CALL].media()
            socket = world.ari.media_of(CALL)
            socket.put({"event": "MEDIA_XOFF"})
            await until(lambda: not media._may_send.is_set())
            socket.put({"event": "MEDIA_XON"})
            await until(media._may_send.is_set)

    play(scenario)


def test_a_killed_process_s_call_is_adopted_with_new_sound() -> None:
    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            before = world.ari.media_of(CALL)
            world.ari.lose_events()
            await until(lambda: world.said == [GREETING, GREETING])
            await until(lambda: len(world.ari.sockets) == 2)
            assert before.closed
            assert CALL in world.ari.channels

    world = play(scenario)
    assert world.line.ended == []


def test_a_call_whose_state_cannot_be_read_is_adopted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_line: PretendedLine, call_key: str) -> PretendedLine:
        raise OSError("the database is gone")

    async def scenario(world: World) -> None:
        async with world.process():
            await begun(world)
            monkeypatch.setattr(PretendedLine, "position", fail)
            world.ari.lose_events()
            await until(lambda: len(world.ari.sockets) == 2 and world.ari.media_of(CALL).commands != [])
            world.ari.media_of(CALL).play_out()
            await until(lambda: len(world.line.started) == 2)
            assert CALL in world.ari.channels

    assert "刚才" in play(scenario).said


def test_who_is_replaced_leaves_the_call_to_the_other() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as first, world.process() as second:
            await begun(world)
            led = first if first.legs else second
            other = second if led is first else first
            # As a process does that did not see that another leads.
            await other.ari.events()
            await until(lambda: not led.legs)
            assert CALL in world.ari.channels

    assert play(scenario).line.ended == []


def test_a_call_that_ended_while_nobody_led_is_reported_as_ended() -> None:
    async def scenario(world: World) -> None:
        world.line.known = {"1796051100.0"}
        async with world.process():
            await until(lambda: bool(world.line.ended))

    assert play(scenario).line.ended == [("1796051100.0", "failed")]


def test_a_channel_of_no_known_kind_is_left_alone() -> None:
    async def scenario(world: World) -> None:
        async with world.process() as exchange:
            await until(lambda: world.ari._events is not None)
            world.ari.call_in("hotline-unheard-1-00000000")
            world.ari.call_in(CALL)
            await until(lambda: CALL in exchange.legs)
            assert list(exchange.legs) == [CALL]

    play(scenario)
