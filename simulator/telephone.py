"""The caller's telephone: a microphone and a keypad, one frame of 20 ms after the other."""

from __future__ import annotations

from collections import deque

from simulator.mulaw import FRAME_BYTES, LineNoise, key_tone

KEY_MS = 200
"""Milliseconds from one key to the next, for a practised thumb."""
TONE_MS = 100
"""Milliseconds out of KEY_MS for which the key is down and sounds: a landline sends its tones with the voice."""

LIVE_MAX_BYTES = 20 * FRAME_BYTES
"""Most live sound that may wait to be sent: beyond it the line would lag behind the speaker."""
LIVE_LEAST_BYTES = 6 * FRAME_BYTES
"""Live sound gathered before any is sent, so that a page that is sometimes late causes no gaps."""


class Telephone:
    """The source of the sound on the caller's side. Used only by the thread that runs the call."""

    def __init__(self) -> None:
        self._noise = LineNoise(seed=1)
        self._voice = bytearray()
        self._live = bytearray()
        self._live_flows = False
        self._tone = bytearray()
        self._keys: deque[tuple[str, int]] = deque()
        self._next_key_ms = 0
        self._talking = False
        self.sounds = False

    @property
    def busy(self) -> bool:
        """True if something is being said or keyed."""
        return bool(self._voice or self._keys)

    def say(self, mulaw: bytes) -> None:
        """Say this after the sound still being said."""
        self._voice.extend(mulaw)
        self._talking = True

    def add_live_audio(self, mulaw: bytes) -> None:
        """Add live microphone sound. If it comes faster than it is sent, the oldest is dropped."""
        self._live.extend(mulaw)
        del self._live[:-LIVE_MAX_BYTES]

    def key(self, keys: str, every_ms: int) -> None:
        """Press these keys after those still being pressed, one every so many milliseconds."""
        self._keys.extend((key, every_ms) for key in keys)

    def frame(self) -> bytes:
        """The next 20 ms of sound: a key's tone, else the voice, else a live microphone, else the noise of a quiet
        line. While a key sounds the microphone is off, as telephones have it, and what is said meanwhile is lost."""
        self._live_flows = len(self._live) >= (FRAME_BYTES if self._live_flows else LIVE_LEAST_BYTES)
        source = self._voice or (self._live if self._live_flows else bytearray())
        frame = bytes((self._tone or source)[:FRAME_BYTES])
        self.sounds = bool(frame)
        del source[:FRAME_BYTES], self._tone[:FRAME_BYTES]
        return frame + self._noise.frame()[len(frame) :]

    def fell_silent(self) -> bool:
        """True once, when the last of the speech has been sent."""
        fell_silent = self._talking and not self._voice
        self._talking = self._talking and not fell_silent
        return fell_silent

    def due_key(self, now_ms: int) -> str | None:
        """The key to be pressed now, or None."""
        if not self._keys or now_ms < self._next_key_ms:
            return None
        key, every_ms = self._keys.popleft()
        self._next_key_ms = now_ms + every_ms
        self._tone[:] = key_tone(key, TONE_MS)
        return key
