"""The sound of a SIP telephone: RTP sent at exact times, and all that is received kept with its time.

Sounds are G.711 mu-law, 8 kHz; times are those of `time.monotonic`, in seconds.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speech.sound.audio import FRAME_BYTES, LINE_RATE, decode_mulaw, encode_mulaw
from tests.support.srtp import SecuredPackets

Codec = Literal["PCMU", "PCMA"]
Idle = Literal["silence", "nothing", "comfort_noise"]

FRAME_S = 0.02
PAYLOAD_TYPES: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
COMFORT_NOISE = 13
KEYS = 101
KEY_FRAMES = 5
KEY_PAUSE_FRAMES = 4
SILENCE = b"\xff" * FRAME_BYTES
# The amplitude from which a frame received is speech or music, not noise.
LOUD = 500.0
_DIGITS = "0123456789*#ABCD"
_HEADER = struct.Struct("!BBHII")
# Comfort noise is described anew this often while nobody speaks.
_NOISE_FRAMES = 10
_NOISE_LEVEL = b"\x46"
_KEY_VOLUME = 10
# A source whose timestamps leave its times of arrival by more than this is taken up anew, in samples.
_LEAP = LINE_RATE


def _alaw_tables() -> tuple[bytes, bytes]:
    """From mu-law to A-law and back, byte by byte."""
    inverted = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (inverted >> 4) & 7, (inverted & 15) << 4
    magnitude = np.where(exponent > 0, (mantissa + 0x108) << np.maximum(exponent - 1, 0), mantissa + 8)
    alaw_to_pcm = np.where(inverted & 0x80, magnitude, -magnitude)
    mulaw_to_pcm = decode_mulaw(bytes(range(256))).astype(np.int32)
    nearest = np.abs(mulaw_to_pcm[:, None] - alaw_to_pcm[None, :]).argmin(axis=1).astype(np.uint8)
    return nearest.tobytes(), encode_mulaw(alaw_to_pcm.astype(np.int16))


MULAW_TO_ALAW, ALAW_TO_MULAW = _alaw_tables()


def is_loud(frame: bytes) -> bool:
    """True if a frame is speech or music."""
    return bool(np.sqrt(np.mean(decode_mulaw(frame).astype(np.float64) ** 2)) > LOUD)


@dataclass(frozen=True)
class Network:
    """The way to the exchange: the share of packets lost on it, and the most that one is late."""

    loss: float = 0.0
    jitter_s: float = 0.0


@dataclass(frozen=True)
class Packet:
    """A packet received."""

    at: float
    sequence: int
    timestamp: int
    source: int
    payload_type: int
    payload: bytes


@dataclass(frozen=True)
class _Frame:
    """20 ms to be sent: sound, or a key with its duration so far, in samples."""

    sound: bytes = SILENCE
    key: int | None = None
    duration: int = 0
    ends: bool = False


class Media:
    """One end of a call's sound, on a socket of its own; it sends from the moment it knows whereto."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        codec: Codec = "PCMU",
        idle: Idle = "silence",
        network: Network | None = None,
        key: str = "",
    ) -> None:
        self.port = port
        self.codec: Codec = codec
        self.idle: Idle = idle
        self.network = network or Network()
        self.received: list[Packet] = []
        # Packets that were no RTP of this call's: encrypted with another key, or not at all.
        self.strange = 0
        self._outgoing = SecuredPackets(key) if key else None
        self._incoming: SecuredPackets | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.setblocking(False)
        # The address that sound is sent to.
        self.remote: tuple[str, int] | None = None
        self._frames: deque[_Frame] = deque()
        self._lock = threading.Lock()
        self._chance = random.Random(port)
        self._source = self._chance.getrandbits(32)
        self._sequence = self._timestamp = self._key_began = 0
        self._idle_frames = 1
        self._next_frame_at = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"rtp-{port}", daemon=True)
        self._thread.start()

    def connect(self, address: str, port: int, key: str = "") -> None:
        """Send to this address from now on; sound that is encrypted comes from there with this key."""
        self._incoming = SecuredPackets(key) if key else None
        self.remote = (address, port)

    def mute(self) -> None:
        """Send nothing any more, as in a call with sound in one direction only."""
        self.remote = None

    def say(self, sound: bytes) -> float:
        """Send this sound after whatever is still to be sent; the time at which its last frame leaves."""
        frames = [sound[place : place + FRAME_BYTES] for place in range(0, len(sound), FRAME_BYTES)]
        return self._add([_Frame(frame.ljust(FRAME_BYTES, b"\xff")) for frame in frames])

    def pause(self, seconds: float) -> float:
        """Send silence, or what is sent while nobody speaks, for this long; the time at which it ends."""
        return self._add([_Frame()] * round(seconds / FRAME_S))

    def press(self, keys: str) -> float:
        """Send keys as of RFC 4733, without their tones; the time at which the last one is released."""
        frames: list[_Frame] = []
        for key in keys:
            event = _DIGITS.index(key)
            frames += [_Frame(key=event, duration=FRAME_BYTES * step) for step in range(1, KEY_FRAMES + 1)]
            frames += [_Frame(key=event, duration=FRAME_BYTES * KEY_FRAMES, ends=True)]
            frames += [_Frame()] * KEY_PAUSE_FRAMES
        return self._add(frames)

    def wait_until_said(self) -> None:
        """Wait until everything has been sent."""
        while self._frames:
            time.sleep(FRAME_S / 2)

    def close(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)
        self._socket.close()

    # --- what was received

    def heard(self, since: float = 0.0) -> bytes:
        """The sound received since then, as mu-law, in its own time: what is missing is silence."""
        sound = bytearray()
        packets = [packet for packet in list(self.received) if packet.at >= since and self._is_sound(packet)]
        first: Packet | None = None
        begins = 0
        for packet in packets:
            arrived = round((packet.at - packets[0].at) * LINE_RATE)
            place = arrived
            if first is not None and packet.source == first.source:
                place = begins + ((packet.timestamp - first.timestamp + 2**31) % 2**32 - 2**31)
            if first is None or packet.source != first.source or abs(place - arrived) > _LEAP:
                first, begins, place = packet, max(arrived, len(sound)), max(arrived, len(sound))
            if place < 0:
                continue
            end = place + len(packet.payload)
            sound.extend(b"\xff" * (end - len(sound)))
            sound[place:end] = self._decoded(packet)
        return bytes(sound)

    def loud_from(self, since: float) -> float | None:
        """The time of the first frame received since then that is no silence, or None."""
        return next((packet.at for packet in list(self.received) if packet.at >= since and self._is_loud(packet)), None)

    def loud_times(self) -> list[float]:
        """The times of all frames received that are no silence."""
        return [packet.at for packet in list(self.received) if self._is_loud(packet)]

    def loud_until(self) -> float | None:
        """The time of the last frame received that is no silence, or None."""
        return next((packet.at for packet in reversed(list(self.received)) if self._is_loud(packet)), None)

    def wait_for_sound(self, *, within_s: float, since: float | None = None) -> float:
        """The time at which the first sound after `since`, or after now, is received."""
        begin = time.monotonic() if since is None else since
        deadline = time.monotonic() + within_s
        while (at := self.loud_from(begin)) is None:
            assert time.monotonic() < deadline, f"nothing was heard within {within_s} s"
            time.sleep(FRAME_S / 2)
        return at

    def wait_for_silence(self, *, lasting_s: float, within_s: float) -> float:
        """Wait until nothing but silence has been received for so long; the time at which the last sound ended."""
        begin = time.monotonic()
        while True:
            last = max(self.loud_until() or begin, begin)
            if time.monotonic() - last >= lasting_s:
                return last
            assert time.monotonic() < begin + within_s, f"it was not silent for {lasting_s} s within {within_s} s"
            time.sleep(FRAME_S)

    def lost(self) -> int:
        """The number of packets that never came, of the sources heard."""
        missing = 0
        for _, packets in itertools.groupby(list(self.received), key=lambda packet: packet.source):
            numbers = [packet.sequence for packet in packets]
            span = (numbers[-1] - numbers[0]) % 2**16 + 1
            missing += max(0, span - len(set(numbers)))
        return missing

    # --- the thread

    def _add(self, frames: list[_Frame]) -> float:
        with self._lock:
            self._frames.extend(frames)
            return max(self._next_frame_at, time.monotonic()) + len(self._frames) * FRAME_S

    def _run(self) -> None:
        # Packets on their way, by the time at which they get there.
        under_way: list[tuple[float, int, bytes]] = []
        order = itertools.count()
        self._next_frame_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while not self._stopped.is_set():
                due = min(self._next_frame_at, under_way[0][0] if under_way else self._next_frame_at)
                if selector.select(max(0.0, due - time.monotonic())):
                    self._receive()
                if time.monotonic() >= self._next_frame_at:
                    for packet in self._packets():
                        if self._chance.random() >= self.network.loss:
                            late = self._chance.random() * self.network.jitter_s
                            heapq.heappush(under_way, (self._next_frame_at + late, next(order), packet))
                    self._next_frame_at += FRAME_S
                while under_way and under_way[0][0] <= time.monotonic():
                    self._send(heapq.heappop(under_way)[2])

    def _packets(self) -> list[bytes]:
        """The packets of the next 20 ms: a frame of sound, or a key's, or what is sent while nobody speaks."""
        self._timestamp += FRAME_BYTES
        if self.remote is None:
            return []
        with self._lock:
            frame = self._frames.popleft() if self._frames else _Frame()
        if frame.key is not None:
            self._idle_frames = 0
            begins = frame.duration == FRAME_BYTES
            self._key_began = self._timestamp if begins else self._key_began
            event = struct.pack("!BBH", frame.key, _KEY_VOLUME | (0x80 if frame.ends else 0), frame.duration)
            # The end is sent three times, should one of them be lost.
            return [self._packet(KEYS, self._key_began, event, begins) for _ in range(3 if frame.ends else 1)]
        spoke_before = self._idle_frames == 0
        self._idle_frames = 0 if frame.sound != SILENCE else self._idle_frames + 1
        if self._idle_frames == 0 or self.idle == "silence":
            sound = frame.sound.translate(MULAW_TO_ALAW) if self.codec == "PCMA" else frame.sound
            begins = self._idle_frames == 0 and not spoke_before
            return [self._packet(PAYLOAD_TYPES[self.codec], self._timestamp, sound, begins)]
        if self.idle == "comfort_noise" and self._idle_frames % _NOISE_FRAMES == 1:
            return [self._packet(COMFORT_NOISE, self._timestamp, _NOISE_LEVEL, False)]
        return []

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, marks: bool) -> bytes:
        self._sequence += 1
        second = payload_type | (0x80 if marks else 0)
        return _HEADER.pack(0x80, second, self._sequence % 2**16, timestamp % 2**32, self._source) + payload

    def _send(self, packet: bytes) -> None:
        # The other end closes its socket when the call is over.
        if (remote := self.remote) is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(self._outgoing.protect(packet) if self._outgoing else packet, remote)

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            at = time.monotonic()
            try:
                data = self._incoming.unprotect(data) if self._incoming else data
            except ValueError:
                self.strange += 1
                continue
            if len(data) < _HEADER.size:
                continue
            _, second, sequence, timestamp, source = _HEADER.unpack_from(data)
            self.received.append(Packet(at, sequence, timestamp, source, second & 0x7F, data[_HEADER.size :]))

    @staticmethod
    def _is_sound(packet: Packet) -> bool:
        return packet.payload_type in PAYLOAD_TYPES.values()

    @staticmethod
    def _decoded(packet: Packet) -> bytes:
        return packet.payload.translate(ALAW_TO_MULAW) if packet.payload_type == 8 else packet.payload

    @classmethod
    def _is_loud(cls, packet: Packet) -> bool:
        return cls._is_sound(packet) and is_loud(cls._decoded(packet))
