"""Both sides of a call's sound, put together from frames in parts of half a second or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Side = Literal["caller", "other"]

BYTES_PER_MS: Final = 8
# Who listens is behind by one part; where nobody does, longer ones are kept with fewer writes.
HEARD_PART_MS: Final = 500
KEPT_PART_MS: Final = 2_000
# A gap longer than this, as where the carrier sent nothing in silence, is not filled but begins another part.
GAP_MAX_MS: Final = 5_000
_SILENCE: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class TwoSides:
    """A part of a call's sound: what the caller said and what the caller heard, of the same length, 8 kHz mu-law, from
    `begins_ms` of the fork on."""

    begins_ms: int
    caller: bytes
    other: bytes


class PartsOfSound:
    """Puts frames together: they come side by side, each with its time since the fork began. A part has `part_ms`."""

    def __init__(self) -> None:
        self.part_ms = HEARD_PART_MS
        self._begins_ms = 0
        self._sides: dict[Side, bytearray] = {"caller": bytearray(), "other": bytearray()}

    def add(self, side: Side, at_ms: int, mulaw: bytes) -> TwoSides | None:
        """Add a frame, and return the part that it completes, if any. One that comes too late is left out."""
        complete = None
        if at_ms - self._begins_ms >= self.part_ms:
            complete = self.rest()
            if at_ms - self._begins_ms > GAP_MAX_MS:
                self._begins_ms = at_ms
        sound = self._sides[side]
        missing = (at_ms - self._begins_ms) * BYTES_PER_MS - len(sound)
        if missing >= 0:
            sound.extend(_SILENCE * missing + mulaw)
        return complete

    def rest(self) -> TwoSides | None:
        """The part that has begun, or None if nothing of it has come; the next one follows on it."""
        caller, other = self._sides["caller"], self._sides["other"]
        length = max(len(caller), len(other))
        if not length:
            return None
        part = TwoSides(self._begins_ms, bytes(caller.ljust(length, _SILENCE)), bytes(other.ljust(length, _SILENCE)))
        self._begins_ms += length // BYTES_PER_MS
        caller.clear()
        other.clear()
        return part
