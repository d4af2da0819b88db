"""Yes and no under noise: the answers to a read-back, said again and again in noisy rooms.

A yes saves an order, so what matters is how often a no passes for one. A few recordings of each, in rooms of five kinds
of noise, every one at slightly other speeds and pitches and with another piece of the noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import cycle, islice, product
from typing import Final, Literal, get_args

import numpy as np

from speech.evaluation.live import LEAD_MS, Noise, clearness_db, in_room, room_noise
from speech.evaluation.recordings import LabelledRecording
from speech.evaluation.tables import Rate, Table
from speech.recording_results import RecordingResult
from speech.sound.audio import LINE_RATE, Samples, read_audio, upsample

YesNoAnswer = Literal["taken as said", "taken for the other", "asked again", "missed", "taken for something else"]

NOES: Final = 240
YESES: Final = 120
# A recording less clear than this is noisy already.
_CLEAR_DB: Final = 20.0
# Every kind of noise, and how far the caller is above it in dB.
_ROOMS: Final[Sequence[tuple[Noise, float]]] = (
    ("babble", 10),
    ("babble", 6),
    ("street", 8),
    ("tv", 8),
    ("music", 8),
    ("hum", 6),
)
_SPEEDS: Final = (1.0, 0.93, 1.07, 0.97, 1.03)
# Noises of each kind.
_NOISES: Final = 4
# What is recognised of the line, before and after the speech.
_AROUND_MS: Final = 400


@dataclass(frozen=True)
class NoisyAnswer:
    """A yes or a no in a noisy room: `pcm16k` is the sound, `room` the kind of noise and its level."""

    recording: LabelledRecording
    room: str
    pcm16k: bytes

    @property
    def name(self) -> str:
        """What is said: yes or no."""
        return str(self.recording.expect["name"])


def noisy_answers(
    recordings: Sequence[LabelledRecording], noes: int = NOES, yeses: int = YESES
) -> Iterator[NoisyAnswer]:
    """So many noes and yeses made of the clear ones among the recordings, always the same; none where there is no clear
    one, or no other speech to make a room of."""
    clear = [one for one in recordings if clearness_db(read_audio(one.file, LINE_RATE)) >= _CLEAR_DB]
    voices = [read_audio(one.file, LINE_RATE) for one in clear if one.expect["kind"] in ("items", "none")]
    if not voices:
        return
    rooms = lru_cache(maxsize=None)(partial(room_noise, voices=voices))
    for name, count in (("no", noes), ("yes", yeses)):
        said = [one for one in clear if one.expect.get("name") == name]
        for take, (one, (kind, snr_db)) in enumerate(islice(cycle(product(said, _ROOMS)), count)):
            speech = _at_speed(read_audio(one.file, LINE_RATE), _SPEEDS[take % len(_SPEEDS)])
            noise = np.roll(rooms(kind, seed=take % _NOISES), take * LINE_RATE // 7)
            line, end_ms = in_room(speech, noise, snr_db)
            begin = (LEAD_MS - _AROUND_MS) * LINE_RATE // 1000
            heard = line[begin : (end_ms + _AROUND_MS) * LINE_RATE // 1000]
            yield NoisyAnswer(one, f"{kind} {snr_db:.0f} dB", upsample(heard).tobytes())


def yes_no_answer(said: str, result: RecordingResult) -> YesNoAnswer:
    """What became of a yes or a no."""
    if result["kind"] == "command" and result["name"] in ("yes", "no"):
        return "taken as said" if result["name"] == said else "taken for the other"
    if result["kind"] == "ask_back":
        return "asked again"
    return "missed" if result["kind"] == "none" else "taken for something else"


def yes_no_table(said: str, answers: Sequence[tuple[NoisyAnswer, RecordingResult]]) -> Table:
    """What became of the noes, or of the yeses, by room."""
    of_name = [(one.room, yes_no_answer(said, result)) for one, result in answers if one.name == said]
    rows = []
    for room in [*dict.fromkeys(room for room, _ in of_name), "all"]:
        counts = Counter(answer for where, answer in of_name if room in (where, "all"))
        rows.append((room, *(str(Rate(counts[answer], counts.total())) for answer in get_args(YesNoAnswer))))
    return Table(f"{said} in a noisy room, at the read-back", ("", *get_args(YesNoAnswer)), tuple(rows))


def _at_speed(speech: Samples, speed: float) -> Samples:
    """The speech faster and higher, or slower and lower, as by another person."""
    places = np.arange(0, len(speech) - 1, speed)
    other: Samples = np.interp(places, np.arange(len(speech)), speech).astype(np.int16)
    return other
