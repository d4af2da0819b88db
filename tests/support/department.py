"""The people of a department in their browsers, on a served line whose clock the test moves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Locator, Page
from sqlalchemy.orm import Session

import storage
from clock import SHANGHAI
from orders.demo import PIN
from tests.support.chromium import PHONE_WIDTH, new_page, sign_in
from tests.support.served_line import ServedLine

DAY = date(2026, 11, 24)


class Department:
    """A served line whose clock is set by the test, and the browsers of its people."""

    def __init__(self, browser: Browser, line: ServedLine, clock_file: Path) -> None:
        self._browser, self._line, self._clock_file = browser, line, clock_file
        self._at_work: dict[str, Page] = {}

    def it_is(self, hour: int, minute: int, day: date = DAY) -> None:
        """Move the clock of every process to this moment."""
        beside = self._clock_file.with_suffix(".next")
        beside.write_text(datetime.combine(day, time(hour, minute), SHANGHAI).isoformat(), encoding="ascii")
        # Replaced whole: the server may read it at any moment.
        beside.replace(self._clock_file)

    def start(self) -> None:
        self._line.start()

    def signed_in(self, login: str, onward: str) -> Page:
        """The browser of a person who signs in, as after every half hour away, and opens a page."""
        page = self._at_work.get(login) or new_page(self._browser, self._line)
        self._at_work[login] = page
        page.context.clear_cookies()
        sign_in(page, login, onward)
        return page

    def shopkeeper(self, code: str) -> Page:
        """The telephone of a shopkeeper who signs in with code and PIN."""
        page = self._at_work.get(code) or new_page(self._browser, self._line, PHONE_WIDTH)
        self._at_work[code] = page
        page.context.clear_cookies()
        page.goto("/shop")
        page.get_by_label("客户代码（12位数字）").fill(code)
        page.get_by_label(re.compile("密码")).fill(PIN)
        with page.expect_navigation():
            page.get_by_role("button", name="登录").click()
        return page

    @contextmanager
    def book(self) -> Iterator[Session]:
        """The database, as it was left by the pages."""
        engine = storage.open_engine(self._line.database_url)
        try:
            with storage.transaction(storage.open_sessions(engine)) as session:
                yield session
        finally:
            engine.dispose()


def csv_file(name: str, table: str) -> FilePayload:
    """A file as Excel saves it in China."""
    return {"name": name, "mimeType": "text/csv", "buffer": table.encode("gb18030")}


def step(page: Page, name: str) -> Locator:
    return page.locator(f"#step-{name}")


def upload(page: Page, name: str, rows: Sequence[Sequence[str]]) -> None:
    """Choose a file of these rows in a step of the day end."""
    table = io.StringIO()
    csv.writer(table).writerows(rows)
    step(page, name).locator("input[type=file]").set_input_files(csv_file(f"{name}.csv", table.getvalue()))


def downloaded(page: Page, where: Locator) -> list[list[str]]:
    """The rows of the CSV file of a step."""
    with page.expect_download() as download:
        where.get_by_role("link", name="CSV").first.click()
    return list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
