"""Voice activity detection: each 20 ms of the line is compared with the line's own noise."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from speech.audio import FRAME_MS, LINE_RATE, Samples

FRAME_SAMPLES: Final = LINE_RATE * FRAME_MS // 1000

# The level of speech above the noise of the line; once speech has begun, less is enough to continue.
BEGIN_DB: Final = 6.0
CONTINUE_DB: Final = 4.0
# Sound quieter than this is not speech into a telephone, whatever the noise.
MIN_SPEECH_DB: Final = 25.0
# The noise level is the minimum over so many frames; the first frames assume at most this level.
NOISE_MEMORY_FRAMES: Final = 2_500 // FRAME_MS
INITIAL_NOISE_DB: Final = 52.0
INITIAL_FRAMES: Final = 120 // FRAME_MS
# Speech begins when so many of the last frames are loud: a click is shorter.
LOUD_FRAMES: Final = 4
ONSET_WINDOW_FRAMES: Final = 6

# The tones of a keypad (ITU-T Q.23): a landline sends them with the voice, and a keyed code is not speech. A key is
# down if a pair of them has this share of a frame's power, and each of the two at least that share. 3 of 93,000 frames
# of speech are taken for keys.
KEY_ROWS_HZ: Final = (697, 770, 852, 941)
KEY_COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
MIN_PAIR_SHARE: Final = 0.7
MIN_TONE_SHARE: Final = 0.1
_WAVES: Final = np.exp(
    -2j * np.pi * np.outer((*KEY_ROWS_HZ, *KEY_COLUMNS_HZ), np.arange(FRAME_SAMPLES) / LINE_RATE)
).astype(np.complex64)


def is_key_tone(frame: Samples) -> bool:
    """True if a key of the caller's telephone is down throughout this frame of 20 ms."""
    sound = frame.astype(np.float32)
    power = float(sound @ sound)
    if power == 0.0:
        return False
    shares = 2 * np.abs(_WAVES @ sound) ** 2 / (FRAME_SAMPLES * power)
    row, column = float(shares[:4].max()), float(shares[4:].max())
    return row + column > MIN_PAIR_SHARE and min(row, column) > MIN_TONE_SHARE


class SpeechDetector:
    """A voice activity detector for frames of 20 ms, which follows the noise of the line as it changes.

    Levels are in decibels above the smallest step of 16 bit samples.
    """

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=NOISE_MEMORY_FRAMES)
        self._smooth = 0.0
        self._loud: deque[bool] = deque(maxlen=ONSET_WINDOW_FRAMES)
        self.in_speech = False

    def feed(self, frame: Samples) -> bool:
        """True if the caller is speaking in this frame of 20 ms."""
        level = 10 * np.log10(np.mean(frame.astype(np.float32) ** 2) + 1.0)
        # Smoothed with the frame before, because the shortest dips of the noise are not its level.
        self._smooth = level if not self._levels else 0.5 * (self._smooth + level)
        self._levels.append(self._smooth)
        noise = min(self._levels)
        if len(self._levels) < INITIAL_FRAMES:
            noise = min(noise, INITIAL_NOISE_DB)
        above = max(noise + (CONTINUE_DB if self.in_speech else BEGIN_DB), MIN_SPEECH_DB)
        self._loud.append(bool(self._smooth > above) and not is_key_tone(frame))
        if self.in_speech:
            self.in_speech = self._loud[-1] or (len(self._loud) > 1 and self._loud[-2])
        else:
            self.in_speech = sum(self._loud) >= LOUD_FRAMES
        return self.in_speech
