"""Whose order day it is: weeks, fortnights and months, across every calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.desk import Standing
from orders.models import Cycle
from orders.windows import business_day, cycle_start, is_order_day, next_order_day
from tests.desk_world import CORNER, MAIN, SHOP, SUPPLEMENTARY, World


@dataclass
class Plan:
    cycle: Cycle
    order_weekday: int
    cycle_week: int = 0


plans = st.one_of(
    st.builds(Plan, st.just("weekly"), st.integers(0, 6)),
    st.builds(Plan, st.just("fortnightly"), st.integers(0, 6), st.integers(0, 1)),
    st.builds(Plan, st.just("monthly"), st.integers(0, 6), st.integers(1, 4)),
)
days = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def standing(world: World, code: str = SHOP, number: str = MAIN) -> Standing:
    with world.desk() as desk:
        retailer = desk.retailer(code)
        assert retailer is not None
        return desk.standing(retailer, desk.hotline(number))


def test_a_retailer_orders_on_its_day_only(world: World) -> None:
    assert standing(world).may_order
    other = standing(world, CORNER)
    assert (other.may_order, other.reason, other.next_order_day) == (False, "not_order_day", date(2026, 11, 24))


def test_a_suspended_retailer_orders_on_no_day(world: World) -> None:
    world.change_retailer(status="suspended")
    assert standing(world).reason == "suspended"


def test_only_who_missed_its_call_may_use_the_supplementary_line(world: World) -> None:
    assert standing(world, number=SUPPLEMENTARY).reason == "not_supplementary"


def test_the_business_day_begins_at_midnight_in_shanghai() -> None:
    assert business_day(datetime(2026, 11, 22, 15, 59, tzinfo=UTC)) == date(2026, 11, 22)
    assert business_day(datetime(2026, 11, 22, 16, 0, tzinfo=UTC)) == date(2026, 11, 23)


@pytest.mark.parametrize("year", range(2020, 2040))
def test_fortnights_go_on_across_new_year(year: int) -> None:
    plan = Plan("fortnightly", 0, 0)
    december = date(year, 12, 1)
    first = next_order_day(plan, december)
    assert first is not None
    second = next_order_day(plan, first)
    third = next_order_day(plan, second) if second else None
    assert third is not None
    assert third - first == timedelta(days=28)


def test_the_second_tuesday_of_a_month_is_found_in_a_leap_february() -> None:
    plan = Plan("monthly", 1, 2)
    assert next_order_day(plan, date(2028, 1, 31)) == date(2028, 2, 8)
    assert next_order_day(plan, date(2028, 2, 8)) == date(2028, 3, 14)


@given(plans, days)
def test_a_cycle_runs_from_one_order_day_to_the_next(plan: Plan, day: date) -> None:
    start, following = cycle_start(plan, day), next_order_day(plan, day)
    assert following is not None
    assert is_order_day(plan, start)
    assert is_order_day(plan, following)
    assert start <= day < following
    assert next_order_day(plan, start) == following


@given(plans, days)
def test_order_days_are_as_far_apart_as_their_cycle_says(plan: Plan, day: date) -> None:
    first = next_order_day(plan, day)
    assert first is not None
    second = next_order_day(plan, first)
    assert second is not None
    gap = (second - first).days
    assert gap in {"weekly": {7}, "fortnightly": {14}, "monthly": {28, 35}}[plan.cycle]
