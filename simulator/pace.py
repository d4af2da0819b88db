"""The speed of call time: real time, or faster if nobody has to listen."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from simulator.mulaw import FRAME_MS

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A coroutine over call time: each `yield` lets 20 ms pass."""

MAX_WITH_STREAM = 2.0
"""Fastest speed of the caller's voice that a small, busy machine can decode."""
MAX_PROMPT_WITH_STREAM = 8.0
"""Fastest speed of a prompt while an open stream carries the caller's silence: every frame is examined too."""
MAX_ACKNOWLEDGED = 30.0
"""Fastest speed where the far end acknowledges what it has taken: the demo refuses 40 times real time."""
MAX_BEFORE_REPLY = 8.0
"""Fastest speed there from the caller's last word to the line's reply, which comes by another way than the stream."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed` 1 is real time; None is as fast as the application answers, bounded while a stream is open: its frames
    keep their own clock, and the far end must be able to follow. With `acknowledged`, call time stands still until the
    far end has taken almost all the sound sent; it must answer a ping on the stream's socket only then."""

    speed: float | None = 1.0
    acknowledged: bool = False

    @property
    def is_real_time(self) -> bool:
        return self.speed == 1.0

    def factor(self, *, streaming: bool, prompting: bool, reply_due: bool) -> float | None:
        """Call time per wall time now; None for no waiting at all."""
        if self.speed is not None:
            return self.speed
        if not streaming:
            return None
        if self.acknowledged:
            return MAX_BEFORE_REPLY if reply_due else MAX_ACKNOWLEDGED
        return MAX_PROMPT_WITH_STREAM if prompting else MAX_WITH_STREAM


REAL_TIME = Pace(1.0)
AS_FAST_AS_POSSIBLE = Pace(None)
AS_FAST_AS_ACKNOWLEDGED = Pace(None, acknowledged=True)


class Metronome:
    """Waits out one tick of call time after the other without drifting."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due = time.monotonic()

    def wait(self, *, streaming: bool, prompting: bool, reply_due: bool) -> None:
        """Return when the next tick is due. Late ticks are caught up with, by at most a fifth of a second."""
        factor = self._pace.factor(streaming=streaming, prompting=prompting, reply_due=reply_due)
        now = time.monotonic()
        if factor is None:
            self._due = now
            return
        self._due = max(self._due + FRAME_MS / 1000 / factor, now - 0.2)
        if self._due > now:
            time.sleep(self._due - now)
