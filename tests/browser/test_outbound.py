"""The leader starts outbound calling: a real browser, a real server, a real dialler, and simulated retailers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import create_engine, delete, select
from sqlalchemy.orm import Session

from clock import system_clock
from ivr.operators.models import Presence
from orders.book.models import OrderRow
from orders.models import DepartmentRule
from orders.outbound.models import OutboundAttempt, OutboundDay, OutboundLease
from orders.staff.models import StaffRow
from simulator.account import CalledParty
from simulator.pace import AS_FAST_AS_POSSIBLE
from simulator.script import read_parties
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    click_and_confirm,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
    wait_for,
)
from tests.support.databases import Databases
from tests.support.served_line import ROOT, ServedLine

pytestmark = pytest.mark.timeout(300)

PARTIES = ROOT / "simulator" / "demo_parties.yaml"
YES_ONCE_REPLACED = """button => new MutationObserver((_, observer) => {
  if (button.isConnected) return;
  observer.disconnect();
  document.querySelector("#confirm [value=yes]").click();
}).observe(document.body, { childList: true, subtree: true })"""
ANSWERS, BUSY, MACHINE = "站前便民店", "河湾超市", "新村副食店"


@pytest.fixture
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(
        databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad", AS_FAST_AS_POSSIBLE
    ) as served:
        served.account.parties |= read_parties(PARTIES)
        in_database(served, an_operator_is_ready)
        yield served


T = TypeVar("T")


def in_database(line: ServedLine, at: Callable[[Session], T]) -> T:
    """Read or change the database in one transaction."""
    engine = create_engine(line.database_url)
    try:
        with Session(engine) as session, session.begin():
            return at(session)
    finally:
        engine.dispose()


def an_operator_is_ready(session: Session) -> None:
    """Make an operator ready at a telephone of its own, all morning."""
    operator = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
    operator.phone = "+8637255550001"
    far = system_clock() + timedelta(days=2)
    session.add(Presence(staff_id=operator.id, ready=True, device="phone", changed_at=far, idle_since=far, seen_at=far))


def outcomes(session: Session) -> list[str | None]:
    return list(session.scalars(select(OutboundAttempt.outcome).order_by(OutboundAttempt.id)))


def dialled_at(session: Session) -> list[datetime]:
    return list(session.scalars(select(OutboundAttempt.dialled_at)))


def stopped_at(session: Session) -> datetime:
    return session.scalars(select(OutboundDay.changed_at)).one()


def lease_expiry(session: Session) -> datetime | None:
    """The end of the dialler's lease, which moves with each poll; None without a lease."""
    return session.scalar(select(OutboundLease.expires_at))


def outbound_orders(session: Session) -> int:
    return len(session.scalars(select(OrderRow).where(OrderRow.channel == "outbound")).all())


def test_the_leader_starts_the_ringing_sees_the_calls_and_stops_it(
    browser: Browser, page: Page, line: ServedLine
) -> None:
    sign_in(page, "leader", onward="/outbound")
    expect(page.get_by_role("heading", name="外呼", exact=False).first).to_be_visible()
    expect(page.get_by_text("没有外呼")).to_be_visible()
    click_and_confirm(page, page.get_by_role("button", name="开始外呼"), "现在开始")
    expect(page.locator(".notice.warn")).to_contain_text("拨号程序没有在运行")
    with line.dialler():
        row = page.locator("tbody tr")
        # The dialler has to start first.
        expect(row.filter(has_text=ANSWERS)).to_contain_text("已订货", timeout=60_000)
        expect(row.filter(has_text=BUSY)).to_contain_text("占线", timeout=30_000)
        expect(row.filter(has_text=MACHINE)).to_contain_text("留言机", timeout=30_000)
        expect(row.filter(has_text="建设路便民超市")).to_contain_text("没人接", timeout=30_000)
        expect(row.filter(has_text=ANSWERS).get_by_role("link").last).to_have_text(re.compile(r"^\d{14}$"))
        take_screenshot(page, "outbound")
        assert accessibility_faults(page) == []

        click_and_confirm(page, page.get_by_role("button", name="停止外呼"), "正在通话的不受影响")
        expect(page.get_by_text("没有外呼")).to_be_visible()
        before = in_database(line, lease_expiry)
        wait_for(page, lambda: in_database(line, lease_expiry) != before)
        assert len(in_database(line, dialled_at)) == 4
        assert max(in_database(line, dialled_at)) < in_database(line, stopped_at)
    assert in_database(line, outbound_orders) == 1
    narrow = new_page(browser, line, PHONE_WIDTH)
    sign_in(narrow, "director", onward="/outbound")
    expect(narrow.get_by_text(ANSWERS)).to_be_visible()
    assert accessibility_faults(narrow) == []
    narrow.context.close()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Start calling")).to_be_visible()
    assert not re.search(r"[\u4e00-\u9fff]", page.locator("#outbound .figures").inner_text())


def test_a_dialler_killed_while_it_rings_loses_nothing_and_rings_nobody_twice(page: Page, line: ServedLine) -> None:
    line.account.parties |= {number: CalledParty("answered") for number in line.account.parties}
    sign_in(page, "leader", onward="/outbound")
    with line.dialler():
        button = page.get_by_role("button", name="开始外呼")
        asked_about = button.element_handle()
        button.click()
        # The page is live: while it asks, another button takes the place of the one that was pressed. The yes comes
        # at that moment, when htmx does not listen to the new one yet.
        expect(page.get_by_role("dialog")).to_be_visible()
        asked_about.evaluate(YES_ONCE_REPLACED)
        in_database(line, lambda session: session.add(DepartmentRule(name="outbound_lines", value=1)))
        wait_for(page, lambda: bool(line.account.calls), seconds=180)
    # Killed before it can have received much of the carrier's answer. The call it placed continues, and its end is
    # reported to the server; the dialler's lease has half a minute left.
    wait_for(page, lambda: None not in in_database(line, outcomes))
    in_database(line, lambda session: session.execute(delete(OutboundLease)))
    with line.dialler():
        wait_for(
            page, lambda: len(in_database(line, outcomes)) == 4 and None not in in_database(line, outcomes), seconds=180
        )
    assert in_database(line, outcomes) == ["answered"] * 4
    assert len(line.account.calls) == 4
