"""Order days of retailers: weeks, fortnights and months, across every calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock import SHANGHAI
from orders.book.desk import DeskRefusal, Eligibility
from orders.book.holds import release_expired
from orders.retailers.models import Cycle
from orders.windows import Calendar, Window, business_day, cycle_start, is_order_day, next_order_day
from tests.support.desk_world import CARTON, CLASSIC, CORNER, MAIN, SHOP, SUPPLEMENTARY, World


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


def eligibility(world: World, code: str = SHOP, number: str = MAIN) -> Eligibility:
    with world.desk() as desk:
        retailer = desk.retailer(code)
        assert retailer is not None
        return desk.eligibility(retailer, desk.hotline(number))


def test_a_retailer_orders_on_its_day_only(world: World) -> None:
    assert eligibility(world).may_order
    other = eligibility(world, CORNER)
    assert (other.may_order, other.reason, other.next_order_day) == (False, "not_order_day", date(2026, 11, 24))


def test_a_suspended_retailer_orders_on_no_day(world: World) -> None:
    world.change_retailer(status="suspended")
    assert eligibility(world).reason == "suspended"


def test_only_who_missed_its_call_may_use_the_supplementary_line(world: World) -> None:
    assert eligibility(world, number=SUPPLEMENTARY).reason == "not_supplementary"


def test_the_supplementary_line_serves_who_missed_its_call_until_hand_over(world: World) -> None:
    world.missed(CORNER)
    assert eligibility(world, CORNER, SUPPLEMENTARY).may_order
    world.day_step("settlement")
    assert eligibility(world, CORNER, SUPPLEMENTARY).may_order
    world.day_step("hand_over")
    assert eligibility(world, CORNER, SUPPLEMENTARY).reason == "closed"


def test_regular_orders_end_when_the_days_end_begins(world: World) -> None:
    world.day_step("balances")
    closed = eligibility(world)
    assert (closed.reason, closed.opens_at) == ("closed", datetime(2026, 11, 30, 0, 0, tzinfo=SHANGHAI))


def test_outside_its_hours_the_line_says_when_it_opens(world: World) -> None:
    world.hours(MAIN, "08:30", "17:30")
    world.clock.move_to(datetime(2026, 11, 23, 8, 29, tzinfo=SHANGHAI))
    early = eligibility(world)
    assert (early.reason, early.opens_at) == ("closed", datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI))
    world.clock.move(minutes=1)
    assert eligibility(world).may_order
    world.clock.move_to(datetime(2026, 11, 23, 17, 30, tzinfo=SHANGHAI))
    late = eligibility(world)
    assert (late.reason, late.opens_at) == ("closed", datetime(2026, 11, 30, 8, 30, tzinfo=SHANGHAI))


def test_an_order_begun_in_time_is_not_saved_after_hours(world: World) -> None:
    world.hours(MAIN, "08:30", "17:30")
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN))
        desk.set_line("call", CLASSIC, 10)
    world.clock.move_to(datetime(2026, 11, 23, 17, 30, tzinfo=SHANGHAI))
    with world.desk() as desk, pytest.raises(DeskRefusal, match="closed"):
        desk.confirm("call")


def test_the_department_may_close_a_day_and_its_retailers_order_on_the_next(world: World) -> None:
    world.day_off(date(2026, 11, 23))
    assert eligibility(world).next_order_day == date(2026, 11, 24)
    assert not eligibility(world).may_order
    world.clock.move(days=1)
    world.supply()
    assert eligibility(world).may_order


def test_on_a_public_holiday_nobody_orders_and_the_first_working_day_makes_up_for_it() -> None:
    thursday = Plan("weekly", 3)
    assert not is_order_day(thursday, date(2026, 10, 1))
    assert next_order_day(thursday, date(2026, 9, 25)) == date(2026, 10, 8)
    tuesday = Plan("weekly", 1)
    assert next_order_day(tuesday, date(2026, 10, 1)) == date(2026, 10, 8)
    opened = Calendar({date(2026, 10, 6): True})
    assert next_order_day(tuesday, date(2026, 10, 1), opened) == date(2026, 10, 6)
    assert cycle_start(thursday, date(2026, 10, 7)) == date(2026, 10, 1)


def test_callers_are_wished_a_happy_new_year_in_the_week_after_the_spring_festival(world: World) -> None:
    for day, greeted in (("02-17", False), ("02-23", False), ("02-24", True), ("03-02", True), ("03-03", False)):
        world.clock.move_to(datetime.fromisoformat(f"2026-{day}T09:00:00+08:00"))
        with world.desk() as desk:
            assert desk.is_new_year() is greeted, day


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


@pytest.mark.parametrize("how_far", [timedelta(minutes=20), timedelta(hours=3), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_jumps_back_and_forth_loses_and_oversells_nothing(world: World, how_far: timedelta) -> None:
    world.stock(CLASSIC, 5)
    with world.desk() as desk:
        desk.open_draft("call", world.retailer(), desk.hotline(MAIN))
        desk.set_line("call", CLASSIC, 5 * CARTON)
    right = world.clock()
    for wrong in (right - how_far, right + how_far):
        world.clock.move_to(wrong)
        with world.session() as session:
            release_expired(session, world.clock())
        if wrong.date() != right.date():
            with world.desk() as desk, pytest.raises(DeskRefusal, match="closed"):
                desk.confirm("call")
        world.check_books()
    world.clock.move_to(right)
    with world.desk() as desk:
        assert desk.confirm("call").order.total_packs == 5 * CARTON
    world.check_books()
