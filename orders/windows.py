"""Order days, the cycle a day belongs to, and the hours in which a line takes orders.

All of it is arithmetic on moments passed in. A retailer's nominal order day follows from its cycle alone; where that
day is closed, it orders on the next open one. Limits stay with the nominal day, so that a change of the calendar never
moves what was allotted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Protocol

import holidays

from clock import SHANGHAI, local_date
from orders.retailers.models import Cycle

ONE_DAY = timedelta(days=1)
# The longest gap is between two monthly order days, five weeks apart, and the longest holiday after it.
_SEARCH_DAYS = 5 * 7 + 14
_SPRING_FESTIVAL = "Chinese New Year"
NEW_YEAR_GREETING_FOR = timedelta(days=7)


class OrderPlan(Protocol):
    """The plan a retailer orders by; see RetailerRow."""

    @property
    def cycle(self) -> Cycle: ...
    @property
    def order_weekday(self) -> int: ...
    @property
    def cycle_week(self) -> int: ...


@dataclass(frozen=True)
class Calendar:
    """The days on which orders are taken: all but the public holidays, unless `overrides` says otherwise of a day.

    Public holidays are computed; bridging days are announced late each autumn and come with a new version of the
    library, or as an override.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_open(self, day: date) -> bool:
        return self.overrides.get(day, day not in _public_holidays(day.year))

    def is_working(self, day: date) -> bool:
        """True if the day is open and not on a weekend, unless it was made a working day."""
        return self.overrides.get(day, _public_holidays(day.year).is_working_day(day))

    def is_new_year(self, day: date) -> bool:
        """True if callers are wished a happy new year: in the week after the return from the Spring Festival (AY
        4.1.5.4)."""
        back = self.spring_return(day.year)
        return back is not None and back <= day < back + NEW_YEAR_GREETING_FOR

    def spring_return(self, year: int) -> date | None:
        """The first working day after that year's Spring Festival, or None where the festival is not known."""
        festival = [day for day, name in _public_holidays(year).items() if name.startswith(_SPRING_FESTIVAL)]
        if not festival:
            return None
        day = max(festival) + ONE_DAY
        while not self.is_working(day):
            day += ONE_DAY
        return day


NATIONAL = Calendar()


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which a channel takes orders for a business day, in minutes from that day's midnight: -300 is 19:00
    the evening before."""

    opens: int = 0
    closes: int = 24 * 60

    def day_at(self, now: datetime) -> date | None:
        """The business day orders are taken for at this moment, or None while the window is closed."""
        today = local_date(now)
        for day in (today, today + ONE_DAY):
            if self.opens_at(day) <= now < self.closes_at(day):
                return day
        return None

    def opens_at(self, day: date) -> datetime:
        return _at(day, self.opens)

    def closes_at(self, day: date) -> datetime:
        return _at(day, self.closes)


ALWAYS = Window()


def business_day(now: datetime) -> date:
    """The day whose orders are taken by telephone at this moment."""
    return local_date(now)


def is_order_day(plan: OrderPlan, day: date, calendar: Calendar = NATIONAL) -> bool:
    """True if the retailer orders on this day: it is its own, or the first working day after its own was closed."""
    if _is_nominal(plan, day):
        return calendar.is_open(day)
    past = day - ONE_DAY
    while calendar.is_working(day) and not calendar.is_working(past):
        if _is_nominal(plan, past) and not calendar.is_open(past):
            return True
        past -= ONE_DAY
    return False


def next_order_day(plan: OrderPlan, after: date, calendar: Calendar = NATIONAL) -> date | None:
    """The first order day later than `after`; None where none is near."""
    days = (after + ONE_DAY * count for count in range(1, _SEARCH_DAYS + 1))
    return next((day for day in days if is_order_day(plan, day, calendar)), None)


def cycle_start(plan: OrderPlan, day: date) -> date:
    """The nominal order day that opened the cycle `day` lies in: limits count from one to the next."""
    days = (day - ONE_DAY * count for count in range(_SEARCH_DAYS + 1))
    return next((past for past in days if _is_nominal(plan, past)), day)


def cycle_week(cycle: Cycle, day: date) -> int | None:
    """The week of its cycle a day lies in, as `OrderPlan` has it; None for a fifth weekday of a month, which is in no
    monthly cycle."""
    if cycle == "fortnightly":
        return _week_number(day) % 2
    if cycle == "monthly":
        week = (day.day - 1) // 7 + 1
        return week if week <= 4 else None
    return 0


def _is_nominal(plan: OrderPlan, day: date) -> bool:
    """True if the day is the plan's own. Fortnights are counted through, so that new year neither doubles nor skips
    one; monthly means the first, second, third or fourth such weekday of the month."""
    if day.weekday() != plan.order_weekday:
        return False
    return plan.cycle == "weekly" or cycle_week(plan.cycle, day) == plan.cycle_week


def _week_number(day: date) -> int:
    """Weeks from Monday to Sunday, counted from the calendar's first day, which was a Monday."""
    return (day.toordinal() - 1) // 7


def _at(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=minutes)


@cache
def _public_holidays(year: int) -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=year, language="en_US")
