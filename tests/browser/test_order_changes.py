"""The department in a browser: changes asked for and decided, a delivery recorded, a day ended without a command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.book.order_changes import granted_packs, request_change
from orders.retailers.models import RetailerRow
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    click_and_confirm,
    click_link,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
)
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


def upload(page: Page, step: str, table: str) -> None:
    """Choose a file of this content in a step of the day end."""
    file: FilePayload = {"name": f"{step}.csv", "mimeType": "text/csv", "buffer": table.encode("gb18030")}
    page.locator(f"#step-{step} input[type=file]").set_input_files(file)


def test_an_order_is_changed_and_the_day_ends_with_an_unpaid_shop(browser: Browser, line: ServedLine) -> None:
    engine = create_engine(line.database_url)
    with Session(engine) as session:
        order = session.scalars(select(OrderRow).where(OrderRow.state == "confirmed")).one()
        number, address, day = str(order.number), f"/orders/{order.id}", order.business_day
        code = session.get_one(RetailerRow, order.retailer_id).customer_code
    engine.dispose()
    # The operator asks on the order's page, on a small screen.
    page = new_page(browser, line, PHONE_WIDTH)
    sign_in(page, "operator", address)
    page.get_by_text("申请改单", exact=True).click()
    page.locator("#order-change .amount").first.fill("1")
    page.get_by_label("为什么改").fill("客户来电，要减")
    assert accessibility_faults(page) == []
    take_screenshot(page, "order-change-phone")
    page.get_by_role("button", name="提交改单申请").click()
    expect(page.locator("#order-change .tag", has_text="等批准")).to_be_visible()
    page.context.close()
    # The leader cannot settle before it is decided, and decides it.
    leader = new_page(browser, line)
    sign_in(leader, "leader", f"/day-end?day={day}")
    assert accessibility_faults(leader) == []
    take_screenshot(leader, "day-end-begins")
    upload(leader, "balances", f"客户代码,店名,余额\n{code},,10\n")
    click_and_confirm(leader, leader.locator("#step-balances button"), "正常订货到此结束")
    expect(leader.locator("#step-balances")).to_contain_text("还差")
    leader.locator("#step-audit").get_by_role("button", name="审核").click()
    expect(leader.locator("#step-settlement")).to_contain_text("1个改单申请等批准")
    take_screenshot(leader, "day-end-waits")
    click_link(leader, leader.get_by_role("link", name="1个改单申请等批准"))
    leader.get_by_role("button", name="同意", exact=True).click()
    expect(leader.get_by_text("已同意", exact=True).first).to_be_visible()
    leader.context.close()
    # The clerk goes on to the close. The bank did not pay.
    clerk = new_page(browser, line, PHONE_WIDTH)
    sign_in(clerk, "clerk", f"/day-end?day={day}")
    clerk.get_by_role("button", name="生成扣款文件").click()
    expect(clerk.locator("#step-settlement")).to_contain_text("第1批：1张")
    upload(clerk, "answer", f"订单号,结果,可扣金额\n{number},失败,10\n")
    clerk.locator("#step-answer").get_by_role("button", name="导入").click()
    expect(clerk.locator("#step-answer")).to_contain_text("未成功1张")
    click_and_confirm(clerk, clerk.locator("#step-hand_over button"), "交给配送吗")
    clerk.get_by_role("button", name="生成通知").click()
    with clerk.expect_download() as download:
        clerk.locator("#step-notice").get_by_role("link", name="CSV").click()
    assert f"{number},扣款未成功" in download.value.path().read_text(encoding="utf-8-sig")
    click_and_confirm(clerk, clerk.locator("#step-close button"), "现在日结吗")
    expect(clerk.locator("#step-close .tag").first).to_have_text("已完成")
    assert accessibility_faults(clerk) == []
    take_screenshot(clerk, "day-end-closed-phone")
    clerk.set_viewport_size({"width": 1280, "height": 720})
    take_screenshot(clerk, "day-end-closed")
    clerk.goto("/brief")
    expect(clerk.locator("section", has_text="暂缓配送").first).to_contain_text(number)
    take_screenshot(clerk, "brief-on-hold")
    clerk.context.close()
