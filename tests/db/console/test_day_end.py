"""The day end on its page: every step done by files in Chinese, by people who are told what the others did."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from io import BytesIO, StringIO

import pytest
from sqlalchemy import select

from clock import SHANGHAI
from orders.book.models import OrderRow
from orders.channels import web_orders
from orders.channels.web_orders import WebOrder
from orders.day_end.models import DayReopening, DayStepDone
from tests.support.console_client import Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, MAIN, SHOP, STATION, World

DAY = "2026-11-23"


@pytest.fixture
def orders(world: World) -> tuple[str, str]:
    """At six in the evening: a web order that was cut to its limit, and one by telephone."""
    world.limit(CHINA, 2)
    with world.desk() as desk:
        web = WebOrder(SHOP, {CHINA: 5 * CARTON}, world.clock())
        cut = web_orders.enter_order(desk, "web", "page", "1", web, world.clock()).row.answer["number"]
    with world.desk() as desk:
        retailer = desk.retailer(STATION)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, 10 * CARTON)
        whole = desk.draft("call").confirm().order.number
    world.clock.move_to(datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI))
    return str(cut), str(whole)


class Evening:
    """One person at the page."""

    def __init__(self, visitor: Visitor, login: str) -> None:
        self.visitor = visitor
        self.signed_in(login)

    def signed_in(self, login: str) -> None:
        self.visitor.post("/logout")
        self.visitor.sign_in(login)

    def page(self) -> str:
        return self.visitor.get(f"/day-end?day={DAY}").get_data(as_text=True)

    def shown(self) -> str:
        found = re.search(r'name="version" value="([^"]+)"', self.page())
        return found[1] if found is not None else ""

    def press(self, what: str, status: int = 200, **form: str) -> str:
        answer = self.visitor.post(f"/day-end/{what}", day=DAY, **form)
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, text
        return text

    def upload(self, what: str, table: str, status: int = 200, **form: str) -> str:
        answer = self.visitor.client.post(
            f"/day-end/{what}",
            data={"file": (BytesIO(table.encode("gb18030")), "银行.csv"), "day": DAY, **form},
            headers={"HX-Request": "true", "X-CSRFToken": self.visitor.token()},
        )
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, text
        return text

    def file(self, what: str) -> list[list[str]]:
        answer = self.visitor.get(f"/day-end/{what}{'&' if '?' in what else '?'}day={DAY}")
        assert answer.status_code == 200
        return list(csv.reader(StringIO(answer.get_data().decode("utf-8-sig"))))


def step(text: str, name: str) -> str:
    return text.partition(f'id="step-{name}"')[2].partition("</li><li")[0]


@pytest.mark.on_both
def test_a_day_is_ended_on_its_page_with_an_order_the_bank_does_not_pay(
    visitor: Visitor, world: World, orders: tuple[str, str]
) -> None:
    cut, whole = orders
    clerk = Evening(visitor, "clerk")
    shown = clerk.shown()
    assert "现在做" in step(clerk.page(), "balances")
    assert clerk.file("download/balances") == [["客户代码", "店名", "余额"], [SHOP, "店12", ""], [STATION, "店37", ""]]
    # The first file has a mistake: its row, its column and the reason, and nothing is changed.
    wrong = clerk.upload("balances", f"客户代码,店名,余额\n{SHOP},店12,很多\n{STATION},店37,5000\n", 422)
    assert "<td>2</td><td>余额</td>" in wrong
    assert "不是以元计的金额" in wrong
    answer = clerk.upload("balances", f"客户代码,店名,余额\n{SHOP},店12,700\n{STATION},店37,5000\n", version=shown)
    assert "银行.csv" in step(answer, "balances")
    assert "陈静" in step(answer, "balances")
    assert "63.20" in step(answer, "balances"), "the shop has 763.20 to pay"
    assert "763.20" in step(answer, "balances")
    assert "700.00" in step(answer, "balances")
    # The leader still has the page of before: told what the clerk did, and nothing is done.
    clerk.signed_in("leader")
    told = clerk.press("audit", 422, version=shown)
    assert "核对余额：已完成 陈静" in told
    # Nothing is settled while the cut web order waits for its audit.
    assert "1张网上订单等审核" in step(told, "audit")
    assert cut in clerk.press("audit", 422)
    assert "店12" in visitor.get("/brief").get_data(as_text=True)
    visitor.post("/web-orders/1/audit", note="已告知客户")
    assert "12条，1,513.20元" in step(clerk.press("audit"), "audit")
    assert "1513.20" in step(clerk.press("settlement"), "settlement").replace(",", "")
    assert "刚刚做过" not in clerk.press("settlement"), "an unanswered batch is the same again"
    assert clerk.file("download/settlement?batch=1")[1:] == [
        [cut, SHOP, "店12", "763.20"],
        [whole, STATION, "店37", "750.00"],
    ]
    assert clerk.file("download/answer?batch=1")[0] == ["订单号", "客户代码", "店名", "金额", "结果", "可扣金额"]
    assert whole in clerk.upload("answer", f"订单号,结果,可扣金额\n{cut},失败,700\n", 422, rule="hold")
    answer = clerk.upload("answer", f"订单号,结果,可扣金额\n{cut},失败,700\n{whole},成功,\n", rule="hold")
    assert "扣款成功1张，未成功1张" in step(answer, "answer")
    assert "店12" in step(answer, "answer")
    clerk.press("hand_over")
    assert [row[3] for row in clerk.file("download/delivery")[1:]] == [whole]
    clerk.press("notice")
    assert [row[3:] for row in clerk.file("download/notices")[1:]] == [
        [whole, "按订单送货", "10", "750.00", "0.00"],
        [cut, "扣款未成功，订单暂缓，请存款", "2", "763.20", "63.20"],
    ]
    assert clerk.file("download-list/on_hold")[1] == [
        *(SHOP, "店12", "+8613800000012", DAY, cut, "763.20", "700.00", "63.20")
    ]
    assert "已完成" in step(clerk.press("close"), "close")
    assert "前面的步骤" not in clerk.press("close", 422)
    # The next morning the shop has paid: one asks to reopen the day, another agrees.
    world.clock.move(hours=15)
    clerk.signed_in("leader")
    assert "扣款未成功，暂缓配送" in visitor.get("/brief").get_data(as_text=True)
    assert "申请重新打开" in clerk.press("reopening", order=cut, reason="客户存了钱")
    assert "由另一个人同意" in clerk.press("reopening/1", 422, decision="agree")
    clerk.signed_in("director")
    reopened = clerk.press("reopening/1", decision="agree")
    assert "现在做" in step(reopened, "settlement")
    assert "1张订单还没有扣款" in step(reopened, "hand_over")
    clerk.press("settlement")
    clerk.upload("answer", f"订单号,结果,可扣金额\n{cut},成功,\n", rule="hold")
    for name in ("hand_over", "notice", "close"):
        clerk.press(name)
    assert [row[4] for row in clerk.file("download/notices")[1:]] == ["按订单送货", "按订单送货"]
    assert "暂缓配送" not in visitor.get("/brief").get_data(as_text=True)
    with world.session() as session:
        assert {row.state for row in session.scalars(select(OrderRow))} == {"handed_over"}
        reopening = session.scalars(select(DayReopening)).one()
        assert (reopening.by, reopening.second_person, reopening.reason) == ("赵红霞", "周志强", "客户存了钱")
        assert len(session.scalars(select(DayStepDone)).all()) == 6
    world.check_books()


def test_a_day_that_was_not_closed_is_named_on_the_brief(
    visitor: Visitor, world: World, orders: tuple[str, str]
) -> None:
    world.clock.move(hours=14)
    visitor.sign_in("operator")
    assert "还没有日结" not in visitor.get("/brief").get_data(as_text=True)
    Evening(visitor, "director")
    assert f'href="/day-end?day={DAY}"' in visitor.get("/brief").get_data(as_text=True)
