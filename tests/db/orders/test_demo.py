"""The demo is usable on the day it is started, and on every later one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

import storage
from app import create_app
from brand_catalog.importing import import_catalog
from brand_catalog.loading import current_version, load_catalog
from ivr.services import services
from orders.book.desk import Desk, Eligibility
from orders.book.models import OrderRow
from orders.demo import MAIN_NUMBER, PIN, SUPPLEMENTARY_NUMBER, seed_demo
from orders.retailers.lookup import due_on
from orders.supply.allocate import out_of_balance
from orders.supply.models import Limit, LimitBatch, Supply
from orders.windows import business_day
from settings import Settings
from tests.support.desk_world import CARTON, MovingClock, catalog

SHOP = "410502100012"


def seed(sessions: storage.SessionFactory, clock: MovingClock) -> None:
    with storage.transaction(sessions) as session:
        seed_demo(session, clock())


def eligibility(
    sessions: storage.SessionFactory, clock: MovingClock, code: str, number: str = MAIN_NUMBER
) -> Eligibility:
    with storage.transaction(sessions) as session:
        desk = Desk(session, load_catalog(session), clock())
        retailer = desk.retailer(code)
        assert retailer is not None
        return desk.eligibility(retailer, desk.hotline(number))


@pytest.mark.parametrize("days", [0, 1, 2, 6, 7, 40])
def test_the_demo_retailers_are_in_their_situations_on_any_day(
    demo_sessions: storage.SessionFactory, clock: MovingClock, days: int
) -> None:
    sessions = demo_sessions
    clock.move(days=days)
    seed(sessions, clock)
    endings = ("12", "29", "37", "45", "53", "61")
    reasons = {ending: eligibility(sessions, clock, f"4105021000{ending}").reason for ending in endings}
    assert reasons == {
        "12": None,
        "29": "not_order_day",
        "37": "already_ordered",
        "45": None,
        "53": "suspended",
        "61": "not_order_day",
    }
    assert eligibility(sessions, clock, "410502100061", SUPPLEMENTARY_NUMBER).may_order
    assert eligibility(sessions, clock, SHOP, SUPPLEMENTARY_NUMBER).reason == "not_supplementary"


def test_a_retailer_can_place_an_order_the_way_the_demo_is_meant(
    demo_sessions: storage.SessionFactory, clock: MovingClock
) -> None:
    sessions = demo_sessions
    with storage.transaction(sessions) as session:
        demo = load_catalog(session)
        desk = Desk(session, demo, clock())
        assert len(demo.specs) >= 150
        caller = desk.retailer_by_phone("+8613800000012")
        assert caller is not None
        assert caller.customer_code == SHOP
        assert desk.verify_pin(SHOP, PIN, "+8613900000000").ok
        line = desk.hotline(MAIN_NUMBER)
        assert 60 <= len(desk.available_specs(caller)) <= 120
        assert desk.past_quantities(caller)
        by_name = {spec.name: spec.barcode for spec in demo.specs.values()}
        desk.open_draft("call", caller, line)
        assert desk.draft("call").set_line(by_name["红塔山(新时代)"], 5 * CARTON).granted_packs == 5 * CARTON
        out = desk.draft("call").set_line(by_name["利群(软蓝)"], 5 * CARTON)
        assert out.substitute is not None
        assert (out.reason, out.substitute.name) == ("out_of_stock", "黄鹤楼(软蓝)")
        left = desk.draft("call").set_line(by_name["黄鹤楼(硬奇景)"], 5 * CARTON)
        assert (left.reason, left.granted_packs) == ("stock", 2 * CARTON)
        assert desk.draft("call").set_line(by_name["黄鹤楼(软1916)"], CARTON).reason == "not_allotted"
        few = desk.draft("call").set_line(by_name["中华(硬)"], 50 * CARTON)
        assert (few.reason, few.granted_packs) == ("limit", few.limit_packs)
        desk.draft("call").confirm()


@pytest.mark.parametrize("days", [0, 1, 40])
def test_the_demos_day_is_split_like_a_real_one(
    demo_sessions: storage.SessionFactory, clock: MovingClock, days: int
) -> None:
    clock.move(days=days)
    seed(demo_sessions, clock)
    today = business_day(clock())
    with storage.transaction(demo_sessions) as session:
        assert out_of_balance(session, load_catalog(session), today) == []
        batches = session.scalars(select(LimitBatch.source).where(LimitBatch.business_day == today)).all()
        assert batches == ["supply.csv", "limits.csv"]
        starts = set(due_on(session, today).values())
        limits = select(func.count()).select_from(Limit).where(Limit.cycle_start.in_(starts))
        assert session.scalar(limits.where(Limit.limit_packs == 0)), "a share that came out as none is a limit of none"


def test_a_demo_left_running_past_midnight_has_the_new_day(demo_url: str, clock: MovingClock) -> None:
    app = create_app(Settings(database_url=demo_url, demo=True, listen_mode="keypad"), clock=clock)
    sessions = services(app).sessions
    browser = app.test_client()
    clock.move_to(clock().replace(hour=23, minute=59))
    assert browser.get("/healthz").status_code == 200
    clock.move(minutes=2)
    assert browser.get("/healthz").status_code == 200
    assert eligibility(sessions, clock, SHOP).may_order
    assert eligibility(sessions, clock, "410502100061", SUPPLEMENTARY_NUMBER).may_order
    with storage.transaction(sessions) as session:
        desk = Desk(session, load_catalog(session), clock())
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        assert [one for one in desk.available_specs(retailer) if one.is_new]
    with storage.transaction(sessions) as session:
        before = session.scalar(select(func.count()).select_from(OrderRow))
    assert browser.get("/healthz").status_code == 200
    with storage.transaction(sessions) as session:
        assert session.scalar(select(func.count()).select_from(OrderRow)) == before, "renewed once"


def test_a_customers_own_database_gets_no_demo_day(database_url: str, clock: MovingClock) -> None:
    app = create_app(Settings(database_url=database_url, demo=True, listen_mode="keypad"), clock=clock)
    with storage.transaction(services(app).sessions) as session:
        import_catalog(session, catalog(), clock(), "our own")
    app.test_client().get("/healthz")
    with storage.transaction(services(app).sessions) as session:
        assert session.scalar(select(Supply)) is None


def test_without_tables_the_demo_still_answers(bare_url: str, clock: MovingClock) -> None:
    app = create_app(Settings(database_url=bare_url, demo=True, listen_mode="keypad"), clock=clock)
    assert app.test_client().get("/healthz").status_code == 503


def test_starting_the_demo_again_leaves_todays_orders_alone(
    demo_sessions: storage.SessionFactory, clock: MovingClock
) -> None:
    sessions = demo_sessions
    with storage.transaction(sessions) as session:
        desk = Desk(session, load_catalog(session), clock())
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN_NUMBER))
        desk.draft("call").set_line(next(iter(desk.past_quantities(retailer))), CARTON)
        desk.draft("call").confirm()
    before = eligibility(sessions, clock, SHOP)
    clock.move(hours=1)
    seed(sessions, clock)
    assert eligibility(sessions, clock, SHOP) == before
    assert before.reason == "already_ordered"


def test_a_customers_own_catalogue_is_never_replaced_by_the_demos(
    demo_sessions: storage.SessionFactory, clock: MovingClock
) -> None:
    sessions = demo_sessions
    with storage.transaction(sessions) as session:
        import_catalog(session, catalog(), clock() + timedelta(minutes=1), "our own")
        version = current_version(session)
    seed(sessions, clock)
    with storage.transaction(sessions) as session:
        assert current_version(session) == version
