"""Supply and limits on pages: mended by two after 07:50, set one by one, shown whole and with names."""

from __future__ import annotations

import io
import re
from datetime import datetime

import pytest

from clock import SHANGHAI
from orders.supply.late_changes import open_count
from orders.supply.models import Limit, LimitBatch, Supply
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, SHOP, MovingClock, World

TODAY, TOMORROW = "2026-11-23", "2026-11-24"


@pytest.fixture
def manager(signed_in: SignedIn, clock: MovingClock) -> Visitor:
    """The supply manager on Monday at 08:30: SHOP is due today, CORNER tomorrow."""
    clock.move_to(datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI))
    return signed_in("manager")


@pytest.fixture
def leader(signed_in: SignedIn) -> Visitor:
    return signed_in("leader")


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def limit(world: World, code: str, start: str, barcode: str = CHINA) -> int | None:
    retailer = world.retailer(code)
    with world.session() as session:
        row = session.get(Limit, (retailer.id, datetime.fromisoformat(start).date(), barcode))
        return None if row is None else row.limit_packs // CARTON


def test_a_limit_of_today_is_mended_by_two(manager: Visitor, leader: Visitor, world: World) -> None:
    form = {"customer_code": SHOP, "barcode": CHINA, "cartons": "25", "day": TODAY}
    page = text(manager.post("/supply/limit", **form))
    assert "保存以后还要第二个人同意才生效" in page
    assert f'店12</a><br><span class="quiet">{SHOP}</span>' in page
    assert manager.post("/supply/limit", apply="1", **form).status_code == 422
    page = text(manager.post("/supply/limit", apply="1", why="店里有婚宴", **form))
    assert "等第二个人同意" in page
    assert limit(world, SHOP, TODAY) == 20
    [address] = set(re.findall(r"/supply/requests/\d+", page))
    assert "您自己提出的" in text(manager.get(address))
    own = manager.post(address, decision="approve")
    assert (own.status_code, "要另一个人同意" in text(own)) == (422, True)
    assert "1个锁定后的改动等第二个人同意" in text(leader.get("/supply"))
    asked = text(leader.get(address))
    assert "店里有婚宴" in asked
    assert "不同意请写明原因" in text(leader.post(address, decision="refuse"))
    assert "已同意" in text(leader.post(address, decision="approve"))
    assert limit(world, SHOP, TODAY) == 25
    told = leader.post(address, decision="refuse", note="太多")
    assert told.status_code == 422
    assert "已经办了：已同意" in text(told)
    with world.session() as session:
        [batch] = session.query(LimitBatch).all()
    assert batch.reason == "店里有婚宴"
    assert batch.by != batch.approved_by
    assert str(batch.approved_by) in text(manager.get("/supply"))


def test_what_is_asked_for_below_an_order_is_refused_in_words(manager: Visitor, leader: Visitor, world: World) -> None:
    spec = {"barcode": CHINA, "cartons": "30", "basis": "equal", "day": TODAY, "why": "少到了货"}
    page = text(manager.post("/supply/spec", apply="1", **spec))
    [address] = set(re.findall(r"/supply/requests/\d+", page))
    with world.session() as session:
        session.get_one(Supply, (datetime(2026, 11, 23).date(), CHINA)).held_packs = 31 * CARTON
    refused = leader.post(address, decision="approve")
    assert refused.status_code == 422
    assert "货源改成 30 条，可是已经订了 31 条" in text(refused)
    with world.session() as session:
        session.get_one(Supply, (datetime(2026, 11, 23).date(), CHINA)).held_packs = 0
    assert "已撤回" in text(manager.post(address, decision="withdraw"))
    with world.session() as session:
        assert open_count(session) == 0
        assert session.get_one(Supply, (datetime(2026, 11, 23).date(), CHINA)).supplied_packs == 100 * CARTON


def test_the_supply_of_one_spec_is_set_the_evening_before_and_split(manager: Visitor, world: World) -> None:
    assert "随时可以导入" in text(manager.get(f"/supply?day={TOMORROW}"))
    spec = {"barcode": CHINA, "cartons": "12", "basis": "grade", "most": "8", "day": TOMORROW, "introduce": "key"}
    page = text(manager.post("/supply/spec", **spec))
    assert "还没有导入" in page
    assert limit(world, CORNER, TOMORROW) is None
    assert "已导入" in text(manager.post("/supply/spec", apply="1", why="到货", **spec))
    assert limit(world, CORNER, TOMORROW) == 8
    same = text(manager.post("/supply/spec", apply="1", why="再点一次", **spec))
    assert f"{TOMORROW}没有改动：和原来的一样" in same
    assert "已导入" not in same
    page = text(manager.get(f"/supply?day={TOMORROW}"))
    assert "每户最多8条" in page
    assert '中华(硬) <span class="quiet">106</span>' in page
    wrong = text(manager.post("/supply/spec", apply="1", why="x", **{**spec, "cartons": "十", "barcode": "1"}))
    assert "条数要写整数" in wrong
    assert "请选一个品规" in wrong


def test_a_retailers_limits_of_this_cycle_and_the_next_are_on_one_page(manager: Visitor, world: World) -> None:
    page = text(manager.get(f"/supply/limits/{SHOP}?day=2026-11-30"))
    assert "下个周期（2026-11-30订货）" in page
    was = {f"was-{barcode}": "" for barcode in world.catalog.specs}
    form = was | {f"limit-{barcode}": "" for barcode in world.catalog.specs}
    form |= {"day": "2026-11-30", f"limit-{CHINA}": "7", f"limit-{CLASSIC}": "3"}
    assert "没有改动" in text(manager.post(f"/supply/limits/{SHOP}", **was, day="2026-11-30"))
    assert "已导入2026-11-30" in text(manager.post(f"/supply/limits/{SHOP}", apply="1", why="下周的", **form))
    assert (limit(world, SHOP, "2026-11-30"), limit(world, SHOP, "2026-11-30", CLASSIC)) == (7, 3)
    assert '<td class="number">7</td>' in text(manager.get(f"/supply/limits/{SHOP}"))
    # The page of before: somebody else set these limits meanwhile.
    stale = manager.post(f"/supply/limits/{SHOP}", apply="1", why="又一次", **{**form, f"limit-{CHINA}": "9"})
    assert stale.status_code == 422
    assert "中华(硬)：您打开这一页以后有人改过，现在是7条" in text(stale)
    assert "改限量" in text(manager.get(f"/retailers/{SHOP}"))


def test_a_long_preview_is_shown_whole_page_by_page_and_keeps_the_files_name(
    manager: Visitor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.supply.limits.DIFFERENCES_ON_PAGE", 2)
    monkeypatch.setattr("console.settings.supply_changes.DIFFERENCES_ON_PAGE", 2)
    names = [spec.name for spec in world.catalog.specs.values()][:5]
    contents = "customer_code,name,cartons\n" + "".join(f"{CORNER},{name},3\n" for name in names)

    def upload(**form: str) -> str:
        return text(
            manager.client.post(
                "/supply/import",
                data={
                    "kind": "limits",
                    "day": TOMORROW,
                    "file": (io.BytesIO(contents.encode()), "..\\十一月 限量.CSV"),
                    **form,
                },
                headers={"HX-Request": "true", "X-CSRFToken": manager.token()},
            )
        )

    pages = [upload(page=str(number)) for number in (1, 2, 3)]
    assert [[name for name in names if name in page] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert "第3–4行，一共5行" in pages[1]
    upload(apply="1", why="周计划")
    with world.session() as session:
        [batch] = session.query(LimitBatch).all()
    assert batch.source == "十一月 限量.csv"


def test_a_file_after_the_lock_becomes_a_request(manager: Visitor, leader: Visitor, world: World) -> None:
    contents = f"customer_code,name,cartons\n{SHOP},中华(硬),22\n{SHOP},红塔山(硬经典),20\n"
    answer = manager.client.post(
        "/supply/import",
        data={"day": TODAY, "file": (io.BytesIO(contents.encode()), "补.csv"), "apply": "1", "why": "漏了"},
        headers={"HX-Request": "true", "X-CSRFToken": manager.token()},
    )
    [address] = set(re.findall(r"/supply/requests/\d+", text(answer)))
    assert limit(world, SHOP, TODAY) == 20
    assert "0个品规的货源，1条限量" in text(leader.get("/supply/requests"))
    leader.post(address, decision="approve")
    assert limit(world, SHOP, TODAY) == 22
