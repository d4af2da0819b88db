"""What is not decided yet changes no rate: orders being typed, web orders to be audited, days still to come."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orders.book import order_changes
from orders.book.models import OrderRow
from orders.channels import web_orders
from orders.channels.models import WebOrderRow
from orders.channels.web_orders import WebOrder
from orders.reporting.figures import DayFigures, Figures, read_figures
from orders.reporting.need_days import keep
from orders.reporting.period import Period
from orders.windows import business_day
from tests.support.desk_world import CARTON, CHINA, CLASSIC, ERA, LIQUN, MAIN, SHOP, STATION, World

TODAY = date(2026, 11, 23)
MONTH = Period.around(TODAY, "month")
SPECS = (CLASSIC, ERA, LIQUN, CHINA)


def figures_of(world: World, period: Period = MONTH) -> Figures:
    with world.session() as session:
        return read_figures(session, period, business_day(world.clock()))


def today_of(world: World) -> DayFigures:
    return next(day for day in figures_of(world).days if day.day == TODAY)


def orders(world: World, code: str, cartons: dict[str, int]) -> str:
    """The retailer orders by telephone; returns the number of its order."""
    types(world, code, cartons)
    with world.desk() as desk:
        number = desk.draft(code).confirm().order.number
    assert number is not None
    return number


def types(world: World, code: str, cartons: dict[str, int]) -> None:
    """An operator types these lines for the retailer, and does not save them."""
    with world.desk() as desk:
        desk.open_draft(code, world.retailer(code), desk.hotline(MAIN))
        for barcode, wanted in cartons.items():
            desk.draft(code).set_line(barcode, wanted * CARTON, "set")


def rates(figures: Figures) -> object:
    """Every rate, and every count that one is made of."""
    total = figures.total
    return (
        (total.success, total.met_rate, total.orders, total.packs, total.amount_fen, total.lapsed, total.cancelled),
        [(need.barcode, need.met_rate, need.reach, need.repeat_rate, need.asked) for need in figures.needs],
        figures.unmet_reasons,
        figures.channels,
    )


def test_an_order_of_500_being_typed_leaves_every_rate_as_it_was(world: World) -> None:
    orders(world, SHOP, {CHINA: 5, CLASSIC: 2})
    before = figures_of(world)
    types(world, STATION, {CHINA: 500})
    after = figures_of(world)
    assert rates(after) == rates(before)
    assert after.total.met_rate == 1
    # It is seen all the same: 20 cartons are what its limit grants.
    assert (after.total.drafts, after.total.draft_packs) == (1, 20 * CARTON)


def test_the_same_order_saved_is_need_met_and_unmet(world: World) -> None:
    orders(world, SHOP, {CHINA: 5})
    orders(world, STATION, {CHINA: 500})
    assert today_of(world).met_rate == Fraction(25, 505)
    assert (today_of(world).drafts, figures_of(world).unmet_reasons) == (0, [("limit", 1)])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(SPECS), st.integers(1, 600), min_size=1),
    st.sampled_from(["typing", "hung up", "silent"]),
)
def test_no_draft_changes_a_rate(world: World, cartons: dict[str, int], how: str) -> None:
    with world.session() as session:
        is_new = session.scalar(select(OrderRow.id).where(OrderRow.state == "confirmed")) is None
    if is_new:
        world.limit(ERA, 3)
        orders(world, SHOP, {CHINA: 5, ERA: 9})
    before = figures_of(world)
    types(world, STATION, cartons)
    if how == "hung up":
        with world.desk() as desk:
            desk.draft(STATION).abandon()
    elif how == "silent":
        world.clock.move(minutes=30)
    assert rates(figures_of(world)) == rates(before)


def test_a_draft_of_a_day_that_is_over_is_a_need_that_was_not_met(world: World) -> None:
    types(world, STATION, {CHINA: 4})
    world.clock.move(days=1)
    assert (today_of(world).met_rate, today_of(world).lapsed, today_of(world).drafts) == (0, 1, 0)
    assert figures_of(world).needs[0].unmet_by_reason == {"unsaved": 4 * CARTON}


def test_a_draft_has_the_cartons_and_the_amount_of_its_lines(world: World) -> None:
    types(world, STATION, {CHINA: 4, CLASSIC: 1})
    with world.desk() as desk:
        desk.draft(STATION).remove(CLASSIC)
        desk.draft(STATION).accept_less(CHINA, 3 * CARTON)
    with world.session() as session:
        order = session.scalars(select(OrderRow)).one()
        assert (order.state, order.total_packs, order.amount_fen) == ("draft", 3 * CARTON, 3 * 381_60)


def test_what_a_web_order_asks_beyond_a_limit_counts_once_it_is_audited(world: World) -> None:
    orders(world, STATION, {CHINA: 5})
    with world.desk() as desk:
        order = WebOrder(SHOP, {CHINA: 500 * CARTON}, world.clock())
        web_orders.enter_order(desk, "web", "sender", "1", order, world.clock())
    # The order is saved with the 20 cartons of its limit; the 480 more may be a slip of the sender's.
    assert (today_of(world).orders, today_of(world).met_rate) == (2, 1)
    assert figures_of(world).unmet_reasons == []
    with world.session() as session:
        number = session.scalars(select(WebOrderRow.id)).one()
        web_orders.audit_order(session, number, by="a clerk", note="wanted indeed", now=world.clock())
    assert today_of(world).met_rate == Fraction(25, 505)
    assert figures_of(world).unmet_reasons == [("limit", 1)]


def test_a_cancelled_order_changes_no_rate(world: World) -> None:
    orders(world, SHOP, {CHINA: 5})
    before = figures_of(world)
    world.stock(LIQUN, 0)
    number = orders(world, STATION, {CHINA: 500, LIQUN: 3})
    with world.session() as session:
        change = order_changes.request_change(session, number, {}, by="a", reason="gone", now=world.clock())
        order_changes.decide(session, change.id, approve=True, by="b", note="", now=world.clock())
    after = figures_of(world)
    assert after.total.met_rate == before.total.met_rate == 1
    assert (after.unmet_reasons, after.total.cancelled, after.total.due_ordered) == ([], 1, 1)


def test_a_running_month_ends_today(world: World) -> None:
    orders(world, SHOP, {CHINA: 1})
    month, week = figures_of(world), figures_of(world, Period.around(TODAY, "week"))
    assert (month.period, month.days[-1].day) == (Period(date(2026, 11, 1), TODAY), TODAY)
    # Of the week only Monday has come: the shop of Tuesday is not due yet.
    assert (week.total.due, week.total.due_ordered) == (2, 1)
    world.clock.move(days=1)
    assert figures_of(world, Period.around(TODAY, "week")).total.due == 3


def test_a_period_to_come_has_no_figures(world: World) -> None:
    next_month = figures_of(world, Period.around(TODAY + timedelta(days=30), "month"))
    assert (next_month.days, next_month.needs, next_month.total.success) == ([], [], None)


def test_a_past_day_is_added_up_once_and_again_after_a_change(world: World) -> None:
    number = orders(world, SHOP, {CHINA: 5, CLASSIC: 2})
    types(world, STATION, {ERA: 4})
    world.clock.move(days=1)
    first = figures_of(world)
    assert set(first.need_days.to_keep) == {TODAY}
    keep(world.sessions, first.need_days)
    second = figures_of(world)
    assert second.need_days.to_keep == {}
    assert (second.needs, second.days, second.unmet_reasons) == (first.needs, first.days, first.unmet_reasons)
    with world.session() as session:
        change = order_changes.request_change(
            session, number, {CHINA: 5 * CARTON, CLASSIC: CARTON}, by="a", reason="less", now=world.clock()
        )
        order_changes.decide(session, change.id, approve=True, by="b", note="", now=world.clock())
    third = figures_of(world)
    assert set(third.need_days.to_keep) == {TODAY}
    assert [need.requested_packs for need in third.needs if need.barcode == CLASSIC] == [CARTON]
    keep(world.sessions, third.need_days)
    assert figures_of(world).needs == third.needs
