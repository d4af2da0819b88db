"""Web orders that need staff: audited with a note, or followed up by one operator's calls until there is an order, or
none."""

from __future__ import annotations

import pytest

from orders.book.models import OrderRow
from orders.channels import web_orders
from orders.channels.models import WebOrderRow
from orders.channels.web_orders import WebOrder
from tests.support.console_client import SignedIn, Visitor, shown_version
from tests.support.desk_world import CARTON, CHINA, CLASSIC, SHOP, STATION, MovingClock, World


@pytest.fixture
def operator(signed_in: SignedIn) -> Visitor:
    return signed_in("operator")


def take_in_web_order(world: World, code: str, barcode: str, cartons: int, key: str = "1") -> None:
    """Take in a web order of one spec by a retailer."""
    packs = {barcode: cartons * CARTON}
    with world.desk() as desk:
        web_orders.enter_order(desk, "web", "page", key, WebOrder(code, packs, world.clock()), world.clock())


def page(visitor: Visitor) -> str:
    return visitor.get("/web-orders").get_data(as_text=True)


def part(text: str, title: str) -> str:
    return text.partition(title)[2].partition("<section")[0]


def test_a_cut_order_waits_until_somebody_has_looked_and_said_what_they_found(operator: Visitor, world: World) -> None:
    world.limit(CHINA, 2)
    take_in_web_order(world, SHOP, CHINA, 5)
    text = part(page(operator), "等审核")
    assert "店12" in text
    assert "中华(硬)：超过限量，要5条，订上2条" in text
    assert "审核通过" not in text
    assert operator.post("/web-orders/1/audit", note="已告知").status_code == 403
    operator.post("/logout")
    operator.sign_in("clerk")
    refused = operator.post("/web-orders/1/audit", note=" ")
    assert refused.status_code == 422
    assert 'id="audit-1-wrong" class="wrong">请写明审核意见' in refused.get_data(as_text=True)
    answer = operator.post("/web-orders/1/audit", note="已告知客户").get_data(as_text=True)
    assert "店12" not in part(answer, "等审核")
    assert "已经有人看过了" in operator.post("/web-orders/1/audit", note="再看").get_data(as_text=True)
    with world.session() as session:
        row = session.get_one(WebOrderRow, 1)
        assert (row.audited_by, row.audit_note) == ("陈静", "已告知客户")


def test_a_failed_order_is_followed_up_by_telephone_and_becomes_an_order(operator: Visitor, world: World) -> None:
    world.stock(CHINA, 0)
    take_in_web_order(world, SHOP, CHINA, 5)
    text = part(page(operator), "要打电话")
    assert "要的品种一条也没有了" in text
    assert "中华(硬) 5" in text
    sheet = operator.post(f"/web-orders/{SHOP}/take").headers["HX-Redirect"]
    seen = shown_version(operator.get(sheet).get_data(as_text=True))
    seen = shown_version(
        operator.post(f"{sheet}/lines", barcode=CLASSIC, cartons="3", version=seen).get_data(as_text=True)
    )
    assert operator.post(f"{sheet}/save", version=seen).status_code == 200
    text = page(operator)
    assert "店12" not in part(text, "要打电话")
    assert "已订货" in part(text, "办完的")
    assert "李晓燕" in part(text, "办完的")
    with world.session() as session:
        assert session.query(OrderRow).filter_by(state="confirmed").one().channel == "operator"


def test_two_operators_do_not_ring_one_retailer(operator: Visitor, signed_in: SignedIn, world: World) -> None:
    world.stock(CHINA, 0)
    take_in_web_order(world, SHOP, CHINA, 5)
    second = signed_in("operator2")
    operator.post(f"/web-orders/{SHOP}/take")
    assert "李晓燕在打" in page(second)
    refused = second.post(f"/web-orders/{SHOP}/take")
    assert refused.status_code == 409
    assert "李晓燕已经在打了" in refused.get_data(as_text=True)
    assert second.post(f"/web-orders/{SHOP}/done", result="declined").status_code == 409
    operator.post(f"/web-orders/{SHOP}/release")
    assert second.post(f"/web-orders/{SHOP}/take").status_code == 204


def test_who_wants_nothing_any_more_is_done_with_until_the_web_fails_again(
    operator: Visitor, world: World, clock: MovingClock
) -> None:
    world.stock(CHINA, 0)
    take_in_web_order(world, SHOP, CHINA, 5)
    operator.post(f"/web-orders/{SHOP}/take")
    unsaid = operator.post(f"/web-orders/{SHOP}/done", result="", note="改天")
    assert unsaid.status_code == 422
    assert "请选结果" in unsaid.get_data(as_text=True)
    assert 'value="改天"' in unsaid.get_data(as_text=True)
    text = operator.post(f"/web-orders/{SHOP}/done", result="declined", note="改天").get_data(as_text=True)
    assert "店12" not in part(text, "要打电话")
    assert "客户不要了" in part(text, "办完的")
    clock.move(minutes=5)
    take_in_web_order(world, SHOP, CHINA, 4, key="2")
    assert "店12" in part(page(operator), "要打电话")


def test_a_retailer_that_may_not_order_now_is_refused_with_the_reason(operator: Visitor, world: World) -> None:
    world.stock(CHINA, 0)
    take_in_web_order(world, STATION, CHINA, 5)
    world.change_retailer(STATION, status="suspended")
    refused = operator.post(f"/web-orders/{STATION}/take")
    assert refused.status_code == 422
    assert "这户暂停供货" in refused.get_data(as_text=True)
    assert operator.post("/web-orders/999/take").status_code == 404


def test_a_manager_looks_on(visitor: Visitor, world: World) -> None:
    world.stock(CHINA, 0)
    take_in_web_order(world, SHOP, CHINA, 5)
    visitor.sign_in("manager")
    assert "打电话，开单" not in page(visitor)
    assert visitor.post(f"/web-orders/{SHOP}/take").status_code == 403
