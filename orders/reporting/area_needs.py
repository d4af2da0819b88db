"""The retailers due, their orders and the need met, by county and customer manager (AY 4.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from sqlalchemy import Select, case, distinct, func, select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.reporting.need_days import NeedDays
from orders.reporting.period import Period
from orders.retailers.lookup import MAY_ORDER, PLAN, OrderPlanKey, due_days
from orders.retailers.models import RetailerRow

AreaKey = tuple[str, str]
"""A county and a customer manager in it."""

_SUMS = ("retailers", "due", "due_ordered", "orders", "packs", "amount_fen", "requested_packs", "unmet_packs")


@dataclass(frozen=True, slots=True)
class AreaNeed:
    """The retailers of one county, or of one customer manager in it: how many there are; how often one was due and how
    often a due one ordered, as in the figures of the days; all their orders with packs and fen; and the packs they
    asked for and lack. `manager` is empty for a whole county, and for the retailers that have none."""

    county: str
    manager: str
    retailers: int = 0
    due: int = 0
    due_ordered: int = 0
    orders: int = 0
    packs: int = 0
    amount_fen: int = 0
    requested_packs: int = 0
    unmet_packs: int = 0

    @property
    def success(self) -> Fraction | None:
        """The share of the due retailers that have ordered."""
        return Fraction(self.due_ordered, self.due) if self.due else None

    @property
    def met_rate(self) -> Fraction | None:
        """订足率: granted of requested."""
        return Fraction(self.requested_packs - self.unmet_packs, self.requested_packs) if self.requested_packs else None


def area_needs(session: Session, period: Period, needs: NeedDays) -> list[AreaNeed]:
    """The figures of each customer manager in each county, by their names; of the retailers that the session finds.
    `needs` are those of the whole city's days."""
    area_of: dict[int, AreaKey] = {}
    plans: dict[tuple[AreaKey, OrderPlanKey], int] = Counter()
    for retailer, county, manager, may_order, cycle, weekday, week in session.execute(
        select(RetailerRow.id, RetailerRow.county, RetailerRow.manager, MAY_ORDER, *PLAN)
    ):
        area_of[retailer] = county, manager
        plans[area_of[retailer], OrderPlanKey(cycle, weekday, week)] += bool(may_order)
    plan_days = due_days(session, {plan for _area, plan in plans}, period.days)
    sums: dict[AreaKey, Counter[str]] = {area: Counter() for area in area_of.values()}
    for area in area_of.values():
        sums[area]["retailers"] += 1
    for (area, plan), count in plans.items():
        sums[area]["due"] += count * len(plan_days[plan])
    for day, county, manager, cycle, weekday, week, ordered, orders, packs, fen in session.execute(_orders(period)):
        own = sums[county, manager]
        own.update({"orders": orders, "packs": int(packs), "amount_fen": int(fen)})
        if day in plan_days[OrderPlanKey(cycle, weekday, week)]:
            own["due_ordered"] += ordered
    for day, day_needs in needs.days.items():
        if period.first <= day <= period.last:
            for retailer, requested, unmet in day_needs.shop_needs():
                if (of := area_of.get(retailer)) is not None:
                    sums[of]["requested_packs"] += requested
                    sums[of]["unmet_packs"] += unmet
    return [AreaNeed(*area, *(own[name] for name in _SUMS)) for area, own in sorted(sums.items())]


def by_county(areas: Iterable[AreaNeed]) -> list[AreaNeed]:
    """The figures of each county: those of its customer managers added up."""
    counties: dict[str, AreaNeed] = {}
    for one in areas:
        own = counties.get(one.county, AreaNeed(one.county, ""))
        counties[one.county] = replace(own, **{name: getattr(own, name) + getattr(one, name) for name in _SUMS})
    return list(counties.values())


def _orders(period: Period) -> Select[*tuple[Any, ...]]:
    """The saved orders by day, county, customer manager and plan: how many retailers that may order have one, how many
    orders there are, their packs and fen."""
    by = (OrderRow.business_day, RetailerRow.county, RetailerRow.manager, *PLAN)
    return (
        select(
            *by,
            func.count(distinct(case((MAY_ORDER, OrderRow.retailer_id)))),
            func.count(),
            func.sum(OrderRow.total_packs),
            func.sum(OrderRow.amount_fen),
        )
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES))
        .group_by(*by)
    )
