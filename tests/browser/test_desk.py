"""Operators in their browsers: a stuck caller appears, one of them takes the call, and the order is saved once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from simulator.call import SimulatedCall
from simulator.events import Event, Said
from simulator.inbound_calls import dial_in
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
    wait_for,
)
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(300)

SHOP, SHOP_PHONE, MAIN = "410502100012", "+8613800000012", "+8637255550000"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        yield served


class DialledCaller:
    """A caller on a simulated telephone."""

    def __init__(self, line: ServedLine) -> None:
        self.heard: list[str] = []
        self.call: SimulatedCall = dial_in(
            line.account,
            line.number,
            SHOP_PHONE,
            MAIN,
            listener=lambda event: self.heard.append(getattr(event, "text", "")),
        )
        self.call.start()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Said):
            self.heard.append(event.text)

    def hears(self, words: str, *, after: int = 0) -> None:
        """Wait until the line says these words; only the sentences after the first `after` ones count."""
        deadline = time.monotonic() + 20
        while not any(words in heard for heard in self.heard[after:]):
            assert time.monotonic() < deadline, f"{words} was not said, but {self.heard}"
            time.sleep(0.05)

    def asks_for_a_person(self) -> None:
        self.hears("建设路便民超市")
        self.call.press("1")
        self.hears("井号")
        self.call.press("0")
        self.hears("给您转人工")


@pytest.fixture
def caller(line: ServedLine) -> Iterator[DialledCaller]:
    caller = DialledCaller(line)
    yield caller
    caller.call.hang_up()
    caller.call.join(10)


@pytest.mark.on_both
def test_a_stuck_caller_is_seen_without_a_reload_taken_and_the_order_saved_once(
    page: Page, line: ServedLine, caller: DialledCaller
) -> None:
    sign_in(page, "operator")
    expect(page.get_by_role("heading", name="接电话")).to_be_visible()
    caller.asks_for_a_person()
    take = page.get_by_role("button", name="接听")
    expect(take).to_be_visible()
    take_screenshot(page, "desk")
    assert accessibility_faults(page) == []

    take.click()
    expect(page.locator("#pick")).to_be_focused()
    assert "客户要人工" in page.inner_text("main")
    # Everything by keyboard: initials, cartons, enter; then the line that was cut; then the yes.
    page.keyboard.type("hhl")
    expect(page.get_by_role("option").first).to_contain_text("黄鹤楼")
    take_screenshot(page, "sheet-entry")
    page.keyboard.type("rl 3")
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text("黄鹤楼(软蓝)")
    expect(page.locator("#pick")).to_be_focused()
    page.keyboard.type("htsyjd5")
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text("红塔山(硬经典)")
    page.keyboard.type("yxr 999")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.warn")).to_contain_text("订上")
    expect(page.locator(".read-back")).to_contain_text("黄鹤楼软蓝，三条。")
    take_screenshot(page, "sheet")
    assert accessibility_faults(page) == []
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notice.good")).to_contain_text("已保存，订单号")
    page.get_by_role("button", name="结束通话").click()
    page.wait_for_url("**/desk")
    caller.hears("您的订货已经保存")
    caller.call.join(20)
    [order] = line.orders(SHOP)
    assert order.state == "confirmed"
    assert order.lines["黄鹤楼(软蓝)"] == 3
    assert order.lines["红塔山(硬经典)"] == 5


@pytest.mark.on_both
def test_two_browsers_race_for_one_call_and_one_gets_it(
    browser: Browser, line: ServedLine, page: Page, caller: DialledCaller
) -> None:
    other = new_page(browser, line)
    names = {page: "李晓燕", other: "王敏"}
    sign_in(page, "operator")
    sign_in(other, "operator2")
    caller.hears("建设路便民超市")
    caller.call.press("0")
    caller.hears("给您转人工")
    # Both press before either request is answered: a pressed button soon disappears from the other page.
    pressed: list[Route] = []
    for one in names:
        one.route("**/take", lambda request: pressed.append(request))
        one.get_by_role("button", name="接听").click()
    wait_for(page, lambda: len(pressed) == 2)
    for request in pressed:
        request.continue_()
    wait_for(page, lambda: any("/desk/orders/" in one.url for one in names))
    [winner] = [one for one in names if "/desk/orders/" in one.url]
    [loser] = [one for one in names if one is not winner]
    expect(loser.locator("#error-message")).to_have_text(f"这通电话已经由{names[winner]}接了。")
    assert loser.url.endswith("/desk")
    # The call goes back to the automatic line, which continues it.
    so_far = len(caller.heard)
    winner.get_by_role("button", name="转回自动订货").click()
    winner.wait_for_url("**/desk")
    caller.hears("建设路便民超市", after=so_far)
    other.context.close()


def web_phone_call(page: Page) -> None:
    """Call the line from the web phone, as the shop, and ask for an operator."""
    page.goto("/phone")
    page.locator("#from").select_option(SHOP_PHONE)
    page.get_by_role("button", name="拨号").click()
    expect(page.locator("#transcript")).to_contain_text("请按一")
    page.get_by_role("button", name="0", exact=True).click()
    expect(page.locator("#transcript")).to_contain_text("给您转人工")


def test_an_operator_answers_in_the_browser_holds_and_hangs_up(browser: Browser, line: ServedLine, page: Page) -> None:
    sign_in(page, "operator")
    page.goto("/desk")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="用电脑接").click()
    telephone = opened.value
    expect(page.locator("#softphone-state")).to_have_text("接上了")
    shop = new_page(browser, line)
    web_phone_call(shop)
    expect(page.locator("#softphone-state")).to_have_text("来电")
    expect(page.locator("#presence")).to_contain_text("客户要人工")
    take_screenshot(page, "softphone")
    assert accessibility_faults(page) == []
    # Declined, the caller keeps waiting; then the operator takes the call after all.
    page.get_by_role("button", name="不接").click()
    expect(page.locator("#softphone-state")).to_have_text("接上了")
    expect(shop.locator("#status")).to_have_text("排队等候订货员")
    page.get_by_role("button", name="接听").click()
    expect(page.locator("#softphone-state")).to_have_text("通话中")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    page.wait_for_url("**/desk/orders/**")
    # Typed text is shown on the other side as if it were heard.
    shop.fill("#text", "我要红塔山")
    shop.get_by_role("button", name="说", exact=True).click()
    expect(telephone.locator("#softphone-said")).to_contain_text("我要红塔山")
    telephone.fill("#softphone-text", "好的，要几条？")
    telephone.locator("#softphone-text").press("Enter")
    expect(shop.locator("#transcript")).to_contain_text("好的，要几条？")
    page.get_by_role("button", name="请客户稍等", exact=True).click()
    expect(shop.locator("#transcript")).to_contain_text("请您稍等，订货员马上回来。")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="接回客户").click()
    expect(page.locator("#softphone-state")).to_have_text("通话中")
    page.get_by_role("button", name="挂断").click()
    expect(shop.locator("#transcript")).to_contain_text("订货员已经挂机")
    expect(page.locator("#softphone-state")).to_have_text("接上了")
    # The caller wants to continue: the operator who becomes ready again is dialled, and takes the call in the browser.
    page.get_by_role("button", name="小休").click()
    shop.get_by_role("button", name="0", exact=True).click()
    expect(shop.locator("#status")).to_have_text("排队等候订货员")
    page.evaluate("window.still = 'the same page'")
    page.get_by_role("button", name="用电脑接").click()
    page.get_by_role("button", name="接起来").click()
    expect(page.locator("#softphone-state")).to_have_text("通话中")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    expect(page.get_by_role("heading", name="是哪一户？")).to_be_visible()
    expect(page.get_by_role("button", name="请客户稍等", exact=True)).to_be_visible()
    assert page.evaluate("window.still") == "the same page"
    page.get_by_role("button", name="结束通话").click()
    expect(shop.locator("#status")).to_have_text("通话结束")
    shop.context.close()


def test_a_session_that_runs_out_keeps_what_was_typed(page: Page, line: ServedLine) -> None:
    with page.expect_response("**/desk/events"):
        sign_in(page, "operator")
    page.fill("#retailer-search", "桥头")
    expect(page.locator(".found")).to_contain_text("桥头烟酒")
    page.context.clear_cookies()
    page.fill("#retailer-search", "桥头烟")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("页面上填的内容都还在")
    take_screenshot(page, "sign-in-again")
    assert accessibility_faults(page) == []
    dialog.get_by_label("工号").fill("operator")
    dialog.get_by_label("密码").fill("demo-2468-demo")
    dialog.get_by_role("button", name="登录").click()
    expect(dialog).not_to_be_visible()
    expect(page.locator("#retailer-search")).to_have_value("桥头烟")


@pytest.mark.parametrize("width", [1280, PHONE_WIDTH])
def test_every_page_is_sound_at_a_desk_and_on_a_phone(browser: Browser, line: ServedLine, width: int) -> None:
    page = new_page(browser, line, width)
    suffix = "" if width == 1280 else "-phone"
    page.goto("/login")
    take_screenshot(page, f"login{suffix}")
    faults = {"login": accessibility_faults(page)}
    sign_in(page, "leader", "/brief")
    expect(page.locator("#health .checks")).to_be_visible()
    take_screenshot(page, f"brief{suffix}")
    faults["brief"] = accessibility_faults(page)
    pages = (
        *("/today", f"/unreached?code={SHOP}", "/desk", "/proxy", "/web-orders", "/orders", "/calls"),
        *("/supply", "/catalog?q=hhl", "/reports?span=month", "/department-reports", "/feedback", "/retailers"),
    )
    for path in (*pages, "/hotlines", f"/retailers/{SHOP}", "/orders/1"):
        page.goto(path)
        name = path.strip("/").partition("?")[0]
        if path in pages:
            take_screenshot(page, f"{name}{suffix}" if name != "desk" else f"desk{suffix or '-quiet'}")
        faults[path] = accessibility_faults(page)
    page.get_by_role("button", name="English").click()
    page.goto("/today")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Today's orders")
    take_screenshot(page, f"today-english{suffix}")
    page.context.close()
    assert {name: found for name, found in faults.items() if found} == {}
