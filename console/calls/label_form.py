"""The form that labels a recording with its meaning, in the terms of docs/hearing.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from brand_catalog.catalog import Catalog
from console.language import _
from speech.listening import CUSTOMER_CODE_DIGITS
from speech.recording_results import quantity_in_cartons
from speech.utterance import Command, Utterance

UtteranceKind = Literal["items", "reduce", "change", "remove", "ask", "command", "digits", "none"]
KINDS: tuple[UtteranceKind, ...] = get_args(UtteranceKind)
WITH_CARTONS: tuple[UtteranceKind, ...] = ("items", "reduce", "change")
WITH_LINES: tuple[UtteranceKind, ...] = (*WITH_CARTONS, "remove", "ask")
COMMANDS: tuple[Command, ...] = get_args(Command)
TEXT_MAX = 200
LINES_MIN, LINES_MAX = 3, 12


@dataclass
class LabelForm:
    """The values of the form; `errors` holds them by field name."""

    text: str
    kind: UtteranceKind = "items"
    lines: list[tuple[str, str]] = field(default_factory=list)
    command: str = ""
    digits: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The lines of the form with at least one empty one at the end: three to twelve in all."""
        return [*self.lines, *[("", "")] * max(1, LINES_MIN - len(self.lines))][:LINES_MAX]


def from_utterance(utterance: Utterance, text: str, catalog: Catalog) -> LabelForm:
    """The form filled in from an utterance."""
    form = LabelForm(text, lines=[_line(item, catalog) for item in utterance.items])
    if utterance.items:
        action = utterance.items[0].action
        form.kind = "items" if action == "add" else action
    elif utterance.digits:
        form.kind, form.digits = "digits", utterance.digits[0]
    elif utterance.command:
        form.kind, form.command = "command", utterance.command
    else:
        form.kind = "none"
    return form


def from_form(form: Mapping[str, str]) -> LabelForm:
    """The form as submitted."""
    lines = [(form.get(f"spec{i}", "").strip(), form.get(f"cartons{i}", "").strip()) for i in range(LINES_MAX)]
    return LabelForm(
        text=form.get("text", "").strip()[:TEXT_MAX],
        kind=next((kind for kind in KINDS if kind == form.get("kind")), "none"),
        lines=[line for line in lines if any(line)],
        command=form.get("command", ""),
        digits=form.get("digits", "").strip(),
    )


def label_of(form: LabelForm, catalog: Catalog) -> dict[str, Any] | None:
    """The label of the recording, or None with the errors noted in the form."""
    if not form.text:
        form.errors["text"] = _("请写下说的话。")
    label: dict[str, Any] = {"kind": form.kind}
    if form.kind in WITH_LINES:
        label["items"] = _items(form, catalog)
    elif form.kind == "command":
        label["name"] = form.command
        if form.command not in COMMANDS:
            form.errors["command"] = _("请选一个口令。")
    elif form.kind == "digits":
        label["digits"] = form.digits
        if len(form.digits) != CUSTOMER_CODE_DIGITS or not (form.digits.isascii() and form.digits.isdigit()):
            form.errors["digits"] = _("客户代码是12位数字。")
    return None if form.errors else label


def _items(form: LabelForm, catalog: Catalog) -> list[list[Any]]:
    names = {spec.name for spec in catalog.specs.values()}
    if not form.lines:
        form.errors["spec0"] = _("请先从名单里选一个品规。")
    items = []
    for place, (name, said) in enumerate(form.lines):
        if name not in names:
            form.errors[f"spec{place}"] = _("请先从名单里选一个品规。")
        count = _count(said)
        if form.kind in WITH_CARTONS and count is None:
            form.errors[f"cartons{place}"] = _("条数要写数字，比如 5。")
        items.append([name, count if form.kind in WITH_CARTONS else None])
    return items


def _count(said: str) -> int | float | None:
    """The number of cartons, whole or in tenths, or None if the text is no such number."""
    try:
        value = Decimal(said)
    except InvalidOperation:
        return None
    if not value.is_finite() or not 0 < value < 100_000 or value * 10 % 1:
        return None
    return int(value) if value == int(value) else float(value)


def _line(item: Any, catalog: Catalog) -> tuple[str, str]:
    spec = catalog.specs.get(item.barcodes[0]) if item.barcodes else None
    count = quantity_in_cartons(item, catalog) if spec is not None else None
    return spec.name if spec is not None else "", "" if count is None else f"{count:g}"
