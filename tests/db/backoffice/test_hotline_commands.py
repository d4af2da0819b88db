"""The order department's commands for the line: retailers, hotlines, channel hours and days off."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select

from brand_catalog.sheets import SheetError
from clock import SHANGHAI
from orders.book.eligibility import terms_of_channel
from orders.retailers.importing import RetailersImported, import_retailers
from orders.retailers.models import RetailerRow
from orders.windows import next_order_day
from tests.support.commands import run_command
from tests.support.desk_world import CORNER, MAIN, PIN, SHOP, World

NEW = "410502200077"
COLUMNS = ("customer_code", "name", "cycle", "order_day", "status", "grade", "balance", "phones", "pin", "route")


def write(path: Path, *rows: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def retailer(world: World, code: str) -> RetailerRow:
    with world.session() as session:
        return session.scalars(select(RetailerRow).where(RetailerRow.customer_code == code)).one()


def run(world: World, *args: object) -> Result:
    return run_command(world, *args, "--by", "leader", "--why", "as agreed")


def test_retailers_are_added_and_changed_and_who_is_not_named_stays(world: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "retailers.csv",
        (
            NEW,
            "新店",
            "fortnightly",
            "2026-12-01",
            "",
            "7",
            "120.50",
            "+8613900000077|+8637255551111",
            "7294",
            "西一线",
        ),
        (SHOP, "老店", "monthly", "2026-12-08", "suspended", "", "", "", "", ""),
    )
    done = import_retailers(world.sessions, path, by="a clerk", why="as agreed", now=world.clock())
    assert done == RetailersImported(added=1, changed=1)
    new, shop = retailer(world, NEW), retailer(world, SHOP)
    assert (new.name, new.grade, new.balance_fen, new.route) == ("新店", 7, 120_50, "西一线")
    assert next_order_day(new, date(2026, 11, 23)) == date(2026, 12, 1)
    assert next_order_day(new, date(2026, 12, 1)) == date(2026, 12, 15)
    assert (shop.name, shop.status, shop.balance_fen) == ("老店", "suspended", 1_000_00)
    assert next_order_day(shop, date(2026, 11, 23)) == date(2026, 12, 8)
    with world.desk() as desk:
        assert desk.verify_pin(NEW, "7294", "+8613900000077").ok
        assert desk.verify_pin(SHOP, PIN, "+8613900000077").ok, "a PIN that is not in the file stays"
        by_phone = desk.retailer_by_phone("+8637255551111")
        kept = desk.retailer_by_phone("+8613800000012")
    assert by_phone is not None
    assert by_phone.customer_code == NEW
    assert kept is not None
    assert retailer(world, CORNER).name == "店29"


def test_what_is_wrong_with_retailers_is_named_and_none_is_changed(world: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "retailers.csv",
        ("410502300077", "新店", "weekly", "2026-12-01", "", "", "", "", "", ""),
        (NEW, "", "daily", "2026-13-01", "gone", "x", "-1", "110", "12", ""),
        (CORNER, "改名", "monthly", "2026-11-30", "", "", "", "+8613800000012", "", ""),
    )
    with pytest.raises(SheetError) as refused:
        import_retailers(world.sessions, path, by="a clerk", why="as agreed", now=world.clock())
    assert [(p.row, p.column) for p in refused.value.problems] == [
        (2, "customer_code"),
        (3, "phones"),
        (3, "pin"),
        (3, "name"),
        (3, "cycle"),
        (3, "order_day"),
        (3, "status"),
        (3, "grade"),
        (3, "balance"),
        (4, "phones"),
        (4, "order_day"),
    ]
    assert retailer(world, CORNER).name == "店29"


def test_a_hotline_is_set_up_with_its_hours_and_regions(world: World) -> None:
    world.engage("leader")
    said = run(
        world, "hotline", "+865933333", "--name", "铜仁", "--seat", "9", "--kind", "supplementary",
        "--opens", "08:00", "--closes", "17:30", "--region", "东区", "--region", "西区",
    )  # fmt: skip
    assert said.output == "+865933333 takes supplementary orders.\n"
    with world.desk() as desk:
        line = desk.hotline("+865933333")
    assert (line.kind, line.name, line.regions) == ("supplementary", "铜仁", (("1", "东区"), ("2", "西区")))
    assert run(world, "hotline", MAIN, "--name", "安阳", "--seat", "1", "--opens", "9:00").exit_code == 2
    assert run(world, "hotline", MAIN, "--name", "安阳", "--seat", "1", "--opens", "09:00").exit_code == 0
    world.clock.move_to(datetime(2026, 11, 23, 8, 59, tzinfo=SHANGHAI))
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        assert desk.eligibility(shop, desk.hotline(MAIN)).reason == "closed"


def test_the_mobile_channel_opens_on_the_evening_before(world: World) -> None:
    world.engage("leader")
    set_hours = ("channel-hours", "mobile", "--opens", "19:00", "--closes", "12:00")
    assert "has to close after it opens" in run(world, *set_hours).output
    assert run(world, *set_hours, "--evening-before").exit_code == 0
    with world.session() as session:
        window = terms_of_channel(session, "mobile").window
    assert window.day_at(datetime(2026, 11, 22, 19, 0, tzinfo=SHANGHAI)) == date(2026, 11, 23)


def test_a_day_off_is_set_and_taken_back(world: World) -> None:
    world.engage("leader")
    assert run(world, "calendar-day", "2026-11-23").exit_code == 2
    assert run(world, "calendar-day", "2026-11-23", "--closed").exit_code == 0
    with world.desk() as desk:
        assert not desk.calendar.is_open(date(2026, 11, 23))
    assert run(world, "calendar-day", "2026-11-23", "--open").output == "2026-11-23 is open.\n"
    with world.desk() as desk:
        assert desk.calendar.is_open(date(2026, 11, 23))
