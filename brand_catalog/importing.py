"""Importing a catalogue from files: every row is checked, all problems are reported at once, all or nothing applies."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec, SpokenName
from brand_catalog.catalog_changes import compare_catalogs
from brand_catalog.loading import load_catalog
from brand_catalog.models import BrandSpec, CatalogVersion, SpokenNameRow
from brand_catalog.sheet_words import value_of
from brand_catalog.sheets import RowProblem, SheetError, SheetRow, read_sheet
from brand_catalog.spoken_names import Alias, derive_spoken_names, split_name, spoken_forms

NameCheck = Callable[[SpokenName], str | None]
"""Returns the reason why a spoken name can never be recognised, or None if it can."""

CATALOG_COLUMNS = (
    "name",
    "brand",
    "maker",
    "price_class",
    "carton_barcode",
    "box_barcode",
    "packs_per_carton",
    "cartons_per_case",
    "wholesale_per_carton",
    "wholesale_source",
    "retail_per_carton",
    "price_band",
)
ALIAS_COLUMNS = ("alias", "target", "kind")
ALIAS_KINDS = ("spec", "spec-region", "spoken", "ambiguous", "ambiguous-region", "brand-default", "brand-ambiguous")

# Three keys are enough for 899 specs; a catalogue beyond that goes on with four.
FIRST_SHORT_CODE = 101

# As the columns of brand_catalog/models.py.
_NAME_MAX_CHARS, _BRAND_MAX_CHARS, _CLASS_MAX_CHARS = 80, 40, 20
_UNITS_MAX, _BANDS_MAX = 1_000, 99

_BARCODE = re.compile(r"[0-9]{13}")
_SHORT_CODE = re.compile(r"[0-9]{3,4}")
_SYLLABLE = re.compile(r"[a-zü]+[1-5]")


class CatalogFileError(SheetError):
    """A catalogue file that was refused whole; `problems` names each row, column and reason."""


@dataclass(frozen=True)
class CheckedCatalog:
    """A catalogue read from files without an error, and warnings about what was left out of it."""

    catalog: Catalog
    warnings: tuple[RowProblem, ...]


@dataclass(frozen=True)
class ImportSummary:
    """The counts of an import, in specs; `version` is the catalogue now in force."""

    version: str
    added: int
    changed: int
    unchanged: int
    retired: int
    spoken_names: int


def read_catalog_file(path: Path, aliases: Path | None = None, name_check: NameCheck | None = None) -> Catalog:
    """The catalogue in a file and its aliases, without any database. CatalogFileError lists every problem."""
    return examine_catalog_file(path, aliases, name_check).catalog


def examine_catalog_file(
    path: Path, aliases: Path | None = None, name_check: NameCheck | None = None
) -> CheckedCatalog:
    """As `read_catalog_file`, with warnings: the aliases whose target is not in this catalogue."""
    try:
        sheet = read_sheet(path)
        specs = _read_specs(rows := list(sheet)) if sheet.require(CATALOG_COLUMNS) else []
        problems = list(sheet.problems)
        listed: list[Alias] = []
        warnings: list[RowProblem] = []
        if aliases is not None:
            alias_sheet = read_sheet(aliases)
            if alias_sheet.require(ALIAS_COLUMNS) and not problems:
                listed = _read_aliases(list(alias_sheet), specs, warnings)
            problems += alias_sheet.problems
    except SheetError as error:
        raise CatalogFileError(error.problems) from error
    if problems:
        raise CatalogFileError(problems)
    names = derive_spoken_names(specs, listed)
    if name_check is not None:
        row_of = {spec.barcode: row for spec, row in zip(specs, rows, strict=True)}
        for name in names:
            if reason := name_check(name):
                row_of[name.barcodes[0]].problem("name", f"spoken as {name.text!r} it can never be heard: {reason}")
        if sheet.problems:
            raise CatalogFileError(sheet.problems)
    return CheckedCatalog(make_catalog(specs, names), tuple(warnings))


def make_catalog(specs: Iterable[Spec], names: Sequence[SpokenName]) -> Catalog:
    """A catalogue whose version is a digest of its contents."""
    by_barcode = {spec.barcode: spec for spec in specs}
    contents = [[asdict(spec) for spec in by_barcode.values()], [asdict(name) for name in names]]
    digest = hashlib.sha256(json.dumps(contents, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return Catalog(digest[:16], by_barcode, tuple(names))


def import_catalog(session: Session, catalog: Catalog, now: datetime, note: str = "", by: str = "") -> ImportSummary:
    """Replace the catalogue in force by `catalog`. Specs known already keep their short codes; those no longer in it
    are retired, never deleted, because orders name them. The caller's transaction makes it all or nothing."""
    before = load_catalog(session)
    known = {row.barcode: row for row in session.scalars(select(BrandSpec))}
    catalog = _with_kept_codes(catalog, {barcode: row.short_code for barcode, row in known.items()})
    _set_aside_names(session, catalog, known)
    added = changed = 0
    for position, spec in enumerate(catalog.specs.values()):
        row = known.get(spec.barcode)
        if row is None:
            row = BrandSpec(barcode=spec.barcode)
            session.add(row)
            added += 1
        elif not row.listed or row.to_spec() != spec:
            changed += 1
        row.update_from(spec, position)
    retired = 0
    for barcode, row in known.items():
        if barcode not in catalog.specs and row.listed:
            row.listed = False
            retired += 1
    for old in session.scalars(select(SpokenNameRow)):
        session.delete(old)
    session.flush()
    session.add_all(SpokenNameRow.of(name, position) for position, name in enumerate(catalog.spoken_names))
    session.add(
        CatalogVersion(
            version=catalog.version,
            imported_at=now,
            note=note,
            specs=len(catalog.specs),
            by=by,
            changes=compare_catalogs(before, catalog).to_json(),
        )
    )
    session.flush()
    unchanged = len(catalog.specs) - added - changed
    return ImportSummary(catalog.version, added, changed, unchanged, retired, len(catalog.spoken_names))


def _set_aside_names(session: Session, catalog: Catalog, known: Mapping[str, BrandSpec]) -> None:
    """Set aside the names that move from one spec to another in this import: they would violate the unique constraint
    half-way."""
    renamed = [
        barcode
        for barcode, row in known.items()
        if barcode not in catalog.specs or catalog.specs[barcode].name != row.name
    ]
    taken = {spec.name for spec in catalog.specs.values()}
    for barcode in renamed:
        if known[barcode].name in taken:
            aside = f"{known[barcode].name} #{barcode}"
            session.execute(update(BrandSpec).where(BrandSpec.barcode == barcode).values(name=aside))
    session.flush()


def _with_kept_codes(catalog: Catalog, kept: Mapping[str, str]) -> Catalog:
    """The catalogue with the short codes assigned before; a code is never assigned to a second spec."""
    if not kept:
        return catalog
    used = set(kept.values())
    specs: list[Spec] = []
    for spec in catalog.specs.values():
        code = kept.get(spec.barcode)
        if code is None:
            code = spec.short_code if spec.short_code not in used else _free_code(used)
            used.add(code)
        specs.append(replace(spec, short_code=code))
    return make_catalog(specs, catalog.spoken_names)


def _free_code(used: set[str]) -> str:
    number = FIRST_SHORT_CODE
    while str(number) in used:
        number += 1
    return str(number)


def _read_specs(rows: Sequence[SheetRow]) -> list[Spec]:
    first_row: dict[tuple[str, str], int] = {}
    used = {row.text("short_code") for row in rows}
    specs: list[Spec] = []
    for row in rows:
        for column in ("name", "carton_barcode", "box_barcode", "short_code"):
            if not (value := row.text(column)):
                continue
            before = first_row.setdefault((column, value), row.number)
            if before != row.number:
                row.problem(column, f"{value!r} is in row {before} already")
        if (spec := _read_spec(row, used)) is not None:
            specs.append(spec)
    return specs


def _read_spec(row: SheetRow, used: set[str]) -> Spec | None:
    name = row.required("name", _NAME_MAX_CHARS)
    brand = row.required("brand", _BRAND_MAX_CHARS)
    price_class = row.required("price_class", _CLASS_MAX_CHARS)
    barcode = _barcode(row, "carton_barcode", row.required("carton_barcode"))
    pack_barcode = _barcode(row, "box_barcode", row.text("box_barcode") or None) or ""
    packs = row.count("packs_per_carton", most=_UNITS_MAX)
    cartons = row.count("cartons_per_case", most=_UNITS_MAX)
    wholesale = row.fen("wholesale_per_carton")
    retail = row.fen("retail_per_carton")
    band = row.count("price_band", most=_BANDS_MAX)
    source = value_of("wholesale_source", row.required("wholesale_source") or "") or None
    if source is not None and source != "estimated" and not source.startswith(("known", "actual")):
        row.problem("wholesale_source", f"{source!r} is neither known nor estimated")
    code = row.text("short_code")
    if code and not _SHORT_CODE.fullmatch(code):
        row.problem("short_code", f"{code!r} is not a code of three or four digits")
    if not code:
        code = _free_code(used)
        used.add(code)
    if name is not None and not spoken_forms(name):
        row.problem("name", f"{name!r} has nothing in it that could be said")
    pinyin = _pinyin(row, "".join(split_name(name)) if name else "")
    if not (name and brand and price_class and barcode and packs and cartons and wholesale and retail and band):
        return None
    return Spec(
        barcode=barcode,
        name=name,
        brand=brand,
        maker=row.name("maker", _BRAND_MAX_CHARS),
        price_class=price_class,
        pack_barcode=pack_barcode,
        packs_per_carton=packs,
        cartons_per_case=cartons,
        wholesale_fen=wholesale,
        wholesale_estimated=source == "estimated",
        retail_fen=retail,
        price_band=band,
        short_code=code,
        pinyin=pinyin,
    )


def _barcode(row: SheetRow, column: str, text: str | None) -> str | None:
    """An EAN-13 with the right check digit, or None."""
    if text is None:
        return None
    if not _BARCODE.fullmatch(text):
        row.problem(column, f"{text!r} is not a barcode of 13 digits")
        return None
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(text[:12]))
    if (check := -weighted % 10) != int(text[12]):
        row.problem(column, f"{text!r} has a wrong check digit: {text[12]} instead of {check}")
        return None
    return text


def _pinyin(row: SheetRow, written: str) -> str | None:
    if not (text := row.text("pinyin")):
        return None
    syllables = text.split()
    if wrong := [syllable for syllable in syllables if not _SYLLABLE.fullmatch(syllable)]:
        row.problem("pinyin", f"{wrong[0]!r} is not a syllable with its tone, like shan1")
    elif written and [len(form) for form in spoken_forms(written)] != [len(syllables)]:
        row.problem("pinyin", f"{len(syllables)} syllables do not fit {written!r}, one a character")
    return " ".join(syllables)


def _read_aliases(rows: Sequence[SheetRow], specs: Sequence[Spec], warnings: list[RowProblem]) -> list[Alias]:
    by_name = {spec.name: spec.barcode for spec in specs}
    by_brand: dict[str, list[str]] = {}
    for spec in specs:
        by_brand.setdefault(spec.brand, []).append(spec.barcode)
    aliases: list[Alias] = []
    for row in rows:
        text = row.required("alias", _NAME_MAX_CHARS)
        target = row.required("target")
        kind = row.one_of("kind", ALIAS_KINDS)
        pinyin = _pinyin(row, text or "")
        if text is None or target is None or kind is None:
            continue
        forms = spoken_forms(text)
        if not forms:
            row.problem("alias", f"{text!r} has nothing in it that could be said")
            continue
        barcodes: list[str] = []
        for part in target.split("|"):
            if (found := by_name.get(part.strip())) is not None:
                barcodes.append(found)
            elif kind == "brand-ambiguous" and part.strip() in by_brand:
                barcodes += by_brand[part.strip()]
            else:
                reason = f"the target {part.strip()!r} is not in this catalogue; left out"
                warnings.append(
                    RowProblem(row.sheet.file, row.number, row.sheet.written.get("target", "target"), reason)
                )
        if barcodes:
            brand = kind.startswith("brand")
            aliases += [Alias(form, tuple(barcodes), brand=brand, pinyin=pinyin) for form in forms]
    return aliases
