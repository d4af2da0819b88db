"""Requested changes of saved orders: decided at the console by somebody other than the requester."""

from __future__ import annotations

import re

import pytest

from orders.book import order_changes
from orders.book.models import OrderChange, OrderRow
from tests.support.console_client import Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, SHOP, World
from tests.support.dialogue import item, lines, signed_in


@pytest.fixture
def order(world: World) -> OrderRow:
    """The demo shop has saved five cartons of 红塔山硬经典."""
    call = signed_in(world, key="first")
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    call.caller_says("对")
    with world.session() as session:
        return session.query(OrderRow).filter(OrderRow.number.is_not(None)).one()


def ask_by_telephone(world: World) -> None:
    call = signed_in(world, key="second")
    call.caller_says("红塔山改成三条", lines(item(CLASSIC, count=3, action="change")))
    call.caller_says("对")


def ask(world: World, number: str, wanted: dict[str, int], by: str) -> int:
    with world.session() as session:
        return order_changes.request_change(session, number, wanted, by=by, reason="听错了", now=world.clock()).id


def state(world: World, change: int = 1) -> tuple[str, str | None, str]:
    with world.session() as session:
        row = session.get_one(OrderChange, change)
        return row.state, row.decided_by, row.decision_note


def page(visitor: Visitor) -> str:
    return visitor.get("/order-changes").get_data(as_text=True)


def test_a_request_by_telephone_is_approved_and_changes_the_order(
    visitor: Visitor, world: World, order: OrderRow
) -> None:
    ask_by_telephone(world)
    visitor.sign_in("operator")
    assert "红塔山(硬经典)" in page(visitor)
    assert "同意</button>" not in page(visitor)
    assert visitor.post("/order-changes/1", decision="approve").status_code == 403
    visitor.post("/logout")
    visitor.sign_in("leader")
    assert "有1个改单申请等批准" in visitor.get("/today").get_data(as_text=True)
    text = page(visitor)
    assert "店12：客户来电提出" in text
    assert "金额从375.00元改成225.00元" in text
    answer = visitor.post("/order-changes/1", decision="approve")
    assert "已同意" in answer.get_data(as_text=True)
    assert state(world) == ("approved", "赵红霞", "")
    with world.session() as session:
        assert session.get_one(OrderRow, order.id).total_packs == 3 * CARTON
    world.check_books()
    assert "改单申请等批准" not in visitor.get("/today").get_data(as_text=True)


def test_a_refusal_needs_its_reason_and_leaves_the_order(visitor: Visitor, world: World, order: OrderRow) -> None:
    ask_by_telephone(world)
    visitor.sign_in("leader")
    answer = visitor.post("/order-changes/1", decision="refuse", note=" ")
    assert answer.status_code == 422
    assert "不同意请写明原因" in answer.get_data(as_text=True)
    assert state(world)[0] == "requested"
    answer = visitor.post("/order-changes/1", decision="refuse", note="货已经装车")
    assert "货已经装车" in answer.get_data(as_text=True)
    assert state(world) == ("refused", "赵红霞", "货已经装车")
    with world.session() as session:
        assert session.get_one(OrderRow, order.id).total_packs == 5 * CARTON


def test_nobody_decides_a_request_of_their_own(visitor: Visitor, world: World, order: OrderRow) -> None:
    ask(world, str(order.number), {}, by="赵红霞")
    visitor.sign_in("leader")
    assert "要由另一个人批准" in page(visitor)
    answer = visitor.post("/order-changes/1", decision="approve")
    assert answer.status_code == 422
    assert "要由另一个人批准" in answer.get_data(as_text=True)
    assert state(world)[0] == "requested"


def test_what_cannot_be_made_any_more_says_why_and_stays_open(visitor: Visitor, world: World, order: OrderRow) -> None:
    ask(world, str(order.number), {CLASSIC: 5 * CARTON, CHINA: 6 * CARTON}, by="李晓燕")
    world.limit(CHINA, 5)
    visitor.sign_in("leader")
    answer = visitor.post("/order-changes/1", decision="approve", note="")
    assert answer.status_code == 422
    assert "货源或者限量不够" in answer.get_data(as_text=True)
    assert state(world)[0] == "requested"
    world.check_books()


def test_a_request_decided_by_another_meanwhile_is_said_to_be(visitor: Visitor, world: World, order: OrderRow) -> None:
    change = ask(world, str(order.number), {}, by="李晓燕")
    with world.session() as session:
        order_changes.decide(session, change, approve=False, by="主任", now=world.clock())
    visitor.sign_in("leader")
    answer = visitor.post(f"/order-changes/{change}", decision="approve")
    assert answer.status_code == 422
    assert "已经有人办过" in answer.get_data(as_text=True)


def test_a_spec_the_shop_can_have_nothing_of_cannot_be_asked_for(world: World, order: OrderRow) -> None:
    world.no_supply(CHINA)
    with pytest.raises(order_changes.ChangeRefused, match="can have nothing of"):
        ask(world, str(order.number), {CLASSIC: 5 * CARTON, CHINA: CARTON}, by="李晓燕")


def test_a_cancellation_frees_the_day_for_another_order(visitor: Visitor, world: World, order: OrderRow) -> None:
    ask(world, str(order.number), {}, by="李晓燕")
    visitor.sign_in("leader")
    assert "取消订单" in page(visitor)
    visitor.post("/order-changes/1", decision="approve")
    world.check_books()
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        statuses = desk.order_statuses(retailer)
    assert [status.order.state for status in statuses] == ["cancelled"]


@pytest.mark.on_both
def test_an_operator_asks_on_the_orders_page_and_the_leader_approves(
    visitor: Visitor, world: World, order: OrderRow
) -> None:
    world.limit(CHINA, 4)
    address = f"/orders/{order.id}"

    def asked(status: int = 200, what: str = "change", **form: str) -> str:
        answer = visitor.post(f"{address}/{what}", version=f"confirmed,{CLASSIC}:50", **form)
        assert answer.status_code == status
        return answer.get_data(as_text=True)

    visitor.sign_in("operator")
    # The shop rings again: the desk says which order it has, in what state, and leads to it.
    refused = visitor.post("/desk/orders", customer_code=SHOP)
    assert refused.status_code == 422
    text = refused.get_data(as_text=True)
    assert f"订单{order.number}" in re.sub("<[^>]+>", "", text)
    assert "已保存" in text
    assert "改单或者取消" in text
    assert "中华(硬)（最多4条）" in visitor.get(address).get_data(as_text=True)
    # What cannot be is refused where it was typed, and stays there to be mended.
    classic = f"cartons-{CLASSIC}"
    text = asked(422, reason="客户来电", **{classic: "很多", "new-0": CHINA, "new-cartons-0": "5"})
    assert 'value="很多"' in text
    assert "条数要写数字" in text
    assert "最多只够4条" in text
    assert "没有要改的" in asked(422, reason="客户来电", **{classic: "5"})
    assert "请写明原因" in asked(422, reason=" ", **{classic: "3"})
    assert "等批准" in asked(reason="客户来电，要减", **{classic: "3", "new-0": CHINA, "new-cartons-0": "2"})
    text = asked(what="change/withdraw")
    assert "已撤回" in text
    text = asked(reason="客户来电，要减", **{classic: "3", "new-0": CHINA, "new-cartons-0": "2"})
    assert "红塔山(硬经典) 5条改成3条" in text
    assert "中华(硬) 0条改成2条" in text
    visitor.post("/logout")
    visitor.sign_in("leader")
    assert "客户来电，要减" in page(visitor)
    visitor.post("/order-changes/2", decision="approve")
    text = visitor.get(address).get_data(as_text=True)
    assert "已同意" in text
    assert "赵红霞" in text
    # A page from before says what the order has become; a cancellation is asked for with its reason.
    text = asked(422, reason="客户来电", **{classic: "1"})
    assert "红塔山(硬经典)：5 → 3" in text
    assert "取消订单" in asked(what="cancel", reason="店里装修")
    assert "要由另一个人批准" in page(visitor)
    world.check_books()


def test_an_order_that_is_at_the_bank_or_settled_says_why_it_is_not_changed(
    visitor: Visitor, world: World, order: OrderRow
) -> None:
    with world.session() as session:
        session.get_one(OrderRow, order.id).state = "settled"
    visitor.sign_in("operator")
    text = visitor.get(f"/orders/{order.id}").get_data(as_text=True)
    assert "订单已经扣款，不能再改" in text
    assert "申请改单" not in text
    answer = visitor.post(f"/orders/{order.id}/cancel", reason="不要了")
    assert (answer.status_code, "订单刚刚变了" in answer.get_data(as_text=True)) == (422, True)
