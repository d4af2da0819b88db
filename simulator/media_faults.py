"""Faults of a media stream: frames that a carrier suppresses, loses, reorders, doubles or delays on their way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from simulator.mulaw import FRAME_MS, loudness

MediaFault = Literal["suppresses_silence", "loses", "reorders", "doubles", "delays"]

QUIET = 60
"""Root mean square (of 32,768) below which a frame is silence that may be suppressed."""
HANGOVER_MS = 200
"""Silence that is still sent after sound, as voice activity detectors in telephone networks do."""
REORDERED_SHARE, REORDERED_BY_MS = 0.1, 50
DOUBLED_SHARE, DOUBLED_AFTER_MS = 0.1, 70
LOSS_EVERY_MS, LOSS_MS = 1_500, 60
"""Every so often a few frames never arrive; those after them are numbered on."""
DELAY_EVERY_MS, DELAY_MS = 1_900, 160
"""Every so often nothing comes for a while, and then all of it at once."""


class FaultyMedium:
    """The way of a stream's messages with these faults; always the same for the same stream of messages."""

    def __init__(self, faults: frozenset[MediaFault]) -> None:
        self._faults = faults
        self._chance = random.Random(len(faults))
        self._under_way: list[tuple[int, str]] = []
        self._last_sound_ms = -HANGOVER_MS

    def suppresses(self, frame: bytes, now_ms: int) -> bool:
        """True if this frame is not sent at all."""
        if "suppresses_silence" not in self._faults:
            return False
        if loudness(frame) >= QUIET:
            self._last_sound_ms = now_ms
        return now_ms - self._last_sound_ms > HANGOVER_MS

    def send(self, message: str, now_ms: int) -> None:
        """Put a message on its way, on which it may be lost."""
        if "loses" in self._faults and now_ms % LOSS_EVERY_MS < LOSS_MS:
            return
        late = "reorders" in self._faults and self._chance.random() < REORDERED_SHARE
        self._under_way.append((now_ms + (REORDERED_BY_MS if late else 0), message))
        if "doubles" in self._faults and self._chance.random() < DOUBLED_SHARE:
            self._under_way.append((now_ms + DOUBLED_AFTER_MS, message))

    def arrivals(self, now_ms: int) -> Iterator[str]:
        """The messages that arrive within this tick of 20 ms."""
        if "delays" in self._faults and now_ms % DELAY_EVERY_MS < DELAY_MS:
            return
        due = sorted((at for at in self._under_way if at[0] < now_ms + FRAME_MS), key=lambda at: at[0])
        self._under_way = [at for at in self._under_way if at[0] >= now_ms + FRAME_MS]
        for _, message in due:
            yield message
