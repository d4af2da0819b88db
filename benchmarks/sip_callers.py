"""SIP callers for the benchmark of the line on an exchange: many calls' sound from one event loop.

SIPp does the signalling of all calls; their sound goes out in frames of 20 ms in real time. Packets are received with
the kernel's time, and sent ones have the time at which they were sent, so that a busy benchmark delays what it sends
but does not falsify its figures. Times are those of `time.time`, in seconds.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from benchmarks.line_callers import GIVES_UP_S, Outcome, Speech
from simulator.mulaw import FRAME_BYTES, FRAME_MS
from speech.sound.audio import decode_mulaw
from tests.support.exchange import EXCHANGE_ADDRESS, TRUNK_ADDRESS, Exchange
from tests.support.rtp import LOUD
from tests.support.sip_telephone import ManyCalls, many_calling

# A question has been asked when nothing was heard for this long: longer than any pause between its sentences,
# of which one is a second long, so that early keys can be told.
QUIET_S = 1.9
LOOKS_EVERY_S = 0.02
ANSWERED_WITHIN_S = 20.0
FRAME_S = FRAME_MS / 1000
# While a prompt is played, packets come at this distance at most; one that is longer is heard as a gap, until it is so
# long that it is a pause between two prompts.
GAP_S = 0.06
PAUSE_S = 0.35
_HEADER = struct.Struct("!BBHII")
_TIMES = struct.Struct("qq")
# Linux's option for the time of arrival, which Python does not name.
_SO_TIMESTAMPNS = 35
_SQUARES = decode_mulaw(bytes(range(256))).astype(np.float64) ** 2


@dataclass(frozen=True)
class Packet:
    """A packet of sound received: its time, its number and mu-law, and True if it is no silence."""

    at: float
    sequence: int
    mulaw: bytes
    loud: bool


@dataclass
class SipOutcome(Outcome):
    """What a set of SIP calls came to. Frames and packets count 20 ms each; `played` are the frames that the line gave
    to Asterisk, which are to come as packets; `late` are the delays in seconds with which
    the benchmark itself sent its frames, `lasted` the seconds from answer to end."""

    played: int = 0
    packets: int = 0
    packets_lost: int = 0
    gaps: int = 0
    frames: int = 0
    frames_lost: int = 0
    frames_strange: int = 0
    late: list[float] = field(default_factory=list)
    lasted: list[float] = field(default_factory=list)


class SipCaller:
    """One caller: says one thing after the other, each after the line's question."""

    def __init__(self, phone: str, speeches: Sequence[Speech], noise: Sequence[bytes], outcome: SipOutcome) -> None:
        self.phone = phone
        self.received: list[Packet] = []
        self.sent: list[bytes] = []
        # What was said: its kind, and the times of its first and last sounding frame.
        self.said: list[tuple[str, float, float]] = []
        self.answered_at = self.over_at = 0.0
        self._speeches = speeches
        self._noise = noise
        self._outcome = outcome
        self._saying: tuple[Speech, asyncio.Future[tuple[float, float]]] | None = None
        self._last_loud = 0.0
        self._source = secrets.randbits(32)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((TRUNK_ADDRESS, 0))
        self._socket.setblocking(False)
        self._remote: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self.call_id = ""

    @property
    def port(self) -> int:
        """The port of the caller's sound."""
        return int(self._socket.getsockname()[1])

    def answered(self, port: int) -> None:
        """Send sound to this port of the exchange from now on."""
        if not self._remote.done():
            self._remote.set_result(port)

    def over(self) -> None:
        """The call has ended."""
        if not self._over.is_set():
            self.over_at = time.time()
            self._over.set()
        self.answered(0)

    async def run(self) -> None:
        """Speak, to the end of the call."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._receive)
        sending: asyncio.Task[None] | None = None
        try:
            if not (port := await self._remote):
                self._outcome.failures.append("a call was not answered")
                return
            self.answered_at = time.time()
            sending = asyncio.create_task(self._send(port))
            await self._converse()
        finally:
            if sending is not None:
                sending.cancel()
            loop.remove_reader(self._socket)
            self._socket.close()

    async def _converse(self) -> None:
        outcome = self._outcome
        since = self.answered_at
        for speech in self._speeches:
            if not await self._asked(since):
                outcome.unanswered.append(speech.kind)
                return
            self._saying = speech, asyncio.get_running_loop().create_future()
            began, since = await self._saying[1]
            self.said.append((speech.kind, began, since))
            replied_at = await self._replied(since)
            if replied_at is None:
                outcome.unanswered.append(speech.kind)
            else:
                outcome.replies.append((speech.kind, replied_at - since))
        try:
            await asyncio.wait_for(self._over.wait(), 2 * GIVES_UP_S)
        except TimeoutError:
            return
        outcome.ended_by_line += 1

    async def _asked(self, since: float) -> bool:
        """Wait for the end of the question after this time; False if none comes, or the call has ended."""
        deadline = time.time() + 3 * GIVES_UP_S
        while not self._over.is_set() and time.time() < deadline:
            if self._last_loud > since and time.time() - self._last_loud > QUIET_S:
                return True
            await asyncio.sleep(LOOKS_EVERY_S)
        return False

    async def _replied(self, since: float) -> float | None:
        deadline = time.time() + GIVES_UP_S
        while not self._over.is_set() and time.time() < deadline:
            if self._last_loud > since:
                return next(packet.at for packet in self.received if packet.loud and packet.at > since)
            await asyncio.sleep(LOOKS_EVERY_S)
        return None

    async def _send(self, port: int) -> None:
        begun, number, place = time.time(), 0, 0
        began = 0.0
        while not self._over.is_set():
            saying = self._saying
            frame = self._noise[number % len(self._noise)] if saying is None else saying[0].frames[place]
            header = _HEADER.pack(0x80, 0, number % 2**16, (number * FRAME_BYTES) % 2**32, self._source)
            try:
                self._socket.sendto(header + frame, (EXCHANGE_ADDRESS, port))
            except OSError:
                return
            now = time.time()
            self.sent.append(frame)
            self._outcome.late.append(max(0.0, now - begun - number * FRAME_S))
            number += 1
            if saying is not None:
                began = now if place == saying[0].begins else began
                place += 1
                if place == saying[0].sounding:
                    saying[1].set_result((began, now))
                if place == len(saying[0].frames):
                    self._saying, place = None, 0
            await asyncio.sleep(max(0.0, begun + number * FRAME_S - time.time()))

    def _receive(self) -> None:
        while True:
            try:
                data, ancillary, _flags, _address = self._socket.recvmsg(2048, 64)
            except OSError:
                return
            if len(data) <= _HEADER.size or data[1] & 0x7F:
                continue
            seconds, nanoseconds = _TIMES.unpack(ancillary[0][2][: _TIMES.size])
            at, mulaw = seconds + nanoseconds / 1e9, data[_HEADER.size :]
            loud = bool(np.take(_SQUARES, np.frombuffer(mulaw, np.uint8)).mean() > LOUD**2)
            self.received.append(Packet(at, _HEADER.unpack_from(data)[2], mulaw, loud))
            if loud:
                self._last_loud = at

    def count(self, heard: bytes, played: int) -> None:
        """Count what was lost: of the line's sound, of which it gave so many frames to be `played`, as it came here,
        and of the caller's as the line has `heard` it."""
        outcome, packets = self._outcome, self.received
        outcome.played += played
        outcome.packets += len(packets)
        for before, after in pairwise(packets):
            outcome.packets_lost += min((after.sequence - before.sequence - 1) % 2**16, 2**15)
            outcome.gaps += GAP_S < after.at - before.at < PAUSE_S
        frames, lost, strange = compared(self.sent, heard)
        outcome.frames += frames
        outcome.frames_lost += lost
        outcome.frames_strange += strange
        outcome.lasted.append((self.over_at or time.time()) - self.answered_at)


def compared(sent: Sequence[bytes], heard: bytes) -> tuple[int, int, int]:
    """The frames sent from the first to the last that was heard, those of them that were not heard, and those that were
    heard but not sent."""
    pieces = [heard[at : at + FRAME_BYTES] for at in range(0, len(heard) - FRAME_BYTES + 1, FRAME_BYTES)]
    first = next((place for place, frame in enumerate(sent) if pieces and frame == pieces[0]), len(sent))
    place, lost, strange = first, 0, 0
    for piece in pieces:
        # Some seconds: the noise between what is said repeats itself.
        found = next((at for at in range(place, min(place + 200, len(sent))) if sent[at] == piece), None)
        if found is None:
            strange += 1
        else:
            lost += found - place
            place = found + 1
    return place - first, lost, strange


async def make_calls(exchange: Exchange, number: str, callers: Sequence[SipCaller], every_s: float) -> None:
    """Make these calls, one after the other begun, each to its end."""
    places = [(caller.phone, caller.port) for caller in callers]
    with many_calling(exchange, number, places, every_s=every_s) as calls:
        following = asyncio.create_task(_follow(calls, callers))
        try:
            await asyncio.gather(*(_one_call(calls, caller) for caller in callers))
        finally:
            following.cancel()


async def _one_call(calls: ManyCalls, caller: SipCaller) -> None:
    await caller.run()
    if not caller.over_at and caller.call_id:
        calls.hang_up(caller.call_id)
        await asyncio.sleep(1)


async def _follow(calls: ManyCalls, callers: Sequence[SipCaller]) -> None:
    known = 0
    while True:
        steps = calls.steps()
        for place, step in steps[known:]:
            callers[place].call_id = step[0]
            if step[1] == "answered":
                callers[place].answered(int(step[2]))
            elif step[1] in ("over", "refused"):
                callers[place].over()
        known = len(steps)
        await asyncio.sleep(LOOKS_EVERY_S)
