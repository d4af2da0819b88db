"""A table written as an XLSX workbook with one sheet, row by row, at a city's size.

XlsxWriter makes the workbook with its styles; its rows are written here. For 15,000 retailers with twelve columns that
takes 0.5 s of a processor, with XlsxWriter alone 2.0 s, and with openpyxl 4.3 s.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from brand_catalog.formula_texts import is_formula
from plain_text import printable

# A longer name of a sheet is refused by spreadsheet programs, and one with these characters.
SHEET_TITLE_MAX = 31
_TITLE_UNFIT = re.compile(r"[\[\]:*?/\\']")
# So is a cell with more characters, or with control characters, or a sheet with more rows.
CELL_MAX_CHARS = 32_767
ROWS_MAX = 1_048_576

_SHEET = "xl/worksheets/sheet1.xml"
# XlsxWriter numbers the styles in the order of their use: the headings', then these two.
_QUOTED_STYLE, _DAY_STYLE = 2, 3
# Spreadsheet programs count days from here.
_DAY_0 = date(1899, 12, 30)
_NARROWEST, _WIDEST = 9, 40
_AT_ONCE = 2_000
# Longer texts are not kept for the next row that has them.
_SHORT = 40
# Level 6 takes twice as long for a file that is a tenth smaller.
_COMPRESSION = 3
_ESCAPED = re.compile("(?=_x[0-9A-Fa-f]{4}_)")


class TooManyRows(ValueError):
    """A table with more rows than a sheet can have."""


def write_workbook(file: IO[bytes], title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with its headings as a workbook. Texts stay texts, also such as begin like a formula, and also once
    they are edited. TooManyRows where a sheet cannot have them; the file is then of no use."""
    made = io.BytesIO()
    _make_workbook(made, title, columns)
    with ZipFile(made) as empty, ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        for part in empty.namelist():
            if part != _SHEET:
                archive.writestr(part, empty.read(part))
        head, _, rest = empty.read(_SHEET).decode().partition("<sheetData>")
        headings, _, tail = rest.partition("</row>")
        tail = tail.partition("</sheetData>")[2]
        # The workbook is made with two rows, and spreadsheet programs work out how many there are.
        head = re.sub("<dimension [^>]*>", "", head)
        with archive.open(_SHEET, "w", force_zip64=True) as sheet:
            sheet.write(f"{head}<sheetData>{headings}</row>".encode())
            for part in _row_parts(rows, len(columns)):
                sheet.write(part.encode())
            sheet.write(f"</sheetData>{tail}".encode())


def _make_workbook(file: IO[bytes], title: str, columns: Sequence[str]) -> None:
    """A workbook of the headings, and a cell in each of the other styles."""
    with Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet(_TITLE_UNFIT.sub("", title)[:SHEET_TITLE_MAX] or None)
        bold, quoted = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
        for place, heading in enumerate(columns):
            sheet.write_string(0, place, printable(heading, CELL_MAX_CHARS), bold)
            # A Chinese character is as wide as two digits.
            wide = sum(2 if ord(one) > 0xFF else 1 for one in heading) + 4
            sheet.set_column(place, place, max(_NARROWEST, min(wide, _WIDEST)))
        sheet.write_blank(1, 0, None, quoted)
        sheet.write_blank(1, 1, None, book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.freeze_panes(1, 0)


def _row_parts(rows: Iterable[Sequence[object]], width: int) -> Iterator[str]:
    """The rows as XML, some thousands of them at a time."""
    letters = [xl_col_to_name(place) for place in range(width)]
    numbers, part = count(2), list[str]()
    for number, row in zip(numbers, rows, strict=False):
        if number > ROWS_MAX:
            raise TooManyRows(f"a sheet has at most {ROWS_MAX - 1} rows below its headings")
        cells = [
            f'<c r="{letter}{number}"{_cell(value)}'
            for letter, value in zip(letters, row, strict=True)
            if value is not None and value != ""
        ]
        part.append(f'<row r="{number}">{"".join(cells)}</row>')
        if len(part) == _AT_ONCE:
            yield "".join(part)
            part.clear()
    yield "".join(part)


def _cell(value: object) -> str:
    """The XML of a cell after its place."""
    if isinstance(value, str):
        return _short_text(value) if len(value) < _SHORT else _text_cell(value)
    if isinstance(value, bool):
        return f' t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal) and math.isfinite(value):
        return f"><v>{value}</v></c>"
    if isinstance(value, date) and not isinstance(value, datetime):
        return f' s="{_DAY_STYLE}"><v>{(value - _DAY_0).days}</v></c>'
    return _text_cell(str(value))


def _text_cell(text: str) -> str:
    if not text.isprintable() or len(text) > CELL_MAX_CHARS:
        text = printable(text, CELL_MAX_CHARS)
    style = "" if text[:1].isalnum() or not is_formula(text) else f' s="{_QUOTED_STYLE}"'
    if "&" in text or "<" in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if "_x" in text:
        # Spreadsheet programs take _x0041_ for an A.
        text = _ESCAPED.sub("_x005F", text)
    # Blanks at the ends and line ends are kept only if the cell says so.
    kept = "" if text.isprintable() and text.strip() == text else ' xml:space="preserve"'
    return f'{style} t="inlineStr"><is><t{kept}>{text}</t></is></c>'


# Most texts of a file stand in many of its rows: states, days, names and codes of the same retailers.
_short_text = lru_cache(maxsize=20_000)(_text_cell)
