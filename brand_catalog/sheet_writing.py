"""Tables written as CSV or XLSX files, so that spreadsheet programs read every cell as it was meant."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from plain_text import printable

# Spreadsheet programs recognise UTF-8 only by its byte order mark.
CSV_ENCODING = "utf-8-sig"
# A longer name of a sheet is refused by spreadsheet programs.
SHEET_TITLE_MAX = 31
# So is a cell with more characters, or with control characters.
CELL_MAX_CHARS = 32_767

# Full-width signs count as well where spreadsheet programs run in Chinese.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# No other text needs a closer look, and an export has hundreds of thousands.
_SUSPECT_STARTS = frozenset((" ", *_FORMULA_STARTS))
_HARMLESS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?|-|\+[0-9]+(\|\+[0-9]+)*")

Columns = Sequence[str]
Rows = Iterable[Sequence[object]]


def write_table(path: Path, columns: Columns, rows: Rows) -> None:
    """Write a table to a file, as XLSX if its name says so and as CSV otherwise. The file appears under its name only
    when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    if path.suffix.lower() == ".xlsx":
        unfinished.write_bytes(xlsx_bytes(path.stem, columns, rows))
    else:
        with unfinished.open("w", newline="", encoding=CSV_ENCODING) as file:
            _write_csv(file, columns, rows)
    unfinished.replace(path)


def csv_bytes(columns: Columns, rows: Rows) -> bytes:
    """A table as the content of a CSV file."""
    text = io.StringIO()
    _write_csv(text, columns, rows)
    return text.getvalue().encode(CSV_ENCODING)


def xlsx_bytes(title: str, columns: Columns, rows: Rows) -> bytes:
    """A table as the content of an XLSX file with one sheet."""
    book = Workbook(write_only=True)
    fill_sheet(book.create_sheet(title[:SHEET_TITLE_MAX]), columns, rows)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def fill_sheet(sheet: Worksheet | WriteOnlyWorksheet, columns: Columns, rows: Rows) -> None:
    """Append a table to a sheet, the headings first."""
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_literal(sheet, value) for value in row])


def _write_csv(file: IO[str], columns: Columns, rows: Rows) -> None:
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([as_text(value) if isinstance(value, str) else value for value in row] for row in rows)


def _literal(sheet: Worksheet | WriteOnlyWorksheet, value: object) -> object | Cell:
    """The value itself; a text as one that a spreadsheet can hold, in a cell that stays a text, also once it is edited,
    if it begins like a formula."""
    if not isinstance(value, str):
        return value
    value = printable(value, CELL_MAX_CHARS)
    if not is_formula(value):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


def is_formula(text: str) -> bool:
    """True if a spreadsheet program could take this text for a formula. Numbers, and telephone numbers with `|` between
    them, are none."""
    if text[:1] not in _SUSPECT_STARTS:
        return False
    return text.lstrip(" ").startswith(_FORMULA_STARTS) and not _HARMLESS.fullmatch(text)


def as_text(text: str) -> str:
    """The text as it is written in a CSV file, with an apostrophe before what looks like a formula."""
    # Nearly every cell begins with a letter, a digit or a character, and needs no closer look.
    if text[:1].isalnum():
        return text
    return f"'{text}" if is_formula(text) else text


def of_text(cell: str) -> str:
    """The text of a cell of a CSV file, without such an apostrophe."""
    return cell[1:] if cell.startswith("'") and is_formula(cell[1:]) else cell
