"""Setting limits: many at once, all or none, with author, time and reason, until they are locked for the day.

A city's limits are a million and a half rows, so they are staged beside the present ones, and the database itself
compares and applies them: in one transaction, or in slices where callers are being served meanwhile. A file is checked
whole before the first slice, and what interrupts the slices is mended by importing the file again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Executable, and_, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec
from brand_catalog.sheets import FIGURE_MAX, LONG_ROWS_MAX, RowProblem, SheetError, read_rows
from orders.retailers.models import RetailerRow
from orders.supply.locking import LimitsLocked, check_not_over, staged_limits_are_locked
from orders.supply.models import Limit, LimitBatch
from orders.windows import cycle_start
from storage import (
    SessionFactory,
    insert_many,
    one_connection,
    read_only,
    retry_on_deadlock,
    staging,
    transaction,
    unhurried,
)

COLUMNS = ("customer_code", "name", "cartons")
EXPORTED_COLUMNS = ("customer_code", "retailer", "name", "cartons")
"""The columns that are imported, and the retailer's name for those who read them."""
# A file with more problems than this is the wrong file.
MAX_PROBLEMS = 200
# Rows that are applied in one transaction, for which every call waits on SQLite (docs/performance.md, Files).
SLICE_ROWS = 2_000
# Between two slices others have their turn. A writer of another process asks every 2 ms (storage.SQLITE_ASKS_EVERY_S).
PAUSE_S = 0.005
# A page of differences.
DIFFERENCES_ON_PAGE = 100
_EXPORTED_AT_ONCE = 5_000
_REPORTED_AT_ONCE = 5_000

StagedLimit = tuple[int, date, str, int]
"""Retailer, cycle start, barcode, packs."""


class LimitsRefused(ValueError):
    """A new limit or supply would be below what is ordered already; `lines` says which, in words."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(["Limits below what is ordered already; nothing was changed.", *lines]))


class PresentLimit(NamedTuple):
    """A limit as it is, and the part of it that is held and sold, in packs; both are 0 where there is none."""

    packs: int
    ordered: int


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure in cartons, before a change and after it; `before` is None where there was none. It is a spec's
    supply, or the limit of the retailer with that code and name."""

    spec: str
    barcode: str
    before: int | None
    after: int
    customer_code: str = ""
    retailer: str = ""

    @property
    def name(self) -> str:
        """The figure in a line of text."""
        return f"{self.customer_code}, {self.spec}" if self.customer_code else self.spec


@dataclass(frozen=True, slots=True)
class LimitsResult:
    """The result of a change of limits, applied or previewed: counts, a page of the limits that differ, and the supply
    that does. `is_locked` if a second person has to approve it (see `orders.supply.locking`)."""

    added: int
    changed: int
    unchanged: int
    differences: tuple[FigureChange, ...] = field(default=(), compare=False)
    supply: tuple[FigureChange, ...] = field(default=(), compare=False)
    is_locked: bool = field(default=False, compare=False)

    @property
    def difference_count(self) -> int:
        """The limits that differ, on all pages."""
        return self.added + self.changed


def read_limits(path: Path, session: Session, catalog: Catalog, day: date) -> Iterator[StagedLimit]:
    """The limits in a file (CSV or XLSX: customer_code, name or barcode, cartons), checked while they are read.
    Problems are raised as SheetError at the end, so nothing may be kept before the last row is read."""
    table = read_rows(path, LONG_ROWS_MAX)
    columns = table.columns
    if missing := [column for column in COLUMNS if column not in columns]:
        raise SheetError([RowProblem(path.name, 1, column, "the heading is missing") for column in missing])
    code_at, name_at, cartons_at = (columns.index(column) for column in COLUMNS)
    written = {column: table.written[columns.index(column)] for column in COLUMNS}
    retailers = {row.customer_code: (row.id, cycle_start(row, day)) for row in session.scalars(select(RetailerRow))}
    specs = {
        key: (number, spec) for number, spec in enumerate(catalog.specs.values()) for key in (spec.name, spec.barcode)
    }
    return _checked(path.name, table.rows, written, (code_at, name_at, cartons_at), retailers, specs)


def _checked(
    file: str,
    rows: Iterator[tuple[int, list[str]]],
    written: Mapping[str, str],
    places: tuple[int, int, int],
    retailers: Mapping[str, tuple[int, date]],
    specs: Mapping[str, tuple[int, Spec]],
) -> Iterator[StagedLimit]:
    code_at, name_at, cartons_at = places
    numbers = {code: number for number, code in enumerate(retailers)}
    # One byte for every retailer and spec there could be a row for, to find repeated ones.
    seen = bytearray(len(retailers) * len(specs))
    problems: list[RowProblem] = []
    for number, cells in rows:
        code, name, cartons = cells[code_at], cells[name_at], cells[cartons_at]
        reason = None
        if code not in retailers:
            column, reason = "customer_code", f"there is no retailer {code!r}"
        elif name not in specs:
            column, reason = "name", f"{name!r} is not in the catalogue"
        elif not (cartons.isascii() and cartons.isdigit()):
            column, reason = "cartons", f"{cartons!r} is not a whole number of cartons"
        elif len(cartons) > len(str(FIGURE_MAX)) or int(cartons) > FIGURE_MAX:
            column, reason = "cartons", f"{cartons!r} is more than {FIGURE_MAX}"
        elif seen[place := numbers[code] * len(specs) + specs[name][0]]:
            column, reason = "name", f"retailer {code} and {name!r} are in an earlier row already"
        if reason is not None:
            problems.append(RowProblem(file, number, written[column], reason))
            if len(problems) == MAX_PROBLEMS:
                break
            continue
        seen[place] = 1
        spec = specs[name][1]
        yield (*retailers[code], spec.barcode, int(cartons) * spec.packs_per_carton)
    if problems:
        raise SheetError(problems)


def stage(session: Session, limits: Iterable[StagedLimit]) -> None:
    """Stage new limits beside the present ones, where this transaction alone sees them."""
    session.execute(text("DROP TABLE IF EXISTS staged_limits"))
    session.execute(
        text(
            "CREATE TEMPORARY TABLE staged_limits (slice INTEGER NOT NULL, retailer_id INTEGER NOT NULL,"
            " cycle_start DATE NOT NULL, barcode VARCHAR(13) NOT NULL, packs INTEGER NOT NULL)"
        )
    )
    # SQLite stores days as text, which PostgreSQL accepts as well.
    rows = (
        (number // SLICE_ROWS, retailer, start.isoformat(), barcode, packs)
        for number, (retailer, start, barcode, packs) in enumerate(limits)
    )
    insert_many(session, "staged_limits", ("slice", "retailer_id", "cycle_start", "barcode", "packs"), rows)
    session.execute(text("CREATE INDEX staged_slices ON staged_limits (slice)"))
    session.execute(text("ANALYZE staged_limits"))


def preview(session: Session, now: datetime, skip: int = 0) -> LimitsResult:
    """The changes the staged limits would make, with a page of those that differ: the ones after the first `skip`.
    LimitsRefused where a limit would go below what is ordered."""
    rows = session.execute(text(_DIFFERENCES), {"most": DIFFERENCES_ON_PAGE, "skip": skip})
    differences = tuple(FigureChange(*row) for row in rows)
    return replace(compare(session), differences=differences, is_locked=staged_limits_are_locked(session, now))


def compare(session: Session) -> LimitsResult:
    """The number of limits that the staged ones add and change; LimitsRefused as in `preview`."""
    _refuse_below(session, text(_BELOW))
    total, known, changed = session.execute(text(_COUNTS)).one()
    return LimitsResult(added=total - known, changed=changed, unchanged=known - changed)


def _refuse_below(session: Session, below: Executable, **values: int) -> None:
    if found := session.execute(below, values).all():
        raise LimitsRefused([_in_words(*row) for row in found])


def apply_limits(
    session: Session, day: date, now: datetime, by: str, why: str, source: str, approved_by: str | None = None
) -> LimitsResult:
    """Apply the staged limits. LimitsLocked where they are locked and nobody has approved the change, LimitsRefused as
    in `preview`."""
    done = compare(session)
    if approved_by is None:
        check_not_locked(session, day, now)
    batch = begin_batch(session, done, day, now, by, why, source, approved_by)
    for number in _slices(session):
        _apply_slice(session, batch, number)
    session.execute(text("DROP TABLE staged_limits"))
    return done


def import_limits(
    sessions: SessionFactory,
    path: Path,
    load_catalog: Callable[[Session], Catalog],
    day: date,
    now: datetime,
    by: str,
    why: str,
    report: Callable[[int], None] = lambda _rows: None,
) -> LimitsResult:
    """Import the limits in a file: it is read and compared while nothing is locked, and applied in slices. `report` is
    told how many rows have been read and, once more, applied. Errors as of `read_limits` and `apply_limits`."""
    check_not_over(day, now)
    with one_connection(sessions) as own:
        with staging(own) as session:
            stage(session, _reported(read_limits(path, session, load_catalog(session), day), report))
            found = compare(session)
            check_not_locked(session, day, now)
        with transaction(own) as session:
            batch = begin_batch(session, found, day, now, by, why, path.name)
        apply_in_slices(own, batch, report)
    return found


def preview_file(
    sessions: SessionFactory,
    path: Path,
    load_catalog: Callable[[Session], Catalog],
    day: date,
    now: datetime,
    skip: int = 0,
    report: Callable[[int], None] = lambda _rows: None,
) -> LimitsResult:
    """The changes a file of limits would make, see `preview`; no row is locked for it. `report` is told how many rows
    have been read."""
    check_not_over(day, now)
    with unhurried(), read_only(sessions) as session:
        stage(session, _reported(read_limits(path, session, load_catalog(session), day), report))
        return preview(session, now, skip)


def _reported(found: Iterable[StagedLimit], report: Callable[[int], None]) -> Iterator[StagedLimit]:
    """The limits as they are, with some thousand at a time reported."""
    for number, limit in enumerate(found, 1):
        if not number % _REPORTED_AT_ONCE:
            report(_REPORTED_AT_ONCE)
        yield limit


def apply_in_slices(own: SessionFactory, batch: int, report: Callable[[int], None] = lambda _rows: None) -> None:
    """Apply the limits staged on one connection (`storage.one_connection`), each slice in a transaction of its own.
    LimitsRefused where an order came in meanwhile that is above its new limit; the slices before it stay applied."""

    @retry_on_deadlock
    def apply(number: int) -> None:
        with transaction(own) as session:
            _apply_slice(session, batch, number)

    with staging(own) as session:
        numbers = _slices(session)
    for number in numbers:
        apply(number)
        report(SLICE_ROWS)
        time.sleep(PAUSE_S)
    with staging(own) as session:
        session.execute(text("DROP TABLE staged_limits"))


def _slices(session: Session) -> range:
    last = session.execute(text("SELECT max(slice) FROM staged_limits")).scalar()
    return range(0 if last is None else last + 1)


def _apply_slice(session: Session, batch: int, number: int) -> None:
    """Apply a slice, its rows in the order of the key, so that two who apply limits cannot wait for each other."""
    values = {"batch": batch, "slice": number}
    _refuse_below(session, text(_BELOW_IN_SLICE), slice=number)
    session.execute(text(_KEEP_CHANGES), values)
    try:
        with session.begin_nested():
            session.execute(text(_APPLY), values)
    except IntegrityError:
        # An order came in while the two were being compared.
        _refuse_below(session, text(_BELOW_IN_SLICE), slice=number)
        raise


def check_not_locked(session: Session, day: date, now: datetime) -> None:
    """LimitsLocked where one of the staged limits is locked. It reads all of them: nothing may be locked meanwhile."""
    if staged_limits_are_locked(session, now):
        raise LimitsLocked(day)


def begin_batch(
    session: Session,
    done: LimitsResult,
    day: date,
    now: datetime,
    by: str,
    why: str,
    source: str,
    approved_by: str | None = None,
) -> int:
    """The number of a new batch of the staged limits with these counts."""
    batch = LimitBatch(
        business_day=day,
        at=now,
        by=by,
        approved_by=approved_by,
        reason=why,
        source=source,
        added=done.added,
        changed=done.changed,
        unchanged=done.unchanged,
    )
    session.add(batch)
    session.flush()
    return batch.id


def packs_by_spec(session: Session, start: date, *, active_only: bool = False) -> dict[str, int]:
    """The packs that the limits of the cycle which began on this day allow in all, by barcode: those of every retailer,
    or of active ones only. The million limits of the others are read from their index alone."""
    packs = select(Limit.barcode, func.sum(Limit.limit_packs)).where(Limit.cycle_start == start).group_by(Limit.barcode)
    found = {barcode: int(total) for barcode, total in session.execute(packs)}
    if active_only:
        # An outer join, so that SQLite looks up the few suspended ones by the key, and not the others by the day.
        of_cycle = and_(Limit.retailer_id == RetailerRow.id, Limit.cycle_start == start)
        suspended = (
            select(Limit.barcode, func.sum(Limit.limit_packs))
            .select_from(RetailerRow)
            .outerjoin(Limit, of_cycle)
            .where(RetailerRow.status == "suspended")
            .group_by(Limit.barcode)
        )
        for barcode, total in session.execute(suspended):
            # Those without limits come without a barcode.
            if barcode is not None:
                found[barcode] -= int(total)
    return found


def limits_of(session: Session, starts: Mapping[int, date], barcode: str) -> dict[int, PresentLimit]:
    """The limits of one spec of the retailers with these ids, each in the cycle that began on its day."""
    rows = session.execute(
        select(Limit.retailer_id, Limit.cycle_start, Limit.limit_packs, Limit.held_packs + Limit.used_packs).where(
            Limit.cycle_start.in_(set(starts.values())), Limit.barcode == barcode
        )
    )
    found = {
        number: PresentLimit(packs, ordered) for number, start, packs, ordered in rows if starts.get(number) == start
    }
    return {number: found.get(number, PresentLimit(0, 0)) for number in starts}


def export_rows(session: Session, day: date) -> Iterator[tuple[str, str, str, int]]:
    """The limits in force on `day`, in EXPORTED_COLUMNS, read while they are written."""
    retailers = {
        row.id: (row.customer_code, row.name, cycle_start(row, day)) for row in session.scalars(select(RetailerRow))
    }
    rows = session.execute(
        text(_EXPORT).execution_options(yield_per=_EXPORTED_AT_ONCE),
        {"first": min((start for *_, start in retailers.values()), default=day)},
    )
    for retailer_id, start, name, cartons in rows:
        code, shop, current = retailers[retailer_id]
        if str(start) == current.isoformat():
            yield code, shop, name, cartons


def _in_words(code: str, name: str, wanted: int, ordered: int) -> str:
    return f"Retailer {code}, {name}: {wanted} cartons, but {ordered} are ordered already."


_JOINED = """
FROM staged_limits s JOIN limits l
  ON l.retailer_id = s.retailer_id AND l.cycle_start = s.cycle_start AND l.barcode = s.barcode
"""

_BELOW_WHERE = f"""
SELECT r.customer_code, b.name, s.packs / b.packs_per_carton,
  (l.held_packs + l.used_packs + b.packs_per_carton - 1) / b.packs_per_carton
{_JOINED}
JOIN retailers r ON r.id = s.retailer_id JOIN brand_specs b ON b.barcode = s.barcode
WHERE s.packs < l.held_packs + l.used_packs {{}} ORDER BY r.customer_code, b.name LIMIT {MAX_PROBLEMS}
"""
_BELOW = _BELOW_WHERE.format("")
_BELOW_IN_SLICE = _BELOW_WHERE.format("AND s.slice = :slice")

_COUNTS = f"""
SELECT (SELECT count(*) FROM staged_limits), count(*), count(CASE WHEN l.limit_packs <> s.packs THEN 1 END) {_JOINED}
"""

_DIFFERENCES = """
SELECT b.name, b.barcode, l.limit_packs / b.packs_per_carton, s.packs / b.packs_per_carton, r.customer_code, r.name
FROM staged_limits s
LEFT JOIN limits l ON l.retailer_id = s.retailer_id AND l.cycle_start = s.cycle_start AND l.barcode = s.barcode
JOIN retailers r ON r.id = s.retailer_id JOIN brand_specs b ON b.barcode = s.barcode
WHERE l.limit_packs IS NULL OR l.limit_packs <> s.packs ORDER BY r.customer_code, b.position
LIMIT :most OFFSET :skip
"""

_KEEP_CHANGES = f"""
INSERT INTO limit_changes
  (batch_id, retailer_id, cycle_start, barcode, before_packs, before_batch_id, after_packs)
SELECT :batch, s.retailer_id, s.cycle_start, s.barcode, l.limit_packs, l.batch_id, s.packs {_JOINED}
WHERE l.limit_packs <> s.packs AND s.slice = :slice
"""

_APPLY = """
INSERT INTO limits (retailer_id, cycle_start, barcode, limit_packs, held_packs, used_packs, batch_id)
SELECT retailer_id, cycle_start, barcode, packs, 0, 0, :batch FROM staged_limits WHERE slice = :slice
ORDER BY retailer_id, cycle_start, barcode
ON CONFLICT (retailer_id, cycle_start, barcode) DO UPDATE
SET limit_packs = excluded.limit_packs, batch_id = excluded.batch_id
WHERE limits.limit_packs <> excluded.limit_packs
"""

_EXPORT = """
SELECT l.retailer_id, l.cycle_start, b.name, l.limit_packs / b.packs_per_carton
FROM limits l JOIN brand_specs b ON b.barcode = l.barcode
WHERE l.cycle_start >= :first ORDER BY l.retailer_id, b.position
"""
