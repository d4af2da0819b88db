"""A retailer that missed its call is visited: the customer manager records the visit and the order, until hand-over."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from orders.book.models import OrderRow
from orders.outbound.models import MissedCall, VisitRow
from orders.windows import business_day
from tests.support.console_client import Visitor
from tests.support.desk_world import CHINA, CORNER, LIQUN, World


@pytest.fixture
def manager(visitor: Visitor, world: World) -> Visitor:
    """The customer manager, who is to visit the corner shop today because it missed its call the day before."""
    world.change_retailer(CORNER, order_weekday=6)
    world.allow_everything()
    today = business_day(world.clock())
    with world.session() as session:
        session.add(
            MissedCall(
                retailer_id=world.retailer(CORNER).id,
                missed_on=today.replace(day=today.day - 1),
                reason="phone_fault",
                remedy="visit",
                remedy_day=today,
            )
        )
    visitor.sign_in("manager")
    return visitor


def page(visitor: Visitor, path: str) -> str:
    return visitor.get(path).get_data(as_text=True)


def orders(world: World) -> list[tuple[str, str, str, int]]:
    with world.session() as session:
        rows = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None)))
        return [(row.channel, row.kind, row.state, row.total_packs) for row in rows]


def test_the_order_of_a_visit_is_previewed_and_saved_once(manager: Visitor, world: World) -> None:
    world.limit(CHINA, 2, CORNER)
    assert "店29" in page(manager, "/visits")
    assert 'list="visit-specs"' in page(manager, "/visits/1")
    sheet = {"name-0": "中华(硬)", "cartons-0": "3", "name-1": "101", "cartons-1": "5", "note": "店主在"}
    seen = manager.post("/visits/1/order", **sheet).get_data(as_text=True)
    assert "还没有保存" in seen
    assert "超过限量" in seen
    assert orders(world) == []
    saved = manager.post("/visits/1/order", apply="1", **sheet)
    assert saved.headers["HX-Redirect"] == "/visits"
    assert orders(world) == [("visit", "supplementary", "confirmed", 70)]
    with world.session() as session:
        visit = session.scalars(select(VisitRow)).one()
        assert (visit.by, visit.outcome, visit.note) == ("孙建国", "ordered", "店主在")
    listed = page(manager, "/visits")
    assert "已订货" in listed
    assert "店主在" in listed
    assert "上门" in page(manager, "/orders")
    assert manager.post("/visits/1/order", apply="1", **sheet).status_code == 422
    assert len(orders(world)) == 1
    world.check_books()


def test_what_cannot_be_had_is_said_with_its_reason_and_kept_as_demand(manager: Visitor, world: World) -> None:
    world.limit(LIQUN, 0, CORNER)
    answer = manager.post("/visits/1/order", apply="1", **{"name-0": "利群(软蓝)", "cartons-0": "3"})
    text = answer.get_data(as_text=True)
    assert "要的品种一条也没有了" in text
    assert "没有分到" in text
    assert "可以换黄鹤楼(软蓝)" in text
    assert world.demand() == [(LIQUN, 30, 0, "not_allotted")]
    assert orders(world) == []


def test_a_visit_can_be_ordered_at_until_hand_over(manager: Visitor, world: World) -> None:
    world.day_step("balances")
    world.day_step("audit")
    assert "保存订单" in page(manager, "/visits/1")
    world.day_step("hand_over")
    assert "保存订单" not in page(manager, "/visits/1")
    answer = manager.post("/visits/1/order", apply="1", **{"name-0": "中华(硬)", "cartons-0": "1"})
    assert answer.status_code == 422
    assert orders(world) == []


def test_a_visit_without_an_order_is_recorded(manager: Visitor, world: World) -> None:
    manager.post("/visits/1/without-order", outcome="not_met", note="门关着")
    assert "没见到人" in page(manager, "/visits")
    assert "保存订单" in page(manager, "/visits/1"), "it can be visited again"
    manager.post("/visits/1/without-order", outcome="nothing_wanted")
    assert "不需要" in page(manager, "/visits")
    assert "保存订单" not in page(manager, "/visits/1")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name-0": "没有这烟", "cartons-0": "3"}, "目录里没有这个烟"),
        ({"name-0": "中华(硬)", "cartons-0": "三"}, "条数要写1到9999的整数"),
        ({"name-0": "中华(硬)", "cartons-0": "1", "name-1": "中华(硬)", "cartons-1": "1"}, "前面写过了"),
        ({}, "还没有写要什么烟"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    manager: Visitor, world: World, wrong: dict[str, str], said: str
) -> None:
    answer = manager.post("/visits/1/order", apply="1", **wrong)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert orders(world) == []


def test_who_was_not_missed_is_not_visited_and_an_operator_only_reads(visitor: Visitor, world: World) -> None:
    visitor.sign_in("operator")
    assert "没有要上门的客户" in page(visitor, "/visits")
    assert visitor.get("/visits/1").status_code == 403
