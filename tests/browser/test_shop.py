"""A shopkeeper orders on a telephone: signs in, as last time, one carton more, reads it over, saves; and the operator's
assessment and the minutes of the meeting on a small screen and on a desk."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.hotline_settings import calendar
from orders.lockout import hash_secret
from orders.retailers.models import RetailerRow
from orders.windows import business_day, is_order_day
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
)
from tests.support.databases import Databases
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(300)
PIN = "9753"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        yield served


def a_shop_that_is_due(line: ServedLine) -> str:
    """The code of a shop that is due today, has ordered before and not today; its PIN is known."""
    engine = create_engine(line.database_url)
    today = business_day(shifted_clock(shift_to_morning())())
    with Session(engine) as session, session.begin():
        ordered = set(session.scalars(select(OrderRow.retailer_id).where(OrderRow.business_day == today)))
        before = set(session.scalars(select(OrderRow.retailer_id).where(OrderRow.state == "received")))
        shop = next(
            one
            for one in session.scalars(select(RetailerRow).where(RetailerRow.status == "active"))
            if one.id in before - ordered and is_order_day(one, today, calendar(session))
        )
        shop.pin_hash = hash_secret(PIN)
        code = shop.customer_code
    engine.dispose()
    return code


def test_a_shopkeeper_orders_as_last_time_and_one_carton_more(browser: Browser, line: ServedLine) -> None:
    code = a_shop_that_is_due(line)
    page = new_page(browser, line, PHONE_WIDTH)
    page.goto("/shop")
    take_screenshot(page, "shop-sign-in")
    assert accessibility_faults(page) == []
    page.get_by_label("客户代码（12位数字）").fill(code)
    page.get_by_label(re.compile("密码")).fill(PIN)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="现在可以订货")).to_be_visible()
    assert accessibility_faults(page) == []
    take_screenshot(page, "shop-home")
    page.get_by_role("button", name="照上次订").click()
    first = page.locator(".stepper").first
    was = int(first.locator("input").input_value() or 0)
    page.get_by_role("button", name=re.compile("^加一条")).first.click()
    expect(first.locator("input")).to_have_value(str(min(was + 1, int(first.get_attribute("data-most") or 0))))
    expect(page.locator(".sum")).to_contain_text("条，")
    assert accessibility_faults(page) == []
    take_screenshot(page, "shop-order")
    page.get_by_role("button", name="下一步：核对").click()
    expect(page.get_by_role("heading", name="还没有保存，请核对")).to_be_visible()
    assert accessibility_faults(page) == []
    take_screenshot(page, "shop-check")
    page.get_by_role("button", name="对，保存订单").click()
    expect(page.get_by_role("status")).to_contain_text("订好了，单号")
    take_screenshot(page, "shop-ordered")
    page.emulate_media(color_scheme="dark")
    assert accessibility_faults(page) == []
    take_screenshot(page, "shop-ordered-dark")


def test_the_leader_writes_the_minutes_and_assesses_an_operator(browser: Browser, line: ServedLine) -> None:
    page = new_page(browser, line)
    sign_in(page, "leader", "/meetings")
    page.get_by_label("会议内容").fill("今天泰山到货，先问数量再说没有。")
    take_screenshot(page, "meeting-form")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="保存记录").click()
    expect(page.get_by_role("heading", name="参加人员")).to_be_visible()
    take_screenshot(page, "meeting")
    assert accessibility_faults(page) == []
    page.goto("/assessments")
    take_screenshot(page, "assessments")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name=re.compile("^考核")).first.click()
    page.get_by_label("得分（0到100）").fill("92")
    page.get_by_label("评语").fill("复述完整，听错一张，已改正。")
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_text("等本人签字")).to_be_visible()
    take_screenshot(page, "assessment")
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    assert accessibility_faults(page) == []
    take_screenshot(page, "assessment-phone")
    page.emulate_media(media="print")
    take_screenshot(page, "assessment-print")
