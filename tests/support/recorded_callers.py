"""Recorded callers, and the speech model that recognises them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brand_catalog.importing import read_catalog_file
from settings import Settings
from speech.model import ModelMissing, load_model, locate_model
from speech.sound.audio import FRAME_BYTES, LINE_RATE, decode_mulaw, encode_mulaw
from speech.sound.speech_detection import SpeechDetector
from speech.understanding import Understanding, build_understanding

AUDIO = Path(__file__).parents[1] / "audio"
DEMO = Path(__file__).parents[2] / "brand_catalog" / "demo"


@cache
def _model_folder() -> Path | str:
    """The folder of the speech model, or what to do where there is none; looked for once, as all of it is read."""
    try:
        return locate_model(Settings())
    except ModelMissing as missing:
        return str(missing)


def need_speech_model() -> Path:
    """The folder of the speech model; without one the test is skipped with instructions."""
    folder = _model_folder()
    return folder if isinstance(folder, Path) else pytest.skip(folder)


def speech_model() -> Any:
    """The speech model; without one the test is skipped with instructions."""
    return load_model(need_speech_model())


@cache
def demo_understanding() -> Understanding:
    return build_understanding(read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv"), speech_model())


def recording(name: str) -> bytes:
    """A recorded caller as the line carries it, with the silence around it."""
    return (AUDIO / f"{name}.ulaw").read_bytes()


def speech_only(name: str) -> bytes:
    """Only the speech in a recording, so that the test sets the pauses around it."""
    sound = recording(name)
    detector = SpeechDetector()
    frames = decode_mulaw(sound[: len(sound) - len(sound) % FRAME_BYTES]).reshape(-1, FRAME_BYTES)
    spoken = [place for place, frame in enumerate(frames) if detector.feed(frame)]
    # Speech is detected only some frames after it begins.
    return sound[max(0, spoken[0] - 6) * FRAME_BYTES : (spoken[-1] + 1) * FRAME_BYTES]


def line_noise(ms: int, level: float = 30.0, seed: int = 0) -> bytes:
    """The noise of a silent line; `level` is the RMS of its samples."""
    noise = np.random.default_rng(seed).standard_normal(ms * LINE_RATE // 1000) * level
    return encode_mulaw(noise.astype(np.int16))
