"""A catalogue as the files it is imported from."""

from __future__ import annotations

from collections.abc import Iterator

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.importing import ALIAS_COLUMNS as IMPORTED_ALIAS_COLUMNS
from brand_catalog.importing import CATALOG_COLUMNS as IMPORTED_COLUMNS
from brand_catalog.sheet_writing import csv_bytes
from brand_catalog.spoken_names import Alias, derive_spoken_names

EXPORTED_CATALOG_COLUMNS = (*IMPORTED_COLUMNS, "pinyin", "short_code")
EXPORTED_ALIAS_COLUMNS = (*IMPORTED_ALIAS_COLUMNS, "pinyin")


def catalog_rows(catalog: Catalog) -> Iterator[tuple[str | int, ...]]:
    """Every spec, in CATALOG_COLUMNS."""
    for spec in catalog.specs.values():
        yield (
            spec.name,
            spec.brand,
            spec.maker,
            spec.price_class,
            spec.barcode,
            spec.pack_barcode,
            spec.packs_per_carton,
            spec.cartons_per_case,
            f"{spec.wholesale_fen / 100:.2f}",
            "estimated" if spec.wholesale_estimated else "known",
            f"{spec.retail_fen / 100:.2f}",
            spec.price_band,
            spec.pinyin or "",
            spec.short_code,
        )


def alias_rows(catalog: Catalog) -> Iterator[tuple[str, ...]]:
    """The spoken names that do not follow from how the specs are written, in ALIAS_COLUMNS."""
    listed: list[SpokenName] = []
    # First the listed aliases, then the names that do not follow from those either: names added by hand.
    for derived in (False, True):
        aliases = (Alias(name.text, name.barcodes, name.kind == "brand", name.pinyin) for name in listed)
        follows = {name.text: set(name.barcodes) for name in derive_spoken_names(catalog.specs.values(), aliases)}
        listed += [
            name
            for name in catalog.spoken_names
            if (name.kind == "derived") == derived and follows.get(name.text) != set(name.barcodes)
        ]
    for name in listed:
        kind = "brand-default" if name.kind == "brand" else "spec" if len(name.barcodes) == 1 else "ambiguous"
        targets = "|".join(catalog.specs[barcode].name for barcode in name.barcodes)
        yield name.text, targets, kind, name.pinyin or ""


def as_files(catalog: Catalog) -> Iterator[tuple[str, bytes]]:
    """The names and contents of catalog.csv and aliases.csv."""
    yield "catalog.csv", csv_bytes(EXPORTED_CATALOG_COLUMNS, catalog_rows(catalog))
    yield "aliases.csv", csv_bytes(EXPORTED_ALIAS_COLUMNS, alias_rows(catalog))
