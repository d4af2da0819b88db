"""One rule for every text that comes in, by pages, files, commands and the carrier: no control characters, and no more
than its column holds. What was stored before there was the rule makes neither markup nor a file invalid."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import String, inspect, select, text
from sqlalchemy.orm import DeclarativeBase

import app
from brand_catalog.sheet_writing import xlsx_bytes
from ivr.instructions import EndCall
from ivr.twilio.twiml import SAY_MAX_CHARS, Twiml
from orders.demo.demo_staff import seed_demo_staff
from orders.models import HotlineRow
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from plain_text import UnfitText, check_text, printable
from settings import Settings
from storage import Base, migrate, open_engine, open_sessions, read_only, transaction
from tests.support.commands import run_command
from tests.support.console_client import Visitor
from tests.support.desk_world import World

UNFIT = ("\x00", "\x07", "\x1b[31m", "\x0b", "\x7f", "\u202e", "\ufffe", "\ud800")


def text_columns() -> Iterator[tuple[type[DeclarativeBase], str, int | None]]:
    # In one order in every process: the mappers are a set.
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__):
        for attribute in mapper.column_attrs:
            if isinstance(column := attribute.columns[0].type, String):
                yield mapper.class_, attribute.key, column.length


# The application imports every table there is.
assert app.create_app
COLUMNS = list(text_columns())


@pytest.mark.parametrize(
    ("table", "key", "most"), COLUMNS, ids=[f"{table.__name__}.{key}" for table, key, _ in COLUMNS]
)
def test_every_text_of_every_table_is_checked(table: type[DeclarativeBase], key: str, most: int | None) -> None:
    row = table()
    for unfit in UNFIT:
        with pytest.raises(UnfitText):
            setattr(row, key, f"订{unfit}货")
    if most is not None:
        with pytest.raises(UnfitText):
            setattr(row, key, "长" * (most + 1))
        setattr(row, key, "长" * most)
    assert inspect(row).mapper.class_ is table


@pytest.mark.parametrize("fit", ["建设路便民超市", "a\tb\r\nc", "㐀𠮷😀", "é", "　"])
def test_what_people_write_is_fit(fit: str) -> None:
    check_text(fit)
    assert printable(fit) == fit


HOTLINE = {
    "name": "安阳烟草",
    "seat": "8",
    "kind": "regular",
    "opens": "08:00",
    "closes": "17:30",
    "regions": "",
    "missed_callers": "tell",
    "why": "试试",
}


def test_a_page_refuses_control_characters_in_any_field(visitor: Visitor) -> None:
    visitor.sign_in("director")
    number = "+8637255551234"
    for field in ("name", "seat", "regions", "why", "number"):
        for unfit in UNFIT[:-1]:
            answer = visitor.post("/hotlines/new", **HOTLINE | {"number": number, field: f"东{unfit}区"})
            assert answer.status_code == 422
            assert "控制字符" in answer.get_data(as_text=True)
    assert number not in visitor.get("/hotlines").get_data(as_text=True)


def test_an_address_with_control_characters_or_an_endless_number_is_no_error_of_ours(visitor: Visitor) -> None:
    visitor.sign_in("director")
    for address in ("/retailers/%00", "/retailers?q=%00", "/hotlines/%1b", "/orders/99999999999999999999", "/orders/٣"):
        assert visitor.get(address).status_code in (404, 422)


def test_a_hotline_and_a_retailer_named_before_the_rule_are_said_and_exported(
    world: World, visitor: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    """The markup stays valid, and so does the file."""
    with transaction(world.sessions) as session:
        # PostgreSQL itself has always refused NUL and what is too long for the column.
        long = "\x00" + "长" * 5_000 if session.get_bind().dialect.name == "sqlite" else "长长"
        session.execute(text("UPDATE retailers SET name = :name"), {"name": f"便民\x07超市{long}"})
        session.execute(text("UPDATE hotlines SET name = :name"), {"name": "烟草\x1b公司"})
    with read_only(world.sessions) as session:
        names = [*session.scalars(select(RetailerRow.name)), *session.scalars(select(HotlineRow.name))]
    document = Twiml(Settings(demo=True)).render(EndCall(tuple(names)))
    said = [say.text or "" for say in ElementTree.fromstring(document).iter("Say")]
    assert "".join(said) == "".join(map(printable, names))
    assert max(map(len, said)) <= SAY_MAX_CHARS
    visitor.sign_in("director")
    file = visitor.get("/retailers/export?kind=xlsx")
    assert file.status_code == 200
    sheet = load_workbook(io.BytesIO(file.data)).active
    assert sheet is not None
    assert str(sheet["B2"].value).startswith("便民超市长")


def test_a_file_holds_any_text() -> None:
    content = xlsx_bytes("表", ["name"], [["\x00\x1b"], ["长" * 40_000], ["\ud800"]])
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert sheet["A2"].value in ("", None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create-staff", "wang", "--name", "王\x07", "--role", "operator", "--password", "a-long-password"),
        ("create-staff", "wang", "--name", "王" * 41, "--role", "operator", "--password", "a-long-password"),
        (
            "create-staff",
            "wang",
            "--name",
            "王",
            "--seat",
            "1" * 11,
            "--role",
            "operator",
            "--password",
            "a-long-password",
        ),
        ("web-orders", "new-sender", "web\x1b", "--channel", "web", "--by", "director"),
    ],
)
def test_a_command_refuses_it_with_a_sentence_and_changes_nothing(world: World, arguments: tuple[str, ...]) -> None:
    with transaction(world.sessions) as session:
        seed_demo_staff(session, world.clock())
    before = run_command(world, "list-staff").output
    result = run_command(world, *arguments)
    assert result.exit_code not in (0, None)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert run_command(world, "list-staff").output == before


def test_names_from_before_the_rule_are_mended_by_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    migrate(url, "0032")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO staff (login, name, role, seat, password_hash, active, created_at)"
                " VALUES ('a', :a, 'operator', '', '', 1, :now), ('b', :b, 'operator', '', '', 1, :now),"
                " ('c', :c, 'operator', '', '', 1, :now)"
            ),
            {"a": "王\x07芳", "b": "王芳", "c": "长" * 50, "now": "2026-11-23 00:00:00"},
        )
    migrate(url)
    with read_only(open_sessions(engine)) as session:
        names = dict(session.execute(select(StaffRow.login, StaffRow.name)).all())
    engine.dispose()
    assert names == {"a": "王芳 1", "b": "王芳", "c": "长" * 39 + "…"}
    for name in names.values():
        check_text(name, 40)
