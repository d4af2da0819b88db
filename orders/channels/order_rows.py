"""The cells that every file of orders has: the spec of a line, and its cartons."""

from __future__ import annotations

from brand_catalog.catalog import Catalog, Spec
from brand_catalog.sheets import SheetRow

CARTONS_MAX = 9_999
"""The most cartons of one line; a larger figure is a slip."""


def read_line(row: SheetRow, catalog: Catalog) -> tuple[Spec | None, int | None]:
    """The spec, by its name or barcode, and the cartons of a row; None, with a problem noted, for what is wrong."""
    name, cartons = row.required("name"), row.count("cartons")
    spec = catalog.by_name_or_barcode.get(name or "")
    if name is not None and spec is None:
        row.problem("name", f"{name!r} is not in the catalogue")
    if cartons is not None and cartons > CARTONS_MAX:
        row.problem("cartons", f"{cartons} is more than {CARTONS_MAX}")
    return spec, cartons


def add_line(row: SheetRow, packs: dict[str, int], spec: Spec, cartons: int, order: str) -> None:
    """Add a line to an order's packs by barcode; a problem is noted where it has the spec already. `order` names the
    order in the problem."""
    if spec.barcode in packs:
        row.problem("name", f"{order} has {row.text('name')!r} in an earlier row already")
    packs[spec.barcode] = cartons * spec.packs_per_carton
