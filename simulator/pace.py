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


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed` 1 is real time; None is as fast as the application answers, bounded while a stream is open: its frames
    keep their own clock, and the far end must be able to follow."""

    speed: float | None = 1.0

    @property
    def is_real_time(self) -> bool:
        return self.speed == 1.0

    def factor(self, *, streaming: bool, prompting: bool) -> float | None:
        """Call time per wall time now; None for no waiting at all."""
        if self.speed is not None:
            return self.speed
        if not streaming:
            return None
        return MAX_PROMPT_WITH_STREAM if prompting else MAX_WITH_STREAM


REAL_TIME = Pace(1.0)
AS_FAST_AS_POSSIBLE = Pace(None)


class Metronome:
    """Waits out one tick of call time after the other without drifting."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due = time.monotonic()

    def wait(self, *, streaming: bool, prompting: bool) -> None:
        """Return when the next tick is due. Late ticks are caught up with, by at most a fifth of a second."""
        factor = self._pace.factor(streaming=streaming, prompting=prompting)
        now = time.monotonic()
        if factor is None:
            self._due = now
            return
        self._due = max(self._due + FRAME_MS / 1000 / factor, now - 0.2)
        if self._due > now:
            time.sleep(self._due - now)
