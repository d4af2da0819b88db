"""Retailers from a file: all or none, with every wrong cell named. Those not in the file stay as they are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError, SheetRow, read_sheet
from orders.audit_log import record_change
from orders.lockout import hash_secret
from orders.retailers.caller_numbers import WITHHELD, caller_number
from orders.retailers.models import Cycle, RetailerPhone, RetailerRow, RetailerStatus
from orders.retailers.pins import SHARED_MAX, is_weak
from orders.windows import cycle_week

COLUMNS = ("customer_code", "name", "cycle", "order_day")
STATUSES: tuple[RetailerStatus, ...] = ("active", "suspended")
CYCLES: tuple[Cycle, ...] = ("weekly", "fortnightly", "monthly")

# Six digits of region, 1 for an individual or 2 for a company, and a serial number of five.
_CUSTOMER_CODE = re.compile(r"\d{6}[12]\d{5}")
_PHONE = re.compile(r"\+\d{6,15}")
_PIN = re.compile(r"\d{4}")


@dataclass(frozen=True)
class _RetailerEntry:
    """One retailer of the file; what the file leaves out stays as it is."""

    code: str
    fields: dict[str, object]
    pin: str | None
    phones: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RetailersImported:
    """The result of an import of retailers."""

    added: int
    changed: int


def hash_pins(path: Path) -> dict[str, str]:
    """The hashes of the PINs in a file, by customer code. Hashing is slow by design, so it is done before the database
    is asked for anything, and nobody waits for it. Problems of the file are reported by the import."""
    pins = {row.text("customer_code"): row.text("pin") for row in read_sheet(path) if _PIN.fullmatch(row.text("pin"))}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        return dict(zip(pins, workers.map(hash_secret, pins.values()), strict=True))


def import_retailers(
    session: Session, path: Path, pins: Mapping[str, str] | None = None, *, by: str, why: str, now: datetime
) -> RetailersImported:
    """Add and change the retailers in a CSV or XLSX file: customer_code, name, cycle, and order_day, one of its order
    days; and, where there are such columns, status, county, region, manager, route, grade, balance, phones (as the
    carrier writes them, `|` between) and pin, whose hashes `hash_pins` makes; without hashes no PIN is set, as for a
    preview. SheetError lists all problems."""
    known = {row.customer_code: row for row in session.scalars(select(RetailerRow))}
    owners = {row.phone: row.retailer_id for row in session.scalars(select(RetailerPhone))}
    read = _read(path, known, owners)
    phones: dict[int, list[str]] = {}
    for phone, retailer_id in sorted(owners.items()):
        phones.setdefault(retailer_id, []).append(phone)
    added = changed = 0
    for one in read:
        retailer = known.get(one.code)
        before = None if retailer is None else _audit_values(retailer, one, phones.get(retailer.id, []))
        if retailer is None:
            retailer = RetailerRow(customer_code=one.code)
            session.add(retailer)
            added += 1
        for name, value in one.fields.items():
            setattr(retailer, name, value)
        if one.pin is not None:
            retailer.pin_hash = (pins or {}).get(one.code, retailer.pin_hash)
        session.flush()
        if one.phones:
            session.execute(delete(RetailerPhone).where(RetailerPhone.retailer_id == retailer.id))
            session.add_all(RetailerPhone(phone=phone, retailer_id=retailer.id) for phone in one.phones)
        after = _audit_values(retailer, one, sorted(one.phones)) | ({} if one.pin is None else {"pin": "set"})
        changed += before not in (None, after)
        record_change(session, "retailer", one.code, before, after, by=by, why=why, now=now)
    session.flush()
    return RetailersImported(added, changed)


def _audit_values(retailer: RetailerRow, one: _RetailerEntry, phones: list[str]) -> dict[str, object]:
    """The retailer's present values of the fields the file has."""
    own: dict[str, object] = {name: getattr(retailer, name) for name in one.fields}
    return own | ({"phones": phones} if one.phones else {})


def _read(path: Path, known: dict[str, RetailerRow], owners: dict[str, int]) -> list[_RetailerEntry]:
    sheet = read_sheet(path)
    found: list[_RetailerEntry] = []
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
            elif phone in owners and (own is None or owners[phone] != own.id):
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
        fields = {"name": row.required("name"), **_plan(row), **_optional(row)}
        if code is not None:
            found.append(_RetailerEntry(code, fields, pin, phones))
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
    fields: dict[str, object] = {
        name: row.text(name) for name in ("county", "region", "manager", "route") if row.text(name)
    }
    if row.text("status"):
        fields["status"] = row.one_of("status", STATUSES)
    if row.text("grade"):
        fields["grade"] = row.count("grade")
    if row.text("balance"):
        fields["balance_fen"] = row.fen("balance", least=0)
    return fields
