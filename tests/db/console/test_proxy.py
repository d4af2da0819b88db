"""The signed list of proxy orders on its page: previewed first, wrong rows named, and entered in time, each once."""

from __future__ import annotations

import io

import pytest
from flask import Flask

from console.file_errors import localised_reason
from console.language import choose
from orders.book.models import OrderRow
from orders.channels.models import ProxyEntry
from orders.channels.proxy_list import COLUMNS
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CHINA, CORNER, SHOP, STATION, MovingClock, World

SIGNED = "张三,李四,王五"


@pytest.fixture
def operator(signed_in: SignedIn) -> Visitor:
    return signed_in("operator")


SCAN = b"%PDF-1.7 three signatures"


def give(
    visitor: Visitor, *rows: str, apply: bool = False, name: str = "list.csv", scan: bytes = SCAN
) -> tuple[int, str]:
    """Upload a list of these rows with its scan, for a preview or to be entered."""
    file = io.BytesIO("\n".join([",".join(COLUMNS), *rows]).encode())
    scans = {"scan": (io.BytesIO(scan), "signed.pdf")} if scan else {}
    answer = visitor.client.post(
        "/proxy",
        data={"file": (file, name), **scans, **({"apply": "1"} if apply else {})},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )
    return answer.status_code, answer.get_data(as_text=True)


def orders(world: World) -> list[tuple[str, str, int]]:
    with world.session() as session:
        return [(row.channel, row.state, row.total_packs) for row in session.query(OrderRow).order_by(OrderRow.id)]


def test_a_list_is_looked_at_first_and_nothing_is_ordered_by_looking(operator: Visitor, world: World) -> None:
    world.limit(CHINA, 2)
    status, text = give(operator, f"{SHOP},中华(硬),5,{SIGNED}", f"{STATION},红塔山(硬经典),3,{SIGNED}")
    assert status == 200
    assert "还没有录入。现在录入，会是这样" in text
    assert "中华(硬)：超过限量，要5条，订上2条" in text
    assert "张三 · 李四 · 王五" in text
    assert "今天还没有名单" in text
    assert orders(world) == []
    with world.session() as session:
        assert session.query(ProxyEntry).count() == 0
    world.check_books()


def test_a_list_that_was_entered_stands_there_with_its_orders(operator: Visitor, world: World) -> None:
    rows = (f"{SHOP},中华(硬),5,{SIGNED}", f"{STATION},红塔山(硬经典),3,{SIGNED}")
    status, text = give(operator, *rows, apply=True)
    assert status == 200
    assert "录完了：名单上2户" in text
    assert text.count("订足") == 2
    assert orders(world) == [("proxy", "confirmed", 50), ("proxy", "confirmed", 30)]
    again, _ = give(operator, *rows, apply=True)
    assert again == 200
    assert len(orders(world)) == 2
    assert "店12" in operator.get("/proxy").get_data(as_text=True)


def test_every_row_that_is_wrong_is_named_in_chinese_and_nothing_is_entered(operator: Visitor, world: World) -> None:
    status, text = give(
        operator,
        f"{SHOP},中华(硬),5,张三,,王五",
        f"{CORNER},中华(硬),1,{SIGNED}",
        f"999,中华(硬),1,{SIGNED}",
        f"{STATION},没有的烟,许多,{SIGNED}",
        apply=True,
    )
    assert status == 422
    for said in (
        "没有签名",
        f"2026-11-23 不是 {CORNER} 的订货日",
        "没有客户 999",
        "品规目录里没有 没有的烟",
        "许多 不是整数",
    ):
        assert said in text
    assert orders(world) == []


def test_the_scan_is_kept_with_the_list_and_without_one_nothing_is_entered(
    operator: Visitor, world: World, signed_in: SignedIn
) -> None:
    row = f"{SHOP},中华(硬),5,{SIGNED}"
    status, text = give(operator, row, apply=True, scan=b"")
    assert (status, orders(world)) == (422, [])
    assert "请选签过字的名单的扫描件" in text
    status, text = give(operator, row, apply=True, scan=b"MZ no scan")
    assert (status, orders(world)) == (422, [])
    assert "扫描件要是 PDF、JPG 或 PNG 文件" in text
    # A look at the list needs none, and keeps none.
    assert give(operator, row, scan=b"")[0] == 200
    assert operator.get("/proxy/scans/1").status_code == 404
    assert give(operator, row, apply=True)[0] == 200
    manager = signed_in("manager")
    assert "signed.pdf" in manager.get("/proxy").get_data(as_text=True)
    kept = manager.get("/proxy/scans/1")
    assert (kept.data, kept.mimetype) == (SCAN, "application/pdf")
    assert kept.headers["X-Content-Type-Options"] == "nosniff"


def test_three_different_people_sign_and_who_lists_does_not_approve(operator: Visitor, world: World) -> None:
    for signed, said in (
        ("张三,李四,李四", "李四已经签过一次，三个签名要是三个人"),
        ("张三,张 三,王五", "张 三已经签过一次"),
        ("张三,李晓燕,王五", "李晓燕是录入名单的人，不能同时签字批准"),
    ):
        status, text = give(operator, f"{SHOP},中华(硬),5,{signed}", apply=True)
        assert status == 422
        assert said in text
    assert orders(world) == []


def test_past_two_oclock_no_list_is_taken(operator: Visitor, world: World, clock: MovingClock) -> None:
    clock.move(hours=5, minutes=1)
    operator.sign_in("operator")
    assert "每天00:00–14:00收" in operator.get("/proxy").get_data(as_text=True)
    status, text = give(operator, f"{SHOP},中华(硬),5,{SIGNED}", apply=True)
    assert status == 422
    assert "已经过了收名单的时间，什么都没有录" in text
    assert orders(world) == []


def test_something_else_than_a_table_is_refused_beside_the_field(operator: Visitor) -> None:
    status, text = give(operator, name="list.pdf")
    assert status == 422
    assert 'id="file-wrong" class="wrong">请选一个 CSV 或 XLSX 文件' in text


def test_only_who_enters_lists_may_enter_one(visitor: Visitor) -> None:
    visitor.sign_in("manager")
    assert "录入名单" not in visitor.get("/proxy").get_data(as_text=True)
    assert give(visitor, f"{SHOP},中华(硬),5,{SIGNED}")[0] == 403


def test_what_is_wrong_in_a_file_is_said_in_the_visitors_language(application: Flask) -> None:
    sentence = "'5' is less than 10"
    with application.test_request_context():
        assert localised_reason(sentence) == "5 小于 10"
        assert localised_reason("'5' is less than 10 yuan") == "5 小于 10 元"
        assert localised_reason("nobody wrote words for this") == "nobody wrote words for this"
        choose("en")
        assert localised_reason(sentence) == sentence
