"""Uploaded files and downloaded tables, in CSV and XLSX."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask import Response
from werkzeug.datastructures import FileStorage

from brand_catalog.sheet_writing import csv_bytes, xlsx_bytes
from console.authentication import staff
from ivr.services import services
from orders.audit_log import record_change
from storage import transaction

SUFFIXES = {".csv", ".xlsx"}
NAME_MAX_CHARS = 80
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def is_table(upload: FileStorage | None) -> bool:
    """True if this is a CSV or XLSX file by its name."""
    return upload is not None and Path(upload.filename or "").suffix.lower() in SUFFIXES


@contextmanager
def as_file(upload: FileStorage) -> Iterator[Path]:
    """The upload as a temporary file with its own name, Chinese characters included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file_name(upload)
        path.write_bytes(upload.read())
        yield path


def file_name(upload: FileStorage) -> str:
    """The name an uploaded file has at its sender, without folders and without what a file system does not take. The
    part before the suffix has at most 80 characters, so that 80 Chinese ones fit a name of 255 bytes."""
    named = Path((upload.filename or "").replace("\\", "/")).name
    stem = "".join(sign for sign in Path(named).stem if sign.isprintable() and sign not in '<>:"|?*').strip(". ")
    return f"{stem[:NAME_MAX_CHARS] or 'upload'}{Path(named).suffix.lower()}"


def export_table(name: str, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A table as a download: XLSX if `kind` is "xlsx", otherwise CSV. The audit log keeps who took how many rows."""
    rows = list(rows)
    record_export(f"{name}.{'xlsx' if kind == 'xlsx' else 'csv'}", len(rows))
    if kind == "xlsx":
        answer = Response(xlsx_bytes(name, columns, rows), mimetype=_XLSX)
    else:
        answer = Response(csv_bytes(columns, rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.{'xlsx' if kind == 'xlsx' else 'csv'}"
    return answer


def record_export(file_name: str, count: int) -> None:
    """Append to the audit log that the signed-in member of staff takes a file with so many entries."""
    with transaction(services().sessions) as session:
        after = {"count": count}
        record_change(session, "export", file_name, None, after, by=staff().name, why="", now=services().now())
