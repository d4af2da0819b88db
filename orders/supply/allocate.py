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
from orders.supply import limits, remainders
from orders.supply.limits import FigureChange, LimitsResult, StagedLimit
from orders.supply.locking import LimitsLocked, check_not_over, supply_is_locked
from orders.supply.models import Supply
from orders.supply.remainders import Remainders
from orders.supply.split import Policy, Recipient, allocate, owed_after
from orders.windows import ONE_DAY, cycle_start
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
    """Set the supply of `day` and split it over the retailers due then, all in one transaction. LimitsLocked where the
    day's supply or limits are locked; LimitsRefused where less would be left than is ordered."""
    found, owed = _stage_split(session, supplies, day, now)
    _check_unlocked(session, day, now)
    set_supply(session, supplies, day, now, by=by, why=why)
    remainders.keep(session, day, owed)
    return replace(limits.apply_limits(session, day, now, by, why, source), supply=found.supply)


def preview_split(
    session: Session, supplies: Sequence[SpecSupply], day: date, now: datetime, skip: int = 0
) -> LimitsResult:
    """What `allocate_day` would change, with a page of the limits that differ (those after the first `skip`); the split
    is staged, and no row is locked. DayOver for a past day, LimitsRefused where less would be left than is ordered.

    Once the day's supply is locked, only the difference of a spec's supply is split, by the same rule: what is added
    goes on top of the limits, what is taken off comes out of what the limits leave to be ordered."""
    return _stage_split(session, supplies, day, now, skip)[0]


def _stage_split(
    session: Session, supplies: Sequence[SpecSupply], day: date, now: datetime, skip: int = 0
) -> tuple[LimitsResult, list[Remainders]]:
    check_not_over(day, now)
    barcodes = [one.spec.barcode for one in supplies]
    present, is_locked = present_supply(session, barcodes, day), supply_is_locked(session, day, now)
    supply = _supply_differences(present, supplies)
    split = _Split(session, day, barcodes, owed_at=day + ONE_DAY if is_locked else day)
    for one in supplies:
        if one.basis != "free" and is_locked and (row := present.get(one.spec.barcode)) is not None:
            split.add_difference(one, row)
        elif one.basis != "free":
            split.add_whole(one)
    limits.stage(session, split.staged)
    found = limits.preview(session, now, skip)
    return replace(found, supply=supply, is_locked=is_locked or found.is_locked), split.remainders


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
            found, owed = _stage_split(session, supplies, day, now)
            limits.check_not_locked(session, day, now)
        with transaction(own) as session:
            _check_unlocked(session, day, now)
            set_supply(session, supplies, day, now, by=by, why=why)
            remainders.keep(session, day, owed)
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


class _Split:
    """The split of a day's supply over the retailers due then: the limits it gives, and what is owed after it. It
    begins from what was owed before the split of the day `owed_at`."""

    def __init__(self, session: Session, day: date, barcodes: Sequence[str], *, owed_at: date) -> None:
        self._session, self._day = session, day
        self._retailers = due_retailers(session, day)
        self._starts = {row.id: cycle_start(row, day) for row in self._retailers}
        self._owed = remainders.owed_before(session, owed_at, barcodes)
        self.staged: list[StagedLimit] = []
        self.remainders: list[Remainders] = []

    def add_whole(self, supply: SpecSupply) -> None:
        """Split all of a spec's supply."""
        parties = self._parties(supply)
        given = allocate(supply.cartons, parties, _policy(supply), supply.max_cartons)
        self._stage(supply.spec, given)
        owed = owed_after(supply.cartons, parties, _policy(supply), given, supply.max_cartons)
        for weekday in {row.order_weekday for row in self._retailers}:
            own = {row.id: owed[row.id] for row in self._retailers if row.order_weekday == weekday}
            before = self._owed.get((supply.spec.barcode, weekday), {})
            self.remainders.append(Remainders(supply.spec.barcode, weekday, before | own))

    def add_difference(self, supply: SpecSupply, present: Supply) -> None:
        """Split what the supply becomes more or less by, and leave the rest of the limits as they are."""
        spec = supply.spec
        added = supply.cartons - present.supplied_packs // spec.packs_per_carton
        known = limits.limits_of(self._session, self._starts, spec.barcode)
        cartons = {row.id: known[row.id].packs // spec.packs_per_carton for row in self._retailers}
        if added >= 0:
            most = supply.max_cartons
            room = {number: None if most is None else max(0, most - has) for number, has in cartons.items()}
            parties = [replace(party, room=room[party.retailer_id]) for party in self._parties(supply)]
            given = allocate(added, parties, _policy(supply))
        else:
            left = {number: (one.packs - one.ordered) // spec.packs_per_carton for number, one in known.items()}
            parties = [
                replace(party, weight=left[party.retailer_id], room=left[party.retailer_id], owed=-party.owed)
                for party in self._parties(supply)
            ]
            taken = allocate(min(-added, sum(left.values())), parties, "proportional")
            given = {number: -count for number, count in taken.items()}
        self._stage(spec, {number: cartons[number] + count for number, count in given.items() if count})

    def _parties(self, supply: SpecSupply) -> list[Recipient]:
        weights = _weights(self._session, supply, self._day, self._retailers)
        return [
            Recipient(
                row.id,
                row.county,
                row.manager,
                weights.get(row.id, 0),
                owed=self._owed.get((supply.spec.barcode, row.order_weekday), {}).get(row.id, 0),
            )
            for row in self._retailers
        ]

    def _stage(self, spec: Spec, cartons: Mapping[int, int]) -> None:
        self.staged.extend(
            (number, self._starts[number], spec.barcode, count * spec.packs_per_carton)
            for number, count in cartons.items()
        )


def _policy(supply: SpecSupply) -> Policy:
    return "equal" if supply.basis == "equal" else "proportional"


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


def _check_unlocked(session: Session, day: date, now: datetime) -> None:
    if supply_is_locked(session, day, now):
        raise LimitsLocked(day)


def set_supply(
    session: Session,
    supplies: Sequence[SpecSupply],
    day: date,
    now: datetime,
    *,
    by: str,
    why: str,
    approved_by: str | None = None,
) -> None:
    """Set the supply of a day, with an entry in the audit log for each spec; its limits are set apart. LimitsRefused
    where a supply would go below what is held and sold."""
    rows = present_supply(session, [one.spec.barcode for one in supplies], day, for_update=True)
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
        after = _audit_values(row)
        if approved_by is not None and after != before:
            after["approved_by"] = approved_by
        record_change(session, "supply", row.barcode, before, after, by=by, why=why, now=now, day=day)
    session.flush()


def _supply_differences(rows: Mapping[str, Supply], supplies: Sequence[SpecSupply]) -> tuple[FigureChange, ...]:
    """The supply that would change, before and after, in cartons; LimitsRefused where it would go below what is
    ordered."""
    found, below = [], []
    for supply in supplies:
        row, per_carton = rows.get(supply.spec.barcode), supply.spec.packs_per_carton
        before = None if row is None else row.supplied_packs // per_carton
        if before != supply.cartons:
            found.append(FigureChange(supply.spec.name, supply.spec.barcode, before, supply.cartons))
        ordered = 0 if row is None else -(-(row.held_packs + row.sold_packs) // per_carton)
        if supply.cartons < ordered:
            below.append(f"{supply.spec.name}: supply of {supply.cartons} cartons, but {ordered} are ordered already.")
    if below:
        raise limits.LimitsRefused(below)
    return tuple(found)


def present_supply(
    session: Session, barcodes: Sequence[str], day: date, *, for_update: bool = False
) -> dict[str, Supply]:
    """The supply of these specs on a day, by barcode; with `for_update` its rows are locked."""
    found = (
        select(Supply)
        .where(Supply.business_day == day, Supply.barcode.in_(barcodes))
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
