"""Tables of long files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime

FileKind = Literal["limits", "retailers"]
JobState = Literal["uploading", "waiting", "running", "done", "refused", "failed"]

FILE_NAME_MAX_CHARS = 120


class FileJob(Base):
    """One file to be looked at or imported. `parts` are uploaded before it waits for a process; `holder` is the process
    that works on it, which was last seen at `seen_at`, and `tries` how many have begun it. `result` is what came of it,
    or what is wrong with the file."""

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
