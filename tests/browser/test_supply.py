"""Supply on pages: mended by two persons after 07:50, given out by county and manager, and published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
)
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = [pytest.mark.timeout(300)]
SHOP, SPEC = "410502100012", "红塔山(硬经典)"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        yield served


def test_a_limit_of_today_is_mended_by_two_and_the_allocation_published(browser: Browser, line: ServedLine) -> None:
    manager, leader = new_page(browser, line), new_page(browser, line, PHONE_WIDTH)
    sign_in(manager, "manager", "/supply")
    form = manager.locator("#one-limit")
    form.locator("summary").click()
    form.get_by_label("客户代码").fill(SHOP)
    spec = form.get_by_label("品规")
    spec.select_option(spec.locator("option", has_text=SPEC).get_attribute("value"))
    form.get_by_label("限量（条）").fill("33")
    form.get_by_role("button", name="预览改动").click()
    expect(manager.locator("#limit-done")).to_contain_text("保存以后还要第二个人同意才生效")
    expect(manager.locator("#limit-done tbody")).to_contain_text(SHOP)
    form.get_by_label("原因").fill("店里有婚宴")
    form.get_by_role("button", name="保存").click()
    expect(manager.locator("#limit-done")).to_contain_text("等第二个人同意")
    take_screenshot(manager, "supply-late")
    assert accessibility_faults(manager) == []

    sign_in(leader, "leader", "/supply/requests")
    assert accessibility_faults(leader) == []
    leader.get_by_role("link", name="细看").click()
    take_screenshot(leader, "supply-request-phone")
    assert accessibility_faults(leader) == []
    leader.get_by_role("button", name="同意", exact=True).click()
    expect(leader.locator("#state .tag")).to_have_text("已同意")

    manager.goto(f"/supply/limits/{SHOP}")
    expect(manager.locator("tbody")).to_contain_text("33")
    take_screenshot(manager, "supply-limits")
    assert accessibility_faults(manager) == []

    day = manager.locator("input[name=day]").input_value()
    manager.goto(f"/supply/allocation?day={day}")
    manager.get_by_label("原因").fill("公示")
    manager.get_by_role("button", name="公布这一天的分配").click()
    expect(manager.locator("#published")).to_contain_text("公布的页面")
    take_screenshot(manager, "allocation")
    assert accessibility_faults(manager) == []
    for path in ("/substitutes", "/hours"):
        manager.goto(path)
        take_screenshot(manager, path.strip("/"))
        assert accessibility_faults(manager) == []

    anybody = new_page(browser, line, PHONE_WIDTH)
    anybody.goto("/allocation")
    expect(anybody.locator("h1")).to_contain_text(day)
    take_screenshot(anybody, "allocation-public-phone")
    assert accessibility_faults(anybody) == []
