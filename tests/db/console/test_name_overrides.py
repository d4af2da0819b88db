"""Names added and removed by hand: in force at once on every worker, kept through imports, and undone without a
trace."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

import brand_catalog
from app import create_app
from brand_catalog.catalog import Catalog
from brand_catalog.exporting import as_files
from brand_catalog.importing import make_catalog, read_catalog_file
from brand_catalog.loading import load_catalog
from brand_catalog.models import CatalogVersion, NameOverride
from brand_catalog.name_overrides import NameRefused, add_name, remove_name, replace_catalog, with_name
from brand_catalog.sheet_words import heading_of
from brand_catalog.spoken_names import Alias, derive_spoken_names
from ivr.services import services
from settings import Settings
from speech.listening import Items
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CLASSIC, CRANE, ERA, MovingClock, World
from tests.support.desk_world import catalog as small_catalog


def meaning(world: World, text: str) -> tuple[str, ...]:
    with world.session() as session:
        return next((name.barcodes for name in load_catalog(session).spoken_names if name.text == text), ())


def in_force(world: World, clock: MovingClock, catalog: Catalog, *, keep_names: bool = False) -> None:
    with world.session() as session:
        replace_catalog(session, catalog, clock(), "the files", "somebody", keep_names=keep_names)


def by_hand(world: World) -> list[tuple[str, bool]]:
    with world.session() as session:
        return [(row.text, row.added) for row in session.scalars(select(NameOverride))]


def test_a_name_given_by_hand_outlasts_an_import(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        add_name(session, "老红塔", CLASSIC, clock(), "somebody")
    in_force(world, clock, small_catalog())
    assert meaning(world, "老红塔") == (CLASSIC,)
    assert by_hand(world) == [("老红塔", True)]


def test_a_name_taken_by_hand_stays_away_through_an_import(world: World, clock: MovingClock) -> None:
    assert meaning(world, "软蓝利群")
    with world.session() as session:
        remove_name(session, "软蓝利群", meaning(world, "软蓝利群")[0], clock(), "somebody")
    in_force(world, clock, small_catalog())
    assert meaning(world, "软蓝利群") == ()


def test_what_is_done_by_hand_and_undone_leaves_nothing_for_later_imports(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        add_name(session, "老红塔", CLASSIC, clock(), "somebody")
        remove_name(session, "老红塔", CLASSIC, clock(), "somebody")
        remove_name(session, "软蓝黄鹤楼", CRANE, clock(), "somebody")
        add_name(session, "软蓝黄鹤楼", CRANE, clock(), "somebody")
    assert by_hand(world) == []


def test_a_name_the_files_have_by_now_is_theirs(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        add_name(session, "老红塔", CLASSIC, clock(), "somebody")
    specs = list(small_catalog().specs.values())
    in_force(world, clock, make_catalog(specs, derive_spoken_names(specs, [Alias("老红塔", (CLASSIC,))])))
    assert by_hand(world) == []
    in_force(world, clock, small_catalog())
    assert meaning(world, "老红塔") == ()


def test_a_shared_name_goes_back_to_meaning_one(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        add_name(session, "老红塔", CLASSIC, clock(), "somebody")
        add_name(session, "老红塔", ERA, clock(), "somebody")
        remove_name(session, "老红塔", ERA, clock(), "somebody")
    with world.session() as session:
        [name] = [name for name in load_catalog(session).spoken_names if name.text == "老红塔"]
    assert (name.barcodes, name.kind) == ((CLASSIC,), "derived")


def test_the_last_name_of_a_spec_is_never_taken(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        names = [name.text for name in load_catalog(session).spoken_names if CLASSIC in name.barcodes]
        for text in names[1:]:
            remove_name(session, text, CLASSIC, clock(), "somebody")
        with pytest.raises(NameRefused, match="only way to say"):
            remove_name(session, names[0], CLASSIC, clock(), "somebody")


def test_a_new_catalogue_may_keep_the_names_of_specs_that_are_written_the_same(
    world: World, clock: MovingClock
) -> None:
    specs = list(small_catalog().specs.values())
    aliases = [Alias("老红塔", (CLASSIC,)), Alias("软蓝", (CRANE,))]
    in_force(world, clock, make_catalog(specs, derive_spoken_names(specs, aliases)))
    renamed = [replace(spec, name="黄鹤楼(硬蓝)") if spec.barcode == CRANE else spec for spec in specs]
    in_force(world, clock, make_catalog(renamed, derive_spoken_names(renamed)), keep_names=True)
    assert meaning(world, "老红塔") == (CLASSIC,)
    assert CRANE not in meaning(world, "软蓝")


def test_a_name_is_heard_by_the_next_turn_on_every_worker(world: World, clock: MovingClock, database_url: str) -> None:
    settings = Settings(database_url=database_url, demo=True, listen_mode="keypad")
    workers = [services(create_app(settings, clock=clock)).recognition for _ in range(2)]

    def understood() -> list[tuple[str, ...]]:
        said = []
        for hearing in workers:
            with world.session() as session:
                said.append(hearing.understanding(session).of_text(Items(), "老红塔五条").items)
        return [items[0].barcodes if items else () for items in said]

    assert (CLASSIC,) not in understood()
    with world.session() as session:
        add_name(session, "老红塔", CLASSIC, clock(), "somebody")
    assert understood() == [(CLASSIC,), (CLASSIC,)]
    with world.session() as session:
        remove_name(session, "老红塔", CLASSIC, clock(), "somebody")
    assert (CLASSIC,) not in understood()


def test_a_catalogue_goes_out_as_files_and_comes_in_again_the_same(tmp_path: Path) -> None:
    demo = Path(brand_catalog.__file__).parent / "demo"
    shipped = read_catalog_file(demo / "catalog.csv", demo / "aliases.csv")
    by_hand = with_name(shipped, "老红塔", next(iter(shipped.specs)))
    for name, content in as_files(by_hand):
        (tmp_path / name).write_bytes(content)
    again = read_catalog_file(tmp_path / "catalog.csv", tmp_path / "aliases.csv")
    assert again.specs == by_hand.specs

    def meanings(catalog: Catalog) -> dict[str, set[str]]:
        return {name.text: set(name.barcodes) for name in catalog.spoken_names}

    assert meanings(again).items() >= meanings(by_hand).items()


# --- the pages


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def export(visitor: Visitor) -> list[str]:
    return visitor.get("/catalog/export").get_data(as_text=True).removeprefix("\ufeff").splitlines()


def upload(visitor: Visitor, contents: str, **form: object) -> TestResponse:
    return visitor.client.post(
        "/catalog/import",
        data={"file": (io.BytesIO(contents.encode()), "目录.csv"), **form},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )


def test_a_name_is_looked_at_and_taken_off(manager: Visitor, world: World) -> None:
    manager.post("/catalog/names", barcode=CLASSIC, text="老红塔", add="1")
    looked = manager.post("/catalog/names/known", barcode=CLASSIC, known="老红塔").get_data(as_text=True)
    assert 'data-say="老红塔"' in looked
    assert "去掉这个叫法" in looked
    assert "已去掉" in manager.post("/catalog/names/remove", barcode=CLASSIC, remove="老红塔").get_data(as_text=True)
    assert meaning(world, "老红塔") == ()
    again = manager.post("/catalog/names/remove", barcode=CLASSIC, remove="老红塔")
    assert again.status_code == 422
    assert "已经没有这个叫法" in again.get_data(as_text=True)


def test_who_may_not_edit_may_look_and_not_take_off(visitor: Visitor, world: World) -> None:
    visitor.sign_in("operator")
    looked = visitor.post("/catalog/names/known", barcode=CRANE, known="软蓝黄鹤楼").get_data(as_text=True)
    assert "没有语音模型" in looked
    assert "去掉" not in looked
    assert visitor.post("/catalog/names/remove", barcode=CRANE, remove="软蓝黄鹤楼").status_code == 403
    assert upload(visitor, "x").status_code == 403


def test_the_catalogue_is_had_as_a_file_in_the_columns_it_is_imported_in(manager: Visitor) -> None:
    lines = export(manager)
    assert lines[0].startswith("name,brand,maker,price_class,carton_barcode")
    book = load_workbook(io.BytesIO(manager.get("/catalog/export?kind=xlsx").data))
    headings = [str(cell.value) for cell in book.worksheets[0][1]]
    assert headings[:3] == ["品规", "品牌", "厂家"]
    assert [heading_of(heading) for heading in headings] == lines[0].split(",")
    assert book.worksheets[0].max_row == len(lines)


def test_an_import_is_previewed_then_made_then_in_the_history(manager: Visitor, world: World) -> None:
    rows = export(manager)
    # The small desk's barcodes have no check digits, so this is a completely different catalogue, of one spec.
    other = rows[1].split(",")
    other[4], other[8], other[13] = "6901028075831", "90.00", ""
    file = "\n".join([rows[0], ",".join(other)])
    preview = upload(manager, file).get_data(as_text=True)
    assert "还没有导入" in preview
    assert "新增1、改变0、下架6个品规" in preview
    assert meaning(world, "红塔山硬经典") == (CLASSIC,)
    assert upload(manager, file, apply="1").status_code == 422
    assert "已导入" in upload(manager, file, apply="1", why="换季").get_data(as_text=True)
    with world.session() as session:
        assert list(load_catalog(session).specs) == ["6901028075831"]
        number, by = session.execute(
            select(CatalogVersion.id, CatalogVersion.by).order_by(CatalogVersion.id.desc()).limit(1)
        ).one()
    assert by == "孙建国"
    history = manager.get("/catalog/history").get_data(as_text=True)
    assert "换季" in history
    assert "下架6个品规" in history
    assert "黄鹤楼(软蓝)" in manager.get(f"/catalog/history/{number}").get_data(as_text=True)
    assert manager.get("/catalog/history/999").status_code == 404
    assert "没有什么要改" in upload(manager, file).get_data(as_text=True)


def test_rows_that_are_wrong_are_named_and_nothing_is_changed(manager: Visitor, world: World) -> None:
    answer = upload(manager, "\n".join(export(manager)), apply="1", why="试")
    assert answer.status_code == 422
    assert "<td>2</td><td>carton_barcode</td>" in answer.get_data(as_text=True)
    with world.session() as session:
        assert len(load_catalog(session).specs) == 6


def test_a_price_that_changes_is_shown_before_and_after(world: World, clock: MovingClock, manager: Visitor) -> None:
    specs = [replace(s, wholesale_fen=80_00) if s.barcode == CLASSIC else s for s in small_catalog().specs.values()]
    in_force(world, clock, make_catalog(specs, derive_spoken_names(specs)))
    with world.session() as session:
        number = session.scalar(select(CatalogVersion.id).order_by(CatalogVersion.id.desc()).limit(1))
    page = manager.get(f"/catalog/history/{number}").get_data(as_text=True)
    assert "批发价（元）" in page
    assert page.index("75.00") < page.index("80.00")
