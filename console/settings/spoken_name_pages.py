"""The catalogue with its spoken names: preview a name with its confusables, add one, remove one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.matching import CONFUSABLE_DISTANCE, Match, NameIndex
from brand_catalog.name_overrides import NameRefused, add_name, remove_name, with_name
from console.authentication import may, requires_task, staff
from console.desk.order_sheet import initials
from console.language import _
from console.services import services
from speech.vocabulary import UnsayableError, vocabulary_of
from storage import read_only, transaction

SPECS_SHOWN = 60
CONFUSABLES_MAX = 8


@dataclass(frozen=True, slots=True)
class NamePreview:
    """The preview of a spoken name: its words in the vocabulary, the same name if it exists, and its confusables."""

    text: str
    words: tuple[str, ...] | None
    unknown_syllable: str
    existing: SpokenName | None
    confusables: tuple[Match, ...]


@lru_cache(maxsize=2)
def _index(catalog_version: str, names: tuple[SpokenName, ...]) -> NameIndex:
    return NameIndex(names)


def spoken_name_routes() -> Blueprint:
    """The catalogue page."""
    routes = Blueprint("spoken_names", __name__, url_prefix="/catalog")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()
        with read_only(services().sessions) as session:
            catalog = services().line.recognition.catalog(session)
        by_spec: dict[str, list[SpokenName]] = {barcode: [] for barcode in catalog.specs}
        for name in catalog.spoken_names:
            for barcode in name.barcodes:
                by_spec[barcode].append(name)
        plain = text.lower()
        found = [
            (spec, by_spec[barcode])
            for barcode, spec in catalog.specs.items()
            if not text
            or text in spec.name
            or spec.short_code == text
            or initials(spec).startswith(plain)
            or any(text in name.text for name in by_spec[barcode])
        ]
        part = "settings/catalog_rows.html" if request.headers.get("HX-Request") else "settings/catalog.html"
        return render_template(
            part,
            rows=found[:SPECS_SHOWN],
            found=len(found),
            text=text,
            catalog=catalog,
            may_edit=may("edit_catalog"),
        )

    @routes.post("/names")
    @requires_task("edit_catalog")
    def preview_or_add() -> ResponseReturnValue:
        """Preview a name for a spec, or add it with `add`."""
        text, barcode = request.form.get("text", "").strip(), request.form.get("barcode", "")
        with read_only(services().sessions) as session:
            catalog = services().line.recognition.catalog(session)
        try:
            with_name(catalog, text, barcode)
        except NameRefused:
            return render_template("settings/name_preview.html", refused=name_refusal(catalog, text, barcode)), 422
        preview = preview_name(catalog, text)
        added = "add" in request.form and not preview.unknown_syllable
        if added:
            with transaction(services().sessions) as session:
                add_name(session, text, barcode, services().now(), staff().name)
        return render_template(
            "settings/name_preview.html", preview=preview, added=added, catalog=catalog, barcode=barcode
        )

    @routes.post("/names/known")
    @requires_task("see_day")
    def known() -> ResponseReturnValue:
        """Preview a name the spec already has."""
        text, barcode = request.form.get("known", ""), request.form.get("barcode", "")
        with read_only(services().sessions) as session:
            catalog = services().line.recognition.catalog(session)
        if not has_name(catalog, text, barcode):
            return render_template("settings/name_preview.html", refused=_("这个品规已经没有这个叫法了。")), 422
        return render_template(
            "settings/name_known.html",
            preview=preview_name(catalog, text),
            catalog=catalog,
            barcode=barcode,
            may_edit=may("edit_catalog"),
        )

    @routes.post("/names/remove")
    @requires_task("edit_catalog")
    def remove() -> ResponseReturnValue:
        """Remove a name from a spec."""
        text, barcode = request.form.get("remove", ""), request.form.get("barcode", "")
        try:
            with transaction(services().sessions) as session:
                remove_name(session, text, barcode, services().now(), staff().name)
        except NameRefused:
            with read_only(services().sessions) as session:
                catalog = services().line.recognition.catalog(session)
            return render_template("settings/name_preview.html", refused=_why_kept(catalog, text, barcode)), 422
        return render_template("settings/name_preview.html", removed=text)

    return routes


def preview_name(catalog: Catalog, text: str) -> NamePreview:
    """The preview of this name: its words as recognised, and the names it may be confused with."""
    model = services().line.recognition.model
    words: tuple[str, ...] | None = None
    unknown_syllable = ""
    if model is not None:
        try:
            words = vocabulary_of(model).words(text)
        except UnsayableError as error:
            unknown_syllable = error.syllable
    nearest = _index(catalog.version, catalog.spoken_names).nearest(text, CONFUSABLES_MAX)
    return NamePreview(
        text=text,
        words=words,
        unknown_syllable=unknown_syllable,
        existing=next((name for name in catalog.spoken_names if name.text == text), None),
        confusables=tuple(
            match for match in nearest if match.distance <= CONFUSABLE_DISTANCE and match.name.text != text
        ),
    )


def has_name(catalog: Catalog, text: str, barcode: str) -> bool:
    """True if this is one of the spec's spoken names."""
    return any(name.text == text and barcode in name.barcodes for name in catalog.spoken_names)


def name_refusal(catalog: Catalog, text: str, barcode: str) -> str:
    """The reason a name cannot be added to a spec, in a sentence."""
    if barcode not in catalog.specs:
        return _("请先从名单里选一个品规。")
    if has_name(catalog, text, barcode):
        return _("这个品规已经有这个叫法了。")
    return _("叫法要写两到十二个汉字，数字也写成汉字。")


def _why_kept(catalog: Catalog, text: str, barcode: str) -> str:
    if not has_name(catalog, text, barcode):
        return _("这个品规已经没有这个叫法了。")
    return _("这是这个品规唯一的叫法，请先加一个别的。")
