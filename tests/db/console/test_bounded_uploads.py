"""Every page that takes a file refuses one out of bounds in Chinese and changes nothing; so does every command."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage import Base, read_only
from tests.support.commands import run_command
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import World
from tests.support.workbook_bombs import DOCTYPE, MAIN, SHEET, STRINGS, sheet_xml, text_row, with_part

PAGES = {
    "/retailers/import": {"apply": "1", "why": "试试"},
    "/supply/import": {"apply": "1", "why": "试试", "kind": "supply", "day": "2026-11-24"},
    "/catalog/import": {"apply": "1", "why": "试试"},
    "/proxy": {"apply": "1"},
    "/deliveries/import": {},
    "/day-end/balances": {},
    "/day-end/answer": {"rule": "hold"},
}
FILES = {
    "结构不对": ("list.xlsx", with_part(STRINGS, f'{DOCTYPE}<sst xmlns="{MAIN}"><si><t>&l9;</t></si></sst>')),
    "单元格超过 32767 个字": ("list.xlsx", with_part(SHEET, sheet_xml(text_row(1, "长" * 40_000)))),
    "解开后超过 100 兆字节": ("list.xlsx", with_part("xl/media/image1.png", bytes(110_000_000))),
    "有一行超过 64000 个字": ("list.csv", b"name," + b"a" * 70_000),
    "超过 100 列": ("list.csv", ",".join(f"c{number}" for number in range(101)).encode()),
    "这不是 XLSX 文件": ("list.xlsx", b"PK\x03\x04 nothing else"),
}


def counts(world: World) -> dict[str, int]:
    with read_only(world.sessions) as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_a_page_says_in_chinese_what_is_wrong_and_changes_nothing(world: World, signed_in: SignedIn) -> None:
    """Each page with the files of one who may use it; between them, the two may use all."""
    refused = set()
    for login in ("director", "clerk"):
        visitor = signed_in(login)
        before = counts(world)
        for page in PAGES:
            for sentence, (name, content) in FILES.items():
                form = {**PAGES[page], "csrf_token": visitor.token()}
                answer = visitor.client.post(
                    page,
                    data={**form, "file": (io.BytesIO(content), name)},
                    content_type="multipart/form-data",
                    headers={"HX-Request": "true"},
                )
                if answer.status_code == 403:
                    continue
                refused.add(page)
                assert answer.status_code == 422, (page, sentence)
                assert sentence in answer.get_data(as_text=True), (page, sentence)
        assert counts(world) == before
    assert refused == set(PAGES)


@pytest.mark.parametrize("number", ["1e1000000", "9" * 5_000, "1e7", "１e9"])
def test_a_figure_without_end_is_refused_by_the_page_of_supply(world: World, visitor: Visitor, number: str) -> None:
    visitor.sign_in("director")
    before = counts(world)
    content = f"name,cartons,basis\n中华(硬),{number},equal\n".encode()
    answer = visitor.client.post(
        "/supply/import",
        data={**PAGES["/supply/import"], "csrf_token": visitor.token(), "file": (io.BytesIO(content), "list.csv")},
        content_type="multipart/form-data",
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 422
    assert counts(world) == before


def test_a_command_refuses_the_same_file_with_the_same_reason(world: World, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(FILES["超过 100 列"][1])
    result = run_command(world, "import-catalog", path)
    assert result.exit_code != 0
    assert "has more than 100 columns" in result.output
