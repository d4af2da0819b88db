"""A customer manager sees and handles their own retailers only, a county's clerk those of the county: on pages, in
files and in searches."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from orders.book.desk import LineRequest
from orders.book.models import OrderRow
from orders.demo.demo_staff import DEMO_COUNTY, DEMO_MANAGER
from orders.outbound.missed_calls import record_missed_call
from orders.outbound.models import MissedCall
from orders.retailers.models import RetailerRow
from orders.retailers.scope import Scope, narrow
from orders.staff.feedback import record_request
from orders.staff.models import Feedback, StaffRow
from orders.supply.models import Limit
from orders.windows import business_day
from tests.support.console_client import Visitor
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
    visitor: Visitor, new_visitor: Callable[[], Visitor], world: World, city: dict[str, int], who: str, own: set[str]
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
        assert visitor.get(f"/visits/{city[f'visit {code}']}").status_code == allowed
        assert visitor.get(f"/orders/{city[f'order {code}']}").status_code == allowed
        outcome = visitor.post(f"/visits/{city[f'visit {code}']}/without-order", outcome="not_met")
        assert outcome.status_code == (422 if code in own else 404), "it has ordered, or is not theirs"
        noted = visitor.post("/feedback", code=code, kind="delivery", text="早点送", met="met")
        assert noted.status_code == (200 if code in own else 422)
    assert "上门订货" in page(visitor, "/visits")
    assert visitor.get("/").location == "/unreached"
    everybody = new_visitor()
    everybody.sign_in("clerk")
    assert all(name in page(everybody, "/retailers") for name in NAMES.values())


def test_a_customer_manager_enters_the_signed_list_of_their_own_shops(
    visitor: Visitor, new_visitor: Callable[[], Visitor], world: World, city: dict[str, int]
) -> None:
    clerk = new_visitor()
    clerk.sign_in("clerk")
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
