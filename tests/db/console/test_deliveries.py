"""Deliveries: the delivery system's file, by page and by command, and the form for one order."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from orders.book.models import OrderHistory, OrderRow
from tests.support.commands import application_on
from tests.support.console_client import Visitor
from tests.support.desk_world import CLASSIC, MovingClock, World
from tests.support.dialogue import item, lines, signed_in


@pytest.fixture
def number(world: World) -> str:
    """The number of an order of the demo shop that was handed over to delivery today."""
    call = signed_in(world, key="first")
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    call.caller_says("对")
    with world.session() as session:
        order = session.query(OrderRow).filter(OrderRow.number.is_not(None)).one()
        order.state, order.handed_over_at = "handed_over", world.clock()
        return str(order.number)


def order(world: World) -> tuple[object, ...]:
    with world.session() as session:
        row = session.query(OrderRow).filter(OrderRow.number.is_not(None)).one()
        return row.state, str(row.delivered_on), str(row.received_on), row.delivery_problem


def upload(visitor: Visitor, text: str, name: str = "deliveries.csv") -> tuple[int, str]:
    answer = visitor.client.post(
        "/deliveries/import",
        data={"file": (BytesIO(text.encode()), name)},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )
    return answer.status_code, answer.get_data(as_text=True)


def test_the_drivers_list_has_each_order_to_deliver_by_route_with_its_total(
    visitor: Visitor, world: World, clock: MovingClock, number: str
) -> None:
    visitor.sign_in("clerk")
    page = visitor.get("/deliveries/list").get_data(as_text=True)
    assert page.count(number) == 1
    assert "客户签收" in page
    assert "1张订单" in page
    assert "这一天没有要送的订单" in visitor.get("/deliveries/list?route=9").get_data(as_text=True)
    clock.move(days=1)
    upload(visitor, f"order,result,day\n{number},delivered,2026-11-24\n")
    assert number not in visitor.get("/deliveries/list?day=2026-11-23").get_data(as_text=True)


def test_a_file_brings_delivery_and_receipt_and_again_changes_nothing(
    visitor: Visitor, world: World, clock: MovingClock, number: str
) -> None:
    clock.move(days=1)
    visitor.sign_in("clerk")
    file = f"order,result,day\n{number},delivered,2026-11-24\n{number},received,2026-11-24\n"
    status, text = upload(visitor, file)
    assert (status, "已送到1张，已签收1张" in text) == (200, True)
    assert order(world) == ("received", "2026-11-24", "2026-11-24", "")
    _, text = upload(visitor, file)
    assert "没有变化2张" in text
    with world.session() as session:
        events = [row.event for row in session.query(OrderHistory).order_by(OrderHistory.id)]
    assert events[-2:] == ["delivered", "received"]
    assert "已签收" in visitor.get("/deliveries?day=2026-11-23").get_data(as_text=True)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("20261123999999,delivered,2026-11-23,", "没有订单 20261123999999"),
        ("{number},lost,2026-11-23,", "lost 不在"),
        ("{number},delivered,23.11.2026,", "不是 2026-01-31 这样的日期"),
        ("{number},delivered,2026-11-24,", "2026-11-24 还没有到"),
        ("{number},delivered,2026-11-22,", "在 2026-11-22 以后才交给配送"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(
    visitor: Visitor, world: World, number: str, row: str, why: str
) -> None:
    visitor.sign_in("clerk")
    good = f"{number},received,2026-11-23,"
    status, text = upload(visitor, f"order,result,day,note\n{good}\n{row.format(number=number)}\n")
    assert status == 422
    assert why in text
    assert order(world)[0] == "handed_over"


def test_an_order_that_was_not_handed_over_is_not_delivered(visitor: Visitor, world: World, number: str) -> None:
    with world.session() as session:
        session.query(OrderRow).filter(OrderRow.number == number).one().state = "settled"
    visitor.sign_in("clerk")
    _, text = upload(visitor, f"order,result,day\n{number},delivered,2026-11-23\n")
    assert f"订单 {number} 还没有交给配送" in text


def test_one_order_is_recorded_by_hand(visitor: Visitor, world: World, number: str) -> None:
    visitor.sign_in("operator")
    assert visitor.post("/deliveries/1", result="delivered", day="2026-11-23").status_code == 403
    visitor.post("/logout")
    visitor.sign_in("clerk")
    answer = visitor.post("/deliveries/1", result="not_delivered", day="2026-11-23", note="")
    assert answer.status_code == 422
    assert "没有送到请写明原因" in answer.get_data(as_text=True)
    answer = visitor.post("/deliveries/1", result="not_delivered", day="2026-11-23", note="店里没有人")
    assert "店里没有人" in answer.get_data(as_text=True)
    assert order(world) == ("handed_over", "None", "None", "店里没有人")
    visitor.post("/deliveries/1", result="received", day="2026-11-23")
    assert order(world) == ("received", "2026-11-23", "2026-11-23", "")
    answer = visitor.post("/deliveries/1", result="delivered", day="2026-11-24")
    assert answer.status_code == 422
    assert "2026-11-24 还没有到" in answer.get_data(as_text=True)


def test_no_file_is_asked_for(visitor: Visitor, number: str) -> None:
    visitor.sign_in("clerk")
    status, text = upload(visitor, "", "deliveries.txt")
    assert (status, "请选一个 CSV 或 XLSX 文件" in text) == (422, True)


def test_the_command_imports_the_same_file(world: World, number: str, tmp_path: Path) -> None:
    world.engage("clerk", "operator")
    app = application_on(world)
    file = tmp_path / "deliveries.csv"
    file.write_text(f"order,result,day\n{number},delivered,2026-11-23\n", encoding="utf-8")
    refused = app.test_cli_runner().invoke(args=["import-deliveries", str(file), "--by", "operator"])
    assert refused.exit_code == 1
    assert "this is for" in refused.output
    done = app.test_cli_runner().invoke(args=["import-deliveries", str(file), "--by", "clerk"])
    assert (done.exit_code, '"delivered": 1' in done.output) == (0, True)
    assert order(world)[0] == "delivered"
