"""A customer manager records a visit with its order, in a real browser, at a desk and on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

import storage
from orders.outbound.models import MissedCall
from tests.support.chromium import PHONE_WIDTH, accessibility_faults, new_page, served_hotline, sign_in, take_screenshot
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    """The demo, whose retailer that missed its call is to be visited until tomorrow."""
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        engine = storage.open_engine(served.database_url)
        with storage.transaction(storage.open_sessions(engine)) as session:
            missed = session.scalars(select(MissedCall)).one()
            missed.remedy, missed.remedy_day = "visit", missed.remedy_day + timedelta(days=1)
        engine.dispose()
        yield served


@pytest.fixture
def page(browser: Browser, line: ServedLine) -> Iterator[Page]:
    page = new_page(browser, line)
    yield page
    page.context.close()


def test_a_visit_is_recorded_with_its_order(page: Page) -> None:
    sign_in(page, "manager", "/visits")
    expect(page.get_by_role("cell", name="桥头烟酒 410502100061")).to_be_visible()
    page.get_by_role("link", name="登记桥头烟酒的上门").click()
    page.get_by_label("第1行烟名或代码").fill("玉溪(软)")
    page.get_by_label("第1行条数").fill("3")
    page.get_by_label("第2行烟名或代码").fill("利群(软蓝)")
    page.get_by_label("第2行条数").fill("2")
    page.get_by_role("button", name="预览订单").click()
    expect(page.get_by_text("还没有保存")).to_be_visible()
    expect(page.get_by_role("cell", name="暂时无货")).to_be_visible()
    take_screenshot(page, "visit")
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    take_screenshot(page, "visit_phone")
    page.get_by_role("button", name="保存订单").click()
    expect(page.get_by_role("link", name="已订货")).to_be_visible()
    take_screenshot(page, "visits_phone")
    assert accessibility_faults(page) == []
