"""The report of the live evaluation: recordings fed frame by frame in rooms that stay noisy, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from speech.evaluation.live import LiveResult, Noise, clearness_db, in_room, room_noise
from speech.evaluation.recordings import LabelledRecording, Verdict, verdict_on
from speech.evaluation.tables import Table, quantile, rate
from speech.recording_results import RecordingResult
from speech.sound.audio import LINE_RATE, Samples, read_audio

# A recording less clear than this is noisy already, and the end of its speech cannot be told.
_CLEAR_DB: Final = 25.0
# Every room, how far the caller is above its noise in dB, and how many recordings are heard in it.
_ROOMS: Final[Sequence[tuple[Noise, float, int]]] = (
    ("quiet", 30, 96),
    ("babble", 12, 16),
    ("babble", 6, 16),
    ("tv", 12, 16),
    ("tv", 8, 16),
    ("music", 10, 16),
    ("hum", 6, 16),
    ("street", 8, 16),
)


@dataclass(frozen=True)
class LiveCall:
    """A recording to be heard live in a room: `noise` and how far the caller is above it; quiet is the room without."""

    recording: LabelledRecording
    noise: Noise
    snr_db: float
    voices: Sequence[Samples]
    seed: int

    @property
    def room(self) -> str:
        """The row of the report."""
        return "quiet" if self.noise == "quiet" else f"{self.noise} {self.snr_db:.0f} dB"

    def line(self) -> tuple[Samples, int]:
        """The sound of the line, and the true end of speech on it in ms."""
        noise = room_noise(self.noise, self.voices, self.seed)
        return in_room(read_audio(self.recording.file, LINE_RATE), noise, self.snr_db)


@dataclass(frozen=True)
class LiveAnswer:
    """The outcome of a live call: the stream recogniser's result, and the answer to the end of speech, or None."""

    call: LiveCall
    result: LiveResult
    answer: RecordingResult | None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the answer; missed if there was none."""
        label = self.call.recording
        return verdict_on(label.expect, self.answer, label.accept) if self.answer else "missed"


def live_calls(recordings: Sequence[LabelledRecording]) -> list[LiveCall]:
    """The calls to be made of the clear recordings that are for the line: in every room an even choice of them, always
    the same."""
    clear = [one for one in recordings if clearness_db(read_audio(one.file, LINE_RATE)) >= _CLEAR_DB]
    voices = [read_audio(one.file, LINE_RATE) for one in clear if one.expect["kind"] in ("items", "none")]
    said = sorted((one for one in clear if one.group != "off-topic"), key=lambda one: one.group)
    if not said or not voices:
        return []
    return [
        LiveCall(said[number * len(said) // count], noise, snr_db, voices, number)
        for noise, snr_db, most in _ROOMS
        for count in [min(most, len(said))]
        for number in range(count)
    ]


def live_tables(answers: Sequence[LiveAnswer]) -> list[Table]:
    """The tables of the live evaluation: answers and their delay by room, and in the quiet room by kind; the processor
    time of every stretch of speech."""
    quiet = [one for one in answers if one.call.noise == "quiet"]
    stretches = sorted(1000 * took for one in answers for took in one.result.cpu_s)
    cost = tuple(f"{quantile(stretches, share):.0f}" for share in (0.5, 0.95, 0.99, 1.0)) if stretches else ("-",) * 4
    return [
        _delays("Live, by room", answers, lambda one: one.call.room),
        _delays("Live in a quiet room, by kind", quiet, lambda one: one.call.recording.group),
        Table("Processor time of a stretch of speech, live", ("ms p50", "p95", "p99", "worst"), (cost,)),
    ]


def _delays(title: str, answers: Iterable[LiveAnswer], group_of: Callable[[LiveAnswer], str]) -> Table:
    groups: dict[str, list[LiveAnswer]] = {}
    for one in answers:
        groups.setdefault(group_of(one), []).append(one)
    rows = []
    for group, members in groups.items():
        late = sorted(one.result.late_ms for one in members if one.result.late_ms is not None)
        took = sorted(1000 * one.result.processing_s for one in members if one.result.processing_s is not None)
        rows.append(
            (
                group,
                str(rate(members, lambda one: one.result.utterance is not None)),
                str(rate(members, lambda one: one.verdict in ("exact", "accepted"))),
                str(rate(members, lambda one: bool(one.result.early))),
                *(f"{quantile(late, share):.0f}" if late else "-" for share in (0.5, 0.95, 1.0)),
                *(f"{quantile(took, share):.0f}" if took else "-" for share in (0.5, 0.95)),
            )
        )
    header = (
        "",
        "answered",
        "right",
        "cut in two or begun early",
        "late by ms, p50",
        "p95",
        "max",
        "then CPU ms, p50",
        "p95",
    )
    return Table(title, header, tuple(rows))
