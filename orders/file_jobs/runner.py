"""The process that works on long files: `flask --app app file-jobs run`. Any number may run, on several machines."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import SheetError
from clock import Clock
from orders.file_jobs import jobs
from orders.file_jobs.models import FileJob, JobState
from orders.file_jobs.order_files import enter_order_file
from orders.file_jobs.order_folders import OrderFolders
from orders.retailers.importing import RetailersImported, import_retailers, preview_retailers, read_retailers
from orders.supply import limits
from orders.supply.limits import LimitsRefused
from orders.supply.locking import DayOver, LimitsLocked
from storage import SessionFactory, read_only, transaction, unhurried

POLL_EVERY_S = 1.0
REPORT_EVERY_S = 2.0
READ_BYTES = 1_000_000
# More are not shown.
PROBLEMS_KEPT = 200

log = structlog.get_logger()

Result = tuple[JobState, Mapping[str, Any]]


class JobLost(RuntimeError):
    """Another process has the job: this one stood still for too long."""


class FileJobs:
    """Works on one file after the other."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        load_catalog: Callable[[Session], Catalog],
        order_files_root: Path | None = None,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._load_catalog = load_catalog
        # A unique name, by which an administrator finds the process.
        self._holder = f"{socket.gethostname()[:40]} {os.getpid()} {secrets.token_hex(4)}"
        self._folders = order_files_root and OrderFolders(order_files_root, sessions, clock, self._holder)

    def run(self, stop: Event) -> None:
        """Work until `stop` is set. An error is logged, and the next file is taken."""
        while not stop.is_set():
            try:
                self.look_into_folders()
                if self.work_once():
                    continue
            except Exception as error:
                log.error("a file could not be worked on", exc_info=error)
            stop.wait(POLL_EVERY_S)

    def look_into_folders(self) -> None:
        """Take the files that other systems have put into the folders below `order_files_root`, if there is one."""
        if self._folders:
            self._folders.look()

    def work_once(self) -> bool:
        """Work on the next file; False if none waits."""
        # Most looks find nothing, and SQLite's one writer is for the callers.
        with read_only(self._sessions) as session:
            if not jobs.is_anything_due(session, self._clock()):
                return False
        with transaction(self._sessions) as session:
            jobs.forget_old_jobs(session, self._clock())
            job = jobs.take_job(session, self._holder, self._clock())
        if job is None:
            return False
        with tempfile.TemporaryDirectory() as folder:
            with read_only(self._sessions) as session:
                path = jobs.write_file(session, job, Path(folder))
            with self._progress(job, path) as report:
                state, result = self._work(job, path, report)
        with transaction(self._sessions) as session:
            jobs.end_job(session, job.id, self._holder, state, result, self._clock())
        return True

    def _work(self, job: FileJob, path: Path, report: Callable[[int], None]) -> Result:
        try:
            works = {"limits": self._limits, "retailers": self._retailers, "orders": self._orders}
            return "done", works[job.kind](job, path, report)
        except SheetError as error:
            return "refused", {"problems": [asdict(one) for one in error.problems[:PROBLEMS_KEPT]]}
        except LimitsRefused as refused:
            return "refused", {"below": refused.lines}
        except LimitsLocked:
            return "refused", {"locked": True}
        except DayOver:
            return "refused", {"over": True}
        except JobLost:
            raise
        except Exception as error:
            log.error("a file could not be worked on", job=job.id, exc_info=error)
            return "failed", {"reason": "error"}

    def _limits(self, job: FileJob, path: Path, report: Callable[[int], None]) -> dict[str, Any]:
        own, catalog, day = self._sessions, self._load_catalog, job.business_day
        if job.is_import:
            done = limits.import_limits(own, path, catalog, day, self._clock(), job.by, job.why, report)
        else:
            done = limits.preview_file(own, path, catalog, day, self._clock(), report=report)
        return asdict(done)

    def _retailers(self, job: FileJob, path: Path, report: Callable[[int], None]) -> dict[str, Any]:
        if job.is_import:
            done = import_retailers(self._sessions, path, by=job.by, why=job.why, now=self._clock(), report=report)
        else:
            with unhurried(), read_only(self._sessions) as session:
                done = preview_retailers(session, read_retailers(session, path), report)
        return _of_retailers(done)

    def _orders(self, job: FileJob, path: Path, report: Callable[[int], None]) -> dict[str, Any]:
        return enter_order_file(self._sessions, self._clock, self._load_catalog, job, path, report)

    @contextmanager
    def _progress(self, job: FileJob, path: Path) -> Iterator[Callable[[int], None]]:
        """A function that is told how many rows are done. Every two seconds another thread reports how far the job is,
        also while the database works on a long statement."""
        # Each row is read, and then stored.
        steps = max(1, _rows(path)) * (2 if job.is_import else 1)
        done, ended, lost = [0], Event(), Event()

        def keep_reporting() -> None:
            while not ended.wait(REPORT_EVERY_S):
                percent = min(99, done[0] * 100 // steps)
                try:
                    with transaction(self._sessions) as session:
                        is_mine = jobs.report_progress(session, job.id, self._holder, percent, self._clock())
                except SQLAlchemyError as error:
                    # Whoever does not report is taken for gone: the next report has to come.
                    log.warning("the progress of a file could not be reported", job=job.id, exc_info=error)
                    continue
                if not is_mine:
                    lost.set()
                    return

        def report(rows: int) -> None:
            if lost.is_set():
                raise JobLost(f"another process has file {job.id}")
            done[0] += rows

        reporter = threading.Thread(target=keep_reporting, daemon=True)
        reporter.start()
        try:
            yield report
        finally:
            ended.set()
            reporter.join()


def _rows(path: Path) -> int:
    """About how many rows a file has; of a workbook nothing is known before it is read."""
    if path.suffix != ".csv":
        return 15_000
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(READ_BYTES), b""))


def _of_retailers(done: RetailersImported) -> dict[str, Any]:
    changes = [{"code": one.entry.code, "before": one.before, "after": one.after} for one in done.first]
    return {"added": done.added, "changed": done.changed, "first": changes}
