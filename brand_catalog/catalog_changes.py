"""The differences between two catalogues: shown before the new one is put in force, and stored with it afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from brand_catalog.catalog import Catalog, Spec

# Short codes are assigned by the import and stay with their specs whatever a file says, so they are not compared.
COMPARED_FIELDS = tuple(field for field in Spec.__slots__ if field not in ("barcode", "short_code"))
# Entries stored of each kind: a person reads a short list; of a whole new catalogue the counts are enough.
MAX_STORED = 300


@dataclass(frozen=True, slots=True)
class SpecChange:
    """One field of a spec that changes; prices are in fen a carton."""

    name: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class CatalogChanges:
    """The changes from one catalogue to the next; names are spoken names, each with its spec."""

    added: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    changed: tuple[SpecChange, ...] = ()
    names_added: tuple[tuple[str, str], ...] = ()
    names_removed: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any((self.added, self.retired, self.changed, self.names_added, self.names_removed))

    @property
    def specs_changed(self) -> int:
        return len({change.name for change in self.changed})

    def to_json(self) -> dict[str, Any]:
        """The form that is stored: the count of each kind, and the first `MAX_STORED` of them."""
        parts = {name: list(part) for name, part in asdict(self).items()}
        counts = {name: len(part) for name, part in parts.items()} | {"changed": self.specs_changed}
        return {"counts": counts, **{name: part[:MAX_STORED] for name, part in parts.items()}}


def compare_catalogs(before: Catalog, after: Catalog) -> CatalogChanges:
    """The changes made when `after` replaces `before`."""
    specs_before, specs_after = before.specs, after.specs
    names_before, names_after = _names(before), _names(after)
    changed = [
        SpecChange(spec.name, field, getattr(specs_before[barcode], field), getattr(spec, field))
        for barcode, spec in specs_after.items()
        if barcode in specs_before
        for field in COMPARED_FIELDS
        if getattr(specs_before[barcode], field) != getattr(spec, field)
    ]
    return CatalogChanges(
        added=tuple(spec.name for barcode, spec in specs_after.items() if barcode not in specs_before),
        retired=tuple(spec.name for barcode, spec in specs_before.items() if barcode not in specs_after),
        changed=tuple(changed),
        names_added=tuple((text, specs_after[b].name) for text, b in names_after if (text, b) not in names_before),
        names_removed=tuple((text, specs_before[b].name) for text, b in names_before if (text, b) not in names_after),
    )


def _names(catalog: Catalog) -> dict[tuple[str, str], None]:
    return {(name.text, barcode): None for name in catalog.spoken_names for barcode in name.barcodes}
