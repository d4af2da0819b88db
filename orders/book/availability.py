"""The specs available to a retailer today, what it usually orders, and the substitute for a spec that is out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, selectinload

from brand_catalog.catalog import Catalog, Spec
from orders.book.models import COUNTED_STATES, OrderLineRow, OrderRow, Substitute
from orders.book.views import AvailableSpec
from orders.retailers.models import RetailerRow
from orders.supply.models import Limit, Supply
from orders.windows import cycle_start

# The past orders that show what is usual: a quarter of a year for a weekly retailer.
PAST_ORDERS_COUNTED = 12


def available_specs(
    session: Session, catalog: Catalog, retailer: RetailerRow, day: date, barcodes: Iterable[str] | None = None
) -> list[AvailableSpec]:
    """Every spec on the supply of `day` of which this retailer was allotted some, those used up included, in catalogue
    order."""
    wanted = () if barcodes is None else (Supply.barcode.in_(list(barcodes)),)
    return _specs(session, catalog, retailer, day, Limit.limit_packs > 0, *wanted)


def specs_on_supply(session: Session, catalog: Catalog, retailer: RetailerRow, day: date) -> list[AvailableSpec]:
    """Every spec on the supply of `day`, in catalogue order; with nothing left of those it was allotted none of."""
    return _specs(session, catalog, retailer, day)


def _specs(
    session: Session, catalog: Catalog, retailer: RetailerRow, day: date, *conditions: ColumnElement[bool]
) -> list[AvailableSpec]:
    limit = and_(
        Limit.barcode == Supply.barcode,
        Limit.retailer_id == retailer.id,
        Limit.cycle_start == cycle_start(retailer, day),
    )
    rows = session.execute(
        select(
            Supply.barcode,
            func.coalesce(Limit.limit_packs - Limit.held_packs - Limit.used_packs, 0),
            Supply.supplied_packs - Supply.held_packs - Supply.sold_packs,
            Supply.is_new,
            Supply.is_key,
            func.coalesce(Limit.limit_packs, 0),
        )
        .outerjoin(Limit, limit)
        .where(Supply.business_day == day, *conditions)
    )
    found = {row[0]: row for row in rows}
    return [AvailableSpec(spec, *found[barcode][1:]) for barcode, spec in catalog.specs.items() if barcode in found]


def supplied(session: Session, day: date, barcodes: Iterable[str]) -> frozenset[str]:
    """Those of the specs of which there is supply on `day`, whoever it was allotted to."""
    rows = select(Supply.barcode).where(
        Supply.business_day == day, Supply.supplied_packs > 0, Supply.barcode.in_(list(barcodes))
    )
    return frozenset(session.scalars(rows))


def past_quantities(session: Session, retailer: RetailerRow) -> dict[str, tuple[int, ...]]:
    """The packs on this retailer's latest orders by barcode, the latest first; the barcodes on most of them first."""
    latest = (
        select(OrderRow.id)
        .where(OrderRow.retailer_id == retailer.id, OrderRow.state.in_(COUNTED_STATES))
        .order_by(OrderRow.business_day.desc(), OrderRow.id.desc())
        .limit(PAST_ORDERS_COUNTED)
    )
    rows = session.execute(
        select(OrderLineRow.barcode, OrderLineRow.granted_packs)
        .where(OrderLineRow.order_id.in_(latest))
        .order_by(OrderLineRow.order_id.desc(), OrderLineRow.id)
    )
    found: dict[str, list[int]] = {}
    for barcode, packs in rows:
        found.setdefault(barcode, []).append(packs)
    return {barcode: tuple(found[barcode]) for barcode in sorted(found, key=lambda barcode: -len(found[barcode]))}


def last_order(session: Session, retailer: RetailerRow) -> OrderRow | None:
    """The latest order that was saved, or None."""
    return session.scalar(
        select(OrderRow)
        .where(OrderRow.retailer_id == retailer.id, OrderRow.state.in_(COUNTED_STATES))
        .order_by(OrderRow.business_day.desc(), OrderRow.id.desc())
        .limit(1)
        .options(selectinload(OrderRow.lines))
    )


def substitute(session: Session, catalog: Catalog, retailer: RetailerRow, day: date, spec: Spec) -> Spec | None:
    """The spec to name instead of one that is out, or None: by the table of substitutes, else another of its price
    band, preferably one the retailer bought before; always one it may have a carton of."""
    by_table = session.scalars(
        select(Substitute.instead).where(Substitute.barcode == spec.barcode).order_by(Substitute.position)
    ).all()
    same_band = [other.barcode for other in catalog.specs.values() if other.price_band == spec.price_band]
    rank = {
        barcode: place for place, barcode in enumerate(dict.fromkeys((*by_table, *past_quantities(session, retailer))))
    }
    candidates = {*by_table, *same_band} - {spec.barcode}
    available = [
        one.spec
        for one in available_specs(session, catalog, retailer, day, candidates)
        if one.left_packs >= one.spec.packs_per_carton
    ]
    return min(available, key=lambda other: rank.get(other.barcode, len(rank)), default=None)
