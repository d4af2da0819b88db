"""Workbooks that would fill the memory or hold up the process that reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from openpyxl import Workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPE = f'<!DOCTYPE w [<!ENTITY l0 "哈哈">{LAUGHS}]>'


def workbook() -> bytes:
    """A small list as a spreadsheet program saves it."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["name", "cartons"])
    sheet.append(["中华(硬)", 5])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


WORKBOOK = workbook()


def with_part(name: str, content: str | bytes) -> bytes:
    """The small list with one part of the file replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return file.getvalue()


def sheet_xml(rows: str, before: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def text_row(number: int, *texts: str) -> str:
    cells = "".join(
        f'<c r="{"AB"[at]}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for at, text in enumerate(texts)
    )
    return f'<row r="{number}">{cells}</row>'


HEAD = text_row(1, "name", "cartons")


def many_sheets() -> bytes:
    book = Workbook()
    for number in range(150):
        book.create_sheet(f"第{number}张")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def shared_strings() -> bytes:
    return with_part(STRINGS, f'<sst xmlns="{MAIN}">{"<si><t/></si>" * 60_000}</sst>')


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a part of zeros": (lambda: with_part("xl/media/image1.png", bytes(110_000_000)), "the workbook unpacks to more"),
    "shared strings": (shared_strings, "the workbook has too many cells"),
    "styles": (
        lambda: with_part("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{"<xf/>" * 110_000}</styleSheet>'),
        "the workbook has too many cells",
    ),
    "entities in a sheet": (lambda: with_part(SHEET, sheet_xml(text_row(1, "&l9;"), DOCTYPE)), "the workbook defines"),
    "entities in its strings": (
        lambda: with_part(STRINGS, f'{DOCTYPE}<sst xmlns="{MAIN}"><si><t>&l9;</t></si></sst>'),
        "the workbook defines entities",
    ),
    "entities in UTF-16": (
        lambda: with_part(BOOK, f'<?xml version="1.0" encoding="UTF-16"?>{DOCTYPE}<w>&l9;</w>'.encode("utf-16")),
        "the workbook defines entities",
    ),
    "150 sheets": (many_sheets, "the workbook has more than"),
    "a thousand parts": (lambda: many_parts(1_000), "the workbook has more than"),
    "a row without end": (
        lambda: with_part(SHEET, sheet_xml(f"{HEAD}<row>{'<c/>' * 30_000}</row>")),
        "the workbook has a row of too many cells",
    ),
    "rows within a row": (
        lambda: with_part(SHEET, sheet_xml(f"<row>{'<row></row><c/>' * 10_000}</row>")),
        "the workbook is built as no",
    ),
    "a cell without end": (
        lambda: with_part(SHEET, sheet_xml(text_row(1, "长" * 1_000_000))),
        "a cell has more than",
    ),
    "cells far apart": (
        lambda: with_part(SHEET, sheet_xml(f'{HEAD}<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
        "the workbook has something in row 1048576, column 16384",
    ),
    "one long text in every cell": (lambda: repeated_text(2_000), "the workbook has too much text in its cells"),
    "a column of four letters": (
        lambda: with_part(SHEET, sheet_xml(f'{HEAD}<row r="2"><c r="AAAA2"><v>1</v></c></row>')),
        "the workbook is built as no",
    ),
}


def repeated_text(rows: int) -> bytes:
    """A text of 30,000 characters that every cell of a list repeats."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, rows))
    with zipfile.ZipFile(io.BytesIO(with_part(SHEET, sheet_xml(cells)))) as small:
        parts = {name: small.read(name) for name in small.namelist()}
    parts[STRINGS] = f'<sst xmlns="{MAIN}"><si><t>{"长" * 30_000}</t></si></sst>'.encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return file.getvalue()


def many_parts(count: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        for number in range(count):
            new.writestr(f"xl/part{number}.xml", "<a/>")
    return file.getvalue()
