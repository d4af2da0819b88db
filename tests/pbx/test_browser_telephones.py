"""Operators' browsers as telephones of a real exchange: Chromium registers, is rung, both hear each other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from clock import system_clock
from ivr.asterisk.browser_telephones import BrowserTelephones
from settings import DEMO_SECRET_KEY
from tests.support.browser_telephone import (
    ENDPOINT,
    IDENTITY,
    LOUDEST,
    SPEECH,
    TONE_HZ,
    answered_call,
    hears_speech,
    loudness,
    opened_telephone,
    served_desk,
    speaking_browser,
    tone,
)
from tests.support.chromium import wait_for
from tests.support.databases import Databases
from tests.support.exchange import Exchange, started_exchange
from tests.support.far_end import FarEnd, wait_until
from tests.support.served_line import ServedLine
from tests.support.sip_telephone import calling

pytestmark = pytest.mark.timeout(120)

# Q.850: user busy.
BUSY = 17
UPGRADE_REQUIRED = 426
PATIENCE_S = 40

# Another telephone with the page's own name, and its credentials or a password that is tried.
TELEPHONE = """async function telephone(password) {
  const headers = { "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"] };
  const given = await (await fetch("/desk/softphone/token", { method: "POST", headers })).json();
  const sockets = new JsSIP.WebSocketInterface(`ws://${location.host}${given.path}`);
  const uri = `sip:${given.name}@hotline.invalid`;
  return new JsSIP.UA({ sockets, uri, authorization_user: given.user, password: password ?? given.password });
}"""
CALL_OUT = f"""async (numbers) => {{
  {TELEPHONE}
  const ua = await telephone();
  ua.start();
  await new Promise((done) => ua.on("registered", done));
  const causes = [];
  for (const number of numbers) {{
    const session = ua.call(`sip:${{number}}@hotline.invalid`, {{ mediaConstraints: {{ audio: true }} }});
    causes.push(await new Promise((done) => {{
      session.on("failed", ({{ cause }}) => done(cause));
      session.on("progress", () => done("rings"));
      session.on("accepted", () => done("answered"));
    }}));
  }}
  ua.stop();
  return causes;
}}"""
REGISTER = f"""async (password) => {{
  {TELEPHONE}
  const ua = await telephone(password);
  ua.start();
  const answer = await new Promise((done) => {{
    ua.on("registered", () => done(200));
    ua.on("registrationFailed", ({{ response }}) => done(response.status_code));
  }});
  ua.stop();
  return answer;
}}"""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with started_exchange(tmp_path_factory.mktemp("x")) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def line(databases: Databases, exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_desk(exchange, databases, tmp_path_factory.mktemp("line")) as line:
        yield line


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with speaking_browser(tmp_path_factory.mktemp("microphone")) as browser:
        yield browser


@pytest.fixture
def telephone(browser: Browser, line: ServedLine) -> Iterator[Page]:
    """The telephone window of an operator, registered."""
    page = opened_telephone(browser, line)
    yield page
    page.context.close()


@pytest.fixture
def far_end(exchange: Exchange) -> Iterator[FarEnd]:
    with FarEnd(exchange) as far_end:
        yield far_end


@pytest.fixture
def telephones(exchange: Exchange) -> BrowserTelephones:
    http = requests.Session()
    http.auth = exchange.ari_user, exchange.ari_password
    return BrowserTelephones(http, exchange.ari_url, DEMO_SECRET_KEY, system_clock)


def crash(page: Page) -> None:
    """Let the page break down, as when its process is killed."""
    with contextlib.suppress(PlaywrightError):
        page.goto("chrome://crash", timeout=2_000)


def test_a_browser_is_rung_both_hear_each_other_and_keys_are_pressed(telephone: Page, far_end: FarEnd) -> None:
    channel = answered_call(telephone, far_end)
    far_end.say(tone(10))
    assert hears_speech(far_end)
    heard = telephone.evaluate(LOUDEST)
    assert heard["hz"] == pytest.approx(TONE_HZ, rel=0.02)
    assert heard["db"] > -60
    assert heard["played"] > 0
    # By the buttons, and by the keyboard.
    telephone.locator("#softphone-keys summary").click()
    for key in "12#":
        telephone.locator(f"#softphone-keys [data-key='{key}']").click()
    telephone.keyboard.press("5")
    wait_until(lambda: far_end.keys == "12#5", "keys")
    telephone.locator("#softphone-mute").click()
    expect(telephone.locator("#softphone-mute")).to_have_attribute("aria-pressed", "true")
    assert not hears_speech(far_end)
    telephone.locator("#softphone-mute").click()
    assert hears_speech(far_end)
    telephone.locator("#softphone-hang-up").click()
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    wait_until(lambda: not far_end.is_there(channel), "end of the call")


def test_a_caller_who_asks_for_an_operator_talks_with_the_browser(telephone: Page, exchange: Exchange) -> None:
    with calling(exchange, "4001", caller="+8613800000012") as caller:
        caller.wait_until_answered()
        caller.media.wait_for_sound(within_s=PATIENCE_S)
        caller.media.press("0")
        expect(telephone.locator("#softphone-state")).to_have_text("来电", timeout=PATIENCE_S * 1000)
        telephone.locator("#softphone-answer").click()
        expect(telephone.locator("#softphone-state")).to_have_text("通话中")
        telephone.wait_for_timeout(1_000)
        since = time.monotonic()
        caller.media.say(tone(3))
        assert telephone.evaluate(LOUDEST)["hz"] == pytest.approx(TONE_HZ, rel=0.02)
        telephone.wait_for_timeout(2_000)
        assert loudness(caller.media.heard(since)) > SPEECH
        telephone.locator("#softphone-hang-up").click()
        expect(telephone.locator("#softphone-state")).to_have_text("接上了")


def test_the_far_end_hangs_up_and_the_next_call_is_taken(telephone: Page, far_end: FarEnd) -> None:
    for _ in range(2):
        channel = answered_call(telephone, far_end)
        far_end.hang_up(channel)
        expect(telephone.locator("#softphone-state")).to_have_text("接上了")


def test_a_call_that_is_declined_or_given_up_rings_no_more(telephone: Page, far_end: FarEnd) -> None:
    declined = far_end.ring(ENDPOINT)
    expect(telephone.locator("#softphone-state")).to_have_text("来电")
    wait_for(telephone, lambda: "ringing" in telephone.evaluate("({ ...document.documentElement.dataset })"))
    telephone.locator("#softphone-decline").click()
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    assert far_end.wait_for("ChannelDestroyed", declined)["cause"] == BUSY
    given_up = far_end.ring(ENDPOINT)
    expect(telephone.locator("#softphone-state")).to_have_text("来电")
    far_end.hang_up(given_up)
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    assert "ringing" not in telephone.evaluate("({ ...document.documentElement.dataset })")


def test_a_page_loaded_again_in_a_call_ends_it_and_can_be_rung_at_once(telephone: Page, far_end: FarEnd) -> None:
    channel = answered_call(telephone, far_end)
    telephone.on("dialog", lambda dialog: dialog.accept())
    telephone.reload()
    wait_until(lambda: not far_end.is_there(channel), "end of the call", 3)
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    answered_call(telephone, far_end)


def test_a_window_that_is_closed_is_not_reachable_at_once(
    telephone: Page, far_end: FarEnd, telephones: BrowserTelephones
) -> None:
    wait_until(lambda: telephones.is_reachable(IDENTITY), "registration")
    telephone.close()
    wait_until(lambda: not telephones.is_reachable(IDENTITY), "end of the registration", 2)
    with pytest.raises(requests.HTTPError):
        far_end.ring(ENDPOINT)


def test_a_page_that_breaks_down_ends_its_call(telephone: Page, far_end: FarEnd, telephones: BrowserTelephones) -> None:
    channel = answered_call(telephone, far_end)
    crash(telephone)
    wait_until(lambda: not telephones.is_reachable(IDENTITY), "end of the registration", 2)
    wait_until(lambda: not far_end.is_there(channel), "end of the call", 30)


def test_after_the_exchange_is_restarted_the_page_registers_again(
    telephone: Page, far_end: FarEnd, telephones: BrowserTelephones, exchange: Exchange
) -> None:
    answered_call(telephone, far_end)
    exchange.kill()
    # The page keeps asking for credentials, which nobody can give.
    expect(telephone.locator("#softphone-state")).to_have_text("没有接上", timeout=60_000)
    expect(telephone.locator("#error-message")).to_have_text("电话局连不上，正在重新接。")
    exchange.start()
    expect(telephone.locator("#softphone-state")).to_have_text("接上了", timeout=60_000)
    wait_until(lambda: telephones.is_reachable(IDENTITY), "registration")
    with FarEnd(exchange) as again:
        answered_call(telephone, again)
        assert hears_speech(again)


def test_a_call_outlives_the_connection_that_signalled_it(
    telephone: Page, far_end: FarEnd, telephones: BrowserTelephones
) -> None:
    channel = answered_call(telephone, far_end)
    telephone.evaluate("window.sockets.at(-1).close()")
    wait_until(lambda: not telephones.is_reachable(IDENTITY), "end of the registration")
    wait_until(lambda: telephones.is_reachable(IDENTITY), "registration")
    expect(telephone.locator("#softphone-state")).to_have_text("通话中")
    assert hears_speech(far_end)
    far_end.hang_up(channel)
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")


def test_a_call_that_rings_while_the_connection_is_lost_is_over(telephone: Page, far_end: FarEnd) -> None:
    far_end.ring(ENDPOINT)
    expect(telephone.locator("#softphone-state")).to_have_text("来电")
    telephone.evaluate("window.sockets.at(-1).dispatchEvent(new CloseEvent('close', { code: 1006 }))")
    expect(telephone.locator("#softphone-state")).to_have_text("没有接上")
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    answered_call(telephone, far_end)


def test_a_microphone_that_is_unplugged_is_replaced_in_the_call(telephone: Page, far_end: FarEnd) -> None:
    answered_call(telephone, far_end)
    assert hears_speech(far_end)
    telephone.evaluate("window.tracks.at(-1).stop(); window.tracks.at(-1).dispatchEvent(new Event('ended'))")
    wait_for(telephone, lambda: telephone.evaluate("window.tracks.length") == 2)
    assert hears_speech(far_end)


def test_without_a_microphone_the_call_is_declined_and_the_reason_is_shown(telephone: Page, far_end: FarEnd) -> None:
    telephone.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new Error('no device') } }")
    channel = far_end.ring(ENDPOINT)
    telephone.locator("#softphone-answer").click()
    expect(telephone.locator("#error-message")).to_contain_text("no device")
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    wait_until(lambda: not far_end.is_there(channel), "end of the call")


def test_credentials_are_renewed_and_one_browser_at_a_time_is_the_telephone(
    browser: Browser, telephone: Page, line: ServedLine, telephones: BrowserTelephones, far_end: FarEnd
) -> None:
    renewals: list[str] = []
    telephone.on("response", lambda answer: renewals.append(answer.url) if "token" in answer.url else None)
    telephone.clock.fast_forward("31:00")
    wait_for(telephone, lambda: len(renewals) == 1)
    # The next registration is with the new ones.
    telephone.clock.fast_forward("00:40")
    telephone.wait_for_timeout(2_000)
    assert telephones.is_reachable(IDENTITY)
    expect(telephone.locator("#softphone-state")).to_have_text("接上了")
    elsewhere = opened_telephone(browser, line)
    telephone.clock.fast_forward("00:40")
    expect(telephone.locator("#error-message")).to_contain_text("已经在别处打开")
    expect(telephone.locator("#softphone-state")).to_have_text("没有接上")
    answered_call(elsewhere, far_end)
    elsewhere.context.close()


def test_with_the_credentials_of_a_page_nobody_can_be_called(telephone: Page) -> None:
    causes = telephone.evaluate(CALL_OUT, ["4001", "8001", "+8613800000012", "s"])
    assert causes == ["Not Found"] * 4
    refused = telephone.evaluate(REGISTER, "not the password")
    assert refused == 401


def test_nothing_else_of_the_exchange_is_reached_through_the_proxy(line: ServedLine) -> None:
    assert requests.get(f"{line.url}/exchange/ws", timeout=10).status_code == UPGRADE_REQUIRED
    for path in ("/ari/channels", "/exchange/ari/channels", "/exchange/ws/../ari/channels", "/media/x", "/ws"):
        assert requests.get(f"{line.url}{path}", timeout=10).status_code == 404
