"""Changes of a day's supply and limits after 07:50: requested by one person, approved by another (AY 4.1.1).

A request keeps every figure as it was and as it is to be. It is made as it stands or not at all: not where a figure was
changed meanwhile, and not below what is held or sold by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from sqlalchemy import and_, func, select, text
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.models import BrandSpec
from orders.book.order_changes import same_person
from orders.models import REASON_MAX_CHARS
from orders.retailers.models import RetailerRow
from orders.supply import limits
from orders.supply.allocate import BASES, SpecSupply, present_supply, set_supply
from orders.supply.limits import FigureChange
from orders.supply.locking import check_not_over
from orders.supply.models import LateChange, LateChangeLimit, LateChangeState, Limit, Supply

# As many as are applied in one transaction while callers wait for it.
LIMITS_MAX = 20_000
FIGURES_NAMED = 50

LateRefusal = Literal["nothing", "too_many", "no_reason", "not_open", "own_request", "changed_meanwhile", "not_yours"]


class LateChangeRefused(ValueError):
    """The change cannot be requested or decided. `reason` says why in one word, `decided_by` the person who
    has decided it already, and `figures` are those changed meanwhile, as requested and as they are now."""

    def __init__(
        self,
        message: str,
        reason: LateRefusal,
        *,
        decided_by: str | None = None,
        figures: Sequence[FigureChange] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.decided_by = decided_by
        self.figures = tuple(figures)


def request(
    session: Session,
    supplies: Sequence[SpecSupply],
    day: date,
    now: datetime,
    *,
    by: str,
    why: str,
    source: str,
) -> LateChange:
    """Request this supply and the staged limits (`limits.stage`, `allocate.preview_split`) for a day whose figures are
    locked. LateChangeRefused without a reason, where nothing would change, and for more limits than LIMITS_MAX;
    LimitsRefused where a figure would go below what is ordered; DayOver for a past day."""
    check_not_over(day, now)
    if not why.strip():
        raise LateChangeRefused("A change after the lock needs a reason.", "no_reason")
    found = limits.compare(session)
    rows = present_supply(session, [one.spec.barcode for one in supplies], day)
    change = LateChange(
        business_day=day,
        supply=[entry for one in supplies if (entry := _entry(one, rows.get(one.spec.barcode))) is not None],
        limit_count=found.difference_count,
        reason=why.strip()[:REASON_MAX_CHARS],
        source=source,
        state="requested",
        requested_at=now,
        requested_by=by,
    )
    if change.limit_count > LIMITS_MAX:
        raise LateChangeRefused(f"At most {LIMITS_MAX} limits are changed at once after the lock.", "too_many")
    if not change.supply and not change.limit_count:
        raise LateChangeRefused("All of it is in force already.", "nothing")
    session.add(change)
    session.flush()
    session.execute(text(_KEEP_STAGED), {"change": change.id})
    return change


def decide(
    session: Session, catalog: Catalog, number: int, *, approve: bool, by: str, now: datetime, note: str = ""
) -> LateChange:
    """Approve or refuse a request; its requester cannot. An approved one is made at once. LateChangeRefused where it is
    decided already or a figure has changed since; LimitsRefused where one would go below what is ordered; DayOver once
    the day is past."""
    change = _open_change(session, number)
    if same_person(change.requested_by, by):
        raise LateChangeRefused(f"Change {number} was requested by {by}; somebody else decides.", "own_request")
    if approve:
        check_not_over(change.business_day, now)
        _make(session, catalog, change, by, now)
    _close(change, "approved" if approve else "refused", by, now, note)
    session.flush()
    return change


def withdraw(session: Session, number: int, *, by: str, now: datetime) -> LateChange:
    """Withdraw one's own request."""
    change = _open_change(session, number)
    if not same_person(change.requested_by, by):
        raise LateChangeRefused(f"Change {number} was requested by {change.requested_by}.", "not_yours")
    _close(change, "withdrawn", by, now, "")
    session.flush()
    return change


def open_count(session: Session) -> int:
    """The number of requests that wait for a second person."""
    return session.scalar(select(func.count()).where(LateChange.state == "requested")) or 0


def open_changes(session: Session, most: int) -> Sequence[LateChange]:
    """The requests that wait, the oldest first."""
    return session.scalars(
        select(LateChange).where(LateChange.state == "requested").order_by(LateChange.id).limit(most)
    ).all()


def decided_changes(session: Session, most: int) -> Sequence[LateChange]:
    """The requests that are decided or withdrawn, the latest first."""
    return session.scalars(
        select(LateChange).where(LateChange.state != "requested").order_by(LateChange.id.desc()).limit(most)
    ).all()


def limit_figures(session: Session, change: LateChange, *, most: int, skip: int = 0) -> list[FigureChange]:
    """The limits of a request, before and after it, by customer code: a page of them."""
    rows = session.execute(
        select(LateChangeLimit, BrandSpec.name, BrandSpec.packs_per_carton, RetailerRow.customer_code, RetailerRow.name)
        .join(BrandSpec, BrandSpec.barcode == LateChangeLimit.barcode)
        .join(RetailerRow, RetailerRow.id == LateChangeLimit.retailer_id)
        .where(LateChangeLimit.change_id == change.id)
        .order_by(RetailerRow.customer_code, BrandSpec.position)
        .offset(skip)
        .limit(most)
    )
    return [
        FigureChange(
            spec,
            line.barcode,
            None if line.before_packs is None else line.before_packs // per_carton,
            line.after_packs // per_carton,
            code,
            retailer,
        )
        for line, spec, per_carton, code, retailer in rows
    ]


def _open_change(session: Session, number: int) -> LateChange:
    change = session.get(LateChange, number, with_for_update=True, populate_existing=True)
    if change is None or change.state != "requested":
        decided_by = None if change is None else change.decided_by
        raise LateChangeRefused(f"Change {number} is not open.", "not_open", decided_by=decided_by)
    return change


def _close(change: LateChange, state: LateChangeState, by: str, now: datetime, note: str) -> None:
    change.state, change.decided_at, change.decided_by = state, now, by
    change.decision_note = note.strip()[:REASON_MAX_CHARS]


def _make(session: Session, catalog: Catalog, change: LateChange, by: str, now: datetime) -> None:
    day, own = change.business_day, {"by": change.requested_by, "why": change.reason, "approved_by": by}
    supplies = [_spec_supply(entry, catalog) for entry in change.supply]
    present = present_supply(session, [one.spec.barcode for one in supplies], day, for_update=True)
    _check_unchanged(session, catalog, change, present)
    set_supply(session, supplies, day, now, **own)
    lines = session.execute(
        select(
            LateChangeLimit.retailer_id,
            LateChangeLimit.cycle_start,
            LateChangeLimit.barcode,
            LateChangeLimit.after_packs,
        )
        .where(LateChangeLimit.change_id == change.id)
        .order_by(LateChangeLimit.retailer_id, LateChangeLimit.cycle_start, LateChangeLimit.barcode)
    ).all()
    if lines:
        limits.stage(session, [(retailer, start, barcode, packs) for retailer, start, barcode, packs in lines])
        limits.apply_limits(session, day, now, source=change.source, **own)


def _check_unchanged(session: Session, catalog: Catalog, change: LateChange, present: dict[str, Supply]) -> None:
    """Raise LateChangeRefused where a figure is no longer what it was when the change was requested."""
    found = [
        FigureChange(spec.name, spec.barcode, entry["before"], now_is or 0)
        for entry in change.supply
        if (spec := catalog.specs[entry["barcode"]])
        and (now_is := _cartons(present.get(spec.barcode), spec.packs_per_carton)) != entry["before"]
    ]
    at = LateChangeLimit
    same = and_(Limit.retailer_id == at.retailer_id, Limit.cycle_start == at.cycle_start, Limit.barcode == at.barcode)
    rows = session.execute(
        select(at, Limit.limit_packs, RetailerRow.customer_code, RetailerRow.name)
        .outerjoin(Limit, same)
        .join(RetailerRow, RetailerRow.id == at.retailer_id)
        .where(at.change_id == change.id, func.coalesce(Limit.limit_packs, -1) != func.coalesce(at.before_packs, -1))
        .order_by(RetailerRow.customer_code)
        .limit(FIGURES_NAMED)
    )
    for line, packs, code, retailer in rows:
        spec = catalog.specs[line.barcode]
        before = None if line.before_packs is None else line.before_packs // spec.packs_per_carton
        found.append(
            FigureChange(spec.name, spec.barcode, before, (packs or 0) // spec.packs_per_carton, code, retailer)
        )
    if found:
        raise LateChangeRefused(
            "Figures were changed after the request; request it again.", "changed_meanwhile", figures=found
        )


def _entry(supply: SpecSupply, row: Supply | None) -> dict[str, str | int | None] | None:
    """What a request keeps of a spec's supply; None where nothing of it changes."""
    entry: dict[str, str | int | None] = {
        "barcode": supply.spec.barcode,
        "before": _cartons(row, supply.spec.packs_per_carton),
        "cartons": supply.cartons,
        "basis": supply.basis,
        "most": supply.max_cartons,
        "introduce": supply.introduce,
    }
    if row is None:
        return entry
    introduce = "new" if row.is_new else "key" if row.is_key else ""
    present = (entry["before"], row.basis, row.max_cartons, introduce)
    return None if present == (supply.cartons, supply.basis, supply.max_cartons, supply.introduce) else entry


def _spec_supply(entry: dict[str, str | int | None], catalog: Catalog) -> SpecSupply:
    cartons, most = entry["cartons"], entry["most"]
    basis = next(basis for basis in BASES if basis == entry["basis"])
    spec = catalog.specs[str(entry["barcode"])]
    return SpecSupply(spec, int(cartons or 0), basis, None if most is None else int(most), str(entry["introduce"]))


def _cartons(row: Supply | None, packs_per_carton: int) -> int | None:
    return None if row is None else row.supplied_packs // packs_per_carton


_KEEP_STAGED = """
INSERT INTO late_change_limits (change_id, retailer_id, cycle_start, barcode, before_packs, after_packs)
SELECT :change, s.retailer_id, s.cycle_start, s.barcode, l.limit_packs, s.packs
FROM staged_limits s LEFT JOIN limits l
  ON l.retailer_id = s.retailer_id AND l.cycle_start = s.cycle_start AND l.barcode = s.barcode
WHERE l.limit_packs IS NULL OR l.limit_packs <> s.packs
"""
