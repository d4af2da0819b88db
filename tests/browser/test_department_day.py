"""One day of the department, lived by five people and a shopkeeper in their browsers; nobody types a command.

The manager supplies the day the evening before; the clock is moved from step to step for the server as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from sqlalchemy import select

import storage
from brand_catalog.models import BrandSpec, CatalogVersion
from clock import SHANGHAI
from orders.assessment.models import Assessment, MeetingPerson
from orders.book.models import OrderRow
from orders.day_end.models import DayStepDone
from orders.demo import seed_demo
from orders.demo.demo_staff import seed_demo_staff
from orders.reporting.models import DepartmentReport
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from orders.supply.models import Limit
from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from simulator.inbound_calls import open_account
from tests.support.chromium import (
    accessibility_faults,
    click_and_confirm,
    click_link,
    take_screenshot,
)
from tests.support.department import DAY, Department, csv_file, downloaded, step, upload
from tests.support.served_app import CLOCK
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(600)

WEEK = timedelta(days=7)
# The shop that orders by itself, the one on the signed list, and the one the bank does not pay for.
SHOP, LISTED, POOR = "410502100012", "410502100078", "410502100045"
SPEC = "红塔山(硬经典)"
# Seven retailers are due.
SUPPLY = f"""品规,条数,分配方式,每户最多,标记
{SPEC},70,平均,,
芙蓉王(硬),28,平均,,重点
黄鹤楼(软蓝),35,平均,,
利群(新版),35,平均,,新品
"""
SIGNED_LIST = f"""客户代码,品规,条数,客户签名,科长签名,副经理签名
{LISTED},{SPEC},4,钟楼店主,张科长,李经理
{POOR},利群(新版),5,老街店主,张科长,李经理
"""
BALANCES = {SHOP: "25000", LISTED: "18000", POOR: "100"}


@pytest.fixture
def department(
    browser: Browser, bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Department]:
    clock_file = tmp_path / "clock"
    monkeypatch.setenv(CLOCK, str(clock_file))
    storage.migrate(bare_url)
    account, rest = open_account("127.0.0.1", 0, DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    line = ServedLine(bare_url, tmp_path, account, "keypad", timedelta())
    department = Department(browser, line, clock_file)
    a_week_ago = datetime.combine(DAY - WEEK, time(10), SHANGHAI)
    with department.book() as session:
        seed_demo(session, a_week_ago)
        seed_demo_staff(session, a_week_ago)
        # With a note of its own the catalogue is the department's, and nothing supplies its days but the department.
        session.scalars(select(CatalogVersion)).one().note = "2026-11"
        for order in session.scalars(select(OrderRow)):
            order.state = "received"
    with rest:
        try:
            department.it_is(18, 30, DAY - timedelta(days=1))
            department.start()
            yield department
        finally:
            line.kill()


def test_five_people_live_a_day_of_the_department_without_a_command(department: Department) -> None:
    the_evening_before_the_manager_supplies_the_day(department)
    the_day_begins_with_the_brief_and_the_meeting(department)
    a_limit_is_mended_by_two_at_half_past_eight(department)
    number = a_shopkeeper_orders_on_the_telephone_in_the_pocket(department)
    the_saved_order_is_changed_on_its_page(department, number)
    the_operator_enters_the_signed_list(department)
    the_clerk_ends_the_day_with_a_shop_that_has_not_paid(department, number)
    everybody_sees_who_has_not_paid(department)
    the_diaries_go_up_their_chain(department)
    the_operator_is_assessed_and_it_is_printed(department)


# --- the day


def the_evening_before_the_manager_supplies_the_day(department: Department) -> None:
    manager = department.signed_in("manager", "/supply")
    expect(manager.get_by_text("这一天还没有货源。", exact=True)).to_be_visible()
    form = manager.locator("#import")
    form.get_by_label("内容").select_option("supply")
    expect(form.get_by_label("日期")).to_have_value(str(DAY))
    form.get_by_label("文件").set_input_files(csv_file("明天的货源.csv", SUPPLY))
    form.get_by_label("原因").fill("周二的货，平均分")
    form.get_by_role("button", name="预览改动").click()
    expect(manager.locator("#done")).to_contain_text("还没有导入")
    expect(manager.locator("#done")).to_contain_text("新增28条限量")
    take_screenshot(manager, "day-supply-preview")
    click_and_confirm(manager, form.get_by_role("button", name="导入"), "现在导入吗")
    expect(manager.locator("#done")).to_contain_text("已导入")
    click_link(manager, manager.locator("#done").get_by_role("link", name="看这一天"))
    expect(manager.locator("tr", has_text="利群(新版)").first).to_contain_text("平均分")
    assert limit_of(department, SHOP) == 10


def the_day_begins_with_the_brief_and_the_meeting(department: Department) -> None:
    department.it_is(7, 45)
    # Signing in, the operator has her usual seat again.
    operator = department.signed_in("operator", "/brief")
    expect(operator.locator("main")).not_to_contain_text("您还没有坐下")

    department.it_is(7, 52)
    leader = department.signed_in("leader", "/brief")
    policy = leader.locator("section", has_text="今天的投放策略").last
    expect(policy).to_contain_text("限量已锁定")
    expect(policy).to_contain_text("周二的货，平均分")
    expect(leader.locator("section", has_text="新品").last).to_contain_text("利群(新版)")
    expect(leader.locator("#health")).not_to_contain_text("正在查")
    take_screenshot(leader, "day-brief")
    click_link(leader, leader.get_by_role("link", name="写晨会记录"))
    expect(leader.get_by_label("李晓燕 电话订货员")).to_be_checked()
    leader.get_by_label("会议内容").fill("红塔山平均分，每户十条。先问数量，再说没货。")
    leader.get_by_role("button", name="保存记录").click()
    people = leader.locator("section", has_text="参加人员")
    expect(people.locator("tr", has_text="陈静")).to_contain_text("没有参加，还没看")
    leader.goto("/brief")
    expect(leader.get_by_role("link", name="今天的晨会记录")).to_be_visible()

    # The clerk was not there, and reads it.
    clerk = department.signed_in("clerk", "/brief")
    click_link(clerk, waiting_work(clerk, f"{DAY}的会议记录您还没有看"))
    expect(clerk.locator(".report-text")).to_contain_text("先问数量，再说没货")
    clerk.get_by_role("button", name="看过了").click()
    expect(clerk.locator("tr", has_text="陈静")).to_contain_text("看过记录")
    with department.book() as session:
        met = {
            one.name: person
            for one, person in session.execute(
                select(StaffRow, MeetingPerson).join(MeetingPerson, MeetingPerson.staff_id == StaffRow.id)
            )
        }
        assert (met["李晓燕"].present, met["陈静"].present) == (True, False)
        assert met["陈静"].read_at is not None


def a_limit_is_mended_by_two_at_half_past_eight(department: Department) -> None:
    department.it_is(8, 30)
    manager = department.signed_in("manager", "/supply")
    form = manager.locator("#one-limit")
    form.locator("summary").click()
    form.get_by_label("客户代码").fill(SHOP)
    spec = form.get_by_label("品规")
    spec.select_option(spec.locator("option", has_text=SPEC).get_attribute("value"))
    form.get_by_label("限量（条）").fill("15")
    form.get_by_label("原因").fill("店里有婚宴")
    form.get_by_role("button", name="保存").click()
    expect(manager.locator("#limit-done")).to_contain_text("等第二个人同意")
    assert limit_of(department, SHOP) == 10
    click_link(manager, manager.get_by_role("link", name="看这个申请"))
    expect(manager.get_by_role("button", name="同意", exact=True)).to_have_count(0)

    leader = department.signed_in("leader", "/brief")
    click_link(leader, waiting_work(leader, "1个锁定后的改动等第二个人同意"))
    click_link(leader, leader.get_by_role("link", name="细看"))
    expect(leader.locator("main")).to_contain_text("店里有婚宴")
    leader.get_by_role("button", name="同意", exact=True).click()
    expect(leader.locator("#state .tag")).to_have_text("已同意")
    assert limit_of(department, SHOP) == 15


def a_shopkeeper_orders_on_the_telephone_in_the_pocket(department: Department) -> str:
    department.it_is(9, 30)
    shop = department.shopkeeper(SHOP)
    expect(shop.get_by_role("heading", name="现在可以订货")).to_be_visible()
    shop.get_by_role("button", name="照上次订").click()
    row = shop.locator("li", has_text=SPEC)
    expect(row).to_contain_text("最多15条")
    expect(row.locator("input")).to_have_value("10")
    for _carton in range(2):
        row.get_by_role("button", name=f"加一条 {SPEC}").click()
    expect(shop.locator(".sum")).to_contain_text("共 26 条")
    take_screenshot(shop, "day-shop-order")
    shop.get_by_role("button", name="下一步：核对").click()
    expect(shop.locator(".lines li", has_text=SPEC)).to_contain_text("12条")
    shop.get_by_role("button", name="对，保存订单").click()
    said = shop.get_by_role("status")
    expect(said).to_contain_text("订好了，单号")
    found = re.search(r"\d{14}", said.inner_text())
    assert found is not None
    assert cartons(department, SHOP) == ("mobile", {SPEC: 12, "芙蓉王(硬)": 4, "黄鹤楼(软蓝)": 5, "利群(新版)": 5})
    return found[0]


def the_saved_order_is_changed_on_its_page(department: Department, number: str) -> None:
    department.it_is(10, 20)
    operator = department.signed_in("operator", "/orders")
    operator.get_by_label("店名、首字母、客户代码、电话或订单号").fill("jslb")
    operator.get_by_role("button", name="查询").click()
    click_link(operator, operator.locator("#orders").get_by_role("link", name=number))
    operator.get_by_text("申请改单", exact=True).click()
    operator.get_by_role("textbox", name="利群(新版)").fill("3")
    operator.get_by_label("为什么改").fill("客户来电，利群要减两条")
    operator.get_by_role("button", name="提交改单申请").click()
    expect(operator.locator("#order-change .tag", has_text="等批准")).to_be_visible()
    shop = department.shopkeeper(SHOP)
    expect(shop.locator(".state").first).to_contain_text("改单申请：等批准")

    leader = department.signed_in("leader", "/brief")
    click_link(leader, waiting_work(leader, "1个改单申请等批准"))
    expect(leader.locator("main")).to_contain_text("利群(新版) 5条改成3条")
    take_screenshot(leader, "day-order-changes")
    leader.get_by_role("button", name="同意", exact=True).click()
    expect(leader.get_by_text("已同意", exact=True)).to_be_visible()
    shop.reload()
    expect(shop.locator(".state").first).to_contain_text("改单申请：已同意")
    expect(shop.locator(".lines li", has_text="利群(新版)").first).to_contain_text("3条")
    assert cartons(department, SHOP)[1]["利群(新版)"] == 3


def the_operator_enters_the_signed_list(department: Department) -> None:
    department.it_is(13, 30)
    operator = department.signed_in("operator", "/proxy")
    operator.get_by_label("签过字的名单").set_input_files(csv_file("代订名单.csv", SIGNED_LIST))
    operator.get_by_role("button", name="预览订单").click()
    preview = operator.locator("#outcome")
    expect(preview).to_contain_text("还没有录入")
    expect(preview.locator("tr", has_text=LISTED)).to_contain_text("钟楼店主 · 张科长 · 李经理")
    take_screenshot(operator, "day-proxy-preview")
    # Without the scan the list is not taken.
    operator.get_by_role("button", name="录入", exact=True).click()
    expect(preview).to_contain_text("请选签过字的名单的扫描件")
    scan: FilePayload = {"name": "签字.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 three signatures"}
    operator.get_by_label("扫描件或照片").set_input_files(scan)
    operator.get_by_role("button", name="录入", exact=True).click()
    expect(preview).to_contain_text("录完了：名单上2户")
    expect(operator.locator("#listed tr", has_text=POOR)).to_contain_text("订足")
    assert cartons(department, LISTED) == ("proxy", {SPEC: 4})
    assert cartons(department, POOR) == ("proxy", {"利群(新版)": 5})


def the_clerk_ends_the_day_with_a_shop_that_has_not_paid(department: Department, number: str) -> None:
    department.it_is(18, 0)
    clerk = department.signed_in("clerk", "/brief")
    click_link(clerk, clerk.get_by_role("link", name="日结").first)
    expect(step(clerk, "balances")).to_contain_text("现在做")
    # The page gives the file that the bank or the office fills in.
    balances = downloaded(clerk, step(clerk, "balances"))
    assert balances[0] == ["客户代码", "店名", "余额"]
    filled = [[code, name, BALANCES[code]] for code, name, _balance in balances[1:]]
    upload(clerk, "balances", [balances[0], *filled])
    click_and_confirm(clerk, step(clerk, "balances").get_by_role("button", name="导入"), "正常订货到此结束")
    expect(step(clerk, "balances").locator("tr", has_text=POOR)).to_contain_text("100.00")
    step(clerk, "audit").get_by_role("button", name="审核").click()
    expect(step(clerk, "audit")).to_contain_text("3张订单")
    clerk.get_by_role("button", name="生成扣款文件").click()
    expect(step(clerk, "settlement")).to_contain_text("第1批：3张")
    to_pay = downloaded(clerk, step(clerk, "settlement"))
    assert {row[0] for row in to_pay[1:]} == {one[0] for one in orders_of_the_day(department).values()}
    # The bank's answer comes back in the file that the page gave.
    answer = downloaded(clerk, step(clerk, "answer"))
    heading, place = answer[0], answer[0].index("结果")
    for row in answer[1:]:
        row[place:] = ["失败", "100"] if row[heading.index("客户代码")] == POOR else ["成功", ""]
    upload(clerk, "answer", answer)
    step(clerk, "answer").get_by_role("button", name="导入").click()
    expect(step(clerk, "answer")).to_contain_text("扣款成功2张，未成功1张")
    expect(step(clerk, "answer")).to_contain_text("老街口便利店")
    click_and_confirm(clerk, step(clerk, "hand_over").get_by_role("button"), "交给配送吗")
    expect(step(clerk, "hand_over")).to_contain_text("2张订单交给配送")
    delivery = downloaded(clerk, step(clerk, "hand_over"))
    assert {row[delivery[0].index("客户代码")] for row in delivery[1:]} == {SHOP, LISTED}
    clerk.get_by_role("button", name="生成通知").click()
    expect(step(clerk, "notice")).to_contain_text("下载通知表")
    notices = {row[0]: row for row in downloaded(clerk, step(clerk, "notice"))[1:]}
    assert notices[SHOP][notices[SHOP].index(number) + 1] == "按订单送货"
    assert "扣款未成功，订单暂缓，请存款" in notices[POOR]
    click_and_confirm(clerk, step(clerk, "close").get_by_role("button"), "现在日结吗")
    expect(step(clerk, "close").locator(".tag").first).to_have_text("已完成")
    assert accessibility_faults(clerk) == []
    take_screenshot(clerk, "day-end")
    with department.book() as session:
        steps = session.scalars(select(DayStepDone).where(DayStepDone.business_day == DAY)).all()
        assert {one.by for one in steps} == {"陈静"}
        assert {"balances", "audit", "hand_over", "notice", "close"} <= {one.step for one in steps}
    assert orders_of_the_day(department) == {
        SHOP: (number, "handed_over", False),
        LISTED: (ANY, "handed_over", False),
        POOR: (ANY, "confirmed", True),
    }


def everybody_sees_who_has_not_paid(department: Department) -> None:
    director = department.signed_in("director", "/brief")
    waiting = director.locator("section", has_text="扣款未成功，暂缓配送").first
    expect(waiting).to_contain_text("老街口便利店")
    take_screenshot(director, "day-brief-on-hold")
    shop = department.shopkeeper(SHOP)
    expect(shop.locator(".state").first).to_contain_text("11月24日")
    expect(shop.locator(".state").first).to_contain_text("交给配送")
    poor = department.shopkeeper(POOR)
    expect(poor.locator(".state").first).to_contain_text("扣款没有成功，请存够钱")
    take_screenshot(poor, "day-shop-unpaid")
    assert accessibility_faults(poor) == []


def the_diaries_go_up_their_chain(department: Department) -> None:
    department.it_is(18, 40)
    for author_login, name, signer_login, remark in (
        ("operator", "李晓燕", "leader", "代订名单两户，都录完。"),
        ("leader", "赵红霞", "clerk", "改单一张，已同意。"),
        ("clerk", "陈静", "director", "老街口便利店扣款未成功，已通知存款。"),
    ):
        author = department.signed_in(author_login, "/department-reports")
        with author.expect_navigation():
            author.get_by_role("button", name="按数据起草").click()
        text = author.get_by_label("内容（数据已经填好，请核对、补充）")
        text.fill(f"{text.input_value()}\n{remark}")
        author.get_by_role("button", name="提交").click()
        expect(author.locator("#report")).to_contain_text("已提交")
        signer = department.signed_in(signer_login, "/brief")
        click_link(signer, waiting_work(signer, f"{name}的日志（{DAY}）等您审批"))
        expect(signer.locator(".report-text")).to_contain_text(remark)
        signer.get_by_role("button", name="同意").click()
        expect(signer.locator("#report .tag").first).to_have_text("已审结")
    take_screenshot(signer, "day-diary")
    with department.book() as session:
        reports = session.scalars(select(DepartmentReport)).all()
        assert [(one.kind, one.first, one.state) for one in reports] == [("diary", DAY, "approved")] * 3


def the_operator_is_assessed_and_it_is_printed(department: Department) -> None:
    department.it_is(19, 0)
    leader = department.signed_in("leader", "/assessments")
    with leader.expect_navigation():
        leader.get_by_role("button", name="考核李晓燕").click()
    expect(leader.locator("tr", has_text="出勤天数")).to_contain_text("1")
    leader.get_by_label("得分（0到100）").fill("92")
    leader.get_by_label("评语").fill("代订录入没有差错，改单及时。")
    leader.get_by_role("button", name="提交", exact=True).click()
    expect(leader.get_by_text("等本人签字")).to_be_visible()
    for login in ("operator", "clerk", "director"):
        signer = department.signed_in(login, "/brief")
        click_link(signer, waiting_work(signer, "李晓燕2026-11的考核等您签字"))
        expect(signer.locator("#score-title")).to_have_text("得分 92")
        signer.get_by_role("button", name=re.compile("签字$")).click()
        expect(signer.get_by_text("已签字。")).to_be_visible()
    leader.reload()
    expect(leader.locator("#assessment .tag").first).to_have_text("已审结")
    leader.emulate_media(media="print")
    for words in ("综合考核表", "代订录入没有差错", "本人签字：", "主任签字："):
        expect(leader.get_by_text(words).first).to_be_visible()
    for not_printed in (leader.get_by_role("navigation"), leader.get_by_role("button"), leader.locator(".no-print")):
        for one in not_printed.all():
            expect(one).to_be_hidden()
    take_screenshot(leader, "day-assessment-print")
    assert leader.pdf(format="A4").startswith(b"%PDF")
    with department.book() as session:
        assessment = session.scalars(select(Assessment)).one()
        assert (assessment.score, assessment.state) == (92, "approved")


# --- what the people do again and again, and what is in the book


def waiting_work(page: Page, words: str) -> Locator:
    """The link on the brief to what waits for its reader."""
    return page.get_by_role("region", name="等您办的").get_by_role("link", name=words)


def limit_of(department: Department, code: str) -> int:
    """The shop's limit of the spec on that day, in cartons."""
    with department.book() as session:
        packs = session.scalars(
            select(Limit.limit_packs)
            .join(RetailerRow, RetailerRow.id == Limit.retailer_id)
            .join(BrandSpec, BrandSpec.barcode == Limit.barcode)
            .where(RetailerRow.customer_code == code, Limit.cycle_start == DAY, BrandSpec.name == SPEC)
        ).one()
    return packs // 10


def cartons(department: Department, code: str) -> tuple[str, dict[str, int]]:
    """The channel and the lines, in cartons by spec, of the shop's one order of that day."""
    with department.book() as session:
        order = session.scalars(
            select(OrderRow)
            .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
            .where(RetailerRow.customer_code == code, OrderRow.business_day == DAY)
        ).one()
        return order.channel, {line.spec_name: line.granted_packs // line.packs_per_carton for line in order.lines}


def orders_of_the_day(department: Department) -> dict[str, tuple[str, str, bool]]:
    """Number and state of each shop's order of that day, and whether it waits for its payment."""
    with department.book() as session:
        rows = session.execute(
            select(RetailerRow.customer_code, OrderRow)
            .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
            .where(OrderRow.business_day == DAY)
        )
        return {code: (str(order.number), order.state, order.on_hold) for code, order in rows}
