"""The managers' pages: figures are imported whole or not at all, a name is tried before it is added, and everything can
be looked up."""

from __future__ import annotations

import io

import pytest
from openpyxl import load_workbook
from werkzeug.test import TestResponse

from brand_catalog.loading import load_catalog
from orders.supply.models import Limit, LimitBatch
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CLASSIC, CORNER, ERA, SHOP, World

TOMORROW = "2026-11-24"
LIMITS = f"customer_code,name,cartons\n{CORNER},红塔山(硬经典),7\n"


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def upload(visitor: Visitor, contents: str, name: str = "limits.csv", **form: str) -> TestResponse:
    return visitor.client.post(
        "/supply/import",
        data={"kind": "limits", "day": TOMORROW, "file": (io.BytesIO(contents.encode()), name), **form},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )


def limit(world: World, barcode: str = CLASSIC, code: str = CORNER) -> int:
    retailer = world.retailer(code)
    with world.session() as session:
        return (
            session.query(Limit)
            .filter_by(retailer_id=retailer.id, barcode=barcode)
            .order_by(Limit.cycle_start.desc())
            .first()
            .limit_packs
        )  # type: ignore[union-attr]


def test_a_preview_says_what_an_import_would_change_and_changes_nothing(manager: Visitor, world: World) -> None:
    before = limit(world)
    page = upload(manager, LIMITS).get_data(as_text=True)
    assert "还没有导入" in page
    assert "新增1条限量" in page
    assert limit(world) == before


def test_an_import_is_kept_with_who_when_and_why(manager: Visitor, world: World) -> None:
    assert "已导入2026-11-24" in upload(manager, LIMITS, apply="1", why="少了两条").get_data(as_text=True)
    assert limit(world) == 70
    with world.session() as session:
        [batch] = session.query(LimitBatch).all()
        assert (batch.by, batch.reason, batch.source) == ("孙建国", "少了两条", "limits.csv")
    assert "少了两条" in manager.get("/supply").get_data(as_text=True)


def test_a_file_with_a_fault_names_row_and_column_and_changes_nothing(manager: Visitor, world: World) -> None:
    before = limit(world)
    answer = upload(manager, LIMITS + f"{CORNER},没有的烟,1\n", apply="1", why="试")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "limits.csv" in page
    assert "<td>3</td><td>name</td>" in page
    assert limit(world) == before


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"day": ""}, "请选一个日期"),
        ({"apply": "1"}, "请写明原因"),
        ({"day": "2026-11-22"}, "2026-11-22已经过去"),
    ],
)
def test_what_is_missing_from_an_import_is_said(manager: Visitor, form: dict[str, str], says: str) -> None:
    answer = upload(manager, LIMITS, **form)
    assert answer.status_code == 422
    assert says in answer.get_data(as_text=True)


def test_only_who_manages_supply_may_import(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    assert upload(visitor, LIMITS).status_code == 403
    assert 'id="import"' not in visitor.get("/supply").get_data(as_text=True)


def test_a_name_is_tried_before_it_is_added_and_then_means_its_spec(manager: Visitor, world: World) -> None:
    tried = manager.post("/catalog/names", barcode=CLASSIC, text="老红塔").get_data(as_text=True)
    assert "加上" in tried
    added = manager.post("/catalog/names", barcode=CLASSIC, text="老红塔", add="1").get_data(as_text=True)
    assert "已加上“老红塔”" in added
    with world.session() as session:
        catalog = load_catalog(session)
    assert [name.barcodes for name in catalog.spoken_names if name.text == "老红塔"] == [(CLASSIC,)]
    assert "老红塔" in manager.get("/catalog?q=老红塔").get_data(as_text=True)


def test_a_name_another_spec_has_is_shown_to_collide_and_is_asked_about_from_then_on(
    manager: Visitor, world: World
) -> None:
    manager.post("/catalog/names", barcode=CLASSIC, text="老红塔", add="1")
    tried = manager.post("/catalog/names", barcode=ERA, text="老红塔").get_data(as_text=True)
    assert "加上以后热线会问是哪一种：红塔山(硬经典)" in tried
    manager.post("/catalog/names", barcode=ERA, text="老红塔", add="1")
    with world.session() as session:
        [name] = [name for name in load_catalog(session).spoken_names if name.text == "老红塔"]
    assert (name.barcodes, name.kind) == ((CLASSIC, ERA), "ambiguous")


@pytest.mark.parametrize("text", ["", "红", "Marlboro", "红塔山5", "红塔山硬经典"])
def test_a_name_that_cannot_be_said_or_says_nothing_new_is_refused(manager: Visitor, text: str) -> None:
    assert manager.post("/catalog/names", barcode=CLASSIC, text=text, add="1").status_code == 422


def test_an_order_can_be_looked_up_with_its_history(manager: Visitor, world: World) -> None:
    with world.desk() as desk:
        desk.open_draft("CA1", world.retailer(SHOP), desk.hotline(""))
        desk.draft("CA1").set_line(CLASSIC, 30)
        desk.draft("CA1").confirm()
    book = manager.get("/orders").get_data(as_text=True)
    assert "店12" in book
    page = manager.get("/orders/1").get_data(as_text=True)
    assert "要3条，现在3条" in page
    assert "保存" in page
    assert manager.get("/orders/99").status_code == 404


def test_what_was_said_in_a_call_is_for_some_roles_only(signed_in: SignedIn) -> None:
    for login, status in (("leader", 404), ("operator", 403), ("clerk", 403), ("director", 404)):
        visitor = signed_in(login)
        assert visitor.get("/calls").status_code == 200
        assert visitor.get("/calls/CA404").status_code == status, login


def test_a_report_shows_need_met_and_unmet_and_gives_it_as_a_file(manager: Visitor, world: World) -> None:
    world.limit(CLASSIC, 2, SHOP)
    with world.desk() as desk:
        desk.open_draft("CA1", world.retailer(SHOP), desk.hotline(""))
        desk.draft("CA1").set_line(CLASSIC, 50)
        desk.draft("CA1").confirm()
    page = manager.get("/reports?span=week").get_data(as_text=True)
    assert "2026-11-23 – 2026-11-29" in page
    assert "超过限量" in page
    assert "40.0%" in page
    file = manager.get("/reports/specs.csv?span=week")
    assert "specs-week-2026-11-23.csv" in file.headers["Content-Disposition"]
    assert "红塔山(硬经典),5.00,2.00,3.00,0.00,0.00,3.00,0.00,0.00,40.0,1,1" in file.get_data(as_text=True)
    days = manager.get("/reports/days.csv?span=week").get_data(as_text=True)
    assert "2026-11-23,2,1,0,50.0,1,20,150.00,50,30,40.0,0,0,0,0" in days
    book = load_workbook(io.BytesIO(manager.get("/reports/specs.xlsx?span=week").data))
    assert [cell.value for cell in book.worksheets[0][2]][1:5] == ["红塔山(硬经典)", 5, 2, 3]


def test_todays_list_says_how_far_everybody_is(manager: Visitor, world: World) -> None:
    with world.desk() as desk:
        desk.open_draft("CA1", world.retailer(SHOP), desk.hotline(""))
        desk.draft("CA1").set_line(CLASSIC, 20)
    page = manager.get("/today").get_data(as_text=True)
    assert "订货中" in page
    assert CORNER not in page
    assert SHOP in manager.get("/today?state=ordering", HX_Request="true").get_data(as_text=True)
    assert SHOP not in manager.get("/today?state=due", HX_Request="true").get_data(as_text=True)


def test_a_retailer_is_found_by_code_name_or_telephone(manager: Visitor) -> None:
    for text in (SHOP, "店12", "13800000012"):
        page = manager.get(f"/retailers?q={text}", HX_Request="true").get_data(as_text=True)
        assert SHOP in page
        assert CORNER not in page
    page = manager.get(f"/retailers/{CORNER}").get_data(as_text=True)
    assert "不是订货日" in page
    assert TOMORROW in page
    assert manager.get("/retailers/000000000000").status_code == 404


def test_the_hotlines_are_listed_with_whom_they_are_for(manager: Visitor) -> None:
    page = manager.get("/hotlines").get_data(as_text=True)
    assert "+8637255933333" in page
    assert "登记了补货的客户" in page
