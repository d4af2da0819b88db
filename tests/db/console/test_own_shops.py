"""A customer manager sees and handles their own retailers only, a county's clerk those of the county: on pages, in
files and in searches."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from orders.book.desk import LineRequest
from orders.book.models import OrderRow
from orders.demo.demo_staff import DEMO_COUNTY, DEMO_MANAGER
from orders.outbound.missed_calls import record_missed_call
from orders.outbound.models import MissedCall
from orders.reporting.area_needs import area_needs
from orders.reporting.figures import read_figures
from orders.reporting.need_days import keep
from orders.reporting.period import Period
from orders.retailers.models import RetailerRow
from orders.retailers.scope import Scope, narrow
from orders.staff.feedback import record_request
from orders.staff.models import Feedback, StaffRow
from orders.supply.models import Limit
from orders.windows import business_day
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CARTON, CLASSIC, CORNER, SHOP, STATION, World

NAMES = {SHOP: "向阳商店", CORNER: "街角烟店", STATION: "车站超市"}
PDF = b"%PDF-1.4 signed"


@pytest.fixture
def city(application: Flask, world: World) -> dict[str, int]:
    """Three shops: the customer manager's own, another one of the county, and one of another county. Each was missed,
    has a visit planned, asked for something and ordered. Return the numbers of their missed calls and orders."""
    day, found = business_day(world.clock()), {}
    with world.session() as session:
        rows = {row.customer_code: row for row in session.scalars(select(RetailerRow))}
        for code, county, manager in (
            (SHOP, DEMO_COUNTY, DEMO_MANAGER),
            (CORNER, DEMO_COUNTY, "别的经理"),
            (STATION, "别的县", DEMO_MANAGER),
        ):
            row = rows[code]
            row.name, row.county, row.manager, row.order_weekday = NAMES[code], county, manager, day.weekday()
            operator = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
            record_request(
                session, row.id, "supply", f"{NAMES[code]}要货", pass_to="leader", by=operator, now=world.clock()
            )
            missed = record_missed_call(
                session, row, day, "absent", "visit", day, note="", by="李晓燕", now=world.clock()
            )
            found[f"visit {code}"] = missed.id
    world.allow_everything()
    for code in NAMES:
        with world.desk() as desk:
            retailer = desk.retailer(code)
            assert retailer is not None
            draft = desk.open_channel_draft(f"order-{code}", retailer, "proxy")
            draft.set_lines([LineRequest(CLASSIC, 2 * CARTON)])
            draft.confirm()
            row = desk.session.scalars(select(OrderRow).where(OrderRow.retailer_id == retailer.id)).one()
            found[f"order {code}"] = row.id
    return found


def page(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def send_list(visitor: Visitor, codes: list[str], **form: str) -> TestResponse:
    head = "customer_code,name,cartons,retailer_signed,department_head_signed,deputy_manager_signed\n"
    rows = "".join(f"{code},红塔山(硬经典),1,店主{code},王主任,李经理\n" for code in codes)
    data = {"file": (io.BytesIO((head + rows).encode()), "list.csv"), "scan": (io.BytesIO(PDF), "list.pdf"), **form}
    headers = {"HX-Request": "true", "X-CSRFToken": visitor.token()}
    return visitor.client.post("/proxy", data=data, headers=headers)


@pytest.mark.parametrize(("who", "own"), [("customer_manager", {SHOP}), ("county_clerk", {SHOP, CORNER})])
def test_every_page_file_and_search_has_their_own_shops_only(
    visitor: Visitor, signed_in: SignedIn, world: World, city: dict[str, int], who: str, own: set[str]
) -> None:
    visitor.sign_in(who)
    paths = [
        "/retailers",
        "/retailers?q=4105",
        "/visits",
        "/feedback",
        "/unreached",
        "/orders",
        "/orders?q=4105",
        "/proxy",
    ]
    if who == "county_clerk":
        paths += ["/retailers/export", "/orders/export"]
    for path in paths:
        shown = page(visitor, path)
        seen = {code for code, name in NAMES.items() if code in shown or name in shown}
        assert seen == (set() if path == "/proxy" else own), path
    for code in NAMES:
        allowed = 200 if code in own else 404
        assert visitor.get(f"/retailers/{code}").status_code == allowed
        assert visitor.get(f"/supply/limits/{code}").status_code == allowed
        assert visitor.get(f"/visits/{city[f'visit {code}']}").status_code == allowed
        assert visitor.get(f"/orders/{city[f'order {code}']}").status_code == allowed
        outcome = visitor.post(f"/visits/{city[f'visit {code}']}/without-order", outcome="not_met")
        assert outcome.status_code == (422 if code in own else 404), "it has ordered, or is not theirs"
        noted = visitor.post("/feedback", code=code, kind="delivery", text="早点送", met="met")
        assert noted.status_code == (200 if code in own else 422)
    assert "上门订货" in page(visitor, "/visits")
    assert visitor.get("/").location == "/unreached"
    everybody = signed_in("clerk")
    assert all(name in page(everybody, "/retailers") for name in NAMES.values())


def test_a_customer_manager_enters_the_signed_list_of_their_own_shops(
    visitor: Visitor, signed_in: SignedIn, world: World, city: dict[str, int]
) -> None:
    clerk = signed_in("clerk")
    visitor.sign_in("customer_manager")
    refused = send_list(visitor, [SHOP, CORNER, STATION], apply="1")
    assert refused.status_code == 422
    problems = refused.get_data(as_text=True)
    assert CORNER in problems
    assert STATION in problems
    assert send_list(clerk, [CORNER], apply="1").status_code == 200
    assert send_list(visitor, [SHOP], apply="1").status_code == 200
    own = page(visitor, "/proxy")
    assert NAMES[SHOP] in own
    assert NAMES[CORNER] not in own
    # A scan shows every shop of its list, so each of the two has their own, and the clerk both.
    assert [visitor.get(f"/proxy/scans/{number}").status_code for number in (1, 2)] == [404, 200]
    assert [clerk.get(f"/proxy/scans/{number}").status_code for number in (1, 2)] == [200, 200]


def test_a_customer_manager_tunes_the_limits_of_their_own_shops(
    visitor: Visitor, signed_in: SignedIn, world: World, city: dict[str, int]
) -> None:
    visitor.sign_in("customer_manager")
    assert "改限量" in page(visitor, f"/retailers/{SHOP}")
    coming = {"day": "2026-11-30", f"limit-{CLASSIC}": "7", f"was-{CLASSIC}": ""}
    form = coming | {"why": "店里装修，下周少要", "apply": "1"}
    assert visitor.post(f"/supply/limits/{SHOP}", **form).status_code == 200
    for code in (CORNER, STATION):
        assert visitor.post(f"/supply/limits/{code}", **form).status_code == 404
    with world.session() as session:
        found = session.execute(
            select(RetailerRow.customer_code, Limit.limit_packs)
            .join(RetailerRow, RetailerRow.id == Limit.retailer_id)
            .where(Limit.barcode == CLASSIC, Limit.cycle_start == date(2026, 11, 30))
        ).all()
        assert [tuple(row) for row in found] == [(SHOP, 7 * CARTON)]
    # What is ordered by today is locked: the manager requests it, and a leader approves.
    present = {"day": "2026-11-23", f"limit-{CLASSIC}": "9", f"was-{CLASSIC}": limit_shown(visitor)}
    requested = visitor.post(f"/supply/limits/{SHOP}", **present, why="客户要加", apply="1").get_data(as_text=True)
    assert "等第二个人同意" in requested
    leader = signed_in("leader")
    assert "客户要加" in page(leader, "/supply/requests")
    clerk = signed_in("county_clerk")
    assert clerk.post(f"/supply/limits/{SHOP}", **form).status_code == 403


def limit_shown(visitor: Visitor) -> str:
    """The limit of this cycle that the page of the shop shows in its field."""
    found = re.search(rf'name="was-{CLASSIC}" value="(\d*)"', page(visitor, f"/supply/limits/{SHOP}"))
    assert found is not None
    return found[1]


def rows_of(visitor: Visitor, table: str) -> list[list[str]]:
    return [row.split(",") for row in page(visitor, f"/reports/{table}.csv").lstrip("\ufeff").splitlines()]


def test_the_figures_of_counties_and_managers_are_each_readers_own(
    visitor: Visitor, signed_in: SignedIn, world: World, city: dict[str, int]
) -> None:
    leader, clerk = signed_in("leader"), signed_in("county_clerk")
    visitor.sign_in("customer_manager")
    [head, *counties] = rows_of(leader, "counties")
    assert ",".join(head) == "县,户数,应订户数,已订户数,订货成功率%,订单数,条数,金额(元),订足率%"
    assert sorted(row[:7] + row[8:] for row in counties if row[0] in (DEMO_COUNTY, "别的县")) == [
        ["别的县", "1", "1", "1", "100.0", "1", "2.00", "100.0"],
        [DEMO_COUNTY, "2", "2", "2", "100.0", "2", "4.00", "100.0"],
    ]
    assert [row[:3] for row in rows_of(clerk, "managers")] == [
        ["客户经理", "县", "户数"],
        *([name, DEMO_COUNTY, "1"] for name in sorted(("别的经理", DEMO_MANAGER))),
    ]
    assert [row[:3] for row in rows_of(visitor, "managers")[1:]] == [[DEMO_MANAGER, DEMO_COUNTY, "1"]]
    shown = page(visitor, "/reports")
    assert "各客户经理" in shown
    assert "别的经理" not in shown
    assert "服务水平" not in shown, "the line's figures are not theirs"
    assert visitor.get("/reports/days.csv").status_code == 403
    assert "/reports/areas?day=" in page(leader, "/reports?span=month")
    assert "别的经理" in page(leader, "/reports/areas?span=month")
    # What all the counties got, asked for and paid is what the page says of the whole line.
    with world.session() as session:
        today = business_day(world.clock())
        figures = read_figures(session, Period(today, today), today)
        areas, total = area_needs(session, figures.period, figures.need_days), figures.total
    assert (total.due, total.due_ordered, total.orders, total.packs, total.amount_fen) == (
        sum(one.due for one in areas),
        sum(one.due_ordered for one in areas),
        sum(one.orders for one in areas),
        sum(one.packs for one in areas),
        sum(one.amount_fen for one in areas),
    )
    assert sum(one.requested_packs for one in areas) == total.requested_packs > 0


def test_a_past_day_that_is_kept_says_the_same_of_each_county(world: World, city: dict[str, int]) -> None:
    day = business_day(world.clock())
    world.clock.move(days=1)
    found = []
    for _time in range(2):
        with world.session() as session:
            figures = read_figures(session, Period(day, day), business_day(world.clock()))
            found.append(area_needs(session, figures.period, figures.need_days))
        keep(world.sessions, figures.need_days)
    assert figures.need_days.to_keep == {}, "it was read as it was kept"
    assert found[0] == found[1]
    assert sum(one.requested_packs for one in found[1]) == 6 * CARTON


def test_what_is_counted_is_their_own_too(world: World, city: dict[str, int]) -> None:
    with world.session() as session:
        narrow(session, Scope(DEMO_COUNTY, DEMO_MANAGER))
        found = select(RetailerRow).order_by(RetailerRow.customer_code)
        counted = found.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
        assert session.scalar(counted) == 1
        for table in (OrderRow, MissedCall, Feedback, RetailerRow):
            assert session.scalar(select(func.count()).select_from(table)) == 1, table
        assert set(session.scalars(select(Limit.retailer_id))) == set(session.scalars(select(RetailerRow.id)))
        assert session.get(MissedCall, city[f"visit {CORNER}"]) is None


def test_an_account_without_retailers_sees_none(visitor: Visitor, world: World, city: dict[str, int]) -> None:
    with world.session() as session:
        person = session.scalars(select(StaffRow).where(StaffRow.login == "county_clerk")).one()
        person.county = ""
    visitor.sign_in("county_clerk")
    for path in ("/retailers", "/orders", "/feedback", "/visits"):
        shown = page(visitor, path)
        assert not any(name in shown for name in NAMES.values()), path
