"""The files of orders that other systems put into their folders (AY 4.2.5.8), each taken once.

Of several processes, on several machines that share the folders, the one with a source's lease looks. A file is claimed
by moving it to `taking`, where the other system does not write; it is read whole into a job, and lies in `done` or
`failed` when the job has ended. A process may be killed at any of these steps: the next look goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from brand_catalog.sheets import FILE_MAX_BYTES
from clock import Clock, local
from orders.channels.models import OrderSource
from orders.channels.order_sources import OWN_FOLDERS
from orders.file_jobs import jobs
from orders.file_jobs.models import FileJob, OrderFile
from orders.windows import business_day
from plain_text import one_line, printable
from storage import SessionFactory, read_only, transaction

SUFFIXES = (".csv", ".xlsx")
# A file that was written to this recently may not be whole yet; it is looked at again a minute later.
SETTLED_AFTER = timedelta(seconds=20)
LOOK_AGAIN_AFTER = timedelta(minutes=1)
LEASE_FOR = timedelta(minutes=2)
# Names of files that programs write to until they are whole, and of those that Excel keeps beside an open workbook.
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload")
# With the moment before it and a suffix behind it, a name of 255 bytes at most.
_STEM_MAX_CHARS = 70
_TAKING, _DONE, _FAILED = OWN_FOLDERS

log = structlog.get_logger()


class FolderProblem(OSError):
    """The folder of a source cannot be used: `reason` is a value of OrderSource.problem."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class OrderFolders:
    """The folders below `root`, as one process sees them."""

    def __init__(self, root: Path, sessions: SessionFactory, clock: Clock, holder: str) -> None:
        self._root = root
        self._sessions = sessions
        self._clock = clock
        self._holder = holder

    def look(self) -> None:
        """Put away the files of ended jobs, and take those of every source whose time has come."""
        self._put_away()
        while (source := self._claim()) is not None:
            problem, is_soon = "", False
            try:
                is_soon = self._take_files(source)
            except FolderProblem as found:
                problem = found.reason
            except OSError as error:
                log.warning("files of orders cannot be taken", folder=source.folder, exc_info=error)
                problem = "not_writable"
            self._end_look(source.id, problem, is_soon)

    def _claim(self) -> OrderSource | None:
        """A source whose time has come and that no other process looks at, now held by this one."""
        now = self._clock()
        with read_only(self._sessions) as session:
            if session.scalar(select(OrderSource.id).where(*_is_due(now)).limit(1)) is None:
                return None
        with transaction(self._sessions) as session:
            due = select(OrderSource).where(*_is_due(now)).order_by(OrderSource.next_look_at).limit(1)
            source = session.scalar(due.with_for_update(skip_locked=True))
            if source is not None:
                source.holder, source.leased_until = self._holder, now + LEASE_FOR
            return source

    def _end_look(self, number: int, problem: str, is_soon: bool) -> None:
        now = self._clock()
        with transaction(self._sessions) as session:
            source = session.get_one(OrderSource, number, with_for_update=True)
            if source.holder != self._holder:
                return
            every = LOOK_AGAIN_AFTER if is_soon else timedelta(minutes=source.every_minutes)
            source.next_look_at, source.looked_at, source.problem = now + every, now, problem
            source.holder, source.leased_until = "", None

    def _take_files(self, source: OrderSource) -> bool:
        """Make a job of each file in a source's folder; True if one of them is still being written."""
        folder = folder_below(self._root, source.folder or "")
        for name in OWN_FOLDERS:
            own = folder / name
            own.mkdir(exist_ok=True)
            if own.is_symlink():
                raise FolderProblem("outside")
        now, is_soon = self._clock(), False
        for path in sorted(_files(folder)):
            if path.stat().st_mtime > (now - SETTLED_AFTER).timestamp():
                is_soon = True
            else:
                path.rename(folder / _TAKING / _free_name(folder, path, now))
        for path in sorted(_files(folder / _TAKING)):
            if not self._begin_job(source, path):
                break
        return is_soon

    def _begin_job(self, held: OrderSource, path: Path) -> bool:
        """Make a job of a claimed file, unless it has one; False if another process has the source's lease now."""
        has_job = select(OrderFile.job_id).where(OrderFile.source_id == held.id, OrderFile.folder_file == path.name)
        with read_only(self._sessions) as session:
            if session.scalar(has_job) is not None:
                return True
        content = _read(path)
        with transaction(self._sessions) as session:
            source = session.get_one(OrderSource, held.id, with_for_update=True)
            now = self._clock()
            if source.holder != self._holder:
                return False
            source.leased_until = now + LEASE_FOR
            if session.scalar(has_job) is None:
                # The moment that was put before the name is none of the other system's.
                job = _job_of(session, path.name.partition(" ")[2] or path.name, content, now)
                own = OrderFile(job_id=job.id, source_id=source.id, folder=held.folder, folder_file=path.name)
                session.add(own)
        return True

    def _put_away(self) -> None:
        """Move the files of ended jobs to `done` or `failed`, where their folders are on this machine."""
        ended = (
            select(OrderFile.job_id, OrderFile.folder, OrderFile.folder_file, FileJob.state)
            .join(FileJob, FileJob.id == OrderFile.job_id)
            .where(FileJob.ended_at.is_not(None), OrderFile.folder.is_not(None), OrderFile.moved_at.is_(None))
        )
        with read_only(self._sessions) as session:
            found = session.execute(ended).all()
        for number, folder_text, name, state in found:
            try:
                folder = folder_below(self._root, folder_text or "")
                _move(folder / _TAKING / (name or ""), folder / (_DONE if state == "done" else _FAILED))
            except OSError:
                # The next look at the folder says what is wrong with it.
                continue
            with transaction(self._sessions) as session:
                session.get_one(OrderFile, number).moved_at = self._clock()


def folder_below(root: Path, name: str) -> Path:
    """The folder of that name below the root. FolderProblem where there is none, or where a link leads out of the
    root."""
    folder = root.joinpath(*name.split("/"))
    if not folder.is_dir():
        raise FolderProblem("missing")
    resolved = folder.resolve()
    if resolved == root.resolve() or not resolved.is_relative_to(root.resolve()):
        raise FolderProblem("outside")
    return resolved


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OrderSource.is_on.is_(True),
        OrderSource.folder.is_not(None),
        OrderSource.next_look_at <= now,
        or_(OrderSource.leased_until.is_(None), OrderSource.leased_until < now),
    )


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder that are meant to be taken; links are not followed, wherever they lead."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if entry.is_file(follow_symlinks=False) and name[0] not in ".~" and not name.endswith(_UNFINISHED):
                yield Path(entry.path)


def _free_name(folder: Path, path: Path, now: datetime) -> str:
    """A name for a file of a source, beginning with the moment, that no file of the source has had."""
    stem = printable(one_line(path.stem))[:_STEM_MAX_CHARS]
    suffix = printable(path.suffix.lower())[:10]
    for number in range(1, 1_000):
        again = "" if number == 1 else f" ({number})"
        free = f"{local(now):%Y%m%d-%H%M%S} {stem}{again}{suffix}"
        if not any((folder / own / free).exists() for own in OWN_FOLDERS):
            return free
    raise FolderProblem("not_writable")


def _read(path: Path) -> bytes:
    """The content of a file, of a larger one than is taken so much that it is refused."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read(FILE_MAX_BYTES + 1)


def _job_of(session: Session, name: str, content: bytes, now: datetime) -> FileJob:
    """A job that waits, or one that is refused at once."""
    day, refused = business_day(now), ""
    if not name.lower().endswith(SUFFIXES):
        refused = "only CSV and XLSX files are taken"
    elif not content:
        refused = "the file is empty"
    elif len(content) > FILE_MAX_BYTES:
        refused = f"the file is larger than {FILE_MAX_BYTES // (1024 * 1024)} MB"
    if refused:
        return jobs.refuse_job(session, "orders", name, day, refused, now)
    return jobs.begin_whole_job(session, "orders", name, content, day, by="", now=now)


def _move(path: Path, folder: Path) -> None:
    """Move a file that is still there; one that a process moved before it was killed is where it belongs."""
    if path.exists():
        path.rename(folder / path.name)
