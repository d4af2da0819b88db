"""One leg: a telephone's channel that the line leads, as a row of instructions that are carried out one after another.

Carrying an instruction out yields the next event, whose handling yields the next instruction. A redirect breaks off
whatever is carried out and continues with an event of its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import structlog

from ivr.asterisk import ringing_tone
from ivr.asterisk.ari import AriError, NotThere
from ivr.asterisk.channels import ChannelPurpose, own_bridge
from ivr.asterisk.ear import Ear
from ivr.asterisk.media import Media, MediaClosed
from ivr.carrier import CallStatus
from ivr.instructions import (
    KEY_WAIT_S,
    AnswerAgain,
    Ask,
    AskKey,
    AwaitReply,
    BeginAgain,
    CollectKeys,
    EndCall,
    HoldMusic,
    Instruction,
    KeepListening,
    QueueMusic,
    TakeTurnAgain,
)
from ivr.operators import waiting_music
from speech.sound.audio import LINE_RATE

if TYPE_CHECKING:
    from ivr.asterisk.exchange import Exchange

# An instruction whose sound broke off is carried out again, so often at most.
MEDIA_TRIES = 3
KEYS = frozenset("0123456789*#")
# A call whose instruction the exchange could not carry out is taken up again after this long, in seconds.
RETRY_S = 1.0

# A telephone that has the line on hold is waited for so long, in seconds.
HOLD_MAX_S = 180.0

# Who is told one of these is in the queue, and may be connected to an operator.
_IN_QUEUE = (QueueMusic, HoldMusic)
# What is said to a caller, or asked of one. To wait, or to come to an operator, nobody has to listen.
_CONVERSATION = (Ask, KeepListening, CollectKeys, AwaitReply, BeginAgain, TakeTurnAgain, AnswerAgain, AskKey, EndCall)


class ExchangeInstruction:
    """An instruction that the exchange gives to a leg, beside those of the line."""


@dataclass(frozen=True, slots=True)
class AwaitResumption(ExchangeInstruction):
    """Wait until the telephone takes the line off hold, and then go on as after a process was killed."""


Event = Callable[[], Instruction | ExchangeInstruction]
"""What has happened in a call: reports it to the line, which may wait for the database, and returns the instruction."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Role(Protocol):
    """The part of a call that a leg plays: which events its channel's beginning, redirects and end are."""

    def begun(self, leg: Leg) -> Event:
        """The event that the channel has come to the line: a caller's call, or a call that was answered."""
        ...

    def adopted(self, leg: Leg) -> Event:
        """The event with which a leg goes on whose process was killed; `Nothing` leaves it as it is."""
        ...

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """The event of the redirect of this name."""
        ...

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """Report that the call has ended, perhaps unanswered; may wait for the database."""
        ...


@runtime_checkable
class OutboundRole(Role, Protocol):
    """The role of a leg that the line calls over the trunk, whose ringing it follows. All of it may wait for the
    database."""

    def progressed(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """Report that the call rings, or was answered."""
        ...

    def not_placed(self, call_key: str, purpose: ChannelPurpose) -> None:
        """Report that the trunk took no call."""
        ...


Interpreter = Callable[["Leg", Any], Awaitable[Event | None]]
"""Carries out an instruction and returns the next event; None if nothing follows until a redirect."""


class Leg:
    """The leg of one channel. Everything happens on the event loop."""

    def __init__(
        self, exchange: Exchange, channel: str, purpose: ChannelPurpose, role: Role, caller: str = "", called: str = ""
    ) -> None:
        self.exchange = exchange
        self.call_key = channel
        self.purpose = purpose
        self.role = role
        self.caller = caller
        self.called = called
        # The bridge that the channel is in, or is on its way to.
        self.bridge = own_bridge(channel)
        self.is_outbound = purpose.kind == "retailer"
        # Set while the call is in the queue, on hold or not.
        self.in_queue = asyncio.Event()
        # Set once somebody else is in the talk, and once nobody is any more.
        self.accompanied = asyncio.Event()
        self.alone = asyncio.Event()
        # The bridge of a talk between others, which a supervisor hears.
        self.overhears = ""
        # The channel's variables that Asterisk shows, as the channel came to the line.
        self.variables: Mapping[str, str] = {}
        self._course: asyncio.Task[None] | None = None
        # The instruction that is being carried out.
        self._instruction: Instruction | ExchangeInstruction | None = None
        # Clear while the telephone has the line on hold: what comes from it then is no speech.
        self._off_hold = asyncio.Event()
        self._off_hold.set()
        self._opening: asyncio.Task[Media] | None = None
        self._ear: Ear | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._keys: deque[str] = deque()
        self._key_pressed = asyncio.Event()
        # The media whose prompt gives way to speech.
        self._gives_way: Media | None = None
        self._paused = False

    # --- the course of events

    def go_on(self, event: Event) -> None:
        """Break off whatever is carried out, and go on with this event."""
        self.in_queue.clear()
        before, self._course = self._course, asyncio.create_task(self._run(event, self._course))
        if before is not None:
            before.cancel()

    def redirect(self, name: str, arguments: Mapping[str, str]) -> None:
        """Break off whatever is carried out, as the line has redirected the call."""
        self.go_on(self.role.redirected(self, name, arguments))

    def hold(self) -> None:
        """The telephone has put the line on hold: what nobody would hear is broken off."""
        self._off_hold.clear()
        if self._needs_caller(self._instruction):
            self.go_on(AwaitResumption)

    def resume(self) -> None:
        """The telephone has taken the line off hold."""
        self._off_hold.set()
        # A process that has adopted the call does not know that it was on hold.
        if self._needs_caller(self._instruction):
            self.go_on(self.role.adopted(self))

    def _needs_caller(self, instruction: Instruction | ExchangeInstruction | None) -> bool:
        """True if a retailer has to hear the instruction, or to answer it."""
        return self.purpose.kind in ("caller", "retailer") and isinstance(instruction, _CONVERSATION)

    async def wait_until_resumed(self) -> None:
        """Wait until the telephone has the line on hold no longer, or has had it so for too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HOLD_MAX_S):
                await self._off_hold.wait()
        self._off_hold.set()

    async def _run(self, event: Event | None, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            while event is not None:
                try:
                    self._instruction = None
                    event = await self._carry_out(await self.ask(event))
                except NotThere:
                    # The channel has ended, which is reported by itself.
                    return
                except AriError as error:
                    log.warning("the exchange has failed a call: it is taken up again", reason=str(error))
                    await asyncio.sleep(RETRY_S)
                    event = self.role.adopted(self)
        except Exception as error:
            log.error("an instruction could not be carried out", call=self.call_key, exc_info=error)
            try:
                await self._carry_out(EndCall((self.exchange.line.prompts.failure_goodbye,)))
            except Exception as failure:
                # Not even a sentence can be said: nobody is left in silence.
                log.error("a call is ended without a word", call=self.call_key, reason=str(failure))
                with suppress(AriError):
                    await self.hang_up()

    async def _carry_out(self, instruction: Instruction | ExchangeInstruction) -> Event | None:
        if self._needs_caller(instruction) and not self._off_hold.is_set():
            instruction = AwaitResumption()
        self._instruction = instruction
        interpreter = self.exchange.interpreters[type(instruction)]
        if isinstance(instruction, _IN_QUEUE):
            self.in_queue.set()
        else:
            self.in_queue.clear()
        for tried in range(1, MEDIA_TRIES + 1):
            try:
                return await interpreter(self, instruction)
            except MediaClosed:
                if tried == MEDIA_TRIES:
                    raise
        raise AssertionError

    async def ask(self, work: Callable[[], T]) -> T:
        """Run what may wait for the database."""
        return await self.exchange.run(work, call=self.call_key)

    async def hang_up(self) -> None:
        """End the call."""
        await self.exchange.ari.delete(f"/channels/{self.call_key}")

    async def close(self) -> None:
        """Stop leading the call: it has ended, or another process leads it now."""
        await _end(*(task for task in (self._course, self._hearing) if task is not None))
        if self._ear is not None:
            await self._ear.close()
        if self._opening is not None:
            with suppress(AriError, MediaClosed, asyncio.CancelledError):
                self._opening.cancel()
                await (await self._opening).close()

    # --- what is said and heard

    async def media(self) -> Media:
        """The call's sound, opened if it is not yet."""
        if self._opening is None or (self._opening.done() and not _is_open(self._opening)):
            self._opening = asyncio.create_task(self._open_media())
        return await asyncio.shield(self._opening)

    async def _open_media(self) -> Media:
        media = await Media.open(self.exchange.ari, self.call_key, self.exchange.started)
        self.bridge = own_bridge(self.call_key)
        media.hear = self._hear
        return media

    def _hear(self, mulaw: bytes) -> None:
        if self._ear is not None and self._off_hold.is_set():
            self._ear.hear(mulaw)

    async def say(self, sentences: Sequence[str], *, key_interrupts: bool = False, gives_way: bool = False) -> bool:
        """Say the sentences, and return once they were heard: False if a key broke them off, which `wait_key` then
        returns. A prompt that `gives_way` pauses while the caller speaks."""
        return await self._play(self._spoken(sentences), key_interrupts, gives_way) if sentences else True

    async def play_music(self, *, key_interrupts: bool = False) -> bool:
        """Play the waiting music once through; returns as `say` does."""
        return await self._play(_one(waiting_music.mulaw()), key_interrupts, False)

    async def play_ringing_tone(self) -> None:
        """Play one period of the tone that says that another telephone rings."""
        await self._play(_one(ringing_tone.mulaw()), False, False)

    async def _play(self, sounds: AsyncIterator[bytes], key_interrupts: bool, gives_way: bool) -> bool:
        if key_interrupts and self._keys:
            return False
        await self.leave()
        media = await self.media()
        self._gives_way = media if gives_way else None
        playing = asyncio.create_task(media.play(sounds))
        key = asyncio.create_task(self._key_pressed.wait()) if key_interrupts else None
        try:
            await asyncio.wait([task for task in (playing, key) if task], return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
                return True
            return False
        finally:
            self._gives_way = None
            was_heard = playing.done()
            await _end(playing, *([key] if key else []))
            if not was_heard:
                await media.flush()
            if self._paused:
                self._paused = False
                await media.resume()

    async def _spoken(self, sentences: Sequence[str]) -> AsyncIterator[bytes]:
        for sentence in sentences:
            async for sound in self.exchange.speak(sentence):
                yield sound

    async def wait_key(self, seconds: float) -> str | None:
        """The next key, or None if none is pressed for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._key_pressed.wait()
        key = self._keys.popleft() if self._keys else None
        if not self._keys:
            self._key_pressed.clear()
        return key

    async def ask_key(self, sentences: Sequence[str], seconds: float = KEY_WAIT_S) -> str | None:
        """Say the sentences, which a key interrupts, and return the key; None if none is pressed for so long."""
        self.forget_keys()
        await self.say(sentences, key_interrupts=True)
        return await self.wait_key(seconds)

    async def ask_key_or_hang_up(self, sentences: Sequence[str], pressed: Callable[[str], Instruction]) -> Event | None:
        """Say the sentences, which a key interrupts, and return the event of the key; the call of a telephone at which
        none is pressed ends, as a machine may have answered."""
        key = await self.ask_key(sentences)
        if key is None:
            await self.hang_up()
            return None
        return lambda: pressed(key)

    def forget_keys(self) -> None:
        """Forget the keys that were pressed before: they were meant for an earlier question."""
        self._keys.clear()
        self._key_pressed.clear()

    def press(self, key: str) -> None:
        """Take a key that the telephone reports; one that telephones do not have is left out."""
        if key not in KEYS:
            return
        self._keys.append(key)
        self._key_pressed.set()
        if self._ear is not None:
            self._ear.listener.key_pressed()

    async def tell_length(self, turn_number: int, sentences: Sequence[str], pauses_s: float = 0.0) -> None:
        """Tell the ear when the prompt of this turn, which begins now, ends: a yes before its end may not be the
        answer yet."""
        begun = asyncio.get_running_loop().time()
        lengths = [len(sound) async for sound in self._spoken(sentences)]
        gone_s = asyncio.get_running_loop().time() - begun - pauses_s
        if self._ear is not None:
            length_ms = sum(lengths) * 1000 // LINE_RATE
            self._ear.listener.prompt_ends(turn_number, length_ms - round(gone_s * 1000))

    def listen_to_speech(self, stream: str | None) -> None:
        """Open the call's ear, as the stream of this name, if it is not open; returns at once. None opens one only
        where this process has not had any for the call yet."""
        first = self._hearing is None
        if (self._ear is None or not self._ear.is_open) and (stream is not None or first):
            self._hearing = asyncio.create_task(self._open_ear(stream or f"stream-{secrets.token_hex(4)}"))

    async def _open_ear(self, stream: str) -> None:
        exchange = self.exchange
        self._ear = await Ear.open(
            exchange.line.media_streams,
            self.call_key,
            stream,
            exchange.decoding,
            self._give_way,
            lambda: self._gives_way is not None,
        )
        await self.media()

    def _give_way(self, speaking: bool) -> None:
        media = self._gives_way
        if media is not None and speaking != self._paused:
            self._paused = speaking
            self.exchange.in_background(media.pause() if speaking else media.resume())

    # --- talks

    async def join(self, bridge: str) -> None:
        """Bring the channel into this bridge, out of the one it is in."""
        await self.exchange.ari.post(f"/bridges/{bridge}/addChannel", channel=self.call_key)
        self.bridge = bridge

    async def leave(self) -> None:
        """Bring the channel back to the line, out of a talk."""
        if self.bridge != own_bridge(self.call_key):
            await self.media()
        if self.bridge != own_bridge(self.call_key):
            await self.join(own_bridge(self.call_key))


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these tasks and wait for their ends; an error of theirs is nobody's any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _is_open(opening: asyncio.Task[Media]) -> bool:
    return not opening.cancelled() and opening.exception() is None and opening.result().is_open


async def _one(sound: bytes) -> AsyncIterator[bytes]:
    yield sound
