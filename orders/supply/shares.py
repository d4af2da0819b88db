"""The shares of a day's supply by county and customer manager, and their publication (AY 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from orders.audit_log import record_change
from orders.hotline_settings import calendar
from orders.retailers.lookup import due_plans, has_plan, is_due
from orders.retailers.models import RetailerRow
from orders.supply.models import Limit, PublishedAllocation, Supply
from orders.windows import cycle_start


@dataclass(frozen=True, slots=True)
class Share:
    """One customer manager's share of a spec: the retailers who may have some of it, and their cartons together.
    `basis` is the rule of the split, `most` the most cartons of one retailer, None without a bound."""

    barcode: str
    spec: str
    short_code: str
    basis: str
    most: int | None
    county: str
    manager: str
    retailers: int
    cartons: int


COLUMNS = ("code", "name", "basis", "most", "county", "manager", "retailers", "cartons")
"""The columns of an allocation as a file."""
NAMES = {"code": "short_code"}
"""The column whose Chinese heading is that of another one, see `brand_catalog.sheet_words.in_chinese`."""


def shares(session: Session, catalog: Catalog, day: date) -> list[Share]:
    """The shares of a day's supply as the limits of the retailers due then have them, in catalogue order, by county and
    manager."""
    supply = {row.barcode: row for row in session.scalars(select(Supply).where(Supply.business_day == day))}
    counted: dict[tuple[str, str, str], tuple[int, int]] = {}
    for plan in due_plans(session, day, calendar(session)):
        rows = session.execute(
            select(
                Limit.barcode,
                RetailerRow.county,
                RetailerRow.manager,
                func.sum(case((Limit.limit_packs > 0, 1), else_=0)),
                func.sum(Limit.limit_packs),
            )
            .join(RetailerRow, RetailerRow.id == Limit.retailer_id)
            .where(Limit.cycle_start == cycle_start(plan, day), is_due(has_plan([plan])))
            .group_by(Limit.barcode, RetailerRow.county, RetailerRow.manager)
        )
        for barcode, county, manager, retailers, packs in rows:
            known = counted.get((barcode, county, manager), (0, 0))
            counted[barcode, county, manager] = (known[0] + int(retailers), known[1] + int(packs))
    places = {barcode: place for place, barcode in enumerate(catalog.specs)}
    found = [key for key in counted if key[0] in supply and key[0] in places]
    return [
        Share(
            barcode,
            catalog.specs[barcode].name,
            catalog.specs[barcode].short_code,
            supply[barcode].basis or "free",
            supply[barcode].max_cartons,
            county,
            manager,
            counted[barcode, county, manager][0],
            counted[barcode, county, manager][1] // catalog.specs[barcode].packs_per_carton,
        )
        for barcode, county, manager in sorted(found, key=lambda key: (places[key[0]], *key[1:]))
    ]


def publish(session: Session, catalog: Catalog, day: date, *, by: str, why: str, now: datetime) -> PublishedAllocation:
    """Publish a day's allocation as it is now, in the place of what was published of the day before."""
    rows = [asdict(share) for share in shares(session, catalog, day)]
    known = session.get(PublishedAllocation, day, populate_existing=True)
    before = None if known is None else _counts(known.rows)
    published = session.merge(PublishedAllocation(business_day=day, at=now, by=by, rows=rows))
    session.flush()
    record_change(session, "allocation", day.isoformat(), before, _counts(rows), by=by, why=why, now=now, day=day)
    return published


def published(session: Session, day: date) -> PublishedAllocation | None:
    """A day's allocation as it was published, or None."""
    return session.get(PublishedAllocation, day)


def published_days(session: Session, most: int) -> Sequence[date]:
    """The days whose allocation is published, the latest first."""
    return session.scalars(
        select(PublishedAllocation.business_day).order_by(PublishedAllocation.business_day.desc()).limit(most)
    ).all()


def published_shares(allocation: PublishedAllocation) -> list[Share]:
    """The shares of a published allocation."""
    return [Share(**row) for row in allocation.rows]


def file_rows(found: Iterable[Share]) -> list[tuple[object, ...]]:
    """The shares in the columns of a file."""
    return [
        (
            one.short_code or one.barcode,
            one.spec,
            one.basis,
            "" if one.most is None else one.most,
            one.county,
            one.manager,
            one.retailers,
            one.cartons,
        )
        for one in found
    ]


def _counts(rows: Sequence[dict[str, object]]) -> dict[str, int]:
    return {
        "count": len(rows),
        "cartons": sum(int(str(row["cartons"])) for row in rows),
    }
