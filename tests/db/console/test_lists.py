"""The lists of orders and of calls: how many there are, in pages, narrowed down, sorted, and taken as files."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from sqlalchemy import select

from ivr.line import LineServices
from ivr.operators.models import Ticket
from ivr.services import services
from ivr.turns.calls import TurnRequest
from orders.staff.models import StaffRow
from speech.utterance import Utterance
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CORNER, MAIN, SHOP, World
from tests.support.many_orders import add_orders

ORDERS = 2_647
TODAY, YESTERDAY = "2026-11-23", "2026-11-22"
KNOWN = "+8613800000012"
YES, OPERATOR = Utterance(command="yes", text="是的"), Utterance(command="operator", text="人工")


def body(visitor: Visitor, address: str) -> str:
    answer = visitor.get(address)
    assert answer.status_code == 200, address
    return answer.get_data(as_text=True)


def rows(page: str) -> list[str]:
    """The rows of the list on a page, each without its markup."""
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("<tr>")[1:]]


@pytest.fixture
def busy_day(world: World) -> None:
    """2,647 saved orders of as many shops, a tenth of them saved by an operator, and one of the day before."""
    with world.session() as session:
        add_orders(session, world.clock().date(), world.clock(), ORDERS)


@pytest.fixture
def leader(signed_in: SignedIn) -> Visitor:
    return signed_in("leader")


@pytest.mark.usefixtures("busy_day")
def test_a_day_of_2647_orders_is_counted_paged_searched_sorted_and_taken_as_a_file(leader: Visitor) -> None:
    both = f"/orders?from={YESTERDAY}&to={TODAY}"
    page = body(leader, both)
    assert "一共2647张订单" in page
    assert len(rows(page)) == 100
    assert rows(page)[0].startswith("A02647")
    last = body(leader, f"{both}&page=27")
    assert len(rows(last)) == 47
    assert "A00001" in rows(last)[-1]
    # The day before is a day of its own, and days in the wrong order are put right.
    assert "一共2646张订单" in body(leader, "/orders")
    assert "一共1张订单" in body(leader, f"/orders?day={YESTERDAY}")
    assert "一共2647张订单" in body(leader, f"/orders?from={TODAY}&to={YESTERDAY}")
    # By shop, code, telephone number, or the order's number.
    for typed, number in (
        ("烟店2001", "A02001"),
        ("410599102001", "A02001"),
        ("13912345678", "A00007"),
        ("A02001", "A02001"),
    ):
        found = body(leader, f"{both}&q={typed}")
        assert "一共1张订单" in found, typed
        assert rows(found)[0].startswith(number), typed
    assert "没有这样的订单。" in body(leader, f"{both}&q=%25")
    # By who saved it and by which way; pages and headings keep what was asked for.
    saved = body(leader, f"{both}&by=李晓燕&channel=operator")
    assert "一共264张订单" in saved
    assert "channel=operator&amp;page=2" in saved
    assert "一共0张订单" in body(leader, f"{both}&by=李晓燕&channel=phone")
    assert "一共0张订单" in body(leader, f"{both}&state=draft")
    assert "（2647）" in page
    # The smallest first, the largest first.
    assert rows(body(leader, f"{both}&sort=amount"))[0].startswith("A00001")
    assert rows(body(leader, f"{both}&sort=-amount"))[0].startswith("A02647")
    assert (
        rows(body(leader, f"{both}&sort=shop"))[0].split()[1] <= rows(body(leader, f"{both}&sort=-shop"))[0].split()[1]
    )
    assert body(leader, f"{both}&sort=nothing&page=x&from=&state=made-up")
    # The file has what is listed, not the page of it, in the same order.
    file = leader.get(f"/orders/export?from={YESTERDAY}&to={TODAY}&by=李晓燕&sort=amount&kind=csv")
    table = list(csv.reader(io.StringIO(file.get_data().decode("utf-8-sig"))))
    assert table[0][:4] == ["订单号", "日期", "客户代码", "店名"]
    assert [row[0] for row in table[1:]] == [f"A{n:05d}" for n in range(10, ORDERS, 10)]
    workbook = leader.get("/orders/export?q=烟店2001&kind=xlsx")
    assert workbook.headers["Content-Disposition"].endswith("orders-2026-11-23.xlsx")


@pytest.mark.usefixtures("busy_day")
def test_an_operator_looks_orders_up_but_takes_no_file_of_them(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    page = body(visitor, "/orders")
    assert "一共2646张订单" in page
    assert "导出" not in page
    assert visitor.get("/orders/export").status_code == 403


@pytest.fixture
def line(application: Flask, monkeypatch: pytest.MonkeyPatch) -> LineServices:
    found = services(application).line
    monkeypatch.setattr(found.carrier, "redirect_to_queue", lambda call_key: None)
    return found


def test_calls_are_found_by_shop_number_operator_and_result(leader: Visitor, world: World, line: LineServices) -> None:
    world.change_retailer(SHOP, name="建设路便民超市")
    world.change_retailer(CORNER, name="桥头烟酒店")
    calls = line.calls
    # One identifies itself and hangs up; one wants an operator and gives up; one has an operator; one goes on.
    n = calls.begin("CA1", KNOWN, MAIN).turn_number
    calls.take_turn("CA1", TurnRequest(n, utterance=YES))
    calls.begin("CA2", "+8613700000002", MAIN)
    calls.take_turn("CA2", TurnRequest(calls.snapshot("CA2").turn_number, utterance=OPERATOR))
    calls.begin("CA3", "+8613700000003", MAIN)
    calls.take_turn("CA3", TurnRequest(calls.snapshot("CA3").turn_number, utterance=OPERATOR))
    calls.begin("CA4", "+8613700000004", MAIN)
    world.clock.move(minutes=2, seconds=5)
    now = world.clock()
    with world.session() as session:
        person = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
        given_up, taken = (
            session.scalars(select(Ticket).where(Ticket.call_key == key)).one() for key in ("CA2", "CA3")
        )
        given_up.state, given_up.closed_at = "abandoned", now
        taken.state, taken.taken_by, taken.taken_at = "taken", person.id, now
        operator, name = person.id, person.name
    for key in ("CA1", "CA2", "CA3"):
        calls.end(key, "completed")
    page = body(leader, "/calls")
    assert "一共4通电话" in page
    [of_shop] = [row for row in rows(page) if "建设路便民超市" in row]
    assert of_shop.endswith("2:05")
    for asked, count, shown in (
        ("q=便民", 1, "建设路便民超市"),
        (f"q={SHOP}", 1, "建设路便民超市"),
        ("q=桥头", 0, ""),
        ("q=13700000003", 1, "…0003"),
        ("q=13800000012", 1, "建设路便民超市"),
        (f"operator={operator}", 1, name),
        ("result=abandoned", 1, "等待中挂断"),
        ("result=operator", 1, "转订货员未订货"),
        ("result=ongoing", 1, "通话中"),
        ("result=unsaved", 1, "建设路便民超市"),
        ("direction=inbound", 4, ""),
        ("direction=outbound", 0, ""),
        ("from=2026-11-20&to=2026-11-22", 0, ""),
        ("from=2026-11-20&to=2026-11-23", 4, ""),
        ("from=2026-11-20", 4, ""),
        ("to=2026-11-22", 0, ""),
        ("operator=99999999999999999999&from=0001-01-01&to=9999-12-31&page=-1", 4, ""),
        ("operator=x&result=made-up&direction=up&sort=-up", 4, ""),
    ):
        found = body(leader, f"/calls?{asked}")
        assert f"一共{count}通电话" in found, asked
        assert shown in found.split("<tbody>")[1], asked
    assert "通话中" in body(leader, "/calls?sort=turns").split("<tr>")[2]
    assert "通话中" in body(leader, "/calls?sort=-turns").split("<tr>")[-1]
    table = leader.get("/calls/export?q=便民").get_data().decode("utf-8-sig").splitlines()
    assert len(table) == 2
    assert "13800000012" not in table[1]
    assert "…0012" in table[1]
    # A result is the same in the list and in the file.
    for result, label in (
        ("abandoned", "等待中挂断"),
        ("operator", "转订货员未订货"),
        ("unsaved", "未确认"),
        ("ongoing", "通话中"),
    ):
        file = leader.get(f"/calls/export?result={result}").get_data().decode("utf-8-sig").splitlines()
        assert len(file) == 2, result
        assert label in file[1]
