"""The substitute offered for a spec that is out comes from the department's own table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from brand_catalog.sheets import SheetError
from orders import audit_log
from orders.book.substitutes import COLUMNS, import_substitutes
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CRANE, LIQUN, MAIN, SHOP, World


def put(world: World, path: Path, *rows: tuple[str, str]) -> dict[str, list[str]]:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    with world.session() as session:
        return import_substitutes(session, path, world.catalog, by="Sun", why="as agreed", now=world.clock())


def offered(world: World, barcode: str) -> str | None:
    """The substitute offered to a caller who requests a spec that is out, or None."""
    world.stock(barcode, 0)
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("call", shop, desk.hotline(MAIN))
        instead = desk.draft("call").set_line(barcode, CARTON).substitute
    return None if instead is None else instead.barcode


def test_the_table_comes_before_what_the_desk_would_find(world: World, tmp_path: Path) -> None:
    assert offered(world, CRANE) == LIQUN, "of the same price band"
    put(world, tmp_path / "instead.csv", ("黄鹤楼(软蓝)", "中华(硬)"), ("黄鹤楼(软蓝)", "利群(软蓝)"))
    assert offered(world, CRANE) == CHINA
    world.stock(CHINA, 0)
    assert offered(world, CRANE) == LIQUN


def test_a_table_is_put_in_the_place_of_the_one_before_and_the_history_has_both(world: World, tmp_path: Path) -> None:
    put(world, tmp_path / "instead.csv", ("黄鹤楼(软蓝)", "中华(硬)"))
    put(world, tmp_path / "instead.csv", (CLASSIC, CHINA))
    with world.session() as session:
        found = {(entry.name, str(entry.before), str(entry.after)) for entry in audit_log.entries(session)}
    own = str({"instead": ["中华(硬)"]})
    assert found == {(CRANE, "None", own), (CRANE, own, "None"), (CLASSIC, "None", own)}


def test_what_is_wrong_is_named_and_the_present_table_stays(world: World, tmp_path: Path) -> None:
    put(world, tmp_path / "instead.csv", ("黄鹤楼(软蓝)", "中华(硬)"))
    rows = (("黄鹤楼(软蓝)", "中华(方)"), (CHINA, CHINA), (CHINA, LIQUN), (CHINA, LIQUN), ("", LIQUN))
    with pytest.raises(SheetError) as refused:
        put(world, tmp_path / "instead.csv", *rows)
    assert [(p.row, p.column) for p in refused.value.problems] == [
        (2, "instead"),
        (3, "instead"),
        (5, "instead"),
        (6, "name"),
    ]
    assert offered(world, CRANE) == CHINA
