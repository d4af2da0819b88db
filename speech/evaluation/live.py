"""Live evaluation: a recording fed through the stream recogniser in frames of 20 ms, in a room that stays noisy.

A recording by itself flatters endpointing: its noise stops where the file does. Here the noise of the room goes on
before and after the caller speaks, and the moments of the answers are measured on the clock of the sound, from the true
end of
speech in the clean recording.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from speech.listening import Listen
from speech.sound.audio import FRAME_BYTES, FRAME_MS, LINE_RATE, Samples, encode_mulaw
from speech.stream_recogniser import StreamRecogniser
from speech.utterance import Utterance

Noise = Literal["quiet", "babble", "tv", "music", "hum", "street"]
NOISES: Final[tuple[Noise, ...]] = get_args(Noise)

# The room before the caller speaks, in which the detector learns its noise, and the longest wait for an answer after.
LEAD_MS: Final = 2_000
TAIL_MS: Final = 8_000
# A frame sounds if it is this far above the recording's own noise, and no further than this below its loud frames.
_ABOVE_NOISE_DB: Final = 8.0
_BELOW_SPEECH_DB: Final = 25.0
# An answer at most this long before the true end of speech, whose last frame fades out, does not cut the speech in two.
_FADE_MS: Final = 100
_QUIET_RMS: Final = 30.0
_SWELL: Final = 3 * LINE_RATE // 2
_BABBLE_SPEAKERS: Final = 6
_TV_PAUSES_MS: Final = (200, 900)


@dataclass(frozen=True)
class LiveResult:
    """What the stream recogniser made of one recording.

    `utterance` is the answer to the end of the speech, `late_ms` its delay on the clock of the sound, from the true end
    of speech, and `processing_s` the processor time of the frame that gave it; all None if none came within `TAIL_MS`.
    `early` are the utterances with a meaning that were returned before: the caller was cut short, or the room was taken
    for the caller. `cpu_s` is the processor time of each stretch up to its utterance, and of what followed the last
    one.
    """

    utterance: Utterance | None
    late_ms: int | None
    processing_s: float | None
    early: tuple[Utterance, ...]
    cpu_s: tuple[float, ...]


def play(recogniser: StreamRecogniser, listen: Listen, line: Samples, end_ms: int) -> LiveResult:
    """The result of feeding a line on which the caller's speech ends at `end_ms`, in frames of 20 ms, until the answer
    to
    its end."""
    recogniser.listen(listen)
    mulaw = encode_mulaw(line)
    early: list[Utterance] = []
    stretches = [0.0]
    for place in range(0, len(mulaw) - FRAME_BYTES + 1, FRAME_BYTES):
        began = time.thread_time()
        utterance = recogniser.feed(mulaw[place : place + FRAME_BYTES])
        took = time.thread_time() - began
        stretches[-1] += took
        if utterance is None:
            continue
        late_ms = (place // FRAME_BYTES + 1) * FRAME_MS - end_ms
        if late_ms >= -_FADE_MS:
            return LiveResult(utterance, late_ms, took, tuple(early), tuple(stretches))
        stretches.append(0.0)
        if not utterance.is_nothing:
            early.append(utterance)
    return LiveResult(None, None, None, tuple(early), tuple(stretches))


def in_room(speech: Samples, noise: NDArray[np.float32], snr_db: float) -> tuple[Samples, int]:
    """The line with `speech` in a room, `snr_db` louder than the noise, and the true end of speech on it in ms. `noise`
    is any length at any level; it is repeated without a gap."""
    first, last = sounding(speech)
    before = LEAD_MS * LINE_RATE // 1000
    spoken = speech[first * FRAME_BYTES : (last + 1) * FRAME_BYTES].astype(np.float32)
    line = np.zeros(before + len(speech) + TAIL_MS * LINE_RATE // 1000, dtype=np.float32)
    line[before : before + len(speech)] = speech
    level = _loud_rms(spoken) / _loud_rms(noise) * 10 ** (-snr_db / 20)
    line += np.resize(noise, len(line)) * level
    # The noise of the recording itself stays as well.
    floor = np.percentile(_frame_rms(speech), 10)
    line[:before] += _hiss(before, 1) * floor
    line[before + len(speech) :] += _hiss(len(line) - before - len(speech), 2) * floor
    return np.clip(line, -32_768, 32_767).astype(np.int16), LEAD_MS + (last + 1) * FRAME_MS


def sounding(speech: Samples) -> tuple[int, int]:
    """The first and the last frame of 20 ms in which the caller of a clean recording is heard."""
    levels = 20 * np.log10(_frame_rms(speech) + 1.0)
    above = max(np.percentile(levels, 10) + _ABOVE_NOISE_DB, np.percentile(levels, 95) - _BELOW_SPEECH_DB)
    heard = np.flatnonzero(levels > above)
    return (int(heard[0]), int(heard[-1])) if len(heard) else (0, len(levels) - 1)


def clearness_db(speech: Samples) -> float:
    """The level of a recording's speech above its own noise: below 25 it is no clean recording."""
    levels = 20 * np.log10(_frame_rms(speech) + 1.0)
    return float(np.percentile(levels, 95) - np.percentile(levels, 10))


def room_noise(kind: Noise, voices: Sequence[Samples], seed: int = 0, seconds: int = 20) -> NDArray[np.float32]:
    """The noise of a room, made of clean recordings of other callers or of nothing: `babble` is six voices without
    pause, `tv` one voice with short pauses over music, `music` chords that change, `hum` 50 Hz and its harmonics,
    `street` low noise that swells slowly, `quiet` the hiss of a line. The same seed gives the same noise."""
    chance = np.random.default_rng(seed)
    count = seconds * LINE_RATE
    match kind:
        case "quiet":
            return _hiss(count, seed) * _QUIET_RMS
        case "babble":
            speakers = [_voice(voices, chance, count, (0, 100)) for _ in range(_BABBLE_SPEAKERS)]
            babble: NDArray[np.float32] = np.sum(speakers, axis=0, dtype=np.float32)
            return babble
        case "tv":
            return _voice(voices, chance, count, _TV_PAUSES_MS) + 0.3 * _music(chance, count)
        case "music":
            return _music(chance, count)
        case "hum":
            at = np.arange(count) / LINE_RATE
            partials = [np.sin(2 * np.pi * 50 * n * at + chance.uniform(0, 6)) / n for n in range(1, 13)]
            hum: NDArray[np.float32] = np.stack(partials).sum(axis=0, dtype=np.float32) * np.float32(1_000)
            return hum + _hiss(count, seed) * 30
        case "street":
            rumble = np.convolve(_hiss(count, seed), np.ones(12) / 12, "same")
            swells = np.arange(0, count + _SWELL, _SWELL)
            swell = np.interp(np.arange(count), swells, chance.uniform(0.4, 1, len(swells)))
            return np.asarray(rumble * swell * 1_000, dtype=np.float32)


def _voice(
    voices: Sequence[Samples], chance: np.random.Generator, count: int, pauses_ms: tuple[int, int]
) -> NDArray[np.float32]:
    """Recordings one after another, as one voice that speaks on and on."""
    parts: list[NDArray[np.float32]] = []
    length = 0
    while length < count:
        voice = voices[int(chance.integers(len(voices)))]
        first, last = sounding(voice)
        said = voice[first * FRAME_BYTES : (last + 1) * FRAME_BYTES].astype(np.float32)
        pause = np.zeros(int(chance.integers(*pauses_ms)) * LINE_RATE // 1000, dtype=np.float32)
        parts += [said * (1_000 / _loud_rms(said)), pause]
        length += len(said) + len(pause)
    return np.concatenate(parts)[:count]


def _music(chance: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Chords of three tones with harmonics, a new one every 400 ms, each struck and fading."""
    note = 2 * LINE_RATE // 5
    at = np.arange(note) / LINE_RATE
    chords = []
    for _ in range(count // note + 1):
        root = 110 * 2 ** (chance.integers(0, 24) / 12)
        tones = [np.sin(2 * np.pi * root * step * n * at) / n for step in (1, 1.26, 1.5) for n in range(1, 5)]
        chords.append(np.sum(tones, axis=0) * np.exp(-2 * at))
    return (np.concatenate(chords)[:count] * 500).astype(np.float32)


def _hiss(count: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


def _frame_rms(sound: NDArray[np.float32] | Samples) -> NDArray[np.float32]:
    frames = sound[: len(sound) - len(sound) % FRAME_BYTES].reshape(-1, FRAME_BYTES).astype(np.float32)
    rms: NDArray[np.float32] = np.sqrt((frames**2).mean(axis=1))
    return rms


def _loud_rms(sound: NDArray[np.float32]) -> float:
    """The level of the frames that sound: of those within 20 dB of the loud ones."""
    rms = _frame_rms(sound)
    loud = rms[rms > np.percentile(rms, 95) / 10]
    return float(np.sqrt((loud**2).mean()))
