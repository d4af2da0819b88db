"""A catalogue file is read whole or not at all, and its mistakes are listed row by row."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from openpyxl import Workbook

import brand_catalog
from brand_catalog.catalog import SpokenName
from brand_catalog.importing import (
    CATALOG_COLUMNS,
    CatalogFileError,
    examine_catalog_file,
    read_catalog_file,
)
from speech.grammars.vocabulary import Vocabulary
from tests.support.catalog_files import GOOD, OTHER, CatalogFolder

DEMO = Path(brand_catalog.__file__).parent / "demo"


@pytest.fixture
def write(tmp_path: Path) -> CatalogFolder:
    return CatalogFolder(tmp_path)


def problems(path: Path, aliases: Path | None = None) -> list[tuple[str, int, str, str]]:
    with pytest.raises(CatalogFileError) as refused:
        read_catalog_file(path, aliases)
    return [(p.file, p.row, p.column, p.reason) for p in refused.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_the_encodings_spreadsheets_write(write: CatalogFolder, encoding: str) -> None:
    catalog = read_catalog_file(write(GOOD, OTHER, encoding=encoding))
    spec = catalog.specs["6901028075831"]
    assert (spec.name, spec.wholesale_fen, spec.retail_fen, spec.wholesale_estimated) == (
        "中华(硬)",
        38160,
        45000,
        False,
    )
    assert [spec.short_code for spec in catalog.specs.values()] == ["101", "102"]


def test_an_xlsx_says_the_same_as_the_csv(write: CatalogFolder, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(GOOD))
    for row in (GOOD, OTHER):
        numbers = {"wholesale_per_carton": 381.6, "carton_barcode": float(row["carton_barcode"]), "price_band": 3.0}
        sheet.append([numbers.get(column, value) for column, value in row.items()])
    book.save(tmp_path / "catalog.xlsx")
    assert read_catalog_file(tmp_path / "catalog.xlsx") == read_catalog_file(write(GOOD, OTHER))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("name", "", "is empty"),
        ("name", "()", "nothing in it that could be said"),
        ("carton_barcode", "69010280758", "not a barcode of 13 digits"),
        ("carton_barcode", "6901028075832", "wrong check digit: 2 instead of 1"),
        ("box_barcode", "1234567890123", "wrong check digit"),
        ("packs_per_carton", "0", "less than 1"),
        ("packs_per_carton", "2.5", "not a whole number"),
        ("cartons_per_case", "fifty", "not a whole number"),
        ("wholesale_per_carton", "381.605", "parts of a fen"),
        ("wholesale_per_carton", "-1", "less than"),
        ("wholesale_per_carton", "nan", "not an amount"),
        ("retail_per_carton", "", "is empty"),
        ("wholesale_source", "a guess", "neither known nor estimated"),
        ("price_band", "high", "not a whole number"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row_and_column(
    write: CatalogFolder, column: str, value: str, reason: str
) -> None:
    [(file, row, where, why)] = problems(write(OTHER, {**GOOD, column: value}))
    assert (file, row, where) == ("catalog.csv", 3, column)
    assert reason in why


def test_everything_that_is_wrong_is_said_at_once(write: CatalogFolder) -> None:
    found = problems(write({**GOOD, "price_band": "x", "name": ""}, {**OTHER, "packs_per_carton": ""}))
    assert [(row, column) for _, row, column, _ in found] == [(2, "name"), (2, "price_band"), (3, "packs_per_carton")]


def test_a_name_or_barcode_may_stand_in_one_row_only(write: CatalogFolder) -> None:
    found = problems(write(GOOD, OTHER, GOOD))
    assert [(row, column) for _, row, column, _ in found] == [(4, "name"), (4, "carton_barcode")]
    assert all("row 2 already" in reason for *_, reason in found)


def test_a_missing_heading_is_named(write: CatalogFolder) -> None:
    row = {column: value for column, value in GOOD.items() if column != "price_band"}
    assert problems(write(row)) == [("catalog.csv", 1, "price_band", "the heading is missing")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00\x81", "neither UTF-8 nor GB18030"),
        (b"name,brand\n\x00,", "not a CSV"),
        (b'name,brand\n"open,', "not a CSV"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "catalog.csv"
    path.write_bytes(content)
    [(_, row, _, why)] = problems(path)
    assert row == 0
    assert reason in why


def test_a_workbook_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "catalog.xlsx"
    path.write_bytes(b"not a workbook")
    assert "not an XLSX file" in problems(path)[0][3]


def test_aliases_of_specs_that_are_not_there_are_left_out_with_a_warning(write: CatalogFolder) -> None:
    aliases = write(
        {"alias": "华子", "target": "中华", "kind": "brand-ambiguous"},
        {"alias": "硬中", "target": "中华(硬)|中华(金)", "kind": "spec"},
        {"alias": "金中", "target": "中华(金)", "kind": "spec"},
        name="aliases.csv",
    )
    reading = examine_catalog_file(write(GOOD, OTHER), aliases)
    names = {name.text: name for name in reading.catalog.spoken_names}
    assert names["华子"].barcodes == ("6901028075831", "6901028075015")
    assert names["硬中"].barcodes == ("6901028075831",)
    assert "金中" not in names
    assert [(w.row, w.column) for w in reading.warnings] == [(3, "target"), (4, "target")]


def test_a_wrong_alias_refuses_the_catalogue(write: CatalogFolder) -> None:
    aliases = write({"alias": "硬中", "target": "中华(硬)", "kind": "nickname"}, name="aliases.csv")
    assert [(p[0], p[1], p[2]) for p in problems(write(GOOD), aliases)] == [("aliases.csv", 2, "kind")]


def test_a_name_that_can_never_be_heard_refuses_the_catalogue(write: CatalogFolder) -> None:
    with pytest.raises(CatalogFileError) as refused:
        read_catalog_file(write(OTHER, GOOD), None, lambda name: "no such word" if name.text == "中华硬" else None)
    [problem] = refused.value.problems
    assert (problem.row, problem.column) == (3, "name")
    assert "no such word" in problem.reason


def test_names_are_checked_against_the_words_of_the_speech_model() -> None:
    check = Vocabulary(lambda word: word in ("中", "滑")).unsayable_reason

    def named(text: str, pinyin: str | None = None) -> SpokenName:
        return SpokenName(text, ("6901028075831",), "spec", pinyin)

    assert check(named("中华")) is None, "a homophone does"
    assert "cannot be heard" in str(check(named("中国")))
    assert check(named("中国", "zhong1 hua2")) is None, "what counts is how it is read"


def test_the_shipped_demo_catalogue_is_without_fault() -> None:
    reading = examine_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv")
    assert len(reading.catalog.specs) >= 150
    assert reading.warnings == ()


def test_the_columns_that_are_required_are_those_of_the_shipped_catalogue() -> None:
    with (DEMO / "catalog.csv").open(encoding="utf-8") as file:
        assert set(CATALOG_COLUMNS) <= set(next(csv.reader(file)))
