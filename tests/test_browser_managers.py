"""Managers in their browsers: a turn is played, and becomes a name and a test case; names and catalogues are set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from settings import Settings
from simulator.exchange import dial_in
from speech.model import ModelMissing, locate_model
from tests.browsing import PHONE_WIDTH, keep_picture, look_for_faults, new_page, opened_browser, served_house, sign_in
from tests.served_line import ServedLine

pytestmark = [pytest.mark.server, pytest.mark.speech, pytest.mark.timeout(300)]

RECORDINGS = Path(__file__).parent / "audio"
SHOP_PHONE, MAIN = "+8613800000012", "+8637255550000"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    try:
        locate_model(Settings())
    except ModelMissing as missing:
        pytest.skip(str(missing))
    with served_house(tmp_path_factory.mktemp("house"), "stream") as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, line: ServedLine) -> Iterator[Page]:
    page = new_page(browser, line)
    yield page
    page.context.close()


def says(line: ServedLine, recording: str) -> None:
    """A call in which the retailer is recognised and says one thing, and hangs up."""
    heard: list[str] = []
    call = dial_in(line.account, line.line, SHOP_PHONE, MAIN, listener=lambda e: heard.append(getattr(e, "text", "")))
    call.start()

    def hears(words: str) -> None:
        deadline = time.monotonic() + 30
        while not any(words in one for one in heard):
            assert time.monotonic() < deadline, f"{words} was not said, but {heard}"
            time.sleep(0.05)

    hears("建设路便民超市")
    call.press("1")
    hears("您需要什么烟")
    call.speak((RECORDINGS / f"{recording}.ulaw").read_bytes())
    hears("还有吗")
    call.hang_up()
    call.join(20)


def test_a_turn_of_a_voice_call_is_played_and_becomes_a_name_and_a_test_case(page: Page, line: ServedLine) -> None:
    says(line, "item_hongtashan_yingjingdian_5_a")
    sign_in(page, "manager")
    page.goto("/calls")
    page.get_by_role("link", name="细看").first.click()
    played_s = page.locator("audio").first.evaluate(
        """audio => new Promise((done, failed) => {
            audio.onended = () => done(audio.currentTime);
            audio.onerror = () => failed(audio.error.message);
            audio.play();
        })"""
    )
    assert 1 < played_s < 10
    keep_picture(page, "call")
    assert look_for_faults(page) == []

    page.get_by_role("link", name="其实是什么意思？").click()
    expect(page.get_by_label("录音里说的每一个字")).to_have_value("红塔山硬经典五条")
    keep_picture(page, "turn")
    assert look_for_faults(page) == []
    page.get_by_label("客户的叫法").fill("老红塔")
    page.get_by_label("是哪个品规").fill("红塔山(硬经典)")
    page.get_by_role("button", name="试一试").click()
    expect(page.locator(".tried")).to_contain_text("热线这样听：老 · 红塔")
    assert look_for_faults(page) == []
    page.get_by_role("button", name="加上").click()
    expect(page.locator(".tried")).to_contain_text("已加上“老红塔”")
    expect(page.locator(".queue")).to_contain_text("老红塔")

    page.get_by_role("button", name="留作测试录音").click()
    expect(page.locator("#meant")).to_contain_text("已留作测试录音")
    expect(page.locator(".queue")).to_contain_text("红塔山(硬经典) 5条")
    page.get_by_role("link", name="看全部测试录音").click()
    expect(page.locator("tbody")).to_contain_text("红塔山硬经典五条")
    with page.expect_download() as download:
        page.get_by_role("link", name="全部下载（ZIP）").click()
    assert download.value.suggested_filename.startswith("labelled-")
    assert look_for_faults(page) == []
    keep_picture(page, "labelled")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("tbody")).not_to_contain_text("红塔山硬经典五条")


def test_a_name_is_looked_at_heard_and_taken_off(page: Page, line: ServedLine) -> None:
    sign_in(page, "manager")
    page.goto("/catalog")
    page.get_by_label("名字、叫法、首字母或代码").fill("软蓝黄鹤楼")
    page.get_by_role("button", name="软蓝黄鹤楼").click()
    expect(page.locator(".tried")).to_contain_text("热线这样听：")
    spoken = page.evaluate(
        """() => { const said = []; window.speechSynthesis.speak = (one) => said.push([one.text, one.lang]);
             document.querySelector('[data-say]').click(); return said; }"""
    )
    assert spoken == [["软蓝黄鹤楼", "zh-CN"]]
    keep_picture(page, "catalog-name")
    assert look_for_faults(page) == []
    page.get_by_role("button", name="去掉这个叫法").click()
    expect(page.locator(".tried")).to_contain_text("已去掉“软蓝黄鹤楼”")
    page.goto("/catalog/history")
    expect(page.locator("tbody tr").first).to_contain_text("- 软蓝黄鹤楼")
    page.locator("summary").first.click()
    expect(page.locator("tbody tr").first).to_contain_text("黄鹤楼(软蓝)")
    keep_picture(page, "catalog-history")
    assert look_for_faults(page) == []


def test_a_whole_catalogue_is_previewed_in_the_browser(page: Page, line: ServedLine, tmp_path: Path) -> None:
    sign_in(page, "manager")
    page.goto("/catalog/history")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    changed = tmp_path / "catalog.csv"
    changed.write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    page.get_by_label("目录文件（CSV、XLSX）").set_input_files(changed)
    page.get_by_role("button", name="先看看会改什么").click()
    expect(page.locator("#imported")).to_contain_text("新增0、改变0、下架1个品规")
    changed.write_text("\n".join([lines[0], lines[1].replace("6901", "1234", 1)]), encoding="utf-8")
    page.get_by_label("目录文件（CSV、XLSX）").set_input_files(changed)
    page.get_by_role("button", name="先看看会改什么").click()
    expect(page.locator(".problems")).to_contain_text("carton_barcode")
    assert look_for_faults(page) == []


@pytest.mark.parametrize("width", [1280, PHONE_WIDTH])
def test_every_page_of_the_managers_is_sound_at_a_desk_and_on_a_phone(
    browser: Browser, line: ServedLine, width: int
) -> None:
    page = new_page(browser, line, width)
    sign_in(page, "manager")
    faults = {}
    for path in ("/labelled", "/catalog/history", "/catalog"):
        page.goto(path)
        if width == PHONE_WIDTH:
            keep_picture(page, f"{path.strip('/').replace('/', '-')}-phone")
        faults[path] = look_for_faults(page)
    page.goto("/calls")
    if (seen := page.get_by_role("link", name="细看")).count():
        seen.first.click()
        faults["call"] = look_for_faults(page)
        page.get_by_role("link", name="其实是什么意思？").first.click()
        faults["turn"] = look_for_faults(page)
        if width == PHONE_WIDTH:
            keep_picture(page, "turn-phone")
    page.context.close()
    assert {name: found for name, found in faults.items() if found} == {}
