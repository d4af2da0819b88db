"""The line's understanding of one recording, as plain data: for `flask hear` and the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from brand_catalog.catalog import Catalog
from speech.customer_codes import KnownCodes
from speech.decoding import Decision, decode_with_evidence
from speech.listening import Listen
from speech.sound.audio import read_audio
from speech.understanding import Understanding
from speech.utterance import NOTHING, Action, Item, Utterance

RecordingResult = dict[str, Any]

_KINDS: Final[Mapping[Action, str]] = {
    "add": "items",
    "reduce": "reduce",
    "change": "change",
    "remove": "remove",
    "ask": "ask",
}


def recognise_file(
    model: Any, understanding: Understanding, listen: Listen, file: Path, known: KnownCodes | None = None
) -> tuple[RecordingResult, Decision]:
    """Recognise a `.ulaw` or `.wav` file as a step that listens for `listen` would; return the answer and the decision
    behind it. `known` are the existing customer codes. AudioFileError if the file cannot be read."""
    decision = decode_with_evidence(model, understanding, listen, read_audio(file).tobytes(), known)
    found = recording_result(str(file), decision.utterance, understanding.catalog)
    if decision.code is not None and decision.utterance.is_nothing:
        # A code was said, but its retailer is uncertain: the call asks for it again.
        found |= {"kind": "ask_back", "digits": decision.code.reading}
    return found, decision


def recording_result(file: str, heard: Utterance, catalog: Catalog) -> RecordingResult:
    """The utterance as `flask hear` prints it: `kind` is items, change, remove, ask, command, digits, none, or ask_back
    if the line would ask before it accepts anything; `incomplete` if it would say that the rest was not understood."""
    asks = (
        heard.confirm
        or heard.command in ("all_but", "of_price")
        or any(_needs_question(item, catalog) for item in heard.items)
    )
    kind = "none"
    if heard.items:
        kind = _KINDS[heard.items[0].action]
    elif heard.digits:
        kind = "digits"
    elif heard.command:
        kind = "command"
    return {
        "file": file,
        "text": heard.text,
        "kind": "ask_back" if asks else kind,
        "items": [_line(item, catalog, asks) for item in heard.items],
        "digits": heard.digits[0] if heard.digits else None,
        "name": heard.command,
        "incomplete": heard.incomplete,
        "score": round(heard.confidence, 3),
    }


def unreadable(file: str, reason: str) -> RecordingResult:
    """The answer for a recording that cannot be read: kind none, and the reason as `error`."""
    return {**recording_result(file, NOTHING, Catalog("", {}, ())), "error": reason}


def quantity_in_cartons(item: Item, catalog: Catalog) -> float | int | None:
    """The quantity in cartons of the (first) spec; None if none was said or it has to be asked."""
    if item.quantity is None:
        return None
    spec = catalog.specs[item.barcodes[0]] if item.barcodes else None
    per_carton, per_case = (spec.packs_per_carton, spec.cartons_per_case) if spec else (10, 50)
    packs = item.quantity.packs(per_carton, per_case)
    if packs is None:
        return None
    return packs // per_carton if packs % per_carton == 0 else packs / per_carton


def _needs_question(item: Item, catalog: Catalog) -> bool:
    """True if the line has to ask before it can accept this item."""
    if len(item.barcodes) != 1:
        return True
    if item.action not in ("add", "reduce", "change"):
        return False
    return bool(item.other_quantities) or quantity_in_cartons(item, catalog) is None


def _line(item: Item, catalog: Catalog, asks: bool) -> list[Any]:
    names = [catalog.specs[barcode].name for barcode in item.barcodes]
    return [names if asks else names[0], quantity_in_cartons(item, catalog)]
