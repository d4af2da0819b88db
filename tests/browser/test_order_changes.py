"""The leader in a browser: a requested change is approved, another refused, and a delivery is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.book.order_changes import granted_packs, request_change
from tests.support.chromium import PHONE_WIDTH, accessibility_faults, new_page, served_hotline, sign_in, take_screenshot
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        yield served


def ask_for_a_change(line: ServedLine, *, cancel: bool) -> None:
    """Request that the order saved today loses its first line, or all of them."""
    engine = create_engine(line.database_url)
    with Session(engine) as session, session.begin():
        order = session.scalars(select(OrderRow).where(OrderRow.state == "confirmed")).one()
        kept = {} if cancel else dict(list(granted_packs(order).items())[1:])
        asked = {"by": "便民超市", "reason": "客户来电提出", "channel": "phone"}
        request_change(session, str(order.number), kept, now=datetime.now(UTC), **asked)  # type: ignore[arg-type]
    engine.dispose()


def test_the_leader_refuses_one_request_and_approves_another(browser: Browser, line: ServedLine) -> None:
    page = new_page(browser, line, PHONE_WIDTH)
    ask_for_a_change(line, cancel=True)
    sign_in(page, "leader", "/order-changes")
    expect(page.get_by_text("取消订单", exact=True)).to_be_visible()
    assert accessibility_faults(page) == []
    take_screenshot(page, "order-changes-phone")
    page.get_by_role("button", name="不同意", exact=True).click()
    expect(page.locator(".wrong")).to_contain_text("不同意请写明原因")
    page.get_by_label("意见（不同意要写原因）").fill("货已经备好")
    page.get_by_role("button", name="不同意", exact=True).click()
    expect(page.get_by_text("没有同意", exact=True)).to_be_visible()
    ask_for_a_change(line, cancel=False)
    page.reload()
    page.get_by_role("button", name="同意", exact=True).click()
    expect(page.get_by_text("已同意", exact=True)).to_be_visible()
    take_screenshot(page, "order-changes-decided")


def test_the_clerk_sees_and_records_deliveries_on_a_small_screen(browser: Browser, line: ServedLine) -> None:
    engine = create_engine(line.database_url)
    with Session(engine) as session, session.begin():
        order = session.scalars(
            select(OrderRow).where(OrderRow.state == "received").order_by(OrderRow.id.desc())
        ).first()
        assert order is not None
        order.state, order.delivered_on, order.received_on = "handed_over", None, None
        day = order.business_day
    engine.dispose()
    page = new_page(browser, line, PHONE_WIDTH)
    sign_in(page, "clerk", f"/deliveries?day={day}")
    assert accessibility_faults(page) == []
    form = page.locator("#deliveries form").first
    form.get_by_label("结果").select_option("not_delivered")
    form.get_by_label("日期").fill(str(day + timedelta(days=1)))
    form.get_by_label("原因").fill("店里没有人")
    form.get_by_role("button", name="登记").click()
    expect(page.get_by_text("店里没有人")).to_be_visible()
    take_screenshot(page, "deliveries-phone")
