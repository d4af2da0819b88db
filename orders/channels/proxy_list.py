"""Proxy orders: keyed in by staff for a retailer that could not order itself, only from the day's signed list (AY
4.1.8).

The list is stored with its signatures before anything of it is ordered, and each retailer's order is then entered once.
What was listed in time is entered even where that is interrupted and resumed later.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import RowProblem, Sheet, SheetError, SheetRow, read_sheet
from clock import local
from orders.book.desk import Desk
from orders.book.eligibility import terms_of_channel
from orders.channels.models import ProxyEntry
from orders.channels.order_rows import add_line, read_line
from orders.channels.web_orders import EnteredOrder, WebOrder, enter_order
from orders.hotline_settings import calendar
from orders.retailers.lookup import by_code
from orders.retailers.models import RetailerRow
from orders.windows import is_order_day

SIGNATURES = ("retailer_signed", "department_head_signed", "deputy_manager_signed")
APPROVALS = SIGNATURES[1:]
COLUMNS = ("customer_code", "name", "cartons", *SIGNATURES)
SENDER = "signed list"


class ProxyListRefused(ValueError):
    """The list, or an order from it, cannot be taken now; the message says why."""


@dataclass
class ListedRetailer:
    """What the list orders for one retailer, in packs by barcode, from its row on, and who signed it."""

    row: SheetRow
    retailer: RetailerRow
    signed: tuple[str, ...]
    packs: dict[str, int]


def read_list(session: Session, path: Path, catalog: Catalog, day: date, *, by: str) -> list[ListedRetailer]:
    """The day's signed list in a file (CSV or XLSX: customer_code, name or barcode, cartons and three signatures), to
    be listed by `by`, a member of staff. SheetError has all problems: a signature that is missing, or of a person who
    has signed already or lists the orders; a retailer whose order day it is not."""
    sheet = read_sheet(path)
    listed = _read(session, sheet, catalog, day, by)
    if sheet.problems:
        raise SheetError(sheet.problems)
    return list(listed.values())


def store_list(
    session: Session, listed: Sequence[ListedRetailer], day: date, *, by: str, source: str, now: datetime
) -> list[str]:
    """Store the signed list and return the customer codes on it. SheetError for a quantity other than the one listed
    before. ProxyListRefused outside the list's hours."""
    entries = {
        entry.retailer_id: entry
        for entry in session.scalars(select(ProxyEntry).where(ProxyEntry.business_day == day).with_for_update())
    }
    added, problems = [], []
    for one in listed:
        if (known := entries.get(one.retailer.id)) is None:
            added.append(one)
        elif known.packs != one.packs:
            reason = f"{known.customer_code} is on the list of {day} already, with other quantities"
            problems.append(
                RowProblem(one.row.sheet.file, one.row.number, one.row.sheet.written.get("cartons", "cartons"), reason)
            )
    if problems:
        raise SheetError(problems)
    if added:
        _check_in_time(session, day, now)
    for one in added:
        retailer_signed, head_signed, deputy_signed = one.signed
        session.add(
            ProxyEntry(
                business_day=day,
                retailer_id=one.retailer.id,
                customer_code=one.retailer.customer_code,
                packs=one.packs,
                retailer_signed=retailer_signed,
                department_head_signed=head_signed,
                deputy_manager_signed=deputy_signed,
                source=source,
                listed_at=now,
                listed_by=by,
            )
        )
    session.flush()
    return [one.retailer.customer_code for one in listed]


def enter_listed(
    session: Session, catalog: Catalog, day: date, customer_code: str, now: datetime, *, by: str
) -> EnteredOrder:
    """Enter the order of one retailer on the day's list, as of when it was listed; when repeated, the same order.
    `by` is the member of staff who enters it.
    ProxyListRefused for a retailer that is not on it."""
    entry = session.scalar(
        select(ProxyEntry).where(ProxyEntry.business_day == day, ProxyEntry.customer_code == customer_code)
    )
    if entry is None:
        raise ProxyListRefused(f"Retailer {customer_code} is not on the signed list of {day}; nothing was ordered.")
    order = WebOrder(customer_code, entry.packs, entry.listed_at)
    return enter_order(
        Desk(session, catalog, entry.listed_at, by=by), "proxy", SENDER, f"{day} {customer_code}", order, now
    )


def entries_of(session: Session, day: date) -> Sequence[ProxyEntry]:
    """The entries of the day's signed list, in the order of the customer codes."""
    return session.scalars(
        select(ProxyEntry).where(ProxyEntry.business_day == day).order_by(ProxyEntry.customer_code)
    ).all()


def _check_in_time(session: Session, day: date, now: datetime) -> None:
    window = terms_of_channel(session, "proxy").window
    if window.day_at(now) != day:
        raise ProxyListRefused(
            f"The signed list of {day} is taken from {local(window.opens_at(day)):%H:%M} to "
            f"{local(window.closes_at(day)):%H:%M} of that day; it is {local(now):%Y-%m-%d %H:%M}."
        )


def _read(session: Session, sheet: Sheet, catalog: Catalog, day: date, by: str) -> dict[str, ListedRetailer]:
    open_days = calendar(session)
    listed: dict[str, ListedRetailer] = {}
    for row in sheet if sheet.require(COLUMNS) else ():
        code = row.required("customer_code")
        spec, cartons = read_line(row, catalog)
        signed = [_signature(row, column) for column in SIGNATURES]
        _check_persons(row, signed, by)
        retailer = _retailer(session, listed, code)
        if code is not None and retailer is None:
            row.problem("customer_code", f"there is no retailer {code!r}")
        elif retailer is not None and not is_order_day(retailer, day, open_days):
            row.problem("customer_code", f"{day} is not the order day of {code}")
        if not (retailer and spec and cartons and all(signed)):
            continue
        names = tuple(name for name in signed if name)
        one = listed.setdefault(retailer.customer_code, ListedRetailer(row, retailer, names, {}))
        if one.signed != names:
            row.problem(SIGNATURES[0], f"{code} is signed for by others in an earlier row")
        add_line(row, one.packs, spec, cartons, str(code))
    return listed


def _signature(row: SheetRow, column: str) -> str | None:
    name = row.text(column)
    if not name:
        row.problem(column, "the signature is missing")
    elif len(name) > 40:
        row.problem(column, "the name is longer than 40 characters")
    return name or None


def _check_persons(row: SheetRow, signed: Sequence[str | None], by: str) -> None:
    """Three persons sign, and who lists the orders approves none of them."""
    persons: set[str] = set()
    for column, name in zip(SIGNATURES, signed, strict=True):
        if name is None:
            continue
        person = _person(name)
        if person in persons:
            row.problem(column, f"{name} has signed already: three different people sign")
        elif column in APPROVALS and person == _person(by):
            row.problem(column, f"{name} lists the orders, and cannot approve them as well")
        persons.add(person)


def _person(name: str) -> str:
    """A name as the person it is of: spaces, width and case make no other."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _retailer(session: Session, listed: Mapping[str, ListedRetailer], code: str | None) -> RetailerRow | None:
    if code is None or code in listed:
        return None if code is None else listed[code].retailer
    return by_code(session, code)
