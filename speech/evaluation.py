"""Evaluation of recognition on labelled recordings: a verdict on each, rates with their uncertainty, confusions."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from speech.recording_results import RecordingResult

Verdict = Literal["exact", "asked back", "missed", "wrong"]

LABELS: Final = "labels.jsonl"
_RESAMPLES: Final = 2_000
_LINE_KINDS: Final = ("items", "change", "remove")


class LabelError(ValueError):
    """A folder whose labels cannot be used; the message says which line and why."""


@dataclass(frozen=True)
class LabelledRecording:
    """One labelled recording: the words said, and the expected meaning (docs/speech-recognition.md lists the kinds)."""

    file: Path
    text: str
    expect: Mapping[str, Any]

    @property
    def group(self) -> str:
        """The row of the report in which it is counted."""
        kind = str(self.expect["kind"])
        if kind == "items":
            return "one item" if len(self.expect["items"]) == 1 else "several items"
        return {"none": "off-topic", "digits": "customer code"}.get(kind, kind)


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one recording. `seconds` is the duration of the sound, `took` the seconds of recognition."""

    recording: LabelledRecording
    answer: RecordingResult
    verdict: Verdict
    seconds: float
    took: float

    @property
    def changes_wrongly(self) -> bool:
        """True if a line that was not asked for would be added, changed or removed without a question."""
        return self.verdict == "wrong" and self.answer["kind"] in _LINE_KINDS


@dataclass(frozen=True)
class Rate:
    """A share of some utterances, with its 95 % bootstrap interval."""

    hits: int
    total: int
    low: float
    high: float

    def __str__(self) -> str:
        if not self.total:
            return "-"
        share = 100 * self.hits / self.total
        return f"{share:5.1f} %  [{100 * self.low:.1f}, {100 * self.high:.1f}]  {self.hits}/{self.total}"


def read_labels(folder: Path) -> list[LabelledRecording]:
    """The labelled recordings of a folder; LabelError if a line or a file is missing or wrong."""
    path = folder / LABELS
    if not path.is_file():
        raise LabelError(f"There is no {LABELS} in {folder}; it says what is said in each recording.")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            label = json.loads(line)
            utterance = LabelledRecording(folder / label["file"], label["text"], label["expect"])
            if not utterance.file.is_file():
                raise LabelError(f"{path}, line {number}: the recording {label['file']} is not there.")
            utterance.group  # noqa: B018  a label without its kind is found now
        except (ValueError, KeyError, TypeError) as error:
            raise error if isinstance(error, LabelError) else LabelError(f"{path}, line {number}: {error!r}") from error
        found.append(utterance)
    return found


def verdict_on(expect: Mapping[str, Any], result: RecordingResult) -> Verdict:
    """The verdict on an answer against the label: exact only if kind, every spec and every quantity agree."""
    wanted, got = expect["kind"], result["kind"]
    if wanted == "none":
        return "exact" if got == "none" else "asked back" if got == "ask_back" else "wrong"
    if got == "ask_back":
        return "asked back"
    if got == "none":
        return "missed"
    if got != wanted:
        return "wrong"
    if wanted == "command":
        return "exact" if result["name"] == expect["name"] else "wrong"
    if wanted == "digits":
        return "exact" if result["digits"] == expect["digits"] else "wrong"
    expected = [(spec, cartons if wanted in ("items", "change") else None) for spec, cartons in expect["items"]]
    recognised = [(spec, cartons if wanted in ("items", "change") else None) for spec, cartons in result["items"]]
    return "exact" if sorted(expected, key=str) == sorted(recognised, key=str) else "wrong"


def rate(evaluated: Sequence[Evaluated], hit: Callable[[Evaluated], bool]) -> Rate:
    """The share of hits with a bootstrap interval; deterministic for the same set."""
    return _rate([hit(one) for one in evaluated])


def line_errors(evaluated: Iterable[Evaluated]) -> tuple[Rate, Rate]:
    """The error rates of the lines in utterances that were accepted without a question: lines without the right spec,
    and of those with the right spec the ones with another quantity."""
    specs, quantities = [], []
    for one in evaluated:
        if one.recording.expect["kind"] not in ("items", "change") or one.answer["kind"] not in ("items", "change"):
            continue
        recognised = dict(map(tuple, one.answer["items"]))
        for spec, cartons in one.recording.expect["items"]:
            specs.append(spec not in recognised)
            if spec in recognised:
                quantities.append(recognised[spec] != cartons)
    return _rate(specs), _rate(quantities)


def confusions(evaluated: Iterable[Evaluated]) -> list[tuple[str, str, int]]:
    """The confusions as (expected, recognised, count), the commonest first."""
    seen: Counter[tuple[str, str]] = Counter()
    for one in evaluated:
        if one.verdict == "wrong":
            seen[_describe(one.recording.expect), _describe(one.answer)] += 1
    return [(wanted, got, count) for (wanted, got), count in seen.most_common()]


def summary(evaluated: Sequence[Evaluated]) -> list[tuple[str, str]]:
    """The report's rows: the name of each measure, and its value."""
    rows: list[tuple[str, str]] = []
    for group in dict.fromkeys(one.recording.group for one in evaluated):
        of_group = [one for one in evaluated if one.recording.group == group]
        measure = "rejected" if group == "off-topic" else "exact"
        rows.append((f"{group}, {measure}", str(rate(of_group, lambda one: one.verdict == "exact"))))
    off_topic = [one for one in evaluated if one.recording.group == "off-topic"]
    for_the_line = [one for one in evaluated if one.recording.group != "off-topic"]
    spec_errors, quantity_errors = line_errors(evaluated)
    seconds = sum(one.seconds for one in evaluated) or 1.0
    took = sorted(one.took for one in evaluated) or [0.0]
    return [
        *rows,
        ("spec errors, of lines accepted", str(spec_errors)),
        ("quantity errors, of lines accepted", str(quantity_errors)),
        ("off-topic speech changing the order", str(rate(off_topic, lambda one: one.changes_wrongly))),
        ("wrong lines accepted without a question, of all", str(rate(evaluated, lambda one: one.changes_wrongly))),
        ("asked back, of utterances for the line", str(rate(for_the_line, lambda one: one.verdict == "asked back"))),
        ("missed, of utterances for the line", str(rate(for_the_line, lambda one: one.verdict == "missed"))),
        ("recognition, seconds a second of sound", f"{sum(one.took for one in evaluated) / seconds:.3f}"),
        (
            "recognition, ms an utterance",
            f"p50 {1000 * took[len(took) // 2]:.0f}, p95 {1000 * took[int(0.95 * len(took))]:.0f}",
        ),
    ]


def _rate(hits: Sequence[bool]) -> Rate:
    if not hits:
        return Rate(0, 0, 0.0, 0.0)
    rng = random.Random(len(hits))
    shares = sorted(sum(rng.choices(hits, k=len(hits))) / len(hits) for _ in range(_RESAMPLES))
    return Rate(sum(hits), len(hits), shares[int(0.025 * _RESAMPLES)], shares[int(0.975 * _RESAMPLES)])


def _describe(meaning: Mapping[str, Any]) -> str:
    kind = meaning["kind"]
    if kind == "command":
        return str(meaning["name"])
    if kind == "digits":
        return str(meaning["digits"])
    lines = (f"{spec} {'' if cartons is None else cartons}".strip() for spec, cartons in meaning.get("items", ()))
    return f"{kind}: {', '.join(lines)}" if kind != "none" else "none"
