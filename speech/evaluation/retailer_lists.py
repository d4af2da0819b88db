"""What a retailer may order, drawn for the evaluation: a list that holds the specs said, or one that lacks them.

Real lists are short of much of the catalogue: 60 to 120 of its specs, of which an order has about twenty.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from brand_catalog.catalog import Catalog
from speech.evaluation.recordings import LINE_KINDS, Evaluated, LabelledRecording
from speech.evaluation.tables import Table, rate
from speech.listening import Items, Listen, YesNo
from speech.recording_results import RecordingResult

Listing = Literal["on the list", "off the list"]
OffListAnswer = Literal["itself", "asked, itself among others", "another taken", "asked about others", "not understood"]

_LIST_SIZES: Final = (60, 120)
_USUAL: Final = 20


@dataclass(frozen=True)
class RetailerList:
    """The barcodes a retailer may order, and those it usually orders, most often first."""

    barcodes: tuple[str, ...]
    usual: tuple[str, ...]

    def listen(self, recording: LabelledRecording) -> Listen:
        """What the recording's step listens for in a call of this retailer."""
        if recording.step == "yes_no+items":
            return YesNo(True, self.barcodes, self.usual)
        return Items(self.barcodes, self.usual)


def names_specs(recording: LabelledRecording) -> bool:
    """True if lines of certain specs are said: these recordings are judged on and off the list."""
    return recording.expect["kind"] in ("items", "change") and bool(recording.expect["items"])


def draw_list(catalog: Catalog, recording: LabelledRecording, listing: Listing) -> RetailerList:
    """A retailer's list for the recording, the same whenever it is drawn. Off the list is every spec that what was said
    may mean: a name that is short for several leaves none of them to be meant."""
    chance = random.Random(f"{recording.file.parent.name}/{recording.file.name} {listing}")
    said = {catalog.by_name_or_barcode[spec].barcode for spec, _ in recording.expect["items"]}
    apart = said if listing == "on the list" else said | _bearers(catalog, recording.text, said)
    others = [barcode for barcode in sorted(catalog.specs) if barcode not in apart]
    barcodes = chance.sample(others, min(chance.randint(*_LIST_SIZES), len(others)))
    if listing == "on the list":
        barcodes = [*sorted(said), *barcodes[len(said) :]]
        chance.shuffle(barcodes)
    return RetailerList(tuple(barcodes), tuple(chance.sample(barcodes, min(_USUAL, len(barcodes)))))


def off_list_answer(recording: LabelledRecording, result: RecordingResult) -> OffListAnswer:
    """What became of specs that are off the list: each understood as itself, so that the caller can be told the truth
    (whatever the quantity), another one taken without a question, or neither."""
    said = {spec for spec, _ in recording.expect["items"]}
    asked = [set(names) if isinstance(names, list) else {names} for names, _ in result["items"]]
    if result["kind"] in LINE_KINDS and not set().union(*asked) <= said:
        return "another taken"
    if not any(asked):
        return "not understood"
    if all({spec} in asked for spec in said):
        return "itself"
    if all(any(spec in names for names in asked) for spec in said):
        return "asked, itself among others"
    return "asked about others" if result["kind"] == "ask_back" else "not understood"


def off_list_tables(evaluated: Sequence[Evaluated]) -> list[Table]:
    """The rates of specs that are in the catalogue but not on the retailer's list."""
    answers = [(one, off_list_answer(one.recording, one.answer)) for one in evaluated]
    rows = []
    for kind in get_args(OffListAnswer):
        rows.append((kind, str(rate([answer for _, answer in answers], kind.__eq__))))
    return [Table("Specs off this retailer's list", ("", "rate"), tuple(rows)), _taken_instead(answers)]


def on_list_table(evaluated: Sequence[Evaluated]) -> Table:
    """The rates of the same recordings with a list that holds what was said."""
    rows = (
        ("right", rate(evaluated, lambda one: one.right)),
        ("wrong or dropped lines taken without a question", rate(evaluated, lambda one: one.changes_wrongly)),
        ("asked back", rate(evaluated, lambda one: one.verdict == "asked back")),
        ("missed", rate(evaluated, lambda one: one.verdict == "missed")),
    )
    return Table("Specs on this retailer's list", ("", "rate"), tuple((name, str(of)) for name, of in rows))


def _taken_instead(answers: Iterable[tuple[Evaluated, OffListAnswer]]) -> Table:
    seen: Counter[tuple[str, str]] = Counter()
    for one, answer in answers:
        if answer == "another taken":
            seen[_specs(one.recording.expect["items"]), _specs(one.answer["items"])] += 1
    rows = tuple((said, taken, str(count)) for (said, taken), count in seen.most_common())
    return Table("Taken instead of what is off the list", ("said", "taken", "times"), rows)


def _bearers(catalog: Catalog, text: str, said: set[str]) -> set[str]:
    """Every spec that the names in the text may mean: of each spec the longest of its names that is in the text."""
    found: set[str] = set()
    for barcode in said:
        names = [name for name in catalog.spoken_names if barcode in name.barcodes and name.text in text]
        if names:
            found.update(max(names, key=lambda name: len(name.text)).barcodes)
    return found


def _specs(items: Sequence[Any]) -> str:
    return ", ".join(spec for spec, _ in items)
