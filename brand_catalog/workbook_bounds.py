"""The bounds of an XLSX file, checked before anything of it is unpacked into memory.

An XLSX file is a zip archive of XML documents. A few kilobytes can unpack to gigabytes, name entities that expand
without end, or hold more cells than any list has; the reader of workbooks (openpyxl) takes all of it in.
"""

from __future__ import annotations

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

_READ_BYTES = 64 * 1024
# Elements this deep in a part are rows, texts and styles: what follows inside one is read as one.
_ROW_DEPTH = 3


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
        cells, others = _Count(ELEMENTS_MAX), _Count(OTHER_ELEMENTS_MAX)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                is_list = part.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))
                with archive.open(part) as stream:
                    (cells if is_list else others).add(stream)


class _Count:
    """The elements of some parts so far, of at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._elements = 0

    def add(self, stream: IO[bytes]) -> None:
        """Count a part's elements. Raises OutOfBounds, and ExpatError where the part is no XML."""
        parser = expat.ParserCreate()
        depth = in_row = text = 0

        def start(name: str, _attributes: object) -> None:
            nonlocal depth, in_row, text
            depth += 1
            text = 0
            is_row = name.rpartition(":")[2] == "row"
            if is_row and depth != _ROW_DEPTH:
                raise OutOfBounds("the workbook is built as no spreadsheet program does; save it anew")
            in_row = 0 if depth <= _ROW_DEPTH else in_row + 1
            self._elements += 1
            if self._elements > self._most:
                raise OutOfBounds("the workbook has too many cells; save the list as CSV UTF-8")
            if in_row > ROW_ELEMENTS_MAX:
                raise OutOfBounds("the workbook has a row of too many cells; keep only the list itself")

        def end(_name: str) -> None:
            nonlocal depth, text
            depth -= 1
            text = 0

        def characters(data: str) -> None:
            nonlocal text
            text += len(data)
            if text > TEXT_MAX_CHARS:
                raise OutOfBounds(f"a cell has more than {TEXT_MAX_CHARS} characters")

        def doctype(*_about: object) -> None:
            raise OutOfBounds("the workbook defines entities, which no spreadsheet program does; save it anew")

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = characters
        parser.StartDoctypeDeclHandler = doctype
        while data := stream.read(_READ_BYTES):
            parser.Parse(data, False)
        parser.Parse(b"", True)
