"""Proxy orders come from the day's signed list only: three signatures, the retailer's own day, by two o'clock."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select

from clock import SHANGHAI
from orders.book.models import OrderRow
from orders.channels import proxy_list, proxy_scans
from orders.channels.models import ProxyEntry
from orders.channels.proxy_list import COLUMNS, ProxyListRefused
from tests.support.commands import run_command
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, STATION, World

TODAY = date(2026, 11, 23)
SIGNED = ("Zhang", "Li", "Wang")


def write(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def enter(world: World, path: Path, day: str = "2026-11-23") -> Result:
    world.engage("clerk")
    return run_command(world, "proxy-orders", path, "--day", day, "--by", "clerk")


def saved(world: World) -> list[tuple[str, int]]:
    with world.session() as session:
        return [(order.channel, order.total_packs) for order in session.scalars(select(OrderRow).order_by(OrderRow.id))]


def test_the_orders_on_a_signed_list_are_entered_once(world: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "list.csv",
        (SHOP, "中华(硬)", 2, *SIGNED),
        (SHOP, CLASSIC, 1, *SIGNED),
        (STATION, "中华(硬)", 30, *SIGNED),
    )
    assert enter(world, path).output == "Proxy orders in list.csv: 1 cut, 1 saved.\n"
    # The station requested more than its limit.
    assert saved(world) == [("proxy", 3 * CARTON), ("proxy", 20 * CARTON)]
    assert enter(world, path).output == "Proxy orders in list.csv: 2 entered before.\n"
    with world.session() as session:
        entry = session.scalars(select(ProxyEntry).where(ProxyEntry.customer_code == SHOP)).one()
        assert (entry.retailer_signed, entry.department_head_signed, entry.deputy_manager_signed) == SIGNED
        assert (entry.packs, entry.listed_by) == ({CHINA: 2 * CARTON, CLASSIC: CARTON}, "the clerk")
    world.check_books()


@pytest.mark.parametrize("missing", range(3))
def test_a_list_with_a_signature_missing_is_refused_whole(world: World, tmp_path: Path, missing: int) -> None:
    signed = [name if place != missing else "" for place, name in enumerate(SIGNED)]
    path = write(tmp_path / "list.csv", (STATION, "中华(硬)", 1, *SIGNED), (SHOP, "中华(硬)", 2, *signed))
    result = enter(world, path)
    assert result.exit_code == 1
    assert f"list.csv, row 3, column {COLUMNS[3 + missing]}: the signature is missing" in result.output
    assert saved(world) == []


def test_what_is_wrong_in_a_list_is_named_and_nothing_is_ordered(world: World, tmp_path: Path) -> None:
    path = write(
        tmp_path / "list.csv",
        (CORNER, "中华(硬)", 1, *SIGNED),
        ("410502199999", "中华(硬)", 1, *SIGNED),
        (SHOP, "中华(方)", 0, *SIGNED),
        (SHOP, "中华(硬)", 1, *SIGNED),
        (SHOP, "中华(硬)", 1, "Zhang", "Li", "Zhao"),
        (STATION, "中华(硬)", 1, *SIGNED),
    )
    output = enter(world, path).output
    for problem in (
        f"row 2, column customer_code: 2026-11-23 is not the order day of {CORNER}",
        "row 3, column customer_code: there is no retailer '410502199999'",
        "row 4, column name",
        "row 4, column cartons",
        "row 6, column retailer_signed",
        "row 6, column name",
    ):
        assert problem in output
    assert saved(world) == []


def test_three_different_people_sign_and_who_lists_does_not_approve(world: World, tmp_path: Path) -> None:
    output = enter(
        world,
        write(
            tmp_path / "list.csv",
            (SHOP, "中华(硬)", 1, "Zhang", "Li", "Li"),
            (STATION, "中华(硬)", 1, "Zhang", "Zhang", "Wang"),
            (CORNER, "中华(硬)", 1, "Zhang", "The  Clerk", "Wang"),
        ),
    ).output
    for problem in (
        "row 2, column deputy_manager_signed: Li has signed already: three different people sign",
        "row 3, column department_head_signed: Zhang has signed already",
        "row 4, column department_head_signed: The  Clerk lists the orders, and cannot approve them as well",
    ):
        assert problem in output
    assert saved(world) == []


def test_the_scan_of_a_list_is_kept_with_it(world: World, tmp_path: Path) -> None:
    world.engage("clerk")
    path, scan = write(tmp_path / "list.csv", (SHOP, "中华(硬)", 1, *SIGNED)), tmp_path / "signed.pdf"
    arguments = ("proxy-orders", path, "--day", "2026-11-23", "--scan", scan, "--by", "clerk")
    scan.write_bytes(b"MZ something else")
    refused = run_command(world, *arguments)
    assert "signed.pdf is no PDF, JPEG or PNG file" in refused.output
    assert saved(world) == []
    scan.write_bytes(b"%PDF-1.7 signed by three")
    for _ in range(2):
        assert run_command(world, *arguments).exit_code == 0
    with world.session() as session:
        [kept] = proxy_scans.scans_of(session, TODAY)
        assert (kept.file_name, kept.media_type, kept.kept_by) == ("signed.pdf", "application/pdf", "the clerk")


def test_a_list_is_taken_until_two_o_clock(world: World, tmp_path: Path) -> None:
    world.clock.move_to(datetime(2026, 11, 23, 13, 59, tzinfo=SHANGHAI))
    in_time = write(tmp_path / "in_time.csv", (SHOP, "中华(硬)", 1, *SIGNED))
    assert enter(world, in_time).exit_code == 0
    world.clock.move(minutes=1)
    late = enter(world, write(tmp_path / "late.csv", (STATION, "中华(硬)", 1, *SIGNED)))
    assert "from 00:00 to 14:00 of that day; it is 2026-11-23 14:00" in late.output
    # A list entered in time may still be uploaded again.
    assert enter(world, in_time).output == "Proxy orders in in_time.csv: 1 entered before.\n"


def test_a_list_cannot_be_taken_for_another_day(world: World, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", (CORNER, "中华(硬)", 1, *SIGNED))
    assert "The signed list of 2026-11-24" in enter(world, path, day="2026-11-24").output


def test_an_interrupted_list_is_entered_later_as_of_when_it_was_listed(world: World, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", (SHOP, "中华(硬)", 1, *SIGNED))
    world.clock.move_to(datetime(2026, 11, 23, 13, 59, tzinfo=SHANGHAI))
    with world.session() as session:
        listed = proxy_list.read_list(session, path, world.catalog, TODAY, by="a clerk")
        proxy_list.store_list(session, listed, TODAY, by="a clerk", source=path.name, now=world.clock())
    world.clock.move(minutes=10)
    assert enter(world, path).output == "Proxy orders in list.csv: 1 saved.\n"
    world.check_books()


def test_quantities_on_the_list_are_not_changed_by_a_second_one(world: World, tmp_path: Path) -> None:
    enter(world, write(tmp_path / "list.csv", (SHOP, "中华(硬)", 1, *SIGNED)))
    second = enter(world, write(tmp_path / "list.csv", (SHOP, "中华(硬)", 2, *SIGNED)))
    assert "is on the list of 2026-11-23 already, with other quantities" in second.output
    assert saved(world) == [("proxy", CARTON)]


def test_who_is_not_on_the_list_gets_no_proxy_order(world: World) -> None:
    with pytest.raises(ProxyListRefused, match="not on the signed list"), world.session() as session:
        proxy_list.enter_listed(session, world.catalog, TODAY, SHOP, world.clock(), by="the clerk")


def test_who_ordered_already_is_told_and_gets_no_second_order(world: World, tmp_path: Path) -> None:
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, CARTON)
        desk.draft("call").confirm()
    result = enter(world, write(tmp_path / "list.csv", (SHOP, "中华(硬)", 1, *SIGNED)))
    assert f"{SHOP}: not entered (already_ordered)" in result.output
    assert saved(world) == [("phone", CARTON)]
    world.check_books()
