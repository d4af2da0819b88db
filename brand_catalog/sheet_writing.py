"""Tables written as CSV or XLSX files, so that spreadsheet programs read every cell as it was meant."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from brand_catalog.formula_texts import as_text
from brand_catalog.workbook_writing import write_workbook

# Spreadsheet programs recognise UTF-8 only by its byte order mark.
CSV_ENCODING = "utf-8-sig"
_ROWS_IN_PART = 10_000

Columns = Sequence[str]
Rows = Iterable[Sequence[object]]


def write_table(path: Path, columns: Columns, rows: Rows) -> None:
    """Write a table to a file, as XLSX if its name says so and as CSV otherwise. The file appears under its name only
    when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    if path.suffix.lower() == ".xlsx":
        with unfinished.open("wb") as workbook:
            write_workbook(workbook, path.stem, columns, rows)
    else:
        with unfinished.open("w", newline="", encoding=CSV_ENCODING) as file:
            _write_csv(file, columns, rows)
    unfinished.replace(path)


def csv_bytes(columns: Columns, rows: Rows) -> bytes:
    """A table as the content of a CSV file."""
    text = io.StringIO()
    _write_csv(text, columns, rows)
    return text.getvalue().encode(CSV_ENCODING)


def csv_parts(columns: Columns, rows: Rows) -> Iterator[tuple[bytes, int]]:
    """The content of a CSV file in parts of some thousand rows, each with the number of its rows."""
    rest, encoding = iter(rows), CSV_ENCODING
    while True:
        part, text = list(islice(rest, _ROWS_IN_PART)), io.StringIO()
        if encoding == CSV_ENCODING:
            csv.writer(text).writerow(columns)
        elif not part:
            return
        _write_rows(text, part)
        yield text.getvalue().encode(encoding), len(part)
        # The byte order mark stands at the beginning of the file alone.
        encoding = "utf-8"


def xlsx_bytes(title: str, columns: Columns, rows: Rows) -> bytes:
    """A table as the content of an XLSX file with one sheet."""
    file = io.BytesIO()
    write_workbook(file, title, columns, rows)
    return file.getvalue()


def _write_csv(file: IO[str], columns: Columns, rows: Rows) -> None:
    csv.writer(file).writerow(columns)
    _write_rows(file, rows)


def _write_rows(file: IO[str], rows: Rows) -> None:
    csv.writer(file).writerows([as_text(value) if isinstance(value, str) else value for value in row] for row in rows)
