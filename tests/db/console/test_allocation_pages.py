"""Who gets what of a day is seen by county and manager, published for anybody, and goes round over the weeks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from clock import SHANGHAI
from orders.book.substitutes import substitutes
from orders.outbound.campaign import pacing_rules
from orders.outbound.models import ALL_BATCHES
from orders.supply.allocate import SpecSupply, import_supply
from orders.supply.models import Limit
from tests.support.console_client import Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, ERA, SHOP, STATION, World

TOMORROW = "2026-11-24"


@pytest.fixture
def manager(visitor: Visitor, world: World) -> Visitor:
    """The supply manager on Monday; all three shops are due on Tuesdays, SHOP in one county, the others in another."""
    for code, county, who in ((SHOP, "安阳县", "李"), (CORNER, "林州", "王"), (STATION, "林州", "赵")):
        world.change_retailer(code, order_weekday=1, county=county, manager=who)
    visitor.sign_in("manager")
    return visitor


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def test_the_allocation_of_a_day_is_published_as_it_is_and_says_when_it_has_changed(
    manager: Visitor, new_visitor: Callable[[], Visitor], world: World
) -> None:
    stranger = new_visitor()
    assert "还没有公布过" in text(stranger.get("/allocation"))
    assert "还没有分配，不能公布" in text(manager.post("/supply/allocation/publish", day=TOMORROW, why="公示"))
    spec = {"barcode": CHINA, "cartons": "12", "basis": "equal", "most": "5", "day": TOMORROW, "why": "到货"}
    manager.post("/supply/spec", apply="1", **spec)
    page = text(manager.get(f"/supply/allocation?day={TOMORROW}&county=林州"))
    assert "<td>王</td>" in page
    assert "<td>李</td>" not in page
    assert "还没有公布。" in page
    assert "请写明原因" in text(manager.post("/supply/allocation/publish", day=TOMORROW))
    assert "公布的页面" in text(manager.post("/supply/allocation/publish", day=TOMORROW, why="公示"))
    public = text(stranger.get("/allocation"))
    assert "2026-11-24" in public
    assert "每户最多5条" in public
    assert SHOP not in public
    rows = list(csv.reader(io.StringIO(text(stranger.get(f"/allocation/{TOMORROW}/file")).lstrip("\ufeff"))))
    assert rows[0] == ["短码", "品规", "分配方式", "每户最多", "县区", "客户经理", "户数", "条数"]
    assert rows[1][1:4] == ["中华(硬)", "平均", "5"]
    assert [row[4:] for row in rows[1:]] == [
        ["安阳县", "李", "1", "4"],
        ["林州", "王", "1", "4"],
        ["林州", "赵", "1", "4"],
    ]
    manager.post("/supply/limit", apply="1", customer_code=SHOP, barcode=CHINA, cartons="3", day=TOMORROW, why="退")
    assert "公布以后分配又改过" in text(manager.get(f"/supply/allocation?day={TOMORROW}"))
    assert text(stranger.get(f"/allocation/{TOMORROW}/file")).count(",4") == 3
    assert stranger.get("/allocation/2026-11-23").status_code == 404
    assert "公布分配" in text(manager.get("/audit-log"))


def test_the_odd_carton_goes_round_over_the_weeks_and_a_second_split_of_a_day_changes_nothing(
    manager: Visitor, world: World
) -> None:
    def split(day: date) -> list[int]:
        world.clock.move_to(datetime(day.year, day.month, day.day, 18, 0, tzinfo=SHANGHAI) - timedelta(days=1))
        supply = [SpecSupply(world.catalog.specs[CHINA], 10, "equal", None, "")]
        import_supply(world.sessions, supply, day, world.clock(), by="Sun", why="plan", source="supply.csv")
        with world.session() as session:
            ids = {code: world.retailer(code).id for code in (SHOP, CORNER, STATION)}
            return [session.get_one(Limit, (ids[code], day, CHINA)).limit_packs // CARTON for code in ids]

    weeks = []
    for week in range(6):
        day = date(2026, 11, 24) + timedelta(weeks=week)
        weeks.append(split(day))
        assert split(day) == weeks[-1]
    assert sorted(weeks[:3]) == [[3, 3, 4], [3, 4, 3], [4, 3, 3]]
    assert [sum(of_one) for of_one in zip(*weeks, strict=True)] == [20, 20, 20]


def test_the_windows_of_outbound_calls_and_the_substitutes_are_set_on_pages(manager: Visitor, world: World) -> None:
    world.change_retailer(SHOP, route="一号线")
    late = {"batch": "一号线", "opens": "10:00", "closes": "12:00"}
    assert "请写明原因" in text(manager.post("/hours/outbound", **late))
    assert "没有这条线路" in text(manager.post("/hours/outbound", **{**late, "batch": "九号线"}, why="x"))
    assert manager.post("/hours/outbound", **late, why="早上没人").status_code == 200
    with world.session() as session:
        assert pacing_rules(session).window("一号线").opens == 600
    assert "一号线" in text(manager.post("/hours/outbound", batch="一号线", unset="1", why="不用了"))
    with world.session() as session:
        assert "一号线" not in pacing_rules(session).windows
        assert pacing_rules(session).window(ALL_BATCHES).opens == 540
    own = {"barcode": CHINA, "instead": CLASSIC, "why": "常缺"}
    assert "红塔山(硬经典)" in text(manager.post("/substitutes", **own))
    assert "推荐的要是别的品规" in text(manager.post("/substitutes", **{**own, "instead": CHINA}))
    with world.session() as session:
        assert substitutes(session)[CHINA] == [CLASSIC]
    assert "中华(硬),红塔山(硬经典)" in text(manager.get("/substitutes/export"))

    def upload(**form: str) -> str:
        file = "name,instead\n中华(硬),红塔山(新时代)\n"
        return text(
            manager.client.post(
                "/substitutes/import",
                data={"file": (io.BytesIO(file.encode()), "s.csv"), **form},
                headers={"HX-Request": "true", "X-CSRFToken": manager.token()},
            )
        )

    assert "1个品规的推荐会变" in upload()
    assert "已导入" in upload(apply="1", why="新的表")
    with world.session() as session:
        assert substitutes(session) == {CHINA: [ERA]}
