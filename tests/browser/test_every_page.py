"""Every page, walked by its links as director, as operator and as a shopkeeper: on a desk by day, on a telephone at
night."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from sqlalchemy.orm import Session

import storage
from orders.assessment import assessments, meetings
from orders.assessment.meetings import MeetingDraft
from orders.demo import PIN
from orders.file_jobs.jobs import begin_job
from orders.staff.models import StaffRow
from orders.windows import business_day
from tests.support.chromium import accessibility_faults, new_page, served_hotline, sign_in
from tests.support.databases import Databases
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(600)

# The web phone is in tests/browser/test_phone.py; the others are files and streams.
NO_PAGE = re.compile(r"^/phone|export|\.(wav|zip|xlsx|csv)|/(wav|zip|xlsx|csv)\b|download|events")
LINKS = "[...document.querySelectorAll('nav a[href], main a[href]')].map(link => link.getAttribute('href'))"
# A name, a number or a day: one page of its kind is walked.
ONE_OF_MANY = re.compile(r"\d[\d-]*|CA\w+|(?<==)[^&#]+")
# What is shown cut off although the page has more of it: its words end behind the edge of what holds them.
CUT_OFF = """
[...document.querySelectorAll('main b, main td, main h1, main h2, main .tag')]
  .filter(one => getComputedStyle(one).overflow === 'hidden' && one.scrollWidth > one.clientWidth + 1)
  .map(one => one.textContent.trim())
"""
# Rows of a long list are alike: a few are enough, and axe takes long over hundreds.
SHORTER = "for (const row of document.querySelectorAll('tr:nth-child(n+9), li:nth-child(n+9)')) row.remove()"
DESK, TELEPHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "keypad") as served:
        engine = storage.open_engine(served.database_url)
        with storage.transaction(storage.open_sessions(engine)) as session:
            add_what_the_demo_has_not(session)
        engine.dispose()
        yield served


def add_what_the_demo_has_not(session: Session) -> None:
    """Minutes, an assessment that is signed by nobody yet, and a long file: pages that exist once there is one."""
    now = shifted_clock(shift_to_morning())()
    today = business_day(now)
    staff = {one.login: one for one in session.scalars(select(StaffRow))}
    leader, operator = staff["leader"], staff["operator"]
    draft = MeetingDraft("morning", today, "", leader.name, "先问数量，再说没货。", {leader.id}, {})
    meetings.record_meeting(session, draft, by=leader, now=now)
    form = assessments.begin(session, operator, today, by=leader, now=now)
    assessments.write(session, form.id, score=92, remarks="复述完整。", by=leader)
    begin_job(
        session, "limits", "全市限量.xlsx", 5_000_000, today, "每周的限量", is_import=True, by=leader.name, now=now
    )


def pages(page: Page, start: str, seen: set[str]) -> Iterator[str]:
    """Open every page that links lead to from this one on, one of each kind that was not seen yet, and give its
    address."""
    ahead = [start]
    while ahead:
        address = ahead.pop(0)
        kind = ONE_OF_MANY.sub("…", address)
        if kind in seen or not address.startswith("/") or NO_PAGE.search(address):
            continue
        seen.add(kind)
        page.goto(address)
        ahead += page.evaluate(LINKS)
        page.evaluate(SHORTER)
        yield address


def sign_in_at_the_shop(page: Page, code: str) -> None:
    """Sign in as a shopkeeper of the demo."""
    page.goto("/shop")
    page.get_by_label("客户代码（12位数字）").fill(code)
    page.get_by_label("密码", exact=False).fill(PIN)
    with page.expect_navigation():
        page.get_by_role("button", name="登录").click()


def faults(page: Page) -> list[str]:
    return [*accessibility_faults(page), *(f"cut off: {text}" for text in page.evaluate(CUT_OFF))]


def test_every_page_fits_and_is_legible_by_day_and_by_night(browser: Browser, line: ServedLine) -> None:
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    # The operator is shown what the director has not: the desk, its seat and its words.
    for login, start in (("director", "/today"), ("operator", "/desk"), ("410502100012", "/shop")):
        page = new_page(browser, line)
        if start == "/shop":
            sign_in_at_the_shop(page, login)
        else:
            sign_in(page, login, start)
        for address in pages(page, start, seen):
            for size, scheme in ((DESK, "light"), (TELEPHONE, "dark")):
                page.set_viewport_size(size)
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                if wrong := faults(page):
                    found[f"{address} {scheme}"] = wrong
        page.context.close()
    assert found == {}
    assert {"/today", "/desk", "/deliveries/list?day=…", "/audit-log", "/day-end", "/staff/new", "/staff/…"} <= seen
    assert {"/meetings/…", "/assessments/…", "/file-jobs/…", "/shop", "/shop/order"} <= seen
