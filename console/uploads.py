"""Files sent to a page, and tables sent back: CSV and XLSX, as people keep them."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask import Response
from openpyxl import Workbook
from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

SUFFIXES = {".csv", ".xlsx"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def is_table(upload: FileStorage | None) -> bool:
    """Whether this is a file of a kind that is read here."""
    return upload is not None and Path(upload.filename or "").suffix.lower() in SUFFIXES


@contextmanager
def as_file(upload: FileStorage) -> Iterator[Path]:
    """The upload as a file of its own name, for as long as it is read."""
    with tempfile.TemporaryDirectory() as folder:
        # Of a name in Chinese only the suffix may be left.
        safe = secure_filename(upload.filename or "")
        path = Path(folder) / (safe if Path(safe).suffix else f"upload{Path(upload.filename or '').suffix.lower()}")
        path.write_bytes(upload.read())
        yield path


def table(name: str, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A table to be kept as a file: XLSX where `kind` is "xlsx", otherwise CSV."""
    if kind == "xlsx":
        book = Workbook(write_only=True)
        sheet = book.create_sheet(name[:31])
        sheet.append(list(columns))
        for row in rows:
            sheet.append(list(row))
        file = io.BytesIO()
        book.save(file)
        answer = Response(file.getvalue(), mimetype=_XLSX)
    else:
        lines = io.StringIO()
        writer = csv.writer(lines)
        writer.writerow(columns)
        writer.writerows(rows)
        # The mark at the beginning is what makes spreadsheets read it as UTF-8.
        answer = Response("\ufeff" + lines.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.{'xlsx' if kind == 'xlsx' else 'csv'}"
    return answer
