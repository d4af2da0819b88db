"""Orders imported by file from another system, every half hour (AY 4.2.5.8).

A file is read whole before anything of it is kept. Each order is then its own unit of work under its own reference, so
that a long file delays no caller, and the same file again, or one that overlaps it, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import SheetError, SheetRow, read_sheet
from clock import SHANGHAI
from orders.channels.order_rows import add_line, read_line
from orders.channels.web_orders import WebOrder

COLUMNS = ("reference", "customer_code", "name", "cartons", "placed_at")


@dataclass(frozen=True, slots=True)
class ReferencedOrder:
    """One order of a file, and its reference in the other system."""

    reference: str
    order: WebOrder


def read_orders(path: Path, catalog: Catalog, now: datetime) -> list[ReferencedOrder]:
    """The orders in a file (CSV or XLSX), one line of an order a row: reference, customer_code, name or barcode,
    cartons, placed_at as 2026-11-23 11:50. SheetError lists all problems."""
    sheet = read_sheet(path)
    found: dict[str, tuple[str, datetime, dict[str, int]]] = {}
    for row in sheet if sheet.require(COLUMNS) else ():
        reference, code = row.required("reference"), row.required("customer_code")
        spec, cartons = read_line(row, catalog)
        placed_at = parse_moment(row, "placed_at", now)
        if reference is not None and len(reference) > 80:
            row.problem("reference", "is longer than 80 characters")
        if code is not None and not (len(code) == 12 and code.isascii() and code.isdigit()):
            row.problem("customer_code", f"{code!r} is not a customer code of 12 digits")
        if not (reference and code and spec and cartons and placed_at):
            continue
        first_code, first_placed, packs = found.setdefault(reference, (code, placed_at, {}))
        if (first_code, first_placed) != (code, placed_at):
            row.problem("reference", f"order {reference} has another customer_code or placed_at in an earlier row")
        add_line(row, packs, spec, cartons, f"order {reference}")
    if sheet.problems:
        raise SheetError(sheet.problems)
    return [ReferencedOrder(reference, WebOrder(code, packs, at)) for reference, (code, at, packs) in found.items()]


def parse_moment(row: SheetRow, column: str, now: datetime) -> datetime | None:
    """The moment in a column, in the department's local time; None, with a problem noted, where it is missing,
    malformed or in the future."""
    if (text := row.required(column)) is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        row.problem(column, f"{text!r} is not a moment like 2026-01-31 11:50")
        return None
    at = at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at
    if at > now:
        row.problem(column, f"{text!r} is still to come")
        return None
    return at
