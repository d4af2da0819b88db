"""The bounds of an XLSX file, checked before anything of it is unpacked into memory.

An XLSX file is a zip archive of XML documents. A few kilobytes can unpack to gigabytes, name entities that expand
without end, repeat one long text in every cell, or put two cells so far apart that all between them are kept; the
reader of workbooks (calamine) takes all of it in.
"""

from __future__ import annotations

from array import array
from functools import cache
from pathlib import Path
from typing import IO
from xml.parsers import expat
from zipfile import ZipFile

# A list of 50,000 retailers with eight columns stays under each of these. A workbook has a part for each sheet,
# picture and style sheet; an element is a row, a cell, a value or a text. As many as may be are read in ten seconds;
# styles, and whatever else is no sheet and no text, take ten times as long and ten times the memory.
PARTS_MAX = 300
SHEETS_MAX = 100
UNPACKED_MAX_BYTES = 100 * 1024 * 1024
ELEMENTS_MAX = 1_000_000
OTHER_ELEMENTS_MAX = 100_000
# A row of all the columns there are, each formatted and empty, has 16,384.
ROW_ELEMENTS_MAX = 20_000
# A cell has at most this many characters in any spreadsheet program.
TEXT_MAX_CHARS = 32_767
# The reader keeps a place for every cell between the first and the last one, and each cell's own copy of its text.
AREA_MAX_CELLS = 4_000_000
CHARS_MAX = 32_000_000

_READ_BYTES = 64 * 1024
# Elements this deep in a part are rows, texts and styles: what follows inside one is read as one.
_ROW_DEPTH = 3
_COLUMN_LETTERS = 3
_LAST_ROW = 1_048_576


class OutOfBounds(ValueError):
    """A workbook that no list needs; the message says in what it is too large."""


def check_workbook(path: Path) -> None:
    """Raise OutOfBounds for a workbook beyond the bounds above, and whatever the archive or the parser raises for one
    that is broken. Memory stays at a few hundred kilobytes, and time at what the bounds allow: about a second."""
    with ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX:
            raise OutOfBounds(f"the workbook has more than {PARTS_MAX} parts; keep only the list itself")
        if sum(part.filename.startswith("xl/worksheets/") for part in parts) > SHEETS_MAX:
            raise OutOfBounds(f"the workbook has more than {SHEETS_MAX} sheets; keep only the list itself")
        # The archive reads no more of a part than it declares.
        if sum(part.file_size for part in parts) > UNPACKED_MAX_BYTES:
            most = UNPACKED_MAX_BYTES // (1024 * 1024)
            raise OutOfBounds(f"the workbook unpacks to more than {most} MB; keep only the list itself")
        texts = _Texts()
        cells, others = _Count(ELEMENTS_MAX, texts), _Count(OTHER_ELEMENTS_MAX, texts)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                is_list = part.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))
                with archive.open(part) as stream:
                    (cells if is_list else others).add(stream)
        texts.check()


class _Texts:
    """The texts that cells share, by their number, and which of them the cells of each part repeat."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.repeated: list[array[int]] = []

    def check(self) -> None:
        """Raise OutOfBounds where the cells of one part have too many characters together."""
        lengths = self.lengths
        for numbers in self.repeated:
            if sum(lengths[number] for number in numbers if number < len(lengths)) > CHARS_MAX:
                raise OutOfBounds("the workbook has too much text in its cells; save the list as CSV UTF-8")


class _Area:
    """The cells with a value in one part: the first and the last row and column."""

    def __init__(self) -> None:
        self._row = self._column = 0
        self._rows: tuple[int, int] | None = None
        self._columns = (0, 0)

    def begin_row(self, number: str | None) -> None:
        self._row, self._column = int(number) if number else self._row + 1, 0

    def begin_cell(self, reference: str | None) -> None:
        if reference:
            letters = reference.rstrip("0123456789")
            self._row, self._column = int(reference[len(letters) :]), _column(letters)
            if self._row > _LAST_ROW:
                raise ValueError(f"no sheet has a cell {reference}")
        else:
            self._column += 1

    def add_value(self) -> None:
        """Take in the cell begun last. OutOfBounds where it is too far from the others."""
        row, column = self._row, self._column
        if self._rows is None:
            self._rows, self._columns = (row, row), (column, column)
            return
        (top, bottom), (left, right) = self._rows, self._columns
        if top <= row <= bottom and left <= column <= right:
            return
        self._rows = top, bottom = min(top, row), max(bottom, row)
        self._columns = left, right = min(left, column), max(right, column)
        if (bottom - top + 1) * (right - left + 1) > AREA_MAX_CELLS:
            raise OutOfBounds(f"the workbook has something in row {row}, column {column}, far from the list; clear it")


@cache
def _column(letters: str) -> int:
    """The number of a column by its letters, from 1. OutOfBounds for more letters than any column has."""
    if len(letters) > _COLUMN_LETTERS:
        raise OutOfBounds("the workbook is built as no spreadsheet program does; save it anew")
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


class _Count:
    """The elements of some parts so far, of at most `most`."""

    def __init__(self, most: int, texts: _Texts) -> None:
        self._most = most
        self._texts = texts
        self._elements = 0

    def add(self, stream: IO[bytes]) -> None:
        """Count a part's elements. Raises OutOfBounds, and ExpatError where the part is no XML."""
        parser = expat.ParserCreate()
        depth = in_row = text = 0
        is_shared, number = False, ""
        area, lengths, repeated = _Area(), self._texts.lengths, array("L")
        self._texts.repeated.append(repeated)

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, in_row, text, is_shared, number
            depth += 1
            text = 0
            own = name.rpartition(":")[2] if ":" in name else name
            if own == "c":
                area.begin_cell(attributes.get("r"))
                is_shared = attributes.get("t") == "s"
            elif own in ("v", "is"):
                area.add_value()
                number = ""
            elif own == "row":
                if depth != _ROW_DEPTH:
                    raise OutOfBounds("the workbook is built as no spreadsheet program does; save it anew")
                area.begin_row(attributes.get("r"))
            elif own == "si":
                lengths.append(0)
            in_row = 0 if depth <= _ROW_DEPTH else in_row + 1
            self._elements += 1
            if self._elements > self._most:
                raise OutOfBounds("the workbook has too many cells; save the list as CSV UTF-8")
            if in_row > ROW_ELEMENTS_MAX:
                raise OutOfBounds("the workbook has a row of too many cells; keep only the list itself")

        def end(name: str) -> None:
            nonlocal depth, text, number
            depth -= 1
            text = 0
            if is_shared and number and (name == "v" or name.endswith(":v")):
                repeated.append(int(number))
                number = ""

        def characters(data: str) -> None:
            nonlocal text, number
            text += len(data)
            if text > TEXT_MAX_CHARS:
                raise OutOfBounds(f"a cell has more than {TEXT_MAX_CHARS} characters")
            if is_shared:
                number += data
            elif lengths:
                lengths[-1] += len(data)

        def doctype(*_about: object) -> None:
            raise OutOfBounds("the workbook defines entities, which no spreadsheet program does; save it anew")

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = characters
        parser.StartDoctypeDeclHandler = doctype
        while data := stream.read(_READ_BYTES):
            parser.Parse(data, False)
        parser.Parse(b"", True)
