"""The sound of pieces made ready for a telephone, and joined into a sentence: even level, no clicks, no dead air."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from speech.sound.audio import LINE_RATE, Samples

# The level of speech, over what is louder than a pause: as telephone networks expect it, with room for its peaks.
LEVEL_DBFS: Final = -19.0
PEAK: Final = 30_000.0
FULL_SCALE: Final = 32_768.0
# Whatever is this much below the loudest moment is a pause.
QUIET_BELOW_PEAK_DB: Final = 34.0
WINDOW: Final = LINE_RATE // 100
# Kept at either end of what is spoken, so that consonants are whole; faded there.
MARGIN: Final = LINE_RATE * 25 // 1000
# Two pieces without a pause overlap by this much, in the quiet of their margins.
OVERLAP: Final = LINE_RATE * 30 // 1000


def levels_db(sound: Samples) -> NDArray[np.float64]:
    """The level of each 10 ms of a sound, in dBFS."""
    whole = sound[: len(sound) // WINDOW * WINDOW].astype(np.float64).reshape(-1, WINDOW)
    level: NDArray[np.float64] = 10 * np.log10((whole**2).mean(axis=1) / FULL_SCALE**2 + 1e-12)
    return level


def speech_level_db(sound: Samples) -> float:
    """The level of what is spoken, pauses apart, in dBFS; -120 for a sound with nothing in it."""
    levels = levels_db(sound)
    if not len(levels):
        return -120.0
    spoken = levels[levels > levels.max() - QUIET_BELOW_PEAK_DB / 2]
    return float(10 * np.log10((10 ** (spoken / 10)).mean()))


def trimmed(sound: Samples) -> Samples:
    """The sound from where speech begins to where it ends, with a short margin at either end that is faded."""
    levels = levels_db(sound)
    if not len(levels):
        return sound[:0]
    spoken = np.flatnonzero(levels > levels.max() - QUIET_BELOW_PEAK_DB)
    begins, ends = int(spoken[0]) * WINDOW - MARGIN, (int(spoken[-1]) + 1) * WINDOW + MARGIN
    padded = np.pad(sound, MARGIN)[begins + MARGIN : ends + MARGIN].astype(np.float64)
    fade = np.sin(np.linspace(0, np.pi / 2, MARGIN)) ** 2
    padded[:MARGIN] *= fade
    padded[-MARGIN:] *= fade[::-1]
    return padded.astype(np.int16)


def levelled(sound: Samples) -> Samples:
    """The sound at the level of speech on the line, or as near to it as its loudest moment allows."""
    loudest = float(np.abs(sound.astype(np.int32)).max()) if len(sound) else 0.0
    if not loudest:
        return sound
    gain = min(10 ** ((LEVEL_DBFS - speech_level_db(sound)) / 20), PEAK / loudest)
    return np.round(sound * gain).astype(np.int16)


def made_ready(sound: Samples) -> Samples:
    """The sound of a piece as it is kept and joined: trimmed and levelled."""
    return levelled(trimmed(sound))


def joined(parts: Sequence[tuple[Samples, int]]) -> Samples:
    """The parts one after the other, each with the pause after it in milliseconds; where there is none, the faded ends
    of the two overlap."""
    sentence = np.zeros(0, np.int32)
    overlap = 0
    for sound, pause_ms in parts:
        common = min(overlap, len(sentence), len(sound))
        # The margins at both sides of a pause are a part of it.
        silence = max(0, pause_ms * LINE_RATE // 1000 - 2 * MARGIN)
        place = len(sentence) - common
        sentence = np.pad(sentence, (0, len(sound) - common + silence))
        sentence[place : place + len(sound)] += sound
        overlap = 0 if pause_ms else OVERLAP
    return np.clip(sentence, -32_768, 32_767).astype(np.int16)
