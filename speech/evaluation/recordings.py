"""Evaluation of recognition on labelled recordings: the labels of a folder, and a verdict on each answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from speech.recording_results import RecordingResult

Verdict = Literal["exact", "accepted", "asked back", "missed", "wrong"]
Step = Literal["items", "yes_no", "yes_no+items", "digits"]

LABELS: Final = "labels.jsonl"
COUNTED_KINDS: Final = ("items", "reduce", "change")
LINE_KINDS: Final = (*COUNTED_KINDS, "remove")
# Commands after which something happens that was not asked for: an order is saved or filled, or the call leaves.
ACTING_COMMANDS: Final = ("yes", "done", "usual", "operator")


class LabelError(ValueError):
    """A folder whose labels cannot be used; the message says which line and why."""


@dataclass(frozen=True)
class LabelledRecording:
    """One labelled recording: the words said, and the expected meaning (docs/hearing.md lists the kinds). `accept` are
    other meanings that are as good, `step` the step that listens, `condition` what makes the recording hard."""

    file: Path
    text: str
    expect: Mapping[str, Any]
    accept: tuple[Mapping[str, Any], ...] = ()
    step: Step = "items"
    condition: str = ""

    @property
    def group(self) -> str:
        """The row of the report in which it is counted."""
        kind = str(self.expect["kind"])
        if kind == "items":
            return "one item" if len(self.expect["items"]) == 1 else "several items"
        return {"none": "off-topic", "digits": "customer code", "ask_back": "to be asked about"}.get(kind, kind)


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one recording. `seconds` is the duration of the sound, `took` the seconds of processor time of
    its recognition."""

    recording: LabelledRecording
    answer: RecordingResult
    verdict: Verdict
    seconds: float
    took: float

    @property
    def right(self) -> bool:
        """True if the answer is the label's or one that is as good."""
        return self.verdict in ("exact", "accepted")

    @property
    def changes_wrongly(self) -> bool:
        """True if the order would be changed otherwise than was said, a line left out included, without a question."""
        return self.verdict == "wrong" and self.answer["kind"] in LINE_KINDS

    @property
    def acts_wrongly(self) -> bool:
        """True if a command that acts, or another retailer's code, would be taken for what was said."""
        acts = self.answer["kind"] == "digits" or self.answer["name"] in ACTING_COMMANDS
        return self.verdict == "wrong" and acts and not self.changes_wrongly


def read_labels(folder: Path) -> list[LabelledRecording]:
    """The labelled recordings of a folder; LabelError if a line or a file is missing or wrong."""
    path = folder / LABELS
    if not path.is_file():
        raise LabelError(f"There is no {LABELS} in {folder}; it says what is said in each recording.")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            label = json.loads(line)
            expect = label["expect"]
            step = label.get("step", "digits" if expect["kind"] == "digits" else "items")
            if step not in get_args(Step):
                raise LabelError(f"{path}, line {number}: there is no step {step!r}, only {', '.join(get_args(Step))}.")
            accept = tuple(label.get("accept", ()))
            recording = LabelledRecording(
                folder / label["file"], label["text"], expect, accept, step, label.get("cond", "")
            )
            if not recording.file.is_file():
                raise LabelError(f"{path}, line {number}: the recording {label['file']} is not there.")
            recording.group  # noqa: B018  a label without its kind is found now
        except (ValueError, KeyError, TypeError) as error:
            raise error if isinstance(error, LabelError) else LabelError(f"{path}, line {number}: {error!r}") from error
        found.append(recording)
    return found


def verdict_on(expect: Mapping[str, Any], result: RecordingResult, accept: Sequence[Mapping[str, Any]] = ()) -> Verdict:
    """The verdict on an answer against the label: exact only if kind, every spec and every quantity agree, accepted if
    they agree with one of `accept`. A line left out counts as asked about if the caller is told so."""
    if agrees(expect, result):
        return "exact"
    if any(agrees(other, result) for other in accept):
        return "accepted"
    if result["kind"] == "ask_back":
        return "asked back"
    if result["kind"] == "none":
        return "missed"
    told = result.get("incomplete") and result["kind"] == expect["kind"] and result["items"]
    if told and set(_lines(result)) <= set(_lines(expect)):
        return "asked back"
    return "wrong"


def agrees(expect: Mapping[str, Any], result: RecordingResult) -> bool:
    """True if the answer has exactly this meaning; a question agrees if everything it asks about may be meant."""
    kind = expect["kind"]
    if result["kind"] != kind:
        return False
    if kind == "command":
        return bool(result["name"] == expect["name"])
    if kind == "digits":
        return bool(result["digits"] == expect["digits"])
    if kind == "ask_back":
        meant = {spec for spec, _ in expect.get("items", ())}
        asked = all(not meant.isdisjoint(names) for names, _ in result["items"]) if meant else True
        return asked and bool(result["items"] or not meant) and expect.get("name") in (None, result["name"])
    return kind == "none" or sorted(_lines(expect), key=str) == sorted(_lines(result), key=str)


def _lines(meaning: Mapping[str, Any]) -> list[tuple[str, Any]]:
    counted = meaning["kind"] in COUNTED_KINDS
    return [(spec, cartons if counted else None) for spec, cartons in meaning.get("items", ())]
