"""Order days, cycles and windows: pure calendar arithmetic, over all holidays and turns of the year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock import SHANGHAI
from orders.retailers.models import Cycle
from orders.windows import Calendar, Window, business_day, cycle_start, is_order_day, next_order_day


@dataclass
class Plan:
    cycle: Cycle
    order_weekday: int
    cycle_week: int = 0


class EveryDay(Calendar):
    """A calendar without holidays, to test the cycles alone."""

    def is_open(self, day: date) -> bool:
        return True


EVERY_DAY = EveryDay()

plans = st.one_of(
    st.builds(Plan, st.just("weekly"), st.integers(0, 6)),
    st.builds(Plan, st.just("fortnightly"), st.integers(0, 6), st.integers(0, 1)),
    st.builds(Plan, st.just("monthly"), st.integers(0, 6), st.integers(1, 4)),
)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def test_on_a_public_holiday_nobody_orders_and_the_first_working_day_makes_up_for_it() -> None:
    thursday = Plan("weekly", 3)
    assert not is_order_day(thursday, date(2026, 10, 1))
    assert next_order_day(thursday, date(2026, 9, 25)) == date(2026, 10, 8)
    tuesday = Plan("weekly", 1)
    assert next_order_day(tuesday, date(2026, 10, 1)) == date(2026, 10, 8)
    opened = Calendar({date(2026, 10, 6): True})
    assert next_order_day(tuesday, date(2026, 10, 1), opened) == date(2026, 10, 6)
    assert cycle_start(thursday, date(2026, 10, 7)) == date(2026, 10, 1)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-22T18:59", None),
        ("2026-11-22T19:00", date(2026, 11, 23)),
        ("2026-11-23T00:00", date(2026, 11, 23)),
        ("2026-11-23T11:59", date(2026, 11, 23)),
        ("2026-11-23T12:00", None),
    ],
)
def test_the_mobile_window_opens_the_evening_before(moment: str, day: date | None) -> None:
    mobile = Window(opens=-5 * 60, closes=12 * 60)
    assert mobile.day_at(datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)) == day


@given(plans, days)
def test_an_order_day_is_open_and_none_is_lost_to_a_holiday(plan: Plan, day: date) -> None:
    following = next_order_day(plan, day)
    assert following is not None
    assert Calendar().is_open(following)
    nominal = next_order_day(plan, day, EVERY_DAY)
    assert nominal is not None
    assert is_order_day(plan, nominal) == Calendar().is_open(nominal)


def test_the_business_day_begins_at_midnight_in_shanghai() -> None:
    assert business_day(datetime(2026, 11, 22, 15, 59, tzinfo=UTC)) == date(2026, 11, 22)
    assert business_day(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)) == date(2026, 11, 23)


@pytest.mark.parametrize("year", range(2020, 2040))
def test_fortnights_go_on_across_new_year(year: int) -> None:
    plan = Plan("fortnightly", 0, 0)
    december = date(year, 12, 1)
    first = next_order_day(plan, december, EVERY_DAY)
    assert first is not None
    second = next_order_day(plan, first, EVERY_DAY)
    third = next_order_day(plan, second, EVERY_DAY) if second else None
    assert third is not None
    assert third - first == timedelta(days=28)


def test_the_second_tuesday_of_a_month_is_found_in_a_leap_february() -> None:
    plan = Plan("monthly", 1, 2)
    assert next_order_day(plan, date(2028, 1, 31)) == date(2028, 2, 8)
    assert next_order_day(plan, date(2028, 2, 8)) == date(2028, 3, 14)


@given(plans, days)
def test_a_cycle_runs_from_one_order_day_to_the_next(plan: Plan, day: date) -> None:
    start, following = cycle_start(plan, day), next_order_day(plan, day, EVERY_DAY)
    assert following is not None
    assert is_order_day(plan, start, EVERY_DAY)
    assert is_order_day(plan, following, EVERY_DAY)
    assert start <= day < following
    assert next_order_day(plan, start, EVERY_DAY) == following


@given(plans, days)
def test_order_days_are_as_far_apart_as_their_cycle_says(plan: Plan, day: date) -> None:
    first = next_order_day(plan, day, EVERY_DAY)
    assert first is not None
    second = next_order_day(plan, first, EVERY_DAY)
    assert second is not None
    gap = (second - first).days
    assert gap in {"weekly": {7}, "fortnightly": {14}, "monthly": {28, 35}}[plan.cycle]


def test_a_fifth_weekday_at_a_months_end_is_nobodys_monthly_day() -> None:
    plan = Plan("monthly", 0, 4)
    assert next_order_day(plan, date(2026, 11, 22), EVERY_DAY) == date(2026, 11, 23)
    assert not is_order_day(plan, date(2026, 11, 30), EVERY_DAY)
    assert cycle_start(plan, date(2026, 11, 30)) == date(2026, 11, 23)
    assert next_order_day(plan, date(2026, 11, 23), EVERY_DAY) == date(2026, 12, 28)


def test_a_leap_day_is_a_day_like_any_other() -> None:
    leap = date(2028, 2, 29)
    tuesdays = Plan("weekly", 1, 0)
    assert is_order_day(tuesdays, leap)
    assert cycle_start(tuesdays, date(2028, 3, 6)) == leap
    assert next_order_day(tuesdays, date(2028, 2, 22)) == leap
    assert not is_order_day(Plan("monthly", 1, 4), leap, EVERY_DAY), "the fifth Tuesday is nobody's"


def test_the_fortnight_is_the_same_on_both_sides_of_a_year_of_53_weeks() -> None:
    # 2026 has 53 ISO weeks: by week numbers, Monday's fortnight would be odd twice in a row.
    odd = Plan("fortnightly", 0, 1)
    found = [day for day in (date(2026, 12, 21) + timedelta(weeks=n) for n in range(4)) if is_order_day(odd, day)]
    assert [(b - a).days for a, b in pairwise(found)] == [14]
