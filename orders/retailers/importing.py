"""Retailers from a file, with every wrong cell named; a file with one is refused whole. Those not in it stay as they
are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError, SheetRow, read_sheet
from orders import audit_log
from orders.lockout import hash_secret
from orders.retailers.caller_numbers import WITHHELD, caller_number
from orders.retailers.models import NAME_MAX_CHARS, Cycle, RetailerPhone, RetailerRow, RetailerStatus
from orders.retailers.pins import SHARED_MAX, is_weak
from orders.windows import cycle_week
from storage import SessionFactory, read_only, retry_on_deadlock, transaction, unhurried

COLUMNS = ("customer_code", "name", "cycle", "order_day")
STATUSES: tuple[RetailerStatus, ...] = ("active", "suspended")
# Retailers that are stored in one transaction.
BATCH = 500
# The first changes, shown with the result.
CHANGES_SHOWN = 50
CYCLES: tuple[Cycle, ...] = ("weekly", "fortnightly", "monthly")

GRADE_MAX = 99
# As the columns of orders/retailers/models.py.
PLACE_MAX_CHARS = {"county": 40, "region": 20, "manager": 40, "route": 40}

# Six digits of region, 1 for an individual or 2 for a company, and a serial number of five.
_CUSTOMER_CODE = re.compile(r"[0-9]{6}[12][0-9]{5}")
_PHONE = re.compile(r"\+[0-9]{6,15}")
_PIN = re.compile(r"[0-9]{4}")


@dataclass(frozen=True)
class RetailerEntry:
    """One retailer of the file; what the file leaves out stays as it is."""

    code: str
    fields: dict[str, object]
    pin: str | None
    phones: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RetailerChange:
    """What an entry changes: the values of its fields before, None for a new retailer, and after."""

    entry: RetailerEntry
    retailer: RetailerRow
    before: dict[str, object] | None
    after: dict[str, object]


@dataclass(frozen=True, slots=True)
class RetailersImported:
    """The result of an import of retailers, done or previewed, with the first retailers that differ."""

    added: int
    changed: int
    first: tuple[RetailerChange, ...] = field(default=(), compare=False)

    def with_change(self, change: RetailerChange) -> RetailersImported:
        """The result with one more retailer in it."""
        if change.before == change.after:
            return self
        first = self.first if len(self.first) == CHANGES_SHOWN else (*self.first, change)
        is_new = change.before is None
        return RetailersImported(self.added + is_new, self.changed + (not is_new), first)


def read_retailers(session: Session, path: Path) -> list[RetailerEntry]:
    """The retailers in a CSV or XLSX file: customer_code, name, cycle, and order_day, one of its order days; and, where
    there are such columns, status, county, region, manager, route, grade, balance, phones (as the carrier writes them,
    `|` between) and pin. SheetError lists all problems."""
    known = {row.customer_code: row.id for row in session.execute(select(RetailerRow.customer_code, RetailerRow.id))}
    owners = {row.phone: row.retailer_id for row in session.scalars(select(RetailerPhone))}
    return _read(path, known, owners)


def preview_retailers(
    session: Session, entries: Sequence[RetailerEntry], report: Callable[[int], None] = lambda _rows: None
) -> RetailersImported:
    """What an import of these would do, with the first changes; nothing is stored. `report` is told how many have been
    compared."""
    done = RetailersImported(0, 0)
    for batch in _batches(entries):
        for change in _changes(session, batch):
            done = done.with_change(change)
        session.expunge_all()
        report(len(batch))
    return done


def import_retailers(
    sessions: SessionFactory,
    path: Path,
    *,
    by: str,
    why: str,
    now: datetime,
    report: Callable[[int], None] = lambda _rows: None,
) -> RetailersImported:
    """Add and change the retailers in a file, see `read_retailers`. The file is checked whole before anything is
    stored. It is stored in batches, so that no caller waits for it; what interrupts them is mended by importing it
    again. `report` is told how many rows have been read and, once more, stored."""
    with unhurried(), read_only(sessions) as session:
        entries = read_retailers(session, path)
    report(len(entries))
    pins = _hash_pins(entries)

    @retry_on_deadlock
    def store(batch: Sequence[RetailerEntry]) -> list[RetailerChange]:
        with transaction(sessions) as session:
            return _store(session, batch, pins, by=by, why=why, now=now)

    done = RetailersImported(0, 0)
    for batch in _batches(entries):
        for change in store(batch):
            done = done.with_change(change)
        report(len(batch))
    return done


def _hash_pins(entries: Sequence[RetailerEntry]) -> dict[str, str]:
    """The hashes of the PINs, by customer code. Hashing is slow by design, so it is done outside of any transaction."""
    pins = {one.code: one.pin for one in entries if one.pin is not None}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        return dict(zip(pins, workers.map(hash_secret, pins.values()), strict=True))


def _store(
    session: Session, batch: Sequence[RetailerEntry], pins: Mapping[str, str], *, by: str, why: str, now: datetime
) -> list[RetailerChange]:
    changes = _changes(session, batch)
    for change in changes:
        one, retailer = change.entry, change.retailer
        if change.before is None:
            session.add(retailer)
        for name, value in one.fields.items():
            setattr(retailer, name, value)
        if one.pin is not None:
            retailer.pin_hash = pins.get(one.code, retailer.pin_hash)
    session.flush()
    with_phones = [change for change in changes if change.entry.phones]
    session.execute(
        delete(RetailerPhone).where(RetailerPhone.retailer_id.in_([change.retailer.id for change in with_phones]))
    )
    session.add_all(
        RetailerPhone(phone=phone, retailer_id=change.retailer.id)
        for change in with_phones
        for phone in change.entry.phones
    )
    session.add_all(
        audit_log.new_entry("retailer", change.entry.code, change.before, change.after, by=by, why=why, now=now)
        for change in changes
        if change.before != change.after
    )
    session.flush()
    return changes


def _batches(entries: Sequence[RetailerEntry]) -> Iterator[Sequence[RetailerEntry]]:
    # Sorted, so that two imports at once touch the retailers in the same order.
    ordered = sorted(entries, key=lambda one: one.code)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def _changes(session: Session, batch: Sequence[RetailerEntry]) -> list[RetailerChange]:
    """What each entry would change, from the present values of the fields the file has."""
    found = session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_([one.code for one in batch])))
    known = {row.customer_code: row for row in found}
    phones: dict[int, list[str]] = {}
    registered = select(RetailerPhone).where(RetailerPhone.retailer_id.in_([row.id for row in known.values()]))
    for phone in session.scalars(registered.order_by(RetailerPhone.phone)):
        phones.setdefault(phone.retailer_id, []).append(phone.phone)
    changes = []
    for one in batch:
        retailer, before = known.get(one.code), None
        if retailer is not None:
            before = {name: getattr(retailer, name) for name in one.fields}
            before |= {"phones": phones.get(retailer.id, [])} if one.phones else {}
        after = one.fields | ({"phones": sorted(one.phones)} if one.phones else {})
        after |= {} if one.pin is None else {"pin": "set"}
        changes.append(RetailerChange(one, retailer or RetailerRow(customer_code=one.code), before, after))
    return changes


def _read(path: Path, known: Mapping[str, int], owners: dict[str, int]) -> list[RetailerEntry]:
    sheet = read_sheet(path, names={"retailer": "name"})
    found: list[RetailerEntry] = []
    seen: dict[str, int] = {}
    with_pin: dict[str, list[int]] = {}
    for row in sheet if sheet.require(COLUMNS) else ():
        code = row.required("customer_code")
        if code is not None and not _CUSTOMER_CODE.fullmatch(code):
            row.problem("customer_code", f"{code!r} is not 6 digits of region, a 1 or 2, and 5 digits of serial number")
        elif code is not None and seen.setdefault(code, row.number) != row.number:
            row.problem("customer_code", f"{code} is in row {seen[code]} already")
        own = known.get(code or "")
        phones = [phone.strip() for phone in row.text("phones").split("|") if phone.strip()]
        for phone in phones:
            if not _PHONE.fullmatch(phone):
                row.problem("phones", f"{phone!r} is not a number like +8613800000012")
            elif caller_number(phone) == WITHHELD:
                row.problem("phones", f"{phone} stands for callers who show no number; register the retailer's own")
            elif seen.setdefault(phone, row.number) != row.number:
                row.problem("phones", f"{phone} is in row {seen[phone]} already")
            elif phone in owners and owners[phone] != own:
                row.problem("phones", f"{phone} is registered for another retailer")
        pin = row.text("pin") or None
        if pin is not None and not _PIN.fullmatch(pin):
            row.problem("pin", "is not four digits")
        elif pin is not None and is_weak(pin, code or "", phones):
            row.problem(
                "pin", "is easily guessed (as 1234, 8888, 1314, a year, the end of its telephone): choose another"
            )
        elif pin is not None:
            rows = with_pin.setdefault(pin, [])
            rows.append(row.number)
            if len(rows) == SHARED_MAX + 1:
                row.problem("pin", f"is the same in {SHARED_MAX} rows above, as row {rows[0]}: give each its own")
        fields = {"name": row.required("name", NAME_MAX_CHARS), **_plan(row), **_optional(row)}
        if code is not None:
            found.append(RetailerEntry(code, fields, pin, phones))
    if sheet.problems:
        raise SheetError(sheet.problems)
    return found


def _plan(row: SheetRow) -> dict[str, object]:
    """The weekday and the week of the cycle, derived from one of the retailer's order days."""
    named, day = row.one_of("cycle", CYCLES), row.day("order_day")
    cycle = next((cycle for cycle in CYCLES if cycle == named), None)
    if cycle is None or day is None:
        return {}
    week = cycle_week(cycle, day)
    if week is None:
        row.problem("order_day", f"{day} is the fifth such weekday of its month, which not every month has")
        return {}
    return {"cycle": cycle, "order_weekday": day.weekday(), "cycle_week": week}


def _optional(row: SheetRow) -> dict[str, object]:
    fields: dict[str, object] = {name: row.name(name, most) for name, most in PLACE_MAX_CHARS.items() if row.text(name)}
    if row.text("status"):
        fields["status"] = row.one_of("status", STATUSES)
    if row.text("grade"):
        fields["grade"] = row.count("grade", most=GRADE_MAX)
    if row.text("balance"):
        fields["balance_fen"] = row.fen("balance", least=0)
    return fields
