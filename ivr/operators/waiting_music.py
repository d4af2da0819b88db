"""The waiting music: a few soft chords, generated here so that none has to be licensed or fetched."""

from __future__ import annotations

from functools import cache

import numpy as np
from flask import Blueprint, Response

from ivr.recordings.recordings import wav_of_samples
from speech.sound.audio import LINE_RATE, Samples, encode_mulaw

MUSIC_PATH = "/sounds/waiting.wav"
NOTE_S = 0.5
LOUDNESS = 5_000
# Broken chords of C, a, F and G; numbers are semitones from A at 440 Hz.
NOTES = (-9, -5, -2, 3, -2, -5, -12, -9, -5, 0, -5, -9, -16, -12, -9, -4, -9, -12, -14, -10, -7, -2, -7, -10)


@cache
def wav() -> bytes:
    """One round of the music, as a WAV file that begins and ends softly."""
    return wav_of_samples(_samples())


@cache
def mulaw() -> bytes:
    """One round of the music, as 8 kHz mu-law."""
    return encode_mulaw(_samples())


def _samples() -> Samples:
    moments = np.arange(int(NOTE_S * LINE_RATE)) / LINE_RATE
    fade = np.minimum(1, moments / 0.02) * np.exp(-3 * moments)
    notes = [
        fade * (np.sin(2 * np.pi * tone * moments) + 0.3 * np.sin(4 * np.pi * tone * moments))
        for tone in (440 * 2 ** (semitones / 12) for semitones in NOTES)
    ]
    return (LOUDNESS * np.concatenate(notes)).astype(np.int16)


def music_routes() -> Blueprint:
    """The route by which the carrier fetches the music."""
    routes = Blueprint("music", __name__)

    @routes.get(MUSIC_PATH)
    def music() -> Response:
        return Response(wav(), mimetype="audio/x-wav", headers={"Cache-Control": "public, max-age=86400"})

    return routes
