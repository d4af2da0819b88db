"""A file that would fill the memory or hold up the process is refused with a sentence, and read no further."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brand_catalog.sheets import (
    CELL_MAX_CHARS,
    COLUMNS_MAX,
    FEN_MAX,
    FIGURE_MAX,
    ROWS_MAX,
    Sheet,
    SheetError,
    read_sheet,
)
from console.file_errors import localised_reason
from tests.support.workbook_bombs import HEAD, SHEET, WORKBOOK, sheet_xml, text_row, with_part


def chinese(reason: str) -> str:
    """The reason as a page shows it."""
    with Flask("pages").test_request_context():
        return localised_reason(reason)


@pytest.mark.parametrize("place", ["XFD200", "CV40000", "B1048576"])
def test_a_stray_cell_far_away_is_read_as_any_other(tmp_path: Path, place: str) -> None:
    row = re.sub("[A-Z]", "", place)
    stray = f'<row r="{row}"><c r="{place}"><v>1</v></c></row>'
    path = tmp_path / "list.xlsx"
    path.write_bytes(with_part(SHEET, sheet_xml(HEAD + text_row(2, "中华(硬)", "5") + stray)))
    first, *_ = list(read_sheet(path))
    assert (first.number, first.cells) == (2, {"name": "中华(硬)", "cartons": "5"})


@pytest.mark.parametrize(
    ("rows", "cells"),
    [
        ('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>', None),
        ('<row r="2"><c r="A2" t="s"><v>99</v></c></row>', None),
        ('<row r="2"><c r="A2"><v>' + "9" * 5_000 + "</v></c></row>", "inf"),
        ('<row r="2"><c r="A2" s="77777"><v>1</v></c></row>', None),
        ('<row r="x"><c r="1"><v>1</v></c></row>', None),
        ('<row r="2"><c r="A2"><v>1e1000000</v></c></row>', "inf"),
    ],
)
def test_broken_cells_are_read_or_refused(tmp_path: Path, rows: str, cells: str | None) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(with_part(SHEET, sheet_xml(HEAD + rows)))
    try:
        found = [row.text("name") for row in read_sheet(path)]
    except SheetError as refused:
        found = [problem.reason for problem in refused.problems]
    assert found in ([], ["1"], [cells], ["this is not an XLSX file"])


CSV_BOMBS = {
    "a line without end": ("name,cartons\n" + "a" * 3_000_000, "the file has a line of more than"),
    "commas without end": ("name,cartons\n" + "," * 3_000_000, "the file has a line of more than"),
    "a quote never closed": ('name,cartons\n"' + "a\n" * 3_000_000, "this is not a CSV file"),
    "too many rows": ("name,cartons\n" + "a,1\n" * (ROWS_MAX + 1), "the file has more than 200000 rows"),
    "too many columns": (",".join(f"c{n}" for n in range(COLUMNS_MAX + 1)), "the file has more than 100 columns"),
    "a cell too long": ("name,cartons\n" + "长" * (CELL_MAX_CHARS + 1) + ",1\n", "is longer than 1000 characters"),
    "a bell": ("name,cartons\n中华\x07(硬),1\n", "has control characters"),
    "text turned round": ("name,cartons\n\u202e(硬)华中,1\n", "has control characters"),
}


@pytest.mark.parametrize("name", CSV_BOMBS)
def test_a_csv_out_of_bounds_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = CSV_BOMBS[name]
    path = tmp_path / "list.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SheetError) as refused:
        read_sheet(path)
    [problem] = refused.value.problems
    assert problem.reason.startswith(sentence)
    assert re.search("[一-鿿]", chinese(problem.reason))


def test_a_name_broken_over_two_lines_or_with_invisible_characters_is_the_name(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('name,cartons\n"\ufeff建设路\n便民\u200b超市　",5\n', encoding="utf-8")
    [row] = read_sheet(path)
    assert row.text("name") == "建设路 便民超市"


def one_cell(text: str) -> tuple[int | None, int | None, Sheet]:
    sheet = Sheet("list.csv", ["figure"], [(2, {"figure": text})])
    [row] = sheet
    return row.count("figure"), row.fen("figure"), sheet


@pytest.mark.parametrize(
    "text", ["1e1000000", "-1e1000000", "1e-1000000", "9" * 900, "1e7", "inf", "nan", "0x10", "٣e9"]
)
def test_a_number_that_cannot_be_meant_is_refused(text: str) -> None:
    count, fen, sheet = one_cell(text)
    assert count is None
    assert fen is None or fen <= FEN_MAX
    assert all(re.search("[一-鿿]", chinese(problem.reason)) for problem in sheet.problems)


@given(st.from_regex(r"[-+]?[0-9]{1,40}(\.[0-9]{0,40})?(e[-+]?[0-9]{1,9})?", fullmatch=True) | st.text(max_size=30))
@settings(max_examples=200)
def test_every_number_read_fits_its_column(text: str) -> None:
    count, fen, _ = one_cell(text)
    assert count is None or 1 <= count <= FIGURE_MAX
    assert fen is None or 1 <= fen <= FEN_MAX


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_with_a_sentence_or_read(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "list.xlsx"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        list(read_sheet(path))
    except SheetError as refused:
        seen = chinese(refused.problems[0].reason)
        assert re.search("[一-鿿]", seen), seen
