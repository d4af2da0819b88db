"""The ringing tone of the country's telephones, for a party who waits for another telephone to be answered."""

from __future__ import annotations

from functools import cache

import numpy as np

from speech.sound.audio import LINE_RATE, encode_mulaw

# ITU-T E.180, China: 450 Hz, one second on and four off.
TONE_HZ = 450
ON_S, OFF_S = 1, 4
LOUDNESS = 4_000


@cache
def mulaw() -> bytes:
    """One period of the tone, as 8 kHz mu-law."""
    moments = np.arange(ON_S * LINE_RATE) / LINE_RATE
    tone = LOUDNESS * np.sin(2 * np.pi * TONE_HZ * moments)
    return encode_mulaw(np.concatenate((tone, np.zeros(OFF_S * LINE_RATE))).astype(np.int16))
