"""Uploaded files and downloaded tables, in CSV and XLSX."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask import Response
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnprocessableEntity

from brand_catalog.sheet_words import in_chinese
from brand_catalog.sheet_writing import csv_bytes, csv_parts, xlsx_bytes
from brand_catalog.workbook_writing import TooManyRows
from console.authentication import staff
from console.file_templates import XLSX
from console.language import _, chosen
from ivr.services import services
from orders.audit_log import record_change
from storage import read_only, transaction, unhurried

SUFFIXES = {".csv", ".xlsx"}
NAME_MAX_CHARS = 80


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


def export_table(
    name: str,
    kind: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    names: Mapping[str, str] | None = None,
) -> Response:
    """A table as a download: XLSX if `kind` is "xlsx", otherwise CSV. The audit log keeps who took how many rows. A
    workbook is for people: it has headings and values in the visitor's language where there are such, see
    `brand_catalog.sheet_words.in_chinese`."""
    if kind == "xlsx" and chosen() != "en":
        columns, rows = in_chinese(columns, rows, names)
    counted = _Counted(rows)
    is_workbook = kind == "xlsx"
    content = xlsx_bytes(name, columns, counted) if is_workbook else csv_bytes(columns, counted)
    record_export(f"{name}.{'xlsx' if is_workbook else 'csv'}", counted.count)
    answer = Response(content, mimetype=XLSX if is_workbook else "text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.{'xlsx' if kind == 'xlsx' else 'csv'}"
    return answer


class _Counted:
    """Rows, and how many of them were taken."""

    def __init__(self, rows: Iterable[Sequence[object]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[object]]:
        for row in self._rows:
            self.count += 1
            yield row


def stream_table(
    name: str, kind: str, columns: Sequence[str], read: Callable[[Session], Iterable[Sequence[object]]]
) -> Response:
    """As `export_table`, for a table of a million rows: CSV is given out while it is read, and the audit log keeps how
    many rows were taken, also by a browser that went away. UnprocessableEntity for more than a workbook can have."""
    own, by, now = services().sessions, staff().name, services().now()
    if kind == "xlsx":
        with unhurried(), read_only(own) as session:
            try:
                return export_table(name, kind, columns, read(session))
            except TooManyRows as error:
                raise UnprocessableEntity(_("这张表比表格软件能放的行数多，请下载 CSV 文件。")) from error

    def parts() -> Iterator[bytes]:
        taken = 0
        try:
            with unhurried(), read_only(own) as session:
                for part, rows in csv_parts(columns, read(session)):
                    taken += rows
                    yield part
        finally:
            with transaction(own) as session:
                record_change(session, "export", f"{name}.csv", None, {"count": taken}, by=by, why="", now=now)

    answer = Response(parts(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}.csv"
    return answer


def record_export(file_name: str, count: int) -> None:
    """Append to the audit log that the signed-in member of staff takes a file with so many entries."""
    with transaction(services().sessions) as session:
        after = {"count": count}
        record_change(session, "export", file_name, None, after, by=staff().name, why="", now=services().now())
