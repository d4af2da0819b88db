"""Telephone audio: 8 kHz mono mu-law in frames of 20 ms, as G.711 and Media Streams carry it."""

from __future__ import annotations

import io
import random
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME_MS = 20
FRAME_BYTES = RATE * FRAME_MS // 1000
SILENCE = b"\xff" * FRAME_BYTES

LOUD = 300
"""Root mean square (of 32,768) above which a frame counts as sound when a recording waits for silence."""


def _expansion() -> NDArray[np.int16]:
    """The sample each of the 256 mu-law bytes stands for (ITU-T G.711)."""
    inverted = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 0x84 << ((inverted & 0x70) >> 4)) - 0x84
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)


_EXPANSION = _expansion()

_KEYPAD = ("123", "456", "789", "*0#")
_ROWS_HZ = (697, 770, 852, 941)
_COLUMNS_HZ = (1209, 1336, 1477)
_TONE_LEVEL = 4_000.0


def to_pcm(mulaw: bytes) -> NDArray[np.int16]:
    """The 16-bit samples of mu-law bytes."""
    expanded: NDArray[np.int16] = _EXPANSION[np.frombuffer(mulaw, dtype=np.uint8)]
    return expanded


def to_mulaw(pcm: NDArray[np.float64]) -> bytes:
    """The nearest mu-law to samples of -32,768 to 32,767."""
    order = np.argsort(_EXPANSION, kind="stable")
    steps = _EXPANSION[order].astype(np.float64)
    return bytes(order[np.searchsorted((steps[1:] + steps[:-1]) / 2, pcm)].astype(np.uint8))


def key_tone(key: str, duration_ms: int) -> bytes:
    """The pair of tones of a key (ITU-T Q.23), at the level a telephone sends them."""
    row = next(number for number, keys in enumerate(_KEYPAD) if key in keys)
    moments = np.arange(RATE * duration_ms // 1000) / RATE
    low = np.sin(2 * np.pi * _ROWS_HZ[row] * moments)
    high = np.sin(2 * np.pi * _COLUMNS_HZ[_KEYPAD[row].index(key)] * moments)
    return to_mulaw(_TONE_LEVEL * (low + high))


def loudness(mulaw: bytes) -> float:
    """Root mean square of mu-law sound, of 32,768; 0 for no sound."""
    if not mulaw:
        return 0.0
    return float(np.sqrt(np.mean(np.square(to_pcm(mulaw).astype(np.float64)))))


def length_ms(mulaw: bytes) -> int:
    """The length of mu-law sound, in milliseconds."""
    return len(mulaw) * 1000 // RATE


def to_wav(mulaw: bytes) -> bytes:
    """A WAV file of 16-bit samples at 8 kHz, as Twilio hands out recordings."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(to_pcm(mulaw).astype("<i2").tobytes())
    return file.getvalue()


def read_ulaw(path: Path) -> bytes:
    """The sound in a headerless mu-law file. Raises ValueError, with a sentence, if the file cannot be one."""
    try:
        sound = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the audio file {path} cannot be read: {error.strerror}") from error
    if not sound:
        raise ValueError(f"the audio file {path} is empty")
    if sound[:4] == b"RIFF":
        raise ValueError(f"the audio file {path} is a WAV file; a script plays raw 8 kHz mu-law (.ulaw)")
    return sound


class LineNoise:
    """Frames of the noise of a quiet line: never digital silence, which no telephone delivers."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        # The quietest steps of mu-law on both sides of zero: about -70 dB.
        self._hiss = bytes(chance.choice((0xFF, 0x7F, 0xFE, 0x7E)) for _ in range(RATE))
        self._at = 0

    def frame(self) -> bytes:
        """The next 20 ms of noise."""
        start = self._at
        self._at = (start + FRAME_BYTES) % RATE
        return self._hiss[start : start + FRAME_BYTES]
