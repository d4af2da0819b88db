"""Spreadsheets, CSV or XLSX, read row by row with the place of every cell known."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from python_calamine import CalamineSheet, CalamineWorkbook

from brand_catalog.formula_texts import of_text
from brand_catalog.sheet_words import heading_of, value_of
from brand_catalog.workbook_bounds import OutOfBounds, check_workbook
from plain_text import UnfitText, check_text, one_line, printable

# GB18030 decodes nearly every byte sequence, so UTF-8, which does not, has to be tried first.
ENCODINGS = ("utf-8-sig", "gb18030")

# The bounds of every file that is read: larger is not a list that was meant. A city's limits, a million and a half
# rows of about 50 bytes, are the longest list there is (LONG_ROWS_MAX); any other has a row a retailer.
FILE_MAX_BYTES = 128 * 1024 * 1024
ROWS_MAX = 200_000
LONG_ROWS_MAX = 3_000_000
COLUMNS_MAX = 100
LINE_MAX_CHARS = 64_000
CELL_MAX_CHARS = 1_000
FIGURE_MAX = 1_000_000
"""The largest number a cell may have where nothing narrower is said: as packs it fits a column of every database."""
FEN_MAX = 2_000_000_000
# A file with more problems than this is the wrong file.
PROBLEMS_MAX = 200
_DIGITS_MAX = 20
_PART_CHARS = 1_000_000
_DAY = re.compile("([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?: 00:00:00)?")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A problem in one cell or row. `row` counts from 1 as a spreadsheet shows it, the heading being row 1; 0 stands
    for the file as a whole. `column` is the heading, empty for the whole row."""

    file: str
    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = [self.file]
        if self.row:
            place.append(f"row {self.row}")
        if self.column:
            place.append(f"column {self.column}")
        return f"{', '.join(place)}: {self.reason}"


class SheetError(ValueError):
    """A file that was refused whole; `problems` lists everything that is wrong with it, in the order of its rows."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        heading = f"{count} problem{'s' if count != 1 else ''} found; nothing was changed. Mend the file and try again."
        super().__init__("\n".join([heading, *map(str, self.problems)]))


class SheetRow:
    """One row. Its methods return None for a cell that is wrong, and add the reason to the sheet's problems."""

    def __init__(self, sheet: Sheet, number: int, cells: dict[str, str]) -> None:
        self.sheet = sheet
        self.number = number
        self.cells = cells

    def problem(self, column: str, reason: str) -> None:
        """Note a problem of a column, under the heading it has in the file."""
        written = self.sheet.written.get(column, column)
        self.sheet.problems.append(RowProblem(self.sheet.file, self.number, written, reason))

    def text(self, column: str) -> str:
        """The cell's text, trimmed; empty if the sheet has no such column."""
        return self.cells.get(column, "")

    def name(self, column: str, most: int) -> str:
        """The cell's text of at most `most` characters; a longer one is a problem, and is cut."""
        if len(text := self.text(column)) > most:
            self.problem(column, f"is longer than {most} characters")
        return text[:most]

    def required(self, column: str, most: int = CELL_MAX_CHARS) -> str | None:
        """The cell's text of at most `most` characters."""
        if not (text := self.text(column)):
            self.problem(column, "is empty")
            return None
        if len(text) > most:
            self.problem(column, f"is longer than {most} characters")
            return None
        return text

    def count(self, column: str, *, least: int = 1, most: int = FIGURE_MAX) -> int | None:
        """A whole number of at least `least` and at most `most`."""
        if (text := self.required(column)) is None:
            return None
        value = _decimal(text)
        if value is None or value != value.to_integral_value():
            self.problem(column, f"{text!r} is not a whole number")
            return None
        if value < least:
            self.problem(column, f"{text!r} is less than {least}")
            return None
        if value > most:
            self.problem(column, f"{text!r} is more than {most}")
            return None
        return int(value)

    def fen(self, column: str, *, least: int = 1) -> int | None:
        """An amount written in yuan, as integer fen, at most FEN_MAX; more than two decimals are refused rather than
        rounded."""
        if (text := self.required(column)) is None:
            return None
        value = _decimal(text)
        if value is None:
            self.problem(column, f"{text!r} is not an amount in yuan")
            return None
        if value * 100 > FEN_MAX:
            self.problem(column, f"{text!r} is more than {FEN_MAX // 100} yuan")
            return None
        if value * 100 != (value * 100).to_integral_value():
            self.problem(column, f"{text!r} has parts of a fen")
            return None
        if value * 100 < least:
            self.problem(column, f"{text!r} is less than {Decimal(least) / 100} yuan")
            return None
        return int(value * 100)

    def one_of(self, column: str, choices: Collection[str]) -> str | None:
        """One of the choices, written in English or Chinese; the English one is returned."""
        if (text := self.required(column)) is None:
            return None
        if (value := value_of(column, text)) not in choices:
            self.problem(column, f"{text!r} is none of {', '.join(choices)}")
            return None
        return value

    def day(self, column: str) -> date | None:
        """A day written 2026-11-23, 2026/11/23 or 2026年11月23日, with or without the noughts."""
        if (text := self.required(column)) is None:
            return None
        try:
            written = _DAY.fullmatch(text)
            return date(*map(int, written.groups())) if written else date.fromisoformat(text)
        except ValueError:
            self.problem(column, f"{text!r} is not a day like 2026-01-31")
            return None


class Sheet:
    """One table of a file; its rows add what is wrong with them to `problems`. `written` has the headings as they stand
    in the file, by the English ones."""

    def __init__(
        self,
        file: str,
        columns: Sequence[str],
        rows: Sequence[tuple[int, dict[str, str]]],
        written: Mapping[str, str] | None = None,
    ) -> None:
        self.file = file
        self.columns = tuple(columns)
        self.written = written or {}
        self.problems: list[RowProblem] = []
        self._rows = rows

    def __iter__(self) -> Iterator[SheetRow]:
        for number, cells in self._rows:
            yield SheetRow(self, number, cells)

    def require(self, columns: Collection[str]) -> bool:
        """True if every one of these headings is present; those missing are added to the problems."""
        missing = [column for column in columns if column not in self.columns]
        for column in missing:
            self.problems.append(RowProblem(self.file, 1, column, "the heading is missing"))
        return not missing


def read_sheet(path: Path, names: Mapping[str, str] | None = None) -> Sheet:
    """The first table of a CSV (UTF-8 or GB18030) or XLSX file without its blank rows; its headings may be English or
    Chinese. `names` has the columns a heading stands for here, by those it stands for elsewhere. SheetError if the file
    is unreadable or beyond the bounds above, or where cells have control characters or are too long to be read."""
    table = read_rows(path, names=names)
    rows = [(number, dict(zip(table.columns, cells, strict=False))) for number, cells in table.rows]
    return Sheet(path.name, table.columns, rows, dict(zip(table.columns, table.written, strict=True)))


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, each with its number: its English headings, and the headings as they are written."""

    columns: list[str]
    written: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_rows(path: Path, rows_max: int = ROWS_MAX, names: Mapping[str, str] | None = None) -> Rows:
    """As `read_sheet`, but one row at a time for long files, of at most `rows_max` rows. Problems of cells are raised
    as SheetError at the end, so nothing may be kept before the last row is read."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, f"the file cannot be opened ({error.strerror})") from error
    if size > FILE_MAX_BYTES:
        raise _unreadable(path, f"the file is larger than {FILE_MAX_BYTES // (1024 * 1024)} MB")
    rows = _xlsx_rows(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv_rows(path)
    numbered = ((number, cells) for number, cells in enumerate(rows, 1) if any(cells))
    _, written = next(numbered, (0, []))
    if not written:
        raise _unreadable(path, "the file is empty")
    if any(written[COLUMNS_MAX:]):
        raise _unreadable(path, f"the file has more than {COLUMNS_MAX} columns")
    written = [printable(one_line(column), CELL_MAX_CHARS) for column in written[:COLUMNS_MAX]]
    while not written[-1]:
        written.pop()
    columns = _english(written, names or {})
    if repeated := {text for column, text in zip(columns, written, strict=True) if text and columns.count(column) > 1}:
        raise _unreadable(path, f"the heading {', '.join(sorted(repeated))} occurs more than once")
    return Rows(columns, written, _checked_rows(path, written, numbered, rows_max))


def _english(written: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The English headings. One in English is itself, whatever a Chinese one beside it stands for."""
    columns = []
    for text in written:
        column = heading_of(text)
        column = column if column == text else names.get(column, column)
        columns.append(text if column != text and column in written else column)
    return columns


def _checked_rows(
    path: Path, columns: Sequence[str], rows: Iterator[tuple[int, list[str]]], rows_max: int
) -> Iterator[tuple[int, list[str]]]:
    """The rows with the cells of the headings alone, each trimmed."""
    problems: list[RowProblem] = []
    blank = [""] * len(columns)
    for count, (number, cells) in enumerate(rows, 1):
        if count > rows_max:
            raise _unreadable(path, f"the file has more than {rows_max} rows")
        # Spreadsheets leave off the empty cells at a row's end.
        cells = cells[: len(columns)] + blank[len(cells) :]
        joined = "".join(cells)
        if joined.isprintable() and len(joined) <= CELL_MAX_CHARS:
            yield number, cells
            continue
        cells = [one_line(cell) for cell in cells]
        for column, cell in zip(columns, cells, strict=True):
            try:
                check_text(cell, CELL_MAX_CHARS)
            except UnfitText as unfit:
                reason = f"is longer than {unfit.most} characters" if unfit.most else "has control characters"
                problems.append(RowProblem(path.name, number, column, reason))
        if len(problems) >= PROBLEMS_MAX:
            break
        yield number, cells
    if problems:
        raise SheetError(problems)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    # Read twice, a part at a time: as one text, a city's limits are six times as large as their file.
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding, newline="") as file:
            for row in csv.reader(_lines(path, file), strict=True):
                yield [of_text(cell.strip()) for cell in row]
    except OSError as error:
        raise _unreadable(path, f"the file cannot be opened ({error.strerror})") from error
    except csv.Error as error:
        raise _unreadable(path, f"this is not a CSV file ({error})") from error


def _encoding(path: Path) -> str:
    """The encoding of a text file; SheetError if it has none of ours, or is no text."""
    for encoding in ENCODINGS:
        is_text = True
        try:
            with path.open(encoding=encoding, newline="") as file:
                while part := file.read(_PART_CHARS):
                    is_text = is_text and "\0" not in part
        except UnicodeDecodeError:
            continue
        if not is_text:
            raise _unreadable(path, "this is not a CSV file")
        return encoding
    raise _unreadable(path, "the text is neither UTF-8 nor GB18030; save it as CSV UTF-8")


def _lines(path: Path, text: TextIO) -> Iterator[str]:
    """The lines of a text. SheetError for one that is too long: it would be split into cells whole."""
    while line := text.readline(LINE_MAX_CHARS + 1):
        if len(line) > LINE_MAX_CHARS:
            raise _unreadable(path, f"the file has a line of more than {LINE_MAX_CHARS} characters")
        yield line


def _xlsx_rows(path: Path) -> Iterator[list[str]]:
    sheet = _first_sheet(path)
    left = [""] * (sheet.start or (0, 0))[1]
    # Cells further right have no heading.
    most = COLUMNS_MAX + 1 - len(left)
    for row in sheet.iter_rows():
        yield [*left, *map(_cell_text, row[:most])] if any(value != "" for value in row) else []


def _first_sheet(path: Path) -> CalamineSheet:
    try:
        check_workbook(path)
        with CalamineWorkbook.from_path(str(path)) as workbook:
            return workbook.get_sheet_by_index(0)
    except OutOfBounds as error:
        raise _unreadable(path, str(error)) from error
    except OSError as error:
        raise _unreadable(path, f"the file cannot be opened ({error.strerror})") from error
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A broken archive, part, number, date or reference. The reader has a different error for each, and one that
        # it did not foresee is no Exception.
        raise _unreadable(path, "this is not an XLSX file") from error


def _cell_text(value: object) -> str:
    """A spreadsheet's value as it would be written in a CSV file: 6901028193504.0 is a barcode, not a float."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat()
    return str(value).strip()


def _decimal(text: str) -> Decimal | None:
    """The number a text stands for; None for one that is none, or that has more digits than any figure here, as
    1e1000000, which takes minutes to write out."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and (not value or abs(value.adjusted()) <= _DIGITS_MAX) else None


def _unreadable(path: Path, reason: str) -> SheetError:
    return SheetError([RowProblem(path.name, 0, "", reason)])
