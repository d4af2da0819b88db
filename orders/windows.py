"""Which day is whose order day, and which cycle a day belongs to. All of it is arithmetic on days passed in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Protocol

from clock import local_date
from orders.models import Cycle

# The longest gap is between two monthly order days, five weeks apart at most.
_SEARCH_DAYS = 5 * 7


class OrderPlan(Protocol):
    """When a retailer orders; see RetailerRow."""

    cycle: Cycle
    order_weekday: int
    cycle_week: int


def business_day(now: datetime) -> date:
    """The day whose orders are taken at this moment."""
    return local_date(now)


def is_order_day(plan: OrderPlan, day: date) -> bool:
    """Whether the retailer orders on this day. Fortnights are counted through, so new year never doubles or skips one;
    monthly means the first, second, third or fourth such weekday of the month."""
    if day.weekday() != plan.order_weekday:
        return False
    if plan.cycle == "fortnightly":
        return _week_number(day) % 2 == plan.cycle_week
    if plan.cycle == "monthly":
        return (day.day - 1) // 7 + 1 == plan.cycle_week
    return True


def next_order_day(plan: OrderPlan, after: date) -> date | None:
    """The first order day later than `after`; None where there is none to come."""
    return next((day for day in _days(after, +1) if is_order_day(plan, day)), None)


def cycle_start(plan: OrderPlan, day: date) -> date:
    """The order day that opened the cycle `day` lies in: limits count from one order day to the next."""
    if is_order_day(plan, day):
        return day
    return next((past for past in _days(day, -1) if is_order_day(plan, past)), day)


def _days(start: date, step: int) -> Iterator[date]:
    return (start + timedelta(days=step * count) for count in range(1, _SEARCH_DAYS + 1))


def _week_number(day: date) -> int:
    """Weeks from Monday to Sunday, counted from the calendar's first day, which was a Monday."""
    return (day.toordinal() - 1) // 7
