"""A spoken name tried: previewed with its confusables, refused, or added. The catalogue page and the review of a turn
use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from flask import render_template, request
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.matching import CONFUSABLE_DISTANCE, Match, NameIndex
from brand_catalog.name_overrides import NameRefused, add_name, with_name
from console.authentication import staff
from console.language import _
from ivr.services import services
from speech.grammars.vocabulary import UnsayableError, vocabulary_of
from storage import transaction

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


def preview_or_add(
    catalog: Catalog, text: str, barcode: str, *, on_added: Callable[[Session], None] = lambda session: None
) -> tuple[str, int, bool]:
    """The page part that answers the form of a spoken name, its status, and True if the name was added: with `add` in
    the form it is, unless the recogniser cannot say it. `on_added` is part of the addition's transaction."""
    try:
        with_name(catalog, text, barcode)
    except NameRefused:
        return render_template("settings/name_preview.html", refused=_refusal(catalog, text, barcode)), 422, False
    preview = preview_name(catalog, text)
    added = "add" in request.form and not preview.unknown_syllable
    if added:
        with transaction(services().sessions) as session:
            add_name(session, text, barcode, services().now(), staff().name)
            on_added(session)
    page = render_template(
        "settings/name_preview.html",
        preview=preview,
        added=added,
        catalog=catalog,
        barcode=barcode,
        action=request.path,
    )
    return page, 200, added


def preview_name(catalog: Catalog, text: str) -> NamePreview:
    """The preview of this name: its words as recognised, and the names it may be confused with."""
    model = services().recognition.model
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


def _refusal(catalog: Catalog, text: str, barcode: str) -> str:
    """The reason a name cannot be added to a spec, in a sentence."""
    if barcode not in catalog.specs:
        return _("请先从名单里选一个品规。")
    if has_name(catalog, text, barcode):
        return _("这个品规已经有这个叫法了。")
    return _("叫法要写两到十二个汉字，数字也写成汉字。")
