"""Whether somebody is speaking: each 20 ms of the line against the line's own noise."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from speech.audio import FRAME_MS, LINE_RATE, Samples

FRAME_SAMPLES: Final = LINE_RATE * FRAME_MS // 1000

# Speech is this much louder than the noise of the line; once it has begun, less is enough to go on.
BEGIN_DB: Final = 6.0
GO_ON_DB: Final = 4.0
# What is quieter than this is not somebody speaking into a telephone, whatever the noise.
FAINTEST_DB: Final = 25.0
# The noise is the quietest the line has been for so long; until it has been heard it is taken for this.
NOISE_MEMORY_FRAMES: Final = 2_500 // FRAME_MS
UNHEARD_NOISE_DB: Final = 52.0
UNHEARD_FRAMES: Final = 120 // FRAME_MS
# Speech begins where so many of the last frames are loud: a click is shorter.
LOUD_FRAMES: Final = 4
OF_FRAMES: Final = 6

# The tones of a keypad (ITU-T Q.23): a landline sends them with the voice, and a keyed code is no speech. Where a pair
# of them has this much of a frame's power, and neither of the two less than that, a key is down. So are 3 of 93,000
# frames of speech.
KEY_ROWS_HZ: Final = (697, 770, 852, 941)
KEY_COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
KEY_TONES: Final = 0.7
KEY_TONE: Final = 0.1
_WAVES: Final = np.exp(
    -2j * np.pi * np.outer((*KEY_ROWS_HZ, *KEY_COLUMNS_HZ), np.arange(FRAME_SAMPLES) / LINE_RATE)
).astype(np.complex64)


def is_key_tone(frame: Samples) -> bool:
    """Whether a key of the caller's telephone is down throughout this frame of 20 ms."""
    sound = frame.astype(np.float32)
    power = float(sound @ sound)
    if power == 0.0:
        return False
    shares = 2 * np.abs(_WAVES @ sound) ** 2 / (FRAME_SAMPLES * power)
    row, column = float(shares[:4].max()), float(shares[4:].max())
    return row + column > KEY_TONES and min(row, column) > KEY_TONE


class SpeechDetector:
    """Fed with frames of 20 ms, says of each whether it is in speech. Follows the noise of the line as it changes.

    Levels are decibels above one least step of 16 bit samples.
    """

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=NOISE_MEMORY_FRAMES)
        self._smooth = 0.0
        self._loud: deque[bool] = deque(maxlen=OF_FRAMES)
        self.in_speech = False

    def feed(self, frame: Samples) -> bool:
        """Whether the caller is speaking in this frame of 20 ms."""
        level = 10 * np.log10(np.mean(frame.astype(np.float32) ** 2) + 1.0)
        # Half the frame before: the shortest dips of noise are not its level.
        self._smooth = level if not self._levels else 0.5 * (self._smooth + level)
        self._levels.append(self._smooth)
        noise = min(self._levels)
        if len(self._levels) < UNHEARD_FRAMES:
            noise = min(noise, UNHEARD_NOISE_DB)
        above = max(noise + (GO_ON_DB if self.in_speech else BEGIN_DB), FAINTEST_DB)
        self._loud.append(bool(self._smooth > above) and not is_key_tone(frame))
        if self.in_speech:
            self.in_speech = self._loud[-1] or (len(self._loud) > 1 and self._loud[-2])
        else:
            self.in_speech = sum(self._loud) >= LOUD_FRAMES
        return self.in_speech
