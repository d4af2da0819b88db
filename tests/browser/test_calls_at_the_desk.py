"""Calls at the desk in a real browser: the telephone in a window of its own rings, outlives the other pages, and is
taken back; a call with unsaved lines asks; wrap-up lets the next caller through; a lost connection loses no line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, WebSocketRoute, expect

import storage
from orders.demo.demo_staff import DEMO_PASSWORD
from orders.models import DepartmentRule
from tests.browser.test_desk import SHOP, SHOP_PHONE, web_phone_call
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

pytestmark = pytest.mark.timeout(400)

TELEPHONES = Path(__file__).parents[2] / "console" / "static" / "telephones"
OTHER_SHOP = "410502100045"
WRAP_UP_S = 4
# Notifications are recorded: a browser without a screen shows none.
RECORDED_NOTIFICATIONS = """
window.notified = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, { body }) { window.notified.push(`${title} ${body}`); }
  close() {}
};
"""

# The carrier's telephone, with nobody behind it: the test says what happens to it.
CARRIERS_DEVICES = """
window.devices = [];
class Emitter {
  heard = {};
  on(name, hear) { (this.heard[name] ??= []).push(hear); }
  emit(name, about) { for (const hear of this.heard[name] ?? []) hear(about); }
}
window.Twilio = { Device: class extends Emitter {
  constructor() { super(); this.state = "new"; window.devices.push(this); }
  async register() {
    if (window.devices.length === 1) throw new Error("no way there");
    this.state = "registered";
  }
  destroy() { this.state = "destroyed"; this.emit("unregistered"); }
  ring() {
    const call = new Emitter();
    call.accept = () => call.emit("accept");
    this.emit("incoming", call);
    return call;
  }
} };
"""


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        engine = storage.open_engine(served.database_url)
        with storage.transaction(storage.open_sessions(engine)) as session:
            session.add(DepartmentRule(name="wrap_up_seconds", value=WRAP_UP_S))
        engine.dispose()
        yield served


@pytest.fixture
def desk(page: Page) -> Page:
    """The desk of an operator."""
    page.context.add_init_script(RECORDED_NOTIFICATIONS)
    sign_in(page, "operator")
    # A browser that was killed at the end of a test could not say that its operator is gone.
    pause, begin = (page.get_by_role("button", name=name, exact=True) for name in ("小休", "用电脑接"))
    expect(pause.or_(begin)).to_be_visible()
    if pause.is_visible():
        pause.click()
        expect(begin).to_be_visible()
    return page


@pytest.fixture
def telephone(desk: Page) -> Page:
    """The telephone window of the operator, who is ready."""
    telephone = opened_telephone(desk, "用电脑接")
    expect(desk.locator("#presence")).to_contain_text("可以接电话")
    return telephone


@pytest.fixture
def shop(browser: Browser, line: ServedLine) -> Iterator[Page]:
    """The web phone of a shop that calls, in a browser of its own."""
    page = new_page(browser, line)
    yield page
    page.context.close()


def opened_telephone(desk: Page, button: str) -> Page:
    with desk.context.expect_page() as opened:
        desk.get_by_role("button", name=button, exact=True).click()
    telephone = opened.value
    telephone.on("pageerror", lambda error: pytest.fail(f"a script of the telephone failed: {error}"))
    expect(telephone.locator("#softphone-state")).not_to_have_text("没有接上")
    return telephone


def open_order(desk: Page, code: str) -> None:
    """Open an order for this shop from the desk."""
    desk.goto("/desk")
    desk.fill("#retailer-search", code)
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/orders/**")
    expect(desk.locator("#pick")).to_be_focused()


def known_shop_calls(shop: Page) -> None:
    """Call from the web phone, confirm the shop, and ask for an operator."""
    shop.goto("/phone")
    shop.locator("#from").select_option(SHOP_PHONE)
    shop.get_by_role("button", name="拨号").click()
    for heard, key in (("请按一", "1"), ("井号", "0")):
        expect(shop.locator("#transcript")).to_contain_text(heard)
        shop.get_by_role("button", name=key, exact=True).click()
    expect(shop.locator("#transcript")).to_contain_text("给您转人工")


def ringing(*pages: Page) -> int:
    """The number of pages that make the sound of ringing."""
    return sum("ringing" in page.evaluate("({ ...document.documentElement.dataset })") for page in pages)


def test_a_call_rings_beside_a_line_that_is_typed_outlives_the_page_and_asks_before_it_ends(
    desk: Page, telephone: Page, shop: Page, line: ServedLine
) -> None:
    take_screenshot(telephone, "softphone")
    assert accessibility_faults(telephone) == []
    open_order(desk, OTHER_SHOP)
    desk.keyboard.type("htsyjd")
    known_shop_calls(shop)
    expect(desk.locator("#softphone-state")).to_have_text("来电")
    expect(desk.locator("#softphone-caller")).to_contain_text("建设路便民超市")
    wait_for(desk, lambda: ringing(desk, telephone) == 1)
    wait_for(telephone, lambda: telephone.evaluate("window.notified") == ["☎ 来电 · 建设路便民超市 客户要人工  F8"])
    take_screenshot(desk, "desk-rings")
    # The line is typed on and entered; then the call is taken by its key, in the middle of the next one.
    expect(desk.locator("#pick")).to_be_focused()
    desk.keyboard.type("5")
    desk.keyboard.press("Enter")
    expect(desk.locator("tbody")).to_contain_text("红塔山(硬经典)")
    expect(desk.locator("#pick")).to_be_focused()
    desk.keyboard.type("hhl")
    half_typed = desk.url
    desk.keyboard.press("F8")
    expect(desk.locator("#softphone-state")).to_have_text("通话中")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    expect(desk.get_by_role("heading", level=1)).to_contain_text("建设路便民超市")
    wait_for(desk, lambda: ringing(desk, telephone) == 0)
    # What was typed for the other shop is there when its order is opened again.
    desk.goto(half_typed)
    expect(desk.locator("#pick")).to_have_value("hhl")
    desk.keyboard.press("Escape")

    # Other pages, and loading them again, do not touch the call.
    desk.goto("/orders")
    expect(desk.locator("#softphone-state")).to_have_text("通话中")
    desk.reload()
    expect(desk.locator("#softphone-caller")).to_contain_text("建设路便民超市")
    take_screenshot(desk, "call-bar")
    assert accessibility_faults(desk) == []
    desk.get_by_role("button", name="退出").click()
    expect(desk.locator("#error-message")).to_have_text("正在通话，请先结束通话再退出。")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    desk.get_by_role("button", name="打开订货单").click()
    expect(desk.locator("#pick")).to_be_focused()

    # The window itself asks before it is closed; cut off all the same, the caller is taken back.
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    telephone.on("dialog", accept)
    telephone.locator("body").click()
    telephone.close(run_before_unload=True)
    expect(desk.locator("#presence")).to_contain_text("电话断了，客户还在线上。")
    assert asked == ["beforeunload"]
    take_screenshot(desk, "desk-cut-off")
    assert accessibility_faults(desk) == []
    opened_telephone(desk, "接回")
    expect(desk.locator("#softphone-state")).to_have_text("通话中")
    expect(shop.locator("#status")).to_have_text("订货员在线")

    # A session that ends in the call is renewed by the password alone, and the line is entered.
    desk.locator("#pick").focus()
    desk.context.clear_cookies()
    desk.keyboard.type("hhlrl 3")
    desk.keyboard.press("Enter")
    dialog = desk.locator("#sign-in-again")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("工号")).to_have_value("operator")
    desk.keyboard.type(DEMO_PASSWORD)
    desk.keyboard.press("Enter")
    expect(desk.locator("tbody")).to_contain_text("黄鹤楼(软蓝)")
    expect(shop.locator("#status")).to_have_text("订货员在线")

    # With unsaved lines the call is not ended before the operator has answered.
    desk.get_by_role("button", name="结束通话").click()
    question = desk.locator("#unsaved-lines")
    expect(question).to_contain_text("单上有1种3条")
    take_screenshot(desk, "unsaved-lines")
    assert accessibility_faults(desk) == []
    question.get_by_role("button", name="回去接着订").click()
    expect(desk.locator("#pick")).to_be_focused()
    expect(shop.locator("#status")).to_have_text("订货员在线")
    desk.get_by_role("button", name="结束通话").click()
    question.get_by_role("button", name="客户说对，保存并结束").click()
    desk.wait_for_url("**/desk")
    expect(shop.locator("#transcript")).to_contain_text("您的订货已经保存")
    [order] = [order for order in line.orders(SHOP) if order.state == "confirmed"]
    assert order.lines == {"黄鹤楼(软蓝)": 3}


def test_a_caller_is_taken_back_though_the_desk_was_renewed_while_the_telephone_opened(
    desk: Page, telephone: Page, shop: Page, browser: Browser, line: ServedLine
) -> None:
    web_phone_call(shop)
    expect(desk.locator("#softphone-state")).to_have_text("来电")
    desk.keyboard.press("F8")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    telephone.close()
    expect(desk.locator("#presence")).to_contain_text("电话断了，客户还在线上。")
    # While the window opens, a colleague comes to her desk, and the list of operators is drawn anew.
    connecting: list[Route] = []
    desk.context.route("**/softphone/token", lambda route: connecting.append(route))
    desk.evaluate("document.getElementById('reconnect').dataset.pressed = ''")
    with desk.context.expect_page():
        desk.locator("#reconnect").click()
    wait_for(desk, lambda: connecting != [])
    colleague = new_page(browser, line)
    sign_in(colleague, "operator2")
    expect(desk.locator("#presence")).to_contain_text("王敏")
    expect(desk.locator("#reconnect[data-pressed]")).to_have_count(0)
    connecting[0].continue_()
    desk.context.unroute("**/softphone/token")
    expect(desk.locator("#softphone-state")).to_have_text("通话中")
    expect(shop.locator("#status")).to_have_text("订货员在线")
    desk.get_by_role("button", name="结束通话").click()
    colleague.context.close()


def test_a_telephone_is_connected_once_it_can_be_called(desk: Page, line: ServedLine) -> None:
    held: list[str | bytes] = []
    sockets: list[WebSocketRoute] = []

    def hold(page_socket: WebSocketRoute) -> None:
        sockets.append(page_socket)
        page_socket.connect_to_server().on_message(lambda message: held.append(message))

    desk.context.route_web_socket("**/softphone/line", hold)
    with desk.context.expect_page() as opened:
        desk.get_by_role("button", name="用电脑接", exact=True).click()
    telephone = opened.value
    wait_for(telephone, lambda: held != [])
    expect(telephone.locator("#softphone-state")).to_have_text("没有接上")
    expect(desk.locator("#presence")).to_contain_text("小休")
    sockets[0].send(held[0])
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    expect(desk.locator("#presence")).to_contain_text("可以接电话")


def test_after_the_caller_hung_up_the_next_one_rings_within_the_wrap_up_time(
    desk: Page, telephone: Page, shop: Page, browser: Browser, line: ServedLine
) -> None:
    web_phone_call(shop)
    expect(desk.locator("#softphone-state")).to_have_text("来电")
    desk.keyboard.press("F8")
    expect(desk.locator("#softphone-state")).to_have_text("通话中")
    shop.get_by_role("button", name="挂断").click()
    expect(desk.locator("#softphone-state")).to_have_text("整理中")
    expect(desk.locator("#softphone-caller .time")).to_contain_text("0:0")
    take_screenshot(desk, "wrap-up")
    assert accessibility_faults(desk) == []
    following = new_page(browser, line)
    web_phone_call(following)
    expect(desk.locator("#softphone-state")).to_have_text("来电")
    desk.keyboard.press("Shift+F8")
    expect(following.locator("#status")).to_have_text("排队等候订货员")
    following.context.close()


def test_lines_typed_while_the_server_is_away_are_kept_and_sent_when_it_is_back(desk: Page, line: ServedLine) -> None:
    open_order(desk, OTHER_SHOP)
    line.kill()
    desk.keyboard.type("yxr 2")
    desk.keyboard.press("Enter")
    expect(desk.locator("#server-away")).to_be_visible()
    desk.keyboard.type("htsyjd 6")
    desk.keyboard.press("Enter")
    expect(desk.locator("#unsent-lines li")).to_have_count(2)
    desk.keyboard.press("Control+Enter")
    take_screenshot(desk, "server-away")
    assert accessibility_faults(desk) == []
    line.start()
    expect(desk.locator("#server-away")).to_be_hidden(timeout=60_000)
    expect(desk.locator("tbody")).to_contain_text("玉溪(软)")
    expect(desk.locator("tbody tr", has_text="红塔山(硬经典)")).to_contain_text("6")
    expect(desk.locator("#unsent-lines")).to_be_hidden()


def test_a_long_order_keeps_its_total_and_save_in_sight_and_question_mark_shows_the_keys(desk: Page) -> None:
    desk.set_viewport_size({"width": 1280, "height": 720})
    open_order(desk, OTHER_SHOP)
    desk.keyboard.press("?")
    keys = desk.locator("#keys")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("接来电")
    take_screenshot(desk, "keys")
    assert accessibility_faults(desk) == []
    desk.keyboard.press("Escape")
    expect(desk.locator("#pick")).to_be_focused()
    desk.wait_for_function("OrderSheet.supplied().length")
    supplied = desk.evaluate("OrderSheet.supplied()")
    codes = [one["spec"]["code"] for one in supplied if one["facts"]["left"]][:20]
    for code in codes:
        desk.keyboard.type(f"{code}*1")
        desk.keyboard.press("Enter")
    expect(desk.locator("tbody tr")).to_have_count(len(codes), timeout=90_000)
    for part in (".sheet-total", ".read-back", "#save", "#pick"):
        expect(desk.locator(part)).to_be_in_viewport(ratio=1)
    take_screenshot(desk, "sheet-720")
    assert accessibility_faults(desk) == []
    desk.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    take_screenshot(desk, "sheet-long-phone")
    assert accessibility_faults(desk) == []


def test_a_failed_telephone_of_the_carriers_is_ended_before_the_next_one_and_never_in_a_call(desk: Page) -> None:
    desk.context.add_init_script(CARRIERS_DEVICES)
    desk.context.route("**/desk/softphone/token", lambda asked: asked.fulfill(json={"token": "a token"}))
    # The page of the demo with the script of the carrier.
    desk.context.route("**/telephones/simulator.js", lambda asked: asked.fulfill(path=TELEPHONES / "twilio.js"))
    telephone = opened_telephone(desk, "用电脑接")

    def states() -> list[str]:
        found: list[str] = telephone.evaluate("window.devices.map((device) => device.state)")
        return found

    # The first cannot register: it is ended, and another one is tried.
    wait_for(telephone, lambda: states() == ["destroyed", "registered"])
    telephone.evaluate("window.devices[1].emit('error', { message: 'the connection is lost' })")
    assert states() == ["destroyed", "destroyed"]
    wait_for(telephone, lambda: states() == ["destroyed", "destroyed", "registered"])
    expect(telephone.locator("#softphone-state")).not_to_have_text("没有接上")
    # In a call the talk goes on, and the telephone is ended after it.
    telephone.evaluate("window.call = window.devices[2].ring()")
    telephone.locator("#softphone-answer").click()
    telephone.evaluate("window.devices[2].emit('error', { message: 'the token has expired' })")
    expect(telephone.locator("#softphone-state")).to_have_text("通话中")
    assert states()[-1] == "registered"
    telephone.evaluate("window.call.emit('disconnect')")
    wait_for(telephone, lambda: states() == ["destroyed"] * 3 + ["registered"])
