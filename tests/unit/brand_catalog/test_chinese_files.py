"""Files in Chinese: an office that uses Excel writes its own headings and values, and is told by them what is wrong."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from openpyxl import load_workbook

from brand_catalog.sheet_words import in_chinese
from brand_catalog.sheet_writing import write_table, xlsx_bytes
from brand_catalog.sheets import SheetError, read_rows, read_sheet
from brand_catalog.workbook_writing import ROWS_MAX, TooManyRows, write_workbook
from console.file_errors import localised_heading, localised_reason


def sheet(folder: Path, text: str) -> Path:
    path = folder / "名单.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_headings_and_values_in_chinese_stand_for_the_english_ones(tmp_path: Path) -> None:
    path = sheet(
        tmp_path, "客户代码,品规,数量（条）,周期,分配方式,日期\n410502100012,中华(硬),２,隔周,平均,2026年1月5日\n"
    )
    [row] = read_sheet(path)
    assert row.text("customer_code") == "410502100012"
    assert (row.count("cartons"), row.one_of("cycle", ("weekly", "fortnightly"))) == (2, "fortnightly")
    assert (row.one_of("basis", ("equal",)), row.day("day")) == ("equal", date(2026, 1, 5))


def test_a_shops_name_is_the_name_in_a_list_of_shops_and_no_spec_elsewhere(tmp_path: Path) -> None:
    path = sheet(tmp_path, "客户代码,店名,品规\n410502100012,人民路店,中华(硬)\n")
    assert read_rows(path).columns == ["customer_code", "retailer", "name"]
    of_shops = sheet(tmp_path, "客户代码,客户名称\n410502100012,人民路店\n")
    assert read_rows(of_shops, names={"retailer": "name"}).columns == ["customer_code", "name"]


def test_two_headings_for_one_column_are_refused_as_they_stand_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(SheetError) as refused:
        read_sheet(sheet(tmp_path, "品规,品名\n中华(硬),中华(硬)\n"))
    [problem] = refused.value.problems
    assert problem.reason == "the heading 品名, 品规 occurs more than once"


def test_a_problem_names_row_column_and_reason_in_the_words_of_the_file(tmp_path: Path) -> None:
    table = read_sheet(sheet(tmp_path, "客户代码,周期\n410502100012,每年\n"))
    [row] = table
    assert row.one_of("cycle", ("weekly", "fortnightly", "monthly")) is None
    assert not table.require(("customer_code", "order_day"))
    wrong, missing = table.problems
    with Flask("pages").test_request_context():
        assert (wrong.row, wrong.column) == (2, "周期")
        assert localised_reason(wrong.reason) == "每年 不在 每周、每两周、每月 里"
        assert (localised_heading(missing.column), localised_reason(missing.reason)) == ("订货日", "没有这个列名")


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_what_is_written_in_chinese_is_read_again(tmp_path: Path, name: str) -> None:
    columns = ("customer_code", "name", "cycle", "balance", "phones")
    rows = [
        ("410502100012", "=1+1 <小&店> ", "weekly", "12.50", "+8613800000012"),
        ("007", "_x0041_", "monthly", "0", ""),
    ]
    headings, cells = in_chinese(columns, rows, {"name": "retailer"})
    assert headings == ["客户代码", "店名", "订货周期", "余额", "电话"]
    write_table(tmp_path / name, headings, cells)
    found = list(read_sheet(tmp_path / name, names={"retailer": "name"}))
    assert [row.text("name") for row in found] == ["=1+1 <小&店>", "_x0041_"]
    assert [row.one_of("cycle", ("weekly", "monthly")) for row in found] == ["weekly", "monthly"]
    assert [row.text("customer_code") for row in found] == ["410502100012", "007"]


def test_numbers_days_and_texts_are_cells_of_their_kind() -> None:
    row = ("=HYPERLINK(1)", 3, Decimal("2.50"), date(2026, 11, 23), True, None)
    content = xlsx_bytes("货/源", ["text", "count", "price", "day", "yes", "none"], [row])
    book = load_workbook(io.BytesIO(content))
    text, count, price, day, yes, none = next(book.worksheets[0].iter_rows(min_row=2, max_col=6))
    assert book.sheetnames == ["货源"]
    assert (text.value, text.data_type, text.quotePrefix) == ("=HYPERLINK(1)", "s", True)
    assert (count.value, price.value, yes.value, none.value) == (3, 2.5, True, None)
    assert day.value.date() == date(2026, 11, 23)


def test_more_rows_than_a_sheet_has_are_no_workbook() -> None:
    with pytest.raises(TooManyRows):
        write_workbook(io.BytesIO(), "limits", ["n"], ((number,) for number in range(ROWS_MAX)))
