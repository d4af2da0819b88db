"""The retailers due on a day, how many of them have ordered, and those that are suspended: counted here for all pages.

A retailer is due on a day by the condition `orders.retailers.lookup.is_due`. A suspended one may not order, so it is no
part of what is due, whether or not it had ordered before; it is counted apart.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.hotline_settings import calendar
from orders.retailers.lookup import MAY_ORDER, PLAN, OrderPlanKey
from orders.retailers.models import RetailerRow, RetailerStatus
from orders.windows import is_order_day


@dataclass(frozen=True, slots=True)
class DueCounts:
    """Numbers of retailers on one day: due, those of them that have ordered by any channel, and the suspended ones
    whose order day it would have been."""

    due: int
    ordered: int
    suspended: int

    @property
    def waiting(self) -> int:
        """Due, and without an order yet."""
        return self.due - self.ordered


def due_counts(session: Session, days: Collection[date]) -> dict[date, DueCounts]:
    """The numbers of each of these days. They are counted by plan, of which there are a few dozen, so that a month at
    a city's size takes no longer than its orders."""
    if not days:
        return {}
    open_days = calendar(session)
    plans: dict[RetailerStatus, dict[OrderPlanKey, int]] = {"active": {}, "suspended": {}}
    for status, cycle, weekday, week, count in session.execute(
        select(RetailerRow.status, *PLAN, func.count()).group_by(RetailerRow.status, *PLAN)
    ):
        plans[status][OrderPlanKey(cycle, weekday, week)] = count
    ordered: dict[date, dict[OrderPlanKey, int]] = {}
    for day, cycle, weekday, week, count in session.execute(
        select(OrderRow.business_day, *PLAN, func.count(distinct(OrderRow.retailer_id)))
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(
            OrderRow.business_day.between(min(days), max(days)),
            OrderRow.state.in_(COUNTED_STATES),
            MAY_ORDER,
        )
        .group_by(OrderRow.business_day, *PLAN)
    ):
        ordered.setdefault(day, {})[OrderPlanKey(cycle, weekday, week)] = count
    found = {}
    for day in days:
        due_plans = {plan for own in plans.values() for plan in own if is_order_day(plan, day, open_days)}
        found[day] = DueCounts(
            due=sum(count for plan, count in plans["active"].items() if plan in due_plans),
            ordered=sum(count for plan, count in ordered.get(day, {}).items() if plan in due_plans),
            suspended=sum(count for plan, count in plans["suspended"].items() if plan in due_plans),
        )
    return found


def due_count(session: Session, day: date) -> DueCounts:
    """The numbers of one day."""
    return due_counts(session, (day,))[day]
