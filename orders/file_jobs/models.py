"""Tables of long files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orders.channels.models import OrderSource
from storage import Base, UtcDateTime

FileKind = Literal["limits", "retailers", "orders"]
JobState = Literal["uploading", "waiting", "running", "done", "refused", "failed"]

FILE_NAME_MAX_CHARS = 120


class FileJob(Base):
    """One file to be looked at or imported. `parts` are uploaded before it waits for a process; `holder` is the process
    that works on it, which was last seen at `seen_at`, and `tries` how many have begun it. `result` is what came of it,
    or what is wrong with the file. `by` is empty for one that was taken from a folder."""

    __tablename__ = "file_jobs"
    __table_args__ = (Index("ix_file_jobs_state", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[FileKind] = mapped_column(String(10))
    file_name: Mapped[str] = mapped_column(String(FILE_NAME_MAX_CHARS))
    business_day: Mapped[date]
    is_import: Mapped[bool]
    why: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(40))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    parts: Mapped[int]
    state: Mapped[JobState] = mapped_column(String(10), default="uploading")
    holder: Mapped[str] = mapped_column(String(80), default="")
    tries: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    percent: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FilePart(Base):
    """One part of an uploaded file, compressed; removed when the job has ended."""

    __tablename__ = "file_parts"

    job_id: Mapped[int] = mapped_column(ForeignKey("file_jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class OrderFile(Base):
    """What a job of the kind `orders` is about: its source, and the SHA-256 of the file once it is read. One that was
    taken from a folder has that folder and the name it has there, and was put away at `moved_at`; an upload has none of
    them."""

    __tablename__ = "order_files"
    __table_args__ = (
        UniqueConstraint("source_id", "folder_file"),
        Index("ix_order_files_digest", "source_id", "digest"),
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("file_jobs.id"), primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey(OrderSource.id))
    digest: Mapped[str] = mapped_column(String(64), default="")
    folder: Mapped[str | None] = mapped_column(String(120))
    folder_file: Mapped[str | None] = mapped_column(String(120))
    moved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
