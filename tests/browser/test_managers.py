"""Managers in their browsers: a turn is played, and labelled as a name and a test case; names and catalogues are
set."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from simulator.inbound_calls import dial_in
from tests.support.chromium import (
    PHONE_WIDTH,
    accessibility_faults,
    click_and_confirm,
    click_link,
    new_page,
    served_hotline,
    sign_in,
    take_screenshot,
)
from tests.support.databases import Databases
from tests.support.served_line import ServedLine

pytestmark = [pytest.mark.speech, pytest.mark.timeout(300)]

RECORDINGS = Path(__file__).parents[1] / "audio"
# The page of a call, in the list of them.
CALL = "#calls tbody a[href*='/calls/']"
SHOP, SHOP_PHONE, MAIN = "410502100012", "+8613800000012", "+8637255550000"


@pytest.fixture(scope="module")
def line(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("hotline"), "stream") as served:
        yield served


def says(line: ServedLine, recording: str) -> None:
    """Make a call in which the retailer is recognised, says one thing, and hangs up."""
    heard: list[str] = []
    call = dial_in(line.account, line.number, SHOP_PHONE, MAIN, listener=lambda e: heard.append(getattr(e, "text", "")))
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


def test_a_leader_listens_to_a_live_call(page: Page, line: ServedLine) -> None:
    call = dial_in(line.account, line.number, SHOP_PHONE, MAIN, listener=lambda _event: None)
    call.start()
    sign_in(page, "leader")
    page.goto("/desk")
    with page.context.expect_page() as opened:
        page.locator("a", has_text="监听").first.click()
    listening = opened.value
    listening.get_by_role("button", name="监听").click()
    call.speak(20 * (RECORDINGS / "item_hongtashan_yingjingdian_5_a.ulaw").read_bytes())
    expect(listening.locator("#listening-state")).to_have_text("正在听", timeout=20_000)
    listening.wait_for_function("() => Number(document.getElementById('listening').dataset.heard) > 0")
    take_screenshot(listening, "listening")
    assert accessibility_faults(listening) == []
    listening.get_by_role("button", name="停止监听").click()
    expect(listening.locator("#listening-state")).to_have_text("没有在听")
    call.hang_up()
    call.join(20)


def test_a_turn_of_a_voice_call_is_played_and_becomes_a_name_and_a_test_case(page: Page, line: ServedLine) -> None:
    says(line, "item_hongtashan_yingjingdian_5_a")
    sign_in(page, "manager")
    page.goto("/calls")
    click_link(page, page.locator(CALL).first)
    played_s = page.locator("audio").first.evaluate(
        """audio => new Promise((done, failed) => {
            audio.onended = () => done(audio.currentTime);
            audio.onerror = () => failed(audio.error.message);
            audio.play();
        })"""
    )
    assert 1 < played_s < 10
    # The whole call has one player: its waveform is drawn, a click on it seeks, and the speed can be chosen.
    expect(page.locator("#player-segments button")).to_have_count(1)
    drawn = page.locator("#player-waveform").evaluate(
        "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.filter(byte => byte > 0).length"
    )
    assert drawn > 1_000
    page.locator("#player-waveform").click(position={"x": 5, "y": 20})
    sound = page.locator("#player-sound")
    assert sound.evaluate("audio => audio.currentTime") < played_s / 4
    page.get_by_label("速度").select_option("1.5")
    assert sound.evaluate("audio => audio.playbackRate") == 1.5
    take_screenshot(page, "call")
    assert accessibility_faults(page) == []

    click_link(page, page.get_by_role("link", name="其实是什么意思？"))
    expect(page.get_by_label("录音里说的每一个字")).to_have_value("红塔山硬经典五条")
    take_screenshot(page, "turn")
    assert accessibility_faults(page) == []
    page.get_by_label("客户的叫法").fill("老红塔")
    page.get_by_label("是哪个品规").fill("红塔山(硬经典)")
    page.get_by_role("button", name="试一试").click()
    expect(page.locator(".name-preview")).to_contain_text("热线这样听：老 · 红塔")
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="加上").click()
    expect(page.locator(".name-preview")).to_contain_text("已加上“老红塔”")
    expect(page.locator(".queue")).to_contain_text("老红塔")

    page.get_by_role("button", name="留作测试录音").click()
    expect(page.locator("#label-form")).to_contain_text("已留作测试录音")
    expect(page.locator(".queue")).to_contain_text("红塔山(硬经典) 5条")
    click_link(page, page.get_by_role("link", name="看全部测试录音"))
    expect(page.locator("tbody")).to_contain_text("红塔山硬经典五条")
    with page.expect_download() as download:
        page.get_by_role("link", name="全部下载（ZIP）").click()
    assert download.value.suggested_filename.startswith("labelled-")
    assert accessibility_faults(page) == []
    take_screenshot(page, "labelled")
    click_and_confirm(page, page.get_by_role("button", name="撤销"), "撤销“红塔山硬经典五条”吗？")
    expect(page.locator("tbody")).not_to_contain_text("红塔山硬经典五条")


def test_a_name_is_looked_at_heard_and_taken_off(page: Page, line: ServedLine) -> None:
    sign_in(page, "manager")
    page.goto("/catalog")
    page.get_by_label("名字、叫法、首字母或代码").fill("软蓝黄鹤楼")
    page.get_by_role("button", name="软蓝黄鹤楼").click()
    expect(page.locator(".name-preview")).to_contain_text("热线这样听：")
    spoken = page.evaluate(
        """() => { const said = []; window.speechSynthesis.speak = (one) => said.push([one.text, one.lang]);
             document.querySelector('[data-say]').click(); return said; }"""
    )
    assert spoken == [["软蓝黄鹤楼", "zh-CN"]]
    take_screenshot(page, "catalog-name")
    assert accessibility_faults(page) == []
    removing = page.get_by_role("button", name="去掉这个叫法")
    removing.click()
    page.get_by_role("button", name="返回").click()
    expect(page.locator(".name-preview")).not_to_contain_text("已去掉")
    click_and_confirm(page, removing, "去掉“软蓝黄鹤楼”吗？")
    expect(page.locator(".name-preview")).to_contain_text("已去掉“软蓝黄鹤楼”")
    page.goto("/catalog/history")
    expect(page.locator("tbody tr").first).to_contain_text("- 软蓝黄鹤楼")
    page.locator("summary").first.click()
    expect(page.locator("tbody tr").first).to_contain_text("黄鹤楼(软蓝)")
    take_screenshot(page, "catalog-history")
    assert accessibility_faults(page) == []


def test_a_whole_catalogue_is_previewed_in_the_browser(page: Page, line: ServedLine, tmp_path: Path) -> None:
    sign_in(page, "manager")
    page.goto("/catalog/history")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    changed = tmp_path / "catalog.csv"
    changed.write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    page.get_by_label("目录文件（CSV、XLSX）").set_input_files(changed)
    page.get_by_role("button", name="预览改动").click()
    expect(page.locator("#imported")).to_contain_text("新增0、改变0、下架1个品规")
    changed.write_text("\n".join([lines[0], lines[1].replace("6901", "1234", 1)]), encoding="utf-8")
    page.get_by_label("目录文件（CSV、XLSX）").set_input_files(changed)
    page.get_by_role("button", name="预览改动").click()
    expect(page.locator(".problems")).to_contain_text("carton_barcode")
    assert accessibility_faults(page) == []


def test_a_hotline_is_changed_and_what_is_wrong_is_said_beside_its_field(page: Page, line: ServedLine) -> None:
    sign_in(page, "manager")
    page.goto("/hotlines")
    click_link(page, page.get_by_role("link", name=f"改{MAIN}"))
    page.get_by_label("到几点").fill("25:00")
    page.get_by_label("原因").fill("冬天早下班")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_label("到几点")).to_have_accessible_description("时间像 08:30 这样写，一天的最后是 24:00。")
    assert accessibility_faults(page) == []
    take_screenshot(page, "hotline")
    page.get_by_label("到几点").fill("23:30")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**/hotlines")
    expect(page.locator("tbody").first).to_contain_text("23:30")
    expect(page.locator("#hotlines-history").locator("..")).to_contain_text("冬天早下班")


def test_limits_are_previewed_figure_by_figure_in_the_browser(page: Page, line: ServedLine, tmp_path: Path) -> None:
    sign_in(page, "manager")
    page.goto("/supply")
    file = tmp_path / "supply.csv"
    file.write_text("name,cartons,basis\n红塔山(硬经典),4321,equal\n", encoding="utf-8")
    page.get_by_label("内容").select_option("supply")
    page.get_by_label("文件（CSV 或 XLSX）").set_input_files(file)
    page.get_by_role("button", name="预览改动").click()
    expect(page.locator("#done")).to_contain_text("还没有导入")
    expect(page.locator("#done tbody tr").first).to_contain_text("4321")
    assert accessibility_faults(page) == []
    take_screenshot(page, "supply-preview")


def test_a_rule_is_set_and_a_retailer_gets_a_new_pin(page: Page, line: ServedLine) -> None:
    sign_in(page, "manager")
    page.goto("/rules")
    page.get_by_label("未保存的订单，货留几分钟").fill("20")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_label("原因")).to_have_accessible_description("请写明原因，记录里要用。")
    expect(page.get_by_label("未保存的订单，货留几分钟")).to_have_value("20")
    page.get_by_label("原因").fill("年底忙")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("已改1条规则")
    take_screenshot(page, "rules")
    assert accessibility_faults(page) == []
    page.goto(f"/retailers/{SHOP}")
    page.get_by_label("原因").fill("本人到店，忘了密码")
    click_and_confirm(page, page.get_by_role("button", name="换一个新密码"), "原来的密码马上不能用")
    expect(page.locator(".pin")).to_have_text(re.compile(r"^\d{4}$"))
    take_screenshot(page, "retailer")
    assert accessibility_faults(page) == []
    page.goto("/audit-log")
    expect(page.locator("tbody")).to_contain_text("本人到店，忘了密码")


@pytest.mark.parametrize("width", [1280, PHONE_WIDTH])
def test_a_call_and_its_turns_are_sound_at_a_desk_and_on_a_phone(
    browser: Browser, line: ServedLine, width: int
) -> None:
    page = new_page(browser, line, width)
    sign_in(page, "manager")
    page.goto("/calls")
    if not page.locator(CALL).count():
        says(line, "item_hongtashan_yingjingdian_5_a")
        page.reload()
    click_link(page, page.locator(CALL).first)
    faults = accessibility_faults(page)
    click_link(page, page.get_by_role("link", name="其实是什么意思？").first)
    faults += accessibility_faults(page)
    if width == PHONE_WIDTH:
        take_screenshot(page, "turn-phone")
    page.context.close()
    assert faults == []
