"""The department's table of substitutes for specs that are out; for specs not in it the desk finds one itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import SheetError, read_sheet
from orders.audit_log import record_change
from orders.book.models import Substitute

COLUMNS = ("name", "instead")


def substitutes(session: Session) -> dict[str, list[str]]:
    """The table: the substitutes of each spec by barcode, the best first."""
    found: dict[str, list[str]] = {}
    for row in session.scalars(select(Substitute).order_by(Substitute.barcode, Substitute.position)):
        found.setdefault(row.barcode, []).append(row.instead)
    return found


def set_substitutes(
    session: Session, barcode: str, instead: Sequence[str], catalog: Catalog, *, by: str, why: str, now: datetime
) -> bool:
    """Set the substitutes of one spec, the best first; True if they differ from before. ValueError for the spec itself
    or one twice."""
    if barcode in instead or len(set(instead)) < len(instead):
        raise ValueError(f"The substitutes of {barcode} are other specs, each once.")
    before = substitutes(session).get(barcode)
    session.execute(delete(Substitute).where(Substitute.barcode == barcode))
    session.add_all(Substitute(barcode=barcode, instead=one, position=position) for position, one in enumerate(instead))
    session.flush()
    after = list(instead) or None
    changed = _named(before, catalog), _named(after, catalog)
    return record_change(session, "substitutes", barcode, *changed, by=by, why=why, now=now)


def import_substitutes(
    session: Session, path: Path, catalog: Catalog, *, by: str, why: str, now: datetime
) -> dict[str, list[str]]:
    """Replace the table by the one in a file, and return it by barcode; errors as of `read_substitutes`."""
    read = read_substitutes(path, catalog)
    present = substitutes(session)
    session.execute(delete(Substitute))
    session.add_all(
        Substitute(barcode=barcode, instead=instead, position=position)
        for barcode, others in read.items()
        for position, instead in enumerate(others)
    )
    session.flush()
    for barcode in sorted(present.keys() | read.keys()):
        before, after = _named(present.get(barcode), catalog), _named(read.get(barcode), catalog)
        record_change(session, "substitutes", barcode, before, after, by=by, why=why, now=now)
    return read


def _named(barcodes: list[str] | None, catalog: Catalog) -> dict[str, list[str]] | None:
    """The substitutes under the names the specs have now, as the audit log records them; None where there are none."""
    if barcodes is None:
        return None
    return {"instead": [catalog.specs[one].name if one in catalog.specs else one for one in barcodes]}


def read_substitutes(path: Path, catalog: Catalog) -> dict[str, list[str]]:
    """The table in a CSV or XLSX file (name, instead; of a spec the best first), by barcode. SheetError lists all
    problems."""
    sheet = read_sheet(path)
    specs = catalog.by_name_or_barcode
    found: dict[str, list[str]] = {}
    for row in sheet if sheet.require(COLUMNS) else ():
        names = {column: row.required(column) for column in COLUMNS}
        for column, name in names.items():
            if name is not None and name not in specs:
                row.problem(column, f"{name!r} is not in the catalogue")
        spec, instead = (specs.get(name or "") for name in names.values())
        if spec is None or instead is None:
            continue
        if spec == instead:
            row.problem("instead", f"{spec.name!r} cannot be its own substitute")
        elif instead.barcode in found.setdefault(spec.barcode, []):
            row.problem("instead", f"{instead.name!r} is a substitute for {spec.name!r} in an earlier row already")
        else:
            found[spec.barcode].append(instead.barcode)
    if sheet.problems:
        raise SheetError(sheet.problems)
    return found
