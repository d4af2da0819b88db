"""Tomorrow's supply and its split over the retailers due then (AY 4.1.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec
from brand_catalog.models import BrandSpec
from brand_catalog.sheets import SheetError, read_sheet
from orders.audit_log import record_change
from orders.book.models import COUNTED_STATES, OrderLineRow, OrderRow
from orders.hotline_settings import calendar
from orders.retailers.lookup import due_plans, due_retailers
from orders.retailers.models import RetailerRow
from orders.supply import limits
from orders.supply.limits import FigureChange, LimitsResult, StagedLimit
from orders.supply.models import Supply
from orders.supply.split import Recipient, allocate
from orders.windows import cycle_start
from storage import SessionFactory, one_connection, staging, transaction

COLUMNS = ("name", "cartons", "basis", "most", "introduce")

Basis = Literal["equal", "grade", "sales", "class", "free"]
BASES: tuple[Basis, ...] = ("equal", "grade", "sales", "class", "free")

# Past sales count this far back.
SALES_WINDOW = timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class SpecSupply:
    """One spec's supply of a day, and the basis of its split. "free" leaves the limits to a file of their own; `most`
    bounds what one retailer gets, in cartons."""

    spec: Spec
    cartons: int
    basis: Basis
    max_cartons: int | None
    introduce: str


def read_supply(path: Path, catalog: Catalog) -> list[SpecSupply]:
    """The supply in a file: name, cartons, basis (equal, grade, sales, class, free), and optionally most and introduce
    (new, key). SheetError lists all problems."""
    sheet = read_sheet(path)
    by_name = {spec.name: spec for spec in catalog.specs.values()}
    found: list[SpecSupply] = []
    seen: dict[str, int] = {}
    for row in sheet if sheet.require(("name", "cartons", "basis")) else ():
        name = row.required("name")
        cartons = row.count("cartons", least=0)
        basis = row.one_of("basis", BASES)
        most = row.count("most", least=0) if row.text("most") else None
        introduce = row.one_of("introduce", ("new", "key")) if row.text("introduce") else ""
        if name is not None and (spec := by_name.get(name)) is None:
            row.problem("name", f"{name!r} is not in the catalogue")
        if name is not None and seen.setdefault(name, row.number) != row.number:
            row.problem("name", f"{name!r} is in row {seen[name]} already")
        if name and spec and cartons is not None and basis:
            found.append(SpecSupply(spec, cartons, next(b for b in BASES if b == basis), most, introduce or ""))
    if sheet.problems:
        raise SheetError(sheet.problems)
    return found


def allocate_day(
    session: Session,
    supplies: Sequence[SpecSupply],
    day: date,
    now: datetime,
    *,
    by: str,
    why: str,
    source: str,
) -> LimitsResult:
    """Set the supply of `day` and split it over the retailers due then, all in one transaction. LimitsLocked from 07:50
    of that day on; LimitsRefused where less would be left than is ordered."""
    found = preview_split(session, supplies, day, now)
    _set_supply(session, supplies, day, now, by=by, why=why)
    return replace(limits.apply_limits(session, day, now, by, why, source), supply=found.supply)


def preview_split(session: Session, supplies: Sequence[SpecSupply], day: date, now: datetime) -> LimitsResult:
    """What `allocate_day` would change, with the same refusals; the split is staged, and nothing is locked."""
    limits.check_unlocked(day, now)
    supply = _supply_differences(_present_supply(session, supplies, day), supplies)
    limits.stage(session, list(_split(session, supplies, day)))
    return replace(limits.preview(session), supply=supply)


def import_supply(
    sessions: SessionFactory,
    supplies: Sequence[SpecSupply],
    day: date,
    now: datetime,
    *,
    by: str,
    why: str,
    source: str,
) -> LimitsResult:
    """As `allocate_day`, in short transactions: the split is worked out while nothing is locked, and its limits are
    applied in slices after the supply is set."""
    with one_connection(sessions) as own:
        with staging(own) as session:
            found = preview_split(session, supplies, day, now)
        with transaction(own) as session:
            _set_supply(session, supplies, day, now, by=by, why=why)
            batch = limits.begin_batch(session, found, day, now, by, why, source)
        limits.apply_in_slices(own, batch)
    return found


def export_supply(session: Session, catalog: Catalog, day: date) -> Iterator[tuple[str | int, ...]]:
    """The supply of a day and how it was split, in the columns that are imported."""
    rows = {row.barcode: row for row in session.scalars(select(Supply).where(Supply.business_day == day))}
    for spec in catalog.specs.values():
        if (row := rows.get(spec.barcode)) is not None:
            most = "" if row.max_cartons is None else row.max_cartons
            introduce = "new" if row.is_new else "key" if row.is_key else ""
            yield spec.name, row.supplied_packs // spec.packs_per_carton, row.basis or "free", most, introduce


def out_of_balance(session: Session, catalog: Catalog, day: date) -> list[str]:
    """The split specs whose limits add up to more or less than their supply after fine-tuning, in words."""
    given: Counter[str] = Counter()
    for start in {cycle_start(plan, day) for plan in due_plans(session, day, calendar(session))}:
        given.update(limits.packs_by_spec(session, start, active_only=True))
    found = []
    for row in session.scalars(select(Supply).where(Supply.business_day == day, Supply.basis.not_in(("", "free")))):
        spec = catalog.specs.get(row.barcode)
        # With a bound per retailer the limits may add up to less than the supply, but never to more.
        limited = given[row.barcode]
        differs = limited > row.supplied_packs or (row.max_cartons is None and limited < row.supplied_packs)
        if spec is not None and differs:
            allowed, supplied = limited // spec.packs_per_carton, row.supplied_packs // spec.packs_per_carton
            found.append(f"{spec.name}: limits of {allowed} cartons in all, and a supply of {supplied}.")
    return found


def _split(session: Session, supplies: Sequence[SpecSupply], day: date) -> Iterator[StagedLimit]:
    retailers = due_retailers(session, day)
    starts = {row.id: cycle_start(row, day) for row in retailers}
    places = [(row.id, row.county, row.manager) for row in retailers]
    for supply in supplies:
        if supply.basis == "free":
            continue
        weights = _weights(session, supply, day, retailers)
        parties = [Recipient(*place, weights.get(place[0], 0)) for place in places]
        policy: Literal["equal", "proportional"] = "equal" if supply.basis == "equal" else "proportional"
        for retailer_id, cartons in allocate(supply.cartons, parties, policy, supply.max_cartons).items():
            yield retailer_id, starts[retailer_id], supply.spec.barcode, cartons * supply.spec.packs_per_carton


def _weights(session: Session, supply: SpecSupply, day: date, retailers: Sequence[RetailerRow]) -> dict[int, int]:
    if supply.basis in ("equal", "grade"):
        return {row.id: row.grade for row in retailers}
    matches: ColumnElement[bool] = OrderLineRow.barcode == supply.spec.barcode
    if supply.basis == "class":
        same_class = select(BrandSpec.barcode).where(BrandSpec.price_class == supply.spec.price_class)
        matches = OrderLineRow.barcode.in_(same_class)
    sold = session.execute(
        select(OrderRow.retailer_id, func.sum(OrderLineRow.granted_packs))
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(OrderRow.state.in_(COUNTED_STATES), OrderRow.business_day >= day - SALES_WINDOW, matches)
        .group_by(OrderRow.retailer_id)
    )
    return {retailer_id: int(packs) for retailer_id, packs in sold}


def _set_supply(
    session: Session, supplies: Sequence[SpecSupply], day: date, now: datetime, *, by: str, why: str
) -> None:
    rows = _present_supply(session, supplies, day, for_update=True)
    _supply_differences(rows, supplies)
    for supply in supplies:
        row = rows.get(supply.spec.barcode)
        before = None if row is None else _audit_values(row)
        if row is None:
            row = Supply(business_day=day, barcode=supply.spec.barcode, held_packs=0, sold_packs=0)
            session.add(row)
        row.supplied_packs = supply.cartons * supply.spec.packs_per_carton
        row.is_new, row.is_key = supply.introduce == "new", supply.introduce == "key"
        row.basis, row.max_cartons = supply.basis, supply.max_cartons
        record_change(session, "supply", row.barcode, before, _audit_values(row), by=by, why=why, now=now, day=day)
    session.flush()


def _supply_differences(rows: Mapping[str, Supply], supplies: Sequence[SpecSupply]) -> tuple[FigureChange, ...]:
    """The supply that would change, before and after, in cartons; LimitsRefused where it would go below what is
    ordered."""
    found, below = [], []
    for supply in supplies:
        row, per_carton = rows.get(supply.spec.barcode), supply.spec.packs_per_carton
        before = None if row is None else row.supplied_packs // per_carton
        if before != supply.cartons:
            found.append(FigureChange(supply.spec.name, before, supply.cartons))
        ordered = 0 if row is None else -(-(row.held_packs + row.sold_packs) // per_carton)
        if supply.cartons < ordered:
            below.append(f"{supply.spec.name}: supply of {supply.cartons} cartons, but {ordered} are ordered already.")
    if below:
        raise limits.LimitsRefused(below)
    return tuple(found)


def _present_supply(
    session: Session, supplies: Sequence[SpecSupply], day: date, *, for_update: bool = False
) -> dict[str, Supply]:
    found = (
        select(Supply)
        .where(Supply.business_day == day, Supply.barcode.in_([supply.spec.barcode for supply in supplies]))
        .order_by(Supply.barcode)
        .execution_options(populate_existing=True)
    )
    return {row.barcode: row for row in session.scalars(found.with_for_update() if for_update else found)}


def _audit_values(row: Supply) -> dict[str, int | str | None]:
    return {
        "packs": row.supplied_packs,
        "basis": row.basis,
        "most_cartons": row.max_cartons,
        "introduce": "new" if row.is_new else "key" if row.is_key else "",
    }
