"""Orders imported by file from another system, every half hour (AY 4.2.5.8).

A file is read whole before anything of it is kept. Each order is then its own unit of work under its own reference, so
that a long file delays no caller, and the same file again, or one that overlaps it, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import SheetError, SheetRow, read_sheet
from clock import SHANGHAI
from orders.book.desk import Desk
from orders.book.models import Channel
from orders.channels.order_rows import add_line, read_line
from orders.channels.web_orders import KeyReused, WebOrder, enter_order
from storage import SessionFactory, retry_on_deadlock, transaction

COLUMNS = ("reference", "customer_code", "name", "cartons", "placed_at")
KEY_REUSED = "key_reused"
"""The reason of an order whose reference belongs to another order of the same sender."""
# The cell to look at, by the reason an order was refused for; for all others it is the customer code.
_COLUMN_OF: Mapping[str, str] = {
    KEY_REUSED: "reference",
    "closed": "placed_at",
    "not_order_day": "placed_at",
    "nothing_left": "name",
    "order_min": "cartons",
}


@dataclass(frozen=True, slots=True)
class ReferencedOrder:
    """One order of a file, its reference in the other system, and its first row in the file."""

    reference: str
    order: WebOrder
    row: int


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """An order of a file that was not saved: its first row, and the column and the reason it was refused for."""

    row: int
    column: str
    reference: str
    customer_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrdersEntered:
    """The result of a file of orders: how many were saved as they were sent, `cut` to a limit, or entered before; the
    rows of those that were saved or cut; and those that were refused."""

    saved: int
    cut: int
    repeated: int
    rows_taken: int
    refused: tuple[OrderRefused, ...]


def read_orders(path: Path, catalog: Catalog, now: datetime) -> list[ReferencedOrder]:
    """The orders in a file (CSV or XLSX), one line of an order a row: reference, customer_code, name or barcode,
    cartons, placed_at as 2026-11-23 11:50. SheetError lists all problems."""
    sheet = read_sheet(path)
    found: dict[str, tuple[str, datetime, dict[str, int], int]] = {}
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
        first_code, first_placed, packs, _row = found.setdefault(reference, (code, placed_at, {}, row.number))
        if (first_code, first_placed) != (code, placed_at):
            row.problem("reference", f"order {reference} has another customer_code or placed_at in an earlier row")
        add_line(row, packs, spec, cartons, f"order {reference}")
    if sheet.problems:
        raise SheetError(sheet.problems)
    return [
        ReferencedOrder(reference, WebOrder(code, packs, at), row)
        for reference, (code, at, packs, row) in found.items()
    ]


def enter_orders(
    sessions: SessionFactory,
    catalog: Catalog,
    found: Iterable[ReferencedOrder],
    channel: Channel,
    sender: str,
    now: datetime,
    *,
    resumed_from: datetime | None = None,
    report: Callable[[int], None] = lambda _rows: None,
) -> OrdersEntered:
    """Enter the orders of a file one after the other, each in its own transaction. Where a run that began at
    `resumed_from` was interrupted, what it entered does not count as entered before. `report` is told the rows that are
    done."""

    @retry_on_deadlock
    def enter(one: ReferencedOrder) -> tuple[str, str | None]:
        with transaction(sessions) as session:
            entered = enter_order(
                Desk(session, catalog, one.order.placed_at), channel, sender, one.reference, one.order, now
            )
            if entered.repeated and (resumed_from is None or entered.row.received_at < resumed_from):
                return "repeated", None
            return entered.row.state, entered.row.reason

    states: Counter[str] = Counter()
    rows_taken, refused = 0, []
    for one in found:
        try:
            state, reason = enter(one)
        except KeyReused:
            state, reason = "failed", KEY_REUSED
        states[state] += 1
        if state == "failed":
            why = reason or ""
            column = _COLUMN_OF.get(why, "customer_code")
            refused.append(OrderRefused(one.row, column, one.reference, one.order.customer_code, why))
        elif state != "repeated":
            rows_taken += len(one.order.packs)
        report(len(one.order.packs))
    return OrdersEntered(states["saved"], states["cut"], states["repeated"], rows_taken, tuple(refused))


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
