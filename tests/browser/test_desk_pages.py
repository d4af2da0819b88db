"""An operator's day at the desk's pages, in a real browser: the brief, the signed list, a failed web order, feedback
passed up, a diary signed by everybody, and the order sheet used in a hurry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

import storage
from brand_catalog.loading import load_catalog
from orders.book.desk import Desk
from orders.book.models import OrderRow
from orders.channels import web_orders
from orders.channels.proxy_list import COLUMNS
from orders.channels.web_orders import WebOrder
from orders.demo.demo_staff import DEMO_PASSWORD
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    click_link,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
)
from tests.support.databases import Databases
from tests.support.many_orders import add_orders
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(300)

BY_LIST, BY_WEB, IN_A_HURRY = "410502100045", "410502100078", "410502100012"
SOLD_OUT = "利群(软蓝)"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        yield served


@pytest.fixture
def other(browser: Browser, line: ServedLine) -> Iterator[Page]:
    """A page in another browser context."""
    page = new_page(browser, line)
    yield page
    page.context.close()


def saved(line: ServedLine, code: str) -> list[dict[str, float]]:
    """The confirmed orders of a retailer, as cartons by the spec's name."""
    engine = storage.open_engine(line.database_url)
    with storage.read_only(storage.open_sessions(engine)) as session:
        rows = session.scalars(
            select(OrderRow)
            .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
            .where(RetailerRow.customer_code == code, OrderRow.state == "confirmed")
        ).all()
        found = [{one.spec_name: one.granted_packs / one.packs_per_carton for one in row.lines} for row in rows]
    engine.dispose()
    return found


def take_in_web_order(line: ServedLine, code: str, name: str, cartons: int) -> None:
    """Take in a web order of one spec by a retailer."""
    engine = storage.open_engine(line.database_url)
    now = shifted_clock(shift_to_morning())()
    with storage.transaction(storage.open_sessions(engine)) as session:
        catalog = load_catalog(session)
        [spec] = [spec for spec in catalog.specs.values() if spec.name == name]
        order = WebOrder(code, {spec.barcode: cartons * spec.packs_per_carton}, now)
        web_orders.enter_order(Desk(session, catalog, now), "web", "page", f"{code} {name}", order, now)
    engine.dispose()


def test_who_signs_in_at_a_seat_reads_the_brief_and_the_leaders_notice(page: Page, other: Page) -> None:
    sign_in(other, "leader", "/brief")
    other.get_by_text("发布促销或通知").click()
    other.get_by_label("告诉订货员什么").fill("下午三点停电")
    other.get_by_label("种类").select_option("note")
    other.get_by_label("到哪天为止").fill("2020-01-01")
    other.get_by_role("button", name="发布").click()
    expect(other.get_by_text("这一天已经过了")).to_be_visible()
    other.get_by_label("到哪天为止").fill(other.get_by_label("从哪天起").input_value())
    other.get_by_role("button", name="发布").click()
    expect(other.locator(".notices")).to_contain_text("下午三点停电")

    page.goto("/login")
    page.get_by_label("工号", exact=True).fill("operator")
    page.get_by_label("密码", exact=True).fill(DEMO_PASSWORD)
    page.get_by_label("席位").fill("3")
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/seat?wanted=3")
    expect(page.get_by_role("alert").filter(has_text="3号席位现在是赵红霞在用")).to_be_visible()
    take_screenshot(page, "seat")
    assert accessibility_faults(page) == []
    page.get_by_label("您坐几号席位？").fill("5")
    page.get_by_role("button", name="坐这里").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("今日简报")
    expect(page.locator(".notices")).to_contain_text("下午三点停电")
    expect(page.locator(".person")).to_contain_text("5号")
    expect(page.locator("#health")).to_contain_text("账号可用")
    expect(page.locator("#health")).to_contain_text("5 李晓燕")


def test_the_signed_list_is_looked_at_mended_and_entered(page: Page, line: ServedLine, tmp_path: Path) -> None:
    wrong, right, scan = tmp_path / "wrong.csv", tmp_path / "right.csv", tmp_path / "signed.pdf"
    scan.write_bytes(b"%PDF-1.7 three signatures")
    heading = ",".join(COLUMNS)
    wrong.write_text(f"{heading}\n{BY_LIST},红塔山(硬经典),2,张三,,王五\n", encoding="utf-8")
    right.write_text(f"{heading}\n{BY_LIST},红塔山(硬经典),2,张三,李四,王五\n", encoding="utf-8")
    sign_in(page, "operator", "/proxy")
    page.get_by_label("签过字的名单").set_input_files(wrong)
    page.get_by_role("button", name="预览订单").click()
    expect(page.locator("#outcome")).to_contain_text("没有签名")
    page.get_by_label("签过字的名单").set_input_files(right)
    page.get_by_label("扫描件或照片").set_input_files(scan)
    page.get_by_role("button", name="预览订单").click()
    expect(page.locator("#outcome")).to_contain_text("还没有录入")
    take_screenshot(page, "proxy-preview")
    assert accessibility_faults(page) == []
    assert saved(line, BY_LIST) == []
    page.get_by_role("button", name="录入", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("录完了")
    expect(page.locator("#listed")).to_contain_text("老街口便利店")
    assert saved(line, BY_LIST) == [{"红塔山(硬经典)": 2}]


def test_a_failed_web_order_is_worked_off_into_a_saved_order(page: Page, line: ServedLine) -> None:
    take_in_web_order(line, BY_WEB, SOLD_OUT, 4)
    sign_in(page, "operator", "/web-orders")
    expect(page.locator("#web")).to_contain_text("要的品种一条也没有了")
    take_screenshot(page, "web-orders-waiting")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="打电话，开单").click()
    page.wait_for_url("**/desk/orders/**")
    expect(page.locator(".facts")).to_contain_text("网上没订成的")
    expect(page.locator("#pick")).to_be_focused()
    page.keyboard.type("htsyjd 6")
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text("红塔山(硬经典)")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#next")).to_be_focused()
    page.goto("/web-orders")
    expect(page.locator("#web")).not_to_contain_text("要的品种一条也没有了")
    expect(page.locator("#web")).to_contain_text("办完的")
    assert saved(line, BY_WEB) == [{"红塔山(硬经典)": 6}]


def test_a_request_is_noted_beside_the_order_passed_up_and_its_answer_read_there(page: Page, other: Page) -> None:
    sign_in(page, "operator", "/desk")
    page.fill("#retailer-search", "滨河")
    page.keyboard.press("Enter")
    expect(page.locator(".refusal")).to_contain_text("今天已经订过货了")
    page.fill("#retailer-search", IN_A_HURRY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/orders/**")
    page.get_by_text("客户还有别的要求").click()
    asked = page.locator("#requests")
    asked.get_by_role("button", name="记下").click()
    expect(asked.get_by_text("请选事项类别")).to_be_visible()
    asked.get_by_label("事项类别").select_option("delivery")
    asked.get_by_label("办理情况").select_option("leader")
    asked.get_by_label("客户要什么").fill("想上午送货")
    asked.get_by_role("button", name="记下").click()
    expect(asked.get_by_role("status")).to_contain_text("已记下")
    take_screenshot(page, "feedback-beside-the-order")
    assert accessibility_faults(page) == []

    sign_in(other, "leader", "/feedback")
    other.get_by_label("答复（订货员念给客户听）").fill("下周起上午送")
    take_screenshot(other, "feedback-answer")
    assert accessibility_faults(other) == []
    other.get_by_role("button", name="答复", exact=True).click()
    expect(other.locator("#lists")).to_contain_text("有答复了")
    page.reload()
    page.get_by_text("客户还有别的要求").click()
    expect(asked).to_contain_text("下周起上午送")


def test_a_diary_is_drafted_completed_sent_back_and_signed_by_everybody(browser: Browser, line: ServedLine) -> None:
    desks = {login: new_page(browser, line) for login in ("operator", "leader", "clerk")}
    for login, page in desks.items():
        sign_in(page, login, "/department-reports")
    operator, leader = desks["operator"], desks["leader"]
    operator.get_by_role("button", name="按数据起草").click()
    operator.wait_for_url("**/department-reports/*")
    text = operator.get_by_label("内容")
    assert "应订" in text.input_value()
    text.fill(text.input_value() + "\n客户都满意。")
    take_screenshot(operator, "diary")
    assert accessibility_faults(operator) == []
    operator.get_by_role("button", name="提交").click()
    expect(operator.locator("#report")).to_contain_text("等电访班长审批")
    paper = operator.url

    leader.goto(paper)
    leader.get_by_role("button", name="退回").click()
    expect(leader.get_by_text("退回要写明原因")).to_be_visible()
    leader.get_by_label("意见").fill("未接通的写上原因")
    leader.get_by_role("button", name="退回").click()
    expect(leader.locator("#report")).to_contain_text("退回的原因")
    operator.reload()
    expect(operator.locator("#report")).to_contain_text("未接通的写上原因")
    operator.get_by_role("button", name="提交").click()
    expect(operator.locator("#report")).to_contain_text("等电访班长审批")
    # An operator's diary is the leader's to sign, and the leader's own the clerk's (AY 4.4).
    sign(leader)
    expect(leader.locator("#report")).to_contain_text("已审结")
    take_screenshot(leader, "diary-signed")
    leader.goto("/department-reports")
    leader.get_by_role("button", name="按数据起草").click()
    leader.wait_for_url("**/department-reports/*")
    leader.get_by_role("button", name="提交").click()
    expect(leader.locator("#report")).to_contain_text("等内勤审批")
    sign(desks["clerk"])
    expect(desks["clerk"].locator("#report")).to_contain_text("已审结")
    for page in desks.values():
        page.context.close()


def sign(page: Page) -> None:
    """Sign the diary that waits for this person."""
    page.goto("/department-reports")
    page.locator("section", has_text="待我审批").get_by_role("link", name="日志").click()
    page.wait_for_url("**/department-reports/*")
    page.get_by_role("button", name="同意", exact=True).click()
    expect(page.locator("#report")).to_contain_text("已同意")


def test_a_line_typed_after_the_session_was_lost_is_entered_when_signed_in_again(page: Page) -> None:
    # The event stream is open: refused without a session, it would ask for the password during typing.
    with page.expect_response("**/desk/events"):
        sign_in(page, "operator", "/desk")
    page.fill("#retailer-search", IN_A_HURRY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/orders/**")
    expect(page.locator("#pick")).to_be_focused()
    page.context.clear_cookies()
    page.keyboard.type("hhlrl 3")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(page.locator("#unsent-lines")).to_contain_text("黄鹤楼(软蓝) 3")
    expect(dialog.get_by_label("工号")).to_have_value("operator")
    dialog.get_by_label("密码").fill(DEMO_PASSWORD)
    dialog.get_by_role("button", name="登录").click()
    expect(page.locator("tbody")).to_contain_text("黄鹤楼(软蓝)")


def test_an_operator_types_spoken_names_is_asked_where_they_are_many_and_looks_along_the_shelves(
    page: Page, line: ServedLine
) -> None:
    sign_in(page, "operator", "/desk")
    page.fill("#retailer-search", IN_A_HURRY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/orders/**")
    entry, notice = page.locator("#pick"), page.locator("#sheet-notice")
    expect(entry).to_be_focused()
    for typed, taken in (("ryx5", "玉溪(软)，5条"), ("yzh2", "中华(硬)，2条"), ("软玉溪 3", "玉溪(软)，3条")):
        page.keyboard.insert_text(typed)
        expect(page.locator("#spec-options [aria-selected=true]")).to_contain_text(taken.split("，")[0])
        page.keyboard.press("Enter")
        expect(notice).to_contain_text(taken)
        expect(entry).to_be_focused()
    lines = page.locator("#sheet tbody tr")
    before = lines.count()
    # Letters left out, or a brand of many specs: Enter asks, and takes nothing until one is chosen.
    for typed in ("fwr5", "hhl5"):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.locator("#spec-ask")).to_contain_text("用 ↓ 选一个再回车")
        expect(page.locator("#spec-options [aria-selected=true]")).to_have_count(0)
        take_screenshot(page, f"sheet-asks-{typed}")
        assert accessibility_faults(page) == []
        page.keyboard.press("Escape")
    assert lines.count() == before
    page.keyboard.type("hhl5")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#spec-options [aria-selected=true] b").inner_text()
    page.keyboard.press("Enter")
    expect(notice).to_contain_text(chosen.split(" ×")[0])
    # F2: the shelves by the price of a pack; what is chosen there waits for its cartons.
    page.keyboard.press("F2")
    dialog = page.locator("#browse")
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowRight")
    take_screenshot(page, "sheet-shelves")
    assert accessibility_faults(page) == []
    page.keyboard.press("ArrowDown")
    name = page.locator("#browse-list [aria-selected=true] b").inner_text()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(entry).to_have_value(name)
    expect(page.locator("#cartons")).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(notice).to_contain_text(name)
    # The shop at a glance, and a note for the next call.
    expect(page.locator(".facts")).to_contain_text("+8613800000012")
    page.get_by_text("备注", exact=True).click()
    page.fill("#shop-note-text", "老板耳背，说慢一点")
    page.get_by_role("button", name="保存备注").click()
    expect(page.locator("#shop-note")).to_contain_text("已保存")
    take_screenshot(page, "sheet-facts")
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    page.keyboard.press("F2")
    take_screenshot(page, "sheet-shelves-phone")
    assert accessibility_faults(page) == []
    page.keyboard.press("Escape")
    page.goto(f"/retailers/{IN_A_HURRY}")
    expect(page.locator("main")).to_contain_text("老板耳背，说慢一点")


def test_2647_orders_are_counted_paged_searched_and_sorted(page: Page, line: ServedLine) -> None:
    engine = storage.open_engine(line.database_url)
    now = shifted_clock(shift_to_morning())()
    with storage.transaction(storage.open_sessions(engine)) as session:
        add_orders(session, business_day(now), now, 2_647)
    engine.dispose()
    yesterday = business_day(now) - timedelta(days=1)
    sign_in(page, "leader", "/orders")
    page.goto(f"/orders?from={yesterday}&q=41059910")
    found = page.locator(".list-count")
    expect(found).to_contain_text("一共2647张订单")
    expect(page.locator("#orders tbody tr")).to_have_count(100)
    take_screenshot(page, "orders")
    assert accessibility_faults(page) == []
    click_link(page, page.get_by_role("link", name="下一页"))
    expect(page.locator("#orders tbody tr").first).to_contain_text("A02547")
    click_link(page, page.get_by_role("link", name="金额（元）"))
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("金额")
    expect(page.locator("#orders tbody tr").first).to_contain_text("A02647")
    page.get_by_label("店名、首字母").fill("烟店2001")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(found).to_contain_text("一共1张订单")
    click_link(page, page.get_by_role("link", name="东风烟店2001"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("东风烟店2001")
    with page.expect_download() as file:
        page.goto(f"/orders?from={yesterday}&q=41059910")
        page.get_by_role("link", name="CSV").click()
    assert len(Path(file.value.path()).read_text(encoding="utf-8-sig").splitlines()) == 2_648
    page.goto("/calls")
    take_screenshot(page, "calls")
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    take_screenshot(page, "calls-phone")
    assert accessibility_faults(page) == []
    page.goto(f"/orders?from={yesterday}&q=41059910")
    take_screenshot(page, "orders-phone")
    assert accessibility_faults(page) == []


def test_the_sheet_keeps_what_is_typed_in_a_hurry_and_saves_nothing_by_mistake(page: Page, line: ServedLine) -> None:
    sign_in(page, "operator", "/desk")
    page.fill("#retailer-search", "建设路")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/orders/**")
    expect(page.locator("#pick")).to_be_focused()
    # The same as last time, with one key.
    page.keyboard.press("Alt+l")
    expect(page.locator("#sheet-notice")).to_contain_text("记上了")
    expect(page.locator("tbody")).to_contain_text("芙蓉王(硬)")
    # Cartons belong to the spec they were typed after.
    page.keyboard.type("hhl5")
    page.keyboard.press("Escape")
    expect(page.locator("#cartons")).to_have_value("")
    # A line that is typed but not entered is not lost by saving.
    page.keyboard.type("zhy 2")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#error-message")).to_contain_text("还有一行没有记上")
    # Another window changes the order; the line is shown again, to be entered on the new state.
    elsewhere = page.context.new_page()
    elsewhere.goto(page.url)
    elsewhere.get_by_role("button", name="去掉芙蓉王(硬)").click()
    expect(elsewhere.locator("tbody")).not_to_contain_text("芙蓉王(硬)")
    elsewhere.close()
    page.locator("#pick").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-notice")).to_contain_text("芙蓉王(硬)：4 → 没有")
    expect(page.locator("#pick")).to_have_value("中华(硬)")
    expect(page.locator("#cartons")).to_have_value("2")
    take_screenshot(page, "sheet-stale")
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text("中华(硬)")
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    take_screenshot(page, "sheet-phone")
    assert accessibility_faults(page) == []
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notice.good")).to_contain_text("已保存")
    [lines] = saved(line, IN_A_HURRY)
    assert lines["中华(硬)"] == 2
    assert "芙蓉王(硬)" not in lines
