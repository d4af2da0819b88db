"""Spoken names added or removed by hand between two imports, and kept through the imports that follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec, SpokenName
from brand_catalog.importing import ImportSummary, import_catalog, make_catalog
from brand_catalog.loading import load_catalog
from brand_catalog.models import CatalogVersion, NameOverride

_SPOKEN = re.compile(r"[一-鿿]{2,12}")


class NameRefused(ValueError):
    """The name cannot be added or removed; the message says why."""


def with_name(catalog: Catalog, text: str, barcode: str) -> Catalog:
    """The catalogue with one more spoken name for a spec. A name that already means another spec means both from then
    on, and the caller is asked which. NameRefused if the spec has the name already, or it cannot be said."""
    names = _by_text(catalog)
    _add_name(names, catalog.specs, text, barcode)
    return make_catalog(catalog.specs.values(), tuple(names.values()))


def without_name(catalog: Catalog, text: str, barcode: str) -> Catalog:
    """The catalogue with one spoken name fewer for a spec. NameRefused if the spec has no such name, or no other."""
    names = _by_text(catalog)
    _remove_name(names, catalog.specs, text, barcode)
    return make_catalog(catalog.specs.values(), tuple(names.values()))


def add_name(session: Session, text: str, barcode: str, now: datetime, by: str) -> ImportSummary:
    """Put the catalogue with this name in force. Concurrent changes of names are made one after the other."""
    _lock_catalog(session)
    catalog = with_name(load_catalog(session), text, barcode)
    _store_override(session, text, barcode, now, by, added=True)
    return import_catalog(session, catalog, now, note=f"+ {text}", by=by)


def remove_name(session: Session, text: str, barcode: str, now: datetime, by: str) -> ImportSummary:
    """Put the catalogue without this name in force."""
    _lock_catalog(session)
    catalog = without_name(load_catalog(session), text, barcode)
    _store_override(session, text, barcode, now, by, added=False)
    return import_catalog(session, catalog, now, note=f"- {text}", by=by)


def with_overrides(session: Session, catalog: Catalog) -> Catalog:
    """A catalogue from files with the changes made by hand applied to it, where they still apply."""
    names = _by_text(catalog)
    for row in session.scalars(select(NameOverride).order_by(NameOverride.at)):
        with suppress(NameRefused):
            (_add_name if row.added else _remove_name)(names, catalog.specs, row.text, row.barcode)
    return make_catalog(catalog.specs.values(), tuple(names.values()))


def with_names_from(catalog: Catalog, before: Catalog) -> Catalog:
    """The catalogue with the spoken names `before` has for the same specs, if those are still written the same."""
    same = {b for b, spec in catalog.specs.items() if b in before.specs and before.specs[b].name == spec.name}
    names = _by_text(catalog)
    for name in before.spoken_names:
        kept = tuple(barcode for barcode in name.barcodes if barcode in same)
        if not kept:
            continue
        if (there := names.get(name.text)) is None:
            names[name.text] = _with_barcodes(name, kept)
        elif together := tuple(dict.fromkeys((*kept, *there.barcodes))):
            names[name.text] = _with_barcodes(there if there.kind == "brand" else name, together)
    return make_catalog(catalog.specs.values(), tuple(names.values()))


def merged_catalog(session: Session, catalog: Catalog, *, keep_names: bool) -> Catalog:
    """A catalogue from files as it would be in force: with the names added and removed by hand, and with `keep_names`
    the names of the catalogue in force."""
    return with_overrides(session, with_names_from(catalog, load_catalog(session)) if keep_names else catalog)


def replace_catalog(
    session: Session, catalog: Catalog, now: datetime, note: str, by: str = "", *, keep_names: bool = False
) -> ImportSummary:
    """Put a catalogue from files in force, as `merged_catalog` returns it. A change made by hand that the files now
    agree with is deleted: from then on the files decide."""
    _lock_catalog(session)
    said = {(name.text, barcode) for name in catalog.spoken_names for barcode in name.barcodes}
    whole = merged_catalog(session, catalog, keep_names=keep_names)
    for row in session.scalars(select(NameOverride)):
        if row.barcode in catalog.specs and row.added == ((row.text, row.barcode) in said):
            session.delete(row)
    return import_catalog(session, whole, now, note, by)


def _by_text(catalog: Catalog) -> dict[str, SpokenName]:
    return {name.text: name for name in catalog.spoken_names}


def _add_name(names: dict[str, SpokenName], specs: Mapping[str, Spec], text: str, barcode: str) -> None:
    if not _SPOKEN.fullmatch(text):
        raise NameRefused(f"{text!r} cannot be said: a name is two to twelve Chinese characters, figures in words.")
    if barcode not in specs:
        raise NameRefused(f"The catalogue has no spec {barcode}.")
    there = names.get(text)
    if there is not None and barcode in there.barcodes:
        raise NameRefused(f"{text} means {specs[barcode].name} already.")
    names[text] = (
        SpokenName(text, (barcode,), "derived") if there is None else _with_barcodes(there, (*there.barcodes, barcode))
    )


def _remove_name(names: dict[str, SpokenName], specs: Mapping[str, Spec], text: str, barcode: str) -> None:
    there = names.get(text)
    if there is None or barcode not in there.barcodes:
        raise NameRefused(f"{text} does not mean this spec.")
    if not any(barcode in name.barcodes for name in names.values() if name is not there):
        raise NameRefused(f"{text} is the only way to say {specs[barcode].name}: give it another name first.")
    if left := tuple(other for other in there.barcodes if other != barcode):
        names[text] = _with_barcodes(there, left)
    else:
        del names[text]


def _with_barcodes(name: SpokenName, barcodes: tuple[str, ...]) -> SpokenName:
    """The name with other specs than before; one that means several is ambiguous and has to be asked about."""
    if len(barcodes) > 1:
        return replace(name, barcodes=barcodes, kind="brand" if name.kind == "brand" else "ambiguous")
    return replace(name, barcodes=barcodes, kind="derived" if name.kind == "ambiguous" else name.kind)


def _lock_catalog(session: Session) -> None:
    session.scalar(select(CatalogVersion).order_by(CatalogVersion.id.desc()).limit(1).with_for_update())


def _store_override(session: Session, text: str, barcode: str, now: datetime, by: str, *, added: bool) -> None:
    """Store the change made by hand, or delete the one that it undoes."""
    row = session.get(NameOverride, (text, barcode))
    if row is not None and row.added != added:
        session.delete(row)
    elif row is None:
        session.add(NameOverride(text=text, barcode=barcode, added=added, at=now, by=by))
