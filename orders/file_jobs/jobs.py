"""The rows of long files: begun, uploaded, taken by one process at a time, ended. The database is the truth: a process
that was killed is noticed by its silence, and another one begins the file again."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from brand_catalog.sheets import FILE_MAX_BYTES
from orders.audit_log import record_change
from orders.channels.models import OrderSource
from orders.file_jobs.models import FILE_NAME_MAX_CHARS, FileJob, FileKind, FilePart, JobState, OrderFile

# A request has at most 4 MB.
PART_BYTES = 3_000_000
PARTS_MAX = -(-FILE_MAX_BYTES // PART_BYTES)
# A process reports every few seconds; one that has not for this long is gone.
LOST_AFTER = timedelta(seconds=60)
# A file that ends every process that reads it is not begun for ever.
TRIES_MAX = 3
# An upload that was broken off, and how long a result is kept.
UPLOAD_LOST_AFTER = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)


class PartRefused(ValueError):
    """A part that is not one of the file's, or comes after its job has begun."""


def begin_job(
    session: Session,
    kind: FileKind,
    file_name: str,
    size: int,
    day: date,
    why: str,
    *,
    is_import: bool,
    by: str,
    now: datetime,
) -> FileJob:
    """A new job for a file of `size` bytes, to be uploaded in parts of PART_BYTES. PartRefused for a file that is empty
    or larger than any list."""
    if not 0 < size <= FILE_MAX_BYTES:
        raise PartRefused(f"a file has from 1 to {FILE_MAX_BYTES} bytes, not {size}")
    job = FileJob(
        kind=kind,
        file_name=file_name[-FILE_NAME_MAX_CHARS:],
        business_day=day,
        is_import=is_import,
        why=why,
        by=by,
        begun_at=now,
        seen_at=now,
        parts=-(-size // PART_BYTES),
    )
    session.add(job)
    session.flush()
    return job


def begin_whole_job(
    session: Session, kind: FileKind, file_name: str, content: bytes, day: date, *, by: str, now: datetime
) -> FileJob:
    """A new import of a file that is here as a whole: it waits for a process. PartRefused as by `begin_job`."""
    job = begin_job(session, kind, file_name, len(content), day, "", is_import=True, by=by, now=now)
    for number in range(job.parts):
        add_part(session, job, number, content[number * PART_BYTES : (number + 1) * PART_BYTES], now)
    return job


def assign_source(session: Session, job: FileJob, source: OrderSource, now: datetime) -> None:
    """Keep which system the uploaded file of a job is from. The audit log has who uploaded it."""
    session.add(OrderFile(job_id=job.id, source_id=source.id))
    after = {"uploaded": job.file_name}
    record_change(session, "order_source", source.sender, None, after, by=job.by, why="", now=now)


def refuse_job(session: Session, kind: FileKind, file_name: str, day: date, reason: str, now: datetime) -> FileJob:
    """A job of a file in a folder that is refused unread, with the reason, as readers of files write it."""
    problem = {"file": file_name, "row": 0, "column": "", "reason": reason}
    job = FileJob(
        kind=kind,
        file_name=file_name[-FILE_NAME_MAX_CHARS:],
        business_day=day,
        is_import=True,
        why="",
        by="",
        begun_at=now,
        seen_at=now,
        parts=0,
    )
    session.add(job)
    session.flush()
    _end(session, job, "refused", {"problems": [problem]}, now)
    return job


def add_part(session: Session, job: FileJob, number: int, content: bytes, now: datetime) -> None:
    """Keep a part of a file, once; with the last one the job waits for a process. PartRefused for one that does not
    belong to it."""
    if job.state != "uploading" or not 0 <= number < job.parts or not 0 < len(content) <= PART_BYTES:
        raise PartRefused(f"part {number} is no part of file {job.id}")
    if session.get(FilePart, (job.id, number)) is None:
        session.add(FilePart(job_id=job.id, number=number, content=zlib.compress(content, 1)))
        session.flush()
    there = session.scalar(select(func.count()).select_from(FilePart).where(FilePart.job_id == job.id))
    job.seen_at = now
    if there == job.parts:
        job.state = "waiting"


def is_anything_due(session: Session, now: datetime) -> bool:
    """True if a job can be taken or is to be forgotten; a reader is enough to ask."""
    return session.scalar(select(FileJob.id).where(or_(_can_be_taken(now), _is_old(now))).limit(1)) is not None


def take_job(session: Session, holder: str, now: datetime) -> FileJob | None:
    """The oldest job that waits or whose process is gone, now held by this one; None if there is none. One that was
    begun too often has failed."""
    found = select(FileJob).where(_can_be_taken(now)).order_by(FileJob.id).limit(1)
    job = session.scalar(found.with_for_update(skip_locked=True))
    if job is None:
        return None
    if job.tries == TRIES_MAX:
        _end(session, job, "failed", {"reason": "interrupted"}, now)
        return None
    job.state, job.holder, job.tries, job.seen_at, job.percent = "running", holder, job.tries + 1, now, 0
    return job


def report_progress(session: Session, number: int, holder: str, percent: int, now: datetime) -> bool:
    """Report that a process still works on its job; False if another one has it."""
    mine = and_(FileJob.id == number, FileJob.holder == holder, FileJob.state == "running")
    done = session.execute(update(FileJob).where(mine).values(percent=percent, seen_at=now))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_job(
    session: Session, number: int, holder: str, state: JobState, result: Mapping[str, Any], now: datetime
) -> None:
    """Keep what came of a job, unless another process has it."""
    job = session.get(FileJob, number, with_for_update=True)
    if job is not None and job.holder == holder and job.state == "running":
        _end(session, job, state, result, now)


def _end(session: Session, job: FileJob, state: JobState, result: Mapping[str, Any], now: datetime) -> None:
    job.state, job.result, job.ended_at, job.percent = state, dict(result), now, 100
    session.execute(delete(FilePart).where(FilePart.job_id == job.id))


def forget_old_jobs(session: Session, now: datetime) -> None:
    """Remove uploads that were broken off, and results that are old."""
    old = session.scalars(select(FileJob.id).where(_is_old(now))).all()
    if old:
        session.execute(delete(OrderFile).where(OrderFile.job_id.in_(old)))
        session.execute(delete(FilePart).where(FilePart.job_id.in_(old)))
        session.execute(delete(FileJob).where(FileJob.id.in_(old)))


def _can_be_taken(now: datetime) -> ColumnElement[bool]:
    lost = and_(FileJob.state == "running", FileJob.seen_at < now - LOST_AFTER)
    return or_(FileJob.state == "waiting", lost)


def _is_old(now: datetime) -> ColumnElement[bool]:
    broken_off = and_(FileJob.state == "uploading", FileJob.seen_at < now - UPLOAD_LOST_AFTER)
    return or_(broken_off, FileJob.ended_at < now - KEPT_FOR)


def is_worked_on(session: Session, now: datetime) -> bool:
    """True if some process works on a file."""
    running = select(FileJob.id).where(FileJob.state == "running", FileJob.seen_at >= now - LOST_AFTER)
    return session.scalar(running.limit(1)) is not None


def write_file(session: Session, job: FileJob, folder: Path) -> Path:
    """The uploaded file of a job, written into a folder under its own name."""
    suffix = Path(job.file_name).suffix.lower()
    path = folder / f"{Path(job.file_name).stem.replace('/', '_')[:60] or 'upload'}{suffix}"
    parts = select(FilePart.content).where(FilePart.job_id == job.id).order_by(FilePart.number)
    with path.open("wb") as file:
        for content in session.scalars(parts.execution_options(yield_per=1)):
            file.write(zlib.decompress(content))
    return path


def order_jobs(session: Session, first: int, limit: int) -> Sequence[Row[FileJob, OrderSource]]:
    """The jobs of files of orders with their sources, the newest first, without the `first` ones."""
    found = select(FileJob, OrderSource).join(OrderFile, OrderFile.job_id == FileJob.id)
    found = found.join(OrderSource, OrderSource.id == OrderFile.source_id).order_by(FileJob.id.desc())
    return session.execute(found.offset(first).limit(limit)).all()


def count_order_jobs(session: Session) -> int:
    """How many jobs of files of orders there are."""
    return session.scalar(select(func.count()).select_from(OrderFile)) or 0


def recent_jobs(session: Session, limit: int) -> Sequence[FileJob]:
    """The latest jobs, the newest first."""
    return session.scalars(select(FileJob).order_by(FileJob.id.desc()).limit(limit)).all()
