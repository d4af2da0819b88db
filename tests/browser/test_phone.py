"""A visitor with no telephone and no Mandarin orders from the page, by recordings, by typing and by microphone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ivr.voice.robot_voice import PROGRAM
from tests.support.chromium import (
    DESK_WIDTH,
    PHONE_WIDTH,
    accessibility_faults,
    launched_browser,
    new_page,
    served_hotline,
    take_screenshot,
    wait_for,
    write_wav,
)
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = [pytest.mark.speech, pytest.mark.timeout(300)]

SHOP = "410502100012"
RECORDINGS = Path(__file__).parents[1] / "audio"
# The length of a sound as the browser decodes it.
SECONDS_OF_SOUND = """async (url) => {
  const sound = await (await fetch(url)).arrayBuffer();
  return (await new AudioContext().decodeAudioData(sound)).duration;
}"""
FIVE_HONGTASHAN = RECORDINGS / "item_hongtashan_yingjingdian_5_a.ulaw"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VOICE_PACK", str(RECORDINGS / "voice"))
        with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "stream") as served:
            yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone plays a recording."""
    wav = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    write_wav(wav, [FIVE_HONGTASHAN])
    with launched_browser(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}%noloop",
    ) as browser:
        yield browser


@pytest.fixture
def page(page: Page) -> Page:
    page.goto("/phone")
    return page


def hears(page: Page, english: str) -> None:
    """Wait until the line has said this, as the page translates it into English."""
    # A whole read-back may have to be heard out first.
    expect(page.locator("#transcript .line .gloss").last).to_contain_text(english, timeout=45_000)


def plays(page: Page, english: str) -> None:
    """Click the recording with this translation, once the page marks it as fitting."""
    sample = page.locator(".sample.answers", has_text=english)
    expect(sample).to_be_enabled(timeout=20_000)
    sample.click()


def test_a_stranger_orders_with_the_marked_recordings_and_reads_along_in_english(page: Page, line: ServedLine) -> None:
    page.get_by_role("button", name="Call").click()
    hears(page, "Are you 建设路便民超市?")
    plays(page, "that is right")
    hears(page, "Which cigarettes do you need?")
    expect(page.locator(".stages [aria-current]")).to_contain_text("ordering")
    # The recordings that answer the question come first.
    expect(page.locator(".sample").first).to_contain_text("Hongtashan")
    plays(page, "two cartons of Yuxi (soft)")
    expect(page.locator("#progress tbody")).to_contain_text("玉溪(软)", timeout=20_000)
    hears(page, "Anything else?")
    take_screenshot(page, "phone-order")
    assert accessibility_faults(page) == []
    # Typed words are handled like spoken ones.
    page.get_by_label("打字代替说话").fill("红塔山硬经典五条")
    page.keyboard.press("Enter")
    expect(page.locator("#progress tbody")).to_contain_text("红塔山(硬经典)", timeout=20_000)
    hears(page, "Anything else?")
    plays(page, "that is all")
    # A yes may be said during the read-back; it counts once all of it has been heard.
    plays(page, "that is right")
    hears(page, "Thank you, goodbye.")
    expect(page.locator("#status")).to_have_text("通话结束", timeout=20_000)
    expect(page.locator(".stages [aria-current]")).to_contain_text("saved")
    [order] = [order for order in line.orders(SHOP) if order.state == "confirmed"]
    assert order.lines == {"玉溪(软)": 2, "红塔山(硬经典)": 5}


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="espeak-ng is not installed: apt-get install espeak-ng")
def test_the_hotline_is_heard_in_a_browser_that_has_no_voice(page: Page) -> None:
    page.select_option("#from", "+8613900000000")
    with page.expect_response("**/sounds/said/*.wav", timeout=30_000) as sound:
        page.get_by_role("button", name="Call").click()
        hears(page, "What is your customer code?")
    assert sound.value.ok
    assert page.evaluate(SECONDS_OF_SOUND, sound.value.url) > 2
    expect(page.locator("#no-voice")).to_be_hidden()
    page.get_by_role("button", name="Hang up").click()


def test_what_the_microphone_picks_up_reaches_the_line_as_a_call_does(page: Page, line: ServedLine) -> None:
    page.select_option("#from", "+8613900000000")
    page.get_by_role("button", name="Call").click()
    hears(page, "What is your customer code?")
    page.keyboard.type("410502100045")
    hears(page, "key in your PIN")
    page.keyboard.type("2468")
    hears(page, "Which cigarettes do you need?")
    # The PIN is nowhere to be read, in the conversation nor among the turns.
    expect(page.locator("#transcript .keys").last).to_contain_text("••••")
    expect(page.locator("#progress .turns")).to_contain_text("••••")
    assert "2468" not in page.locator("#transcript").inner_text() + page.locator("#progress").inner_text()
    page.get_by_role("button", name="Microphone").click()
    # The meter moves with the recording the microphone plays.
    wait_for(page, lambda: page.locator("#level").evaluate("level => level.value > -40"))
    expect(page.locator("#progress tbody")).to_contain_text("红塔山(硬经典)", timeout=30_000)
    expect(page.locator("#transcript .caller .heard").last).to_contain_text("红塔山(硬经典) 5 条")
    plays(page, "that is all")
    # A yes may be said during the read-back; it counts once all of it has been heard.
    plays(page, "that is right")
    expect(page.locator("#status")).to_have_text("通话结束", timeout=30_000)
    [order] = line.orders("410502100045")
    assert order.state == "confirmed"
    assert list(order.lines) == ["红塔山(硬经典)"]


@pytest.mark.parametrize("width", [DESK_WIDTH, PHONE_WIDTH])
def test_the_page_is_sound_before_and_during_a_call(browser: Browser, line: ServedLine, width: int) -> None:
    page = new_page(browser, line, width)
    page.goto("/phone")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Call").click()
    expect(page.locator("#transcript .line")).not_to_have_count(0)
    take_screenshot(page, "phone-ringing" if width == DESK_WIDTH else "phone-small")
    assert accessibility_faults(page) == []
    if width == PHONE_WIDTH:
        # Under the thumb, however far the page is scrolled.
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        for name in ("5", "话筒 Microphone", "挂断 Hang up"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
        assert accessibility_faults(page) == []
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator("#status")).to_have_text("通话结束")
    page.context.close()


def test_prompts_are_spoken_by_a_chinese_voice_until_they_are_switched_off(page: Page) -> None:
    page.evaluate(
        """() => {
            window.spoken = []; window.cancelled = 0;
            window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
            window.speechSynthesis.getVoices = () => [{ lang: "zh-CN" }];
            window.speechSynthesis.speak = (one) => window.spoken.push([one.text, one.lang]);
            window.speechSynthesis.cancel = () => { window.cancelled += 1; };
        }"""
    )
    page.get_by_role("button", name="Call").click()
    hears(page, "Are you 建设路便民超市?")
    spoken = page.evaluate("window.spoken")
    assert spoken
    assert {lang for _text, lang in spoken} == {"zh-CN"}
    page.get_by_label("读出提示").uncheck()
    assert page.evaluate("window.cancelled") > 0
    said = page.locator("#transcript .line").count()
    plays(page, "that is right")
    # In either case: the shop has already ordered, or not.
    expect(page.locator("#transcript .line")).not_to_have_count(said, timeout=45_000)
    assert page.evaluate("window.spoken") == spoken
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator("#status")).to_have_text("通话结束")


def test_a_browser_without_voice_or_microphone_is_told_so_before_the_call(browser: Browser, line: ServedLine) -> None:
    page = new_page(browser, line)
    page.add_init_script(
        """window.speechSynthesis.getVoices = () => [{ lang: "en-US" }];
        navigator.mediaDevices.enumerateDevices = async () => [{ kind: "audiooutput" }];"""
    )
    # Neither has the line's machine a voice.
    page.route("**/phone", _without_the_lines_voice)
    page.goto("/phone")
    expect(page.get_by_text("这个浏览器没有中文语音")).to_be_visible()
    expect(page.get_by_text("这个浏览器没有可用的话筒")).to_be_visible()
    page.context.close()


def _without_the_lines_voice(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace(" data-line-speaks", ""))


def test_a_call_is_not_led_from_another_sites_page(browser: Browser, line: ServedLine) -> None:
    def opens_from(site: str) -> bool:
        page = new_page(browser, line)
        page.goto(site + "/healthz")
        opened: bool = page.evaluate(
            """address => new Promise(done => {
                const socket = new WebSocket(address);
                socket.onopen = () => { done(true); socket.close(); };
                socket.onclose = () => done(false);
            })""",
            line.url.replace("http", "ws") + "/phone/line",
        )
        page.context.close()
        return opened

    assert opens_from(line.url)
    assert not opens_from(line.url.replace("127.0.0.1", "localhost"))
