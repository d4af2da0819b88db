"""A real browser on a real served line: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

import storage
from orders.demo import seed_demo
from orders.demo.demo_staff import DEMO_PASSWORD, seed_demo_staff
from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account
from simulator.mulaw import RATE, to_pcm
from simulator.pace import REAL_TIME, Pace
from simulator.placed_calls import call_placer
from simulator.rest_server import RestServer, create_rest
from simulator.web_phone import add_web_phone
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
DESK_WIDTH, PHONE_WIDTH = 1280, 390
# A picture for the documentation is looked at and then copied into docs/screenshots.
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@contextmanager
def served_hotline(database_url: str, folder: Path, mode: str, pace: Pace = REAL_TIME) -> Iterator[ServedLine]:
    """The whole line with the demo's data and staff, on a database that had no tables, and the simulator that serves
    the web phone. Calls the line itself places run at `pace`."""
    shift: timedelta = shift_to_morning()
    storage.migrate(database_url)
    engine = storage.open_engine(database_url)
    with storage.transaction(storage.open_sessions(engine)) as session:
        seed_demo(session, shifted_clock(shift)())
        seed_demo_staff(session, shifted_clock(shift)())
    engine.dispose()
    account = Account("", DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    rest = create_rest(account, call_placer(account, pace=pace))
    server = RestServer(rest, "127.0.0.1", 0)
    account.api_base = server.url
    served = ServedLine(database_url, folder, account, mode, shift)
    add_web_phone(rest, account, served.number)
    with server:
        try:
            served.start()
            yield served
        finally:
            served.kill()


@contextmanager
def launched_browser(*arguments: str) -> Iterator[Browser]:
    """Headless Chromium; the test is skipped if it is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    # A busy machine may take longer; something that never comes still fails.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Browser, line: ServedLine, width: int = DESK_WIDTH) -> Page:
    """A page in a browser context of its own, signed out. An error in its scripts fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 800 if width == DESK_WIDTH else 844},
        base_url=line.url,
        permissions=["microphone"],
        # A colour that is still changing is neither the one before nor the one after.
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script of the page failed: {error}"))
    return page


def sign_in(page: Page, login: str, onward: str = "/desk") -> None:
    """Sign in as one of the demo's staff and continue to a page."""
    page.goto(f"/login?next={onward}")
    page.get_by_label("工号", exact=True).fill(login)
    page.get_by_label("密码", exact=True).fill(DEMO_PASSWORD)
    # A click before a page's scripts are loaded is lost, so wait for the whole page.
    with page.expect_navigation():
        page.get_by_role("button", name="登录", exact=True).click()


def click_and_confirm(page: Page, button: Locator, question: str) -> None:
    """Click a button that takes something away, read the question it asks, and answer yes."""
    words = button.inner_text()
    button.click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text(question)
    asked.get_by_role("button", name=words, exact=True).click()


def click_link(page: Page, link: Locator) -> None:
    """Click a link, and wait for the whole of the page it leads to, scripts included."""
    with page.expect_navigation():
        link.click()


def wait_for(page: Page, condition: Callable[[], bool], seconds: float = 20) -> None:
    """Let the browser work until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it has not come true within {seconds:g} s"
        page.wait_for_timeout(20)


def take_screenshot(page: Page, name: str) -> None:
    """Take a screenshot of the page for the documentation, if SCREENSHOTS=1."""
    if os.environ.get("SCREENSHOTS"):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")


def accessibility_faults(page: Page) -> list[str]:
    """The serious accessibility faults axe-core finds, and a fault if the content is wider than the page."""
    found = Axe().run(page)
    faults = [
        f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0].get('failureSummary', '')}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return faults + ([f"the page is {too_wide} px wider than the screen"] if too_wide > 0 else [])


def write_wav(path: Path, recordings: Sequence[Path], *, before_s: float = 1.0, after_s: float = 60.0) -> None:
    """Write recordings one after the other as a browser's microphone picks them up: 48 kHz, with the noise of a quiet
    room, which is never digital silence."""
    silence = [np.zeros(int(before_s * RATE), dtype=np.int16)]
    sound = [*silence, *(to_pcm(recording.read_bytes()) for recording in recordings)]
    whole = np.concatenate([*sound, np.zeros(int(after_s * RATE), dtype=np.int16)])
    room = np.random.default_rng(seed=1).normal(0, 20, len(whole))
    at_48k = np.repeat((whole + room).clip(-32768, 32767), 48_000 // RATE)
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(48_000)
        wav.writeframes(at_48k.astype("<i2").tobytes())
