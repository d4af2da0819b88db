"""Limits are set whole or not at all, by a named user, for a reason, and are locked from 07:50 on."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

import storage
from brand_catalog.sheets import SheetError
from clock import SHANGHAI
from orders.retailers.models import RetailerRow
from orders.supply import limits
from orders.supply.allocate import SpecSupply, export_supply, import_supply, preview_split, read_supply
from orders.supply.limits import LimitsRefused, LimitsResult
from orders.supply.locking import LimitsLocked
from orders.supply.models import Limit, LimitBatch, LimitChange, Supply
from tests.support.commands import application_on
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, STATION, MovingClock, World

TODAY = date(2026, 11, 23)
TOMORROW = date(2026, 11, 24)


@pytest.fixture
def desk(engine: Engine, clock: MovingClock) -> World:
    """The evening before: no retailer has limits for tomorrow."""
    world = World.build(storage.open_sessions(engine), clock)
    world.clock.move_to(datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI))
    with world.session() as session:
        for number, retailer in enumerate(session.scalars(select(RetailerRow).order_by(RetailerRow.id)).all()):
            retailer.order_weekday = TOMORROW.weekday()
            retailer.county = "AB"[number % 2]
            retailer.grade = number + 1
    return world


def write(path: Path, *rows: tuple[object, ...], columns: tuple[str, ...] = limits.COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def set_limits(world: World, path: Path, day: date = TOMORROW) -> LimitsResult:
    with world.session() as session:
        limits.stage(session, limits.read_limits(path, session, world.catalog, day))
        return limits.apply_limits(session, day, world.clock(), "a clerk", "weekly plan", path.name)


def limit_of(world: World, code: str, barcode: str, start: date = TOMORROW) -> int | None:
    retailer = world.retailer(code)
    with world.session() as session:
        row = session.get(Limit, (retailer.id, start, barcode))
        return None if row is None else row.limit_packs // CARTON


def test_limits_are_taken_from_a_file_and_written_back_as_they_were(desk: World, tmp_path: Path) -> None:
    rows = [(SHOP, "中华(硬)", 5), (CORNER, "中华(硬)", 3), (SHOP, "红塔山(硬经典)", 0)]
    assert set_limits(desk, write(tmp_path / "limits.csv", *rows)) == LimitsResult(added=3, changed=0, unchanged=0)
    assert limit_of(desk, SHOP, CHINA) == 5
    with desk.session() as session:
        exported = list(limits.export_rows(session, TOMORROW))
    assert {(code, name, cartons) for code, _, name, cartons in exported} == set(rows)
    assert {shop for code, shop, *_ in exported if code == SHOP} == {desk.retailer(SHOP).name}
    rows[0] = (SHOP, "中华(硬)", 6)
    assert set_limits(desk, write(tmp_path / "limits.csv", *rows)) == LimitsResult(added=0, changed=1, unchanged=2)
    with desk.session() as session:
        batches = session.scalars(select(LimitBatch).order_by(LimitBatch.id)).all()
        [change] = session.scalars(select(LimitChange)).all()
    assert [(b.by, b.reason, b.source) for b in batches] == [("a clerk", "weekly plan", "limits.csv")] * 2
    assert (change.before_packs, change.after_packs) == (5 * CARTON, 6 * CARTON)


def test_what_is_wrong_in_a_file_is_named_and_nothing_changes(desk: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "limits.csv",
        (SHOP, "中华(硬)", 5),
        ("410502199999", "中华(硬)", 5),
        (SHOP, "中华(方)", 5),
        (SHOP, "中华(硬)", 5),
        (SHOP, "泰山(望岳)", "2.5"),
        (SHOP, "利群(软蓝)"),
    )
    with pytest.raises(SheetError) as refused:
        set_limits(desk, path)
    assert [(p.row, p.column) for p in refused.value.problems] == [
        (3, "customer_code"),
        (4, "name"),
        (5, "name"),
        (6, "cartons"),
        (7, "cartons"),
    ]
    assert limit_of(desk, SHOP, CHINA) is None


def test_a_limit_below_what_is_ordered_already_is_refused_with_the_list(desk: World, tmp_path: Path) -> None:
    desk.clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=SHANGHAI))
    desk.supply()
    with desk.desk() as at:
        retailer = at.retailer(SHOP)
        assert retailer is not None
        at.open_draft("call", retailer, at.hotline(MAIN))
        at.draft("call").set_line(CHINA, 4 * CARTON)
    path = write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 3), (SHOP, "红塔山(硬经典)", 1))
    with pytest.raises(LimitsRefused) as refused:
        set_limits(desk, path)
    assert refused.value.lines == [f"Retailer {SHOP}, 中华(硬): 3 cartons, but 4 are ordered already."]
    assert limit_of(desk, SHOP, CLASSIC) == 20
    set_limits(desk, write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 4)))
    desk.check_books()


def test_an_order_that_comes_while_limits_are_compared_is_not_cut_by_them(
    desk: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 5))
    set_limits(desk, path)
    compare = limits.compare

    def somebody_orders_meanwhile(session: Session) -> LimitsResult:
        monkeypatch.setattr(limits, "compare", compare)
        done = compare(session)
        session.execute(update(Limit).where(Limit.barcode == CHINA, Limit.limit_packs == 50).values(held_packs=40))
        return done

    monkeypatch.setattr(limits, "compare", somebody_orders_meanwhile)
    with pytest.raises(LimitsRefused, match="3 cartons, but 4 are ordered already"):
        set_limits(desk, write(tmp_path / "less.csv", (SHOP, "中华(硬)", 3)))
    assert limit_of(desk, SHOP, CHINA) == 5


def test_limits_are_locked_from_ten_to_eight_on(desk: World, tmp_path: Path) -> None:
    path = write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 5))
    desk.clock.move_to(datetime(2026, 11, 24, 7, 49, tzinfo=SHANGHAI))
    set_limits(desk, path)
    desk.clock.move(minutes=1)
    assert set_limits(desk, path).changed == 0
    with pytest.raises(LimitsLocked, match="since 07:50"):
        set_limits(desk, write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 6)))


def allocate(world: World, *supplies: SpecSupply, dry_run: bool = False) -> LimitsResult:
    if dry_run:
        with storage.read_only(world.sessions) as session:
            return preview_split(session, supplies, TOMORROW, world.clock())
    return import_supply(world.sessions, supplies, TOMORROW, world.clock(), by="a clerk", why="plan", source="test")


def spec_supply(world: World, barcode: str, cartons: int, basis: str, most: int | None = None) -> SpecSupply:
    return SpecSupply(world.catalog.specs[barcode], cartons, basis, most, "")  # type: ignore[arg-type]


def test_supply_is_split_over_the_retailers_due(desk: World) -> None:
    allocate(desk, spec_supply(desk, CHINA, 12, "grade"), spec_supply(desk, CLASSIC, 10, "equal"))
    assert [limit_of(desk, code, CHINA) for code in (SHOP, CORNER, STATION)] == [2, 4, 6]
    assert sorted(limit_of(desk, code, CLASSIC) or 0 for code in (SHOP, CORNER, STATION)) == [3, 3, 4]
    with desk.session() as session:
        assert session.get_one(Supply, (TOMORROW, CHINA)).supplied_packs == 12 * CARTON


def test_a_suspended_retailer_and_one_not_due_get_nothing(desk: World) -> None:
    desk.change_retailer(SHOP, status="suspended")
    desk.change_retailer(CORNER, order_weekday=3)
    allocate(desk, spec_supply(desk, CHINA, 9, "equal"))
    assert limit_of(desk, SHOP, CHINA) is None
    assert limit_of(desk, STATION, CHINA) == 9


def test_past_sales_say_who_gets_more(desk: World) -> None:
    desk.clock.move_to(datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI))
    for code, cartons in ((SHOP, 6), (STATION, 2)):
        desk.change_retailer(code, order_weekday=0)
        desk.allow_everything()
        with desk.desk() as at:
            retailer = at.retailer(code)
            assert retailer is not None
            at.open_draft(code, retailer, at.hotline(MAIN))
            at.draft(code).set_line(CHINA, cartons * CARTON)
            at.draft(code).confirm()
        desk.change_retailer(code, order_weekday=TOMORROW.weekday())
    allocate(desk, spec_supply(desk, CHINA, 12, "sales"), spec_supply(desk, CLASSIC, 4, "class"))
    assert [limit_of(desk, code, CHINA) for code in (SHOP, CORNER, STATION)] == [9, 0, 3]
    assert [limit_of(desk, code, CLASSIC) for code in (SHOP, CORNER, STATION)] == [3, 0, 1]


def test_a_dry_run_shows_what_would_change_and_changes_nothing(desk: World) -> None:
    assert allocate(desk, spec_supply(desk, CHINA, 12, "grade"), dry_run=True) == LimitsResult(3, 0, 0)
    assert limit_of(desk, SHOP, CHINA) is None
    with desk.session() as session:
        assert session.get(Supply, (TOMORROW, CHINA)) is None
        assert session.scalars(select(LimitBatch)).all() == []


def test_what_is_split_freely_gets_supply_and_no_limits(desk: World) -> None:
    allocate(desk, spec_supply(desk, CHINA, 12, "free"))
    assert limit_of(desk, SHOP, CHINA) is None
    with desk.session() as session:
        assert session.get_one(Supply, (TOMORROW, CHINA)).supplied_packs == 120


def test_supply_files_are_checked_row_by_row(desk: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "supply.csv",
        ("中华(硬)", 5, "grade", ""),
        ("中华(方)", 5, "grade", ""),
        ("泰山(望岳)", -1, "fairly", "x"),
        columns=("name", "cartons", "basis", "most"),
    )
    with pytest.raises(SheetError) as refused:
        read_supply(path, desk.catalog)
    assert [(p.row, p.column) for p in refused.value.problems] == [
        (3, "name"),
        (4, "cartons"),
        (4, "basis"),
        (4, "most"),
    ]


def test_the_commands_say_what_they_did_and_why_they_did_not(desk: World, tmp_path: Path) -> None:
    app = application_on(desk)

    def run(*args: object) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=[*map(str, args), "--day", "2026-11-24"])
        return result.exit_code, result.output

    desk.engage("manager", "operator")
    who = ("--by", "manager", "--why", "plan")
    supply = write(tmp_path / "supply.csv", ("中华(硬)", 12, "grade"), columns=("name", "cartons", "basis"))
    assert run("allocate", supply, *who, "--dry-run") == (
        0,
        "Supply of 中华(硬): none -> 12 cartons\n"
        f"Limit of {SHOP}, 中华(硬): none -> 2 cartons\n"
        f"Limit of {CORNER}, 中华(硬): none -> 4 cartons\n"
        f"Limit of {STATION}, 中华(硬): none -> 6 cartons\n"
        "Limits: 3 would be added, 0 would be changed, 0 unchanged.\n",
    )
    assert run("allocate", supply, *who) == (
        0,
        "Supply of 中华(硬): none -> 12 cartons\nLimits: 3 added, 0 changed, 0 unchanged.\n",
    )
    assert "this is for: manager, director" in run("allocate", supply, "--by", "operator", "--why", "plan")[1]
    fine_tuned = write(tmp_path / "limits.csv", (SHOP, "中华(硬)", 3))
    said = run("import-limits", fine_tuned, *who)[1]
    assert said.splitlines() == [
        "Limits: 0 added, 1 changed, 0 unchanged.",
        "Note: 中华(硬): limits of 13 cartons in all, and a supply of 12.",
    ]
    less = write(tmp_path / "less.csv", (STATION, "中华(硬)", 5))
    assert run("import-limits", less, *who) == (0, "Limits: 0 added, 1 changed, 0 unchanged.\n")
    for name in ("supply.csv", "supply.xlsx"):
        assert run("export-supply", tmp_path / name)[0] == 0
        assert run("allocate", tmp_path / name, *who, "--dry-run")[1].startswith("Limit of")
    with desk.session() as session:
        assert list(export_supply(session, desk.catalog, TOMORROW)) == [("中华(硬)", 12, "grade", "", "")]
    for name in ("out.csv", "out.xlsx"):
        assert run("export-limits", tmp_path / name)[0] == 0
        assert run("import-limits", tmp_path / name, *who)[1] == "Limits: 0 added, 0 changed, 3 unchanged.\n"
    desk.clock.move(hours=14)
    code, said = run("import-limits", write(tmp_path / "late.csv", (SHOP, "中华(硬)", 4)), *who)
    assert code == 1
    assert "locked since 07:50" in said
