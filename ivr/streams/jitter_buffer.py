"""The jitter buffer of a media stream: frames as the carrier sent them become one unbroken sound.

Frames out of order are put right, doubles and stragglers are left out, and where the carrier sent nothing, because it
suppresses silence or lost a frame, there is noise as quiet as the line itself. In a stream without such faults every
frame passes at once.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from speech.sound.audio import FRAME_BYTES, FRAME_MS, LINE_RATE, decode_mulaw, encode_mulaw

BYTES_PER_MS: Final = LINE_RATE // 1000
# A missing frame is waited for until this much of the sound after the gap has come, or nothing has come for so long.
REORDER_MS: Final = 60
# Timestamps come from a clock that is not exactly the sound's: less than half a frame is neither a gap nor an overlap.
TOLERANCE_MS: Final = FRAME_MS // 2
# When nothing has come for longer than this, the carrier has fallen silent; before, it may be the network that stalls.
STALL_MS: Final = 200
# A longer gap in the timestamps is filled with this much, in milliseconds: by then whatever was said has ended.
FILL_MAX_MS: Final = 10_000

# The noise is as loud as the quietest frame of the last few seconds, before any as loud as a rather poor line, and
# never as loud as a voice, as perhaps only speech was sent. In decibels above the smallest step of 16 bit samples.
LINE_MEMORY_FRAMES: Final = 2_500 // FRAME_MS
UNKNOWN_LINE_DB: Final = 40.0
LOUDEST_LINE_DB: Final = 50.0
_NOISE: Final = np.random.default_rng(0).standard_normal(LINE_RATE).astype(np.float32)


@dataclass(frozen=True, slots=True, order=True)
class Frame:
    """Sound of the caller, mu-law at 8 kHz. `timestamp_ms` is when it was said, in milliseconds since the stream began,
    by the carrier's clock."""

    timestamp_ms: int
    mulaw: bytes

    @property
    def end_ms(self) -> int:
        """When the frame's sound ends, by the same clock."""
        return self.timestamp_ms + len(self.mulaw) // BYTES_PER_MS


class JitterBuffer:
    """The jitter buffer of one stream. It returns sound in pieces of one frame at most."""

    def __init__(self) -> None:
        self._early: list[Frame] = []
        # The end of the sound that was returned, by the carrier's clock; and the silence returned since then, while
        # nothing came. Frames that come after it all the same still follow: only the pause before them grew.
        self._end_ms = 0
        self._silence_ms = 0
        self._noise = ComfortNoise()

    def put(self, frames: Iterable[Frame]) -> Iterator[bytes]:
        """The sound that can be heard now that these frames have come."""
        for frame in frames:
            if frame.timestamp_ms >= self._end_ms - TOLERANCE_MS and frame.mulaw:
                heapq.heappush(self._early, frame)
        while self._early and self._is_next(self._early[0]):
            yield from self._take()

    def idle(self, idle_ms: float) -> Iterator[bytes]:
        """The sound that can be heard now that nothing has come for so many milliseconds."""
        while self._early and idle_ms >= REORDER_MS:
            yield from self._take()
        while self._silence_ms + FRAME_MS <= idle_ms - STALL_MS:
            self._silence_ms += FRAME_MS
            yield self._noise.sound(FRAME_BYTES)

    def _is_next(self, frame: Frame) -> bool:
        """True if nothing is missing before the earliest frame, or it has been waited for long enough."""
        newest_ms = max(frame.end_ms for frame in self._early)
        return frame.timestamp_ms <= self._end_ms + TOLERANCE_MS or newest_ms - frame.timestamp_ms > REORDER_MS

    def _take(self) -> Iterator[bytes]:
        frame = heapq.heappop(self._early)
        gap_ms = frame.timestamp_ms - self._end_ms
        if gap_ms < -TOLERANCE_MS:
            return  # a double
        missing_ms = min(gap_ms - self._silence_ms, FILL_MAX_MS)
        self._end_ms, self._silence_ms = frame.end_ms, 0
        if missing_ms > TOLERANCE_MS:
            yield from _pieces(self._noise.sound(missing_ms * BYTES_PER_MS))
        for piece in _pieces(frame.mulaw):
            self._noise.learn(piece)
            yield piece


class ComfortNoise:
    """Noise as loud as the line is when nobody speaks: digital silence would make the line's own noise, when it comes
    back, sound like speech."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque(maxlen=LINE_MEMORY_FRAMES)
        # The noise's power, worked out when it is asked for, which is seldom.
        self._power: float | None = None
        self._made = 0

    def learn(self, mulaw: bytes) -> None:
        """Learn the line's noise from its latest frame."""
        self._frames.append(mulaw)
        self._power = None

    def sound(self, length: int) -> bytes:
        """The next noise of so many bytes, 8 kHz mu-law."""
        if self._power is None:
            powers = (float(np.mean(np.square(decode_mulaw(frame).astype(np.float32)))) for frame in self._frames)
            self._power = min(min(powers, default=10 ** (UNKNOWN_LINE_DB / 10)), 10 ** (LOUDEST_LINE_DB / 10))
        noise = np.take(_NOISE, range(self._made, self._made + length), mode="wrap")
        self._made += length
        return encode_mulaw((np.sqrt(self._power) * noise).round().astype(np.int16))


def _pieces(mulaw: bytes) -> Iterator[bytes]:
    for start in range(0, len(mulaw), FRAME_BYTES):
        yield mulaw[start : start + FRAME_BYTES]
