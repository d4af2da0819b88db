"""Order days of retailers: weeks, fortnights and months, across every calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from clock import SHANGHAI
from orders.book.desk import DeskRefusal, Eligibility
from orders.book.holds import release_expired
from tests.support.desk_world import CARTON, CLASSIC, CORNER, MAIN, SHOP, SUPPLEMENTARY, World


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


def begin_order(world: World) -> None:
    with world.desk() as desk:
        desk.open_draft("call", world.retailer(), desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, 10)


@pytest.mark.parametrize(
    ("grace", "minute", "is_saved"),
    [(None, 39, True), (None, 40, False), (0, 30, False), (2, 31, True), (2, 32, False)],
)
def test_an_order_begun_in_time_is_saved_within_the_grace_after_closing(
    world: World, grace: int | None, minute: int, is_saved: bool
) -> None:
    world.hours(MAIN, "08:30", "17:30")
    if grace is not None:
        world.department_rule("closing_grace_minutes", grace)
    world.clock.move_to(datetime(2026, 11, 23, 17, 29, tzinfo=SHANGHAI))
    begin_order(world)
    world.clock.move_to(datetime(2026, 11, 23, 17, minute, tzinfo=SHANGHAI))
    with world.desk() as desk:
        if is_saved:
            assert desk.draft("call").confirm().order.business_day == date(2026, 11, 23)
        else:
            with pytest.raises(DeskRefusal, match="closed"):
                desk.draft("call").confirm()
    world.check_books()


def test_the_days_end_ends_the_grace(world: World) -> None:
    world.hours(MAIN, "08:30", "17:30")
    begin_order(world)
    world.day_step("balances")
    world.clock.move_to(datetime(2026, 11, 23, 17, 31, tzinfo=SHANGHAI))
    with world.desk() as desk, pytest.raises(DeskRefusal, match="closed"):
        desk.draft("call").confirm()


def test_an_order_begun_before_midnight_is_saved_for_its_own_day_just_after(world: World) -> None:
    world.clock.move_to(datetime(2026, 11, 23, 23, 58, tzinfo=SHANGHAI))
    begin_order(world)
    world.clock.move(minutes=3)
    with world.desk() as desk:
        order = desk.draft("call").confirm().order
    assert order.business_day == date(2026, 11, 23)
    assert (order.number or "").startswith("20261123")
    world.check_books()


def test_the_department_may_close_a_day_and_its_retailers_order_on_the_next(world: World) -> None:
    world.day_off(date(2026, 11, 23))
    assert eligibility(world).next_order_day == date(2026, 11, 24)
    assert not eligibility(world).may_order
    world.clock.move(days=1)
    world.supply()
    assert eligibility(world).may_order


def test_callers_are_wished_a_happy_new_year_in_the_week_after_the_spring_festival(world: World) -> None:
    for day, greeted in (("02-17", False), ("02-23", False), ("02-24", True), ("03-02", True), ("03-03", False)):
        world.clock.move_to(datetime.fromisoformat(f"2026-{day}T09:00:00+08:00"))
        with world.desk() as desk:
            assert desk.is_new_year() is greeted, day


@pytest.mark.parametrize("how_far", [timedelta(minutes=20), timedelta(hours=3), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_jumps_back_and_forth_loses_and_oversells_nothing(world: World, how_far: timedelta) -> None:
    world.stock(CLASSIC, 5)
    with world.desk() as desk:
        desk.open_draft("call", world.retailer(), desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, 5 * CARTON)
    right = world.clock()
    for wrong in (right - how_far, right + how_far):
        world.clock.move_to(wrong)
        with world.session() as session:
            release_expired(session, world.clock())
        if wrong.date() != right.date():
            with world.desk() as desk, pytest.raises(DeskRefusal, match="closed"):
                desk.draft("call").confirm()
        world.check_books()
    world.clock.move_to(right)
    with world.desk() as desk:
        assert desk.draft("call").confirm().order.total_packs == 5 * CARTON
    world.check_books()
