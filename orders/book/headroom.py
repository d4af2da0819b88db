"""The headroom of an order for a spec: what the limit leaves, what is in stock, and what the department allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec
from orders.book import holds
from orders.book.models import OrderRow
from orders.book.views import CutReason
from orders.supply.models import Limit

# More than any order has.
UNLIMITED_PACKS = 10**9


@dataclass(frozen=True, slots=True)
class DraftRules:
    """The time holds last after the draft was last touched; the packs one order has at least and at most; the most
    cartons of each price band that a retailer gets in a cycle, by all its orders; and the time after the line's closing
    in which an order that was begun before it can still be saved."""

    hold_for: timedelta = timedelta(minutes=15)
    order_min_packs: int = 0
    order_max_packs: int | None = None
    band_max_cartons: Mapping[int, int] = field(default_factory=dict)
    closing_grace: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Headroom:
    """The bounds of an order of one spec, in packs: this retailer's limit and the part of it that all its orders have,
    the day's supply, and what each bound leaves."""

    limit_packs: int
    has_packs: int
    supplied_packs: int
    left: Mapping[CutReason, int]

    @property
    def least(self) -> int:
        """The packs all bounds together leave."""
        return max(0, min(self.left.values()))


def headroom(session: Session, catalog: Catalog, rules: DraftRules, order: OrderRow, spec: Spec) -> Headroom:
    """The bounds of this order of a spec."""
    packs = holds.packs_left(session, order, spec.barcode)
    by_rules = left_by_rules(session, catalog, rules, order, spec)
    return Headroom(
        limit_packs=packs.limit,
        has_packs=packs.limit - packs.by_limit,
        supplied_packs=packs.supplied,
        left={"limit": packs.by_limit, **by_rules, "stock": packs.in_stock},
    )


def cut_reason(order: OrderRow, barcode: str, bounds: Headroom) -> CutReason:
    """The reason why a request was cut, in the order in which a day is made: none was supplied, none of it was allotted
    to this retailer, it is sold out, or the least of the bounds. Empty stock is "out_of_stock" unless the limit is used
    up too or the spec is on the order."""
    if bounds.supplied_packs <= 0:
        return "out_of_stock"
    if bounds.limit_packs <= 0:
        return "not_allotted"
    ordered = any(line.barcode == barcode for line in order.lines)
    if bounds.left["stock"] <= 0 < bounds.left["limit"] and not ordered:
        return "out_of_stock"
    return min(bounds.left, key=bounds.left.__getitem__)


def left_by_rules(
    session: Session, catalog: Catalog, rules: DraftRules, order: OrderRow, spec: Spec
) -> Mapping[CutReason, int]:
    """The packs the department's own rules leave this order of a spec: by its total, and by the spec's price band."""
    total = band = UNLIMITED_PACKS
    if rules.order_max_packs is not None:
        total = rules.order_max_packs - sum(line.granted_packs for line in order.lines)
    if (cartons := rules.band_max_cartons.get(spec.price_band)) is not None:
        left = cartons - _of_band(session, catalog, order, spec.price_band)
        band = int(left * spec.packs_per_carton)
    return {"order_max": total, "band_max": band}


def _of_band(session: Session, catalog: Catalog, order: OrderRow, band: int) -> Fraction:
    """The cartons of a price band that the order's retailer has in its cycle: reserved and ordered, this order's
    included, as the limits count them."""
    taken = session.execute(
        select(Limit.barcode, Limit.held_packs + Limit.used_packs).where(
            Limit.retailer_id == order.retailer_id,
            Limit.cycle_start == order.cycle_start,
            Limit.held_packs + Limit.used_packs > 0,
        )
    )
    return sum(
        (
            Fraction(packs, spec.packs_per_carton)
            for barcode, packs in taken
            if (spec := catalog.specs.get(barcode)) is not None and spec.price_band == band
        ),
        Fraction(0),
    )
