"""A city's limits by the page: uploaded in parts, previewed and imported by the process of files, while another process
writes. Part of `python -m benchmarks.bench_files`, which gives it a copy of its database."""

from __future__ import annotations

import csv
import io
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import delete

import storage
from app import create_app
from benchmarks.city_database import NOW, TODAY
from brand_catalog.loading import load_catalog
from brand_catalog.sheet_writing import csv_bytes
from orders.file_jobs.models import FileJob
from orders.file_jobs.runner import FileJobs
from orders.models import SignInCounter
from settings import Settings
from tests.support.console_client import Visitor

NEXT_WEEK = TODAY + timedelta(weeks=1)
CHANGED_EVERY = 10
WRITE_EVERY_S = 0.1
GOAL_WAIT_MS = 1_000


@dataclass
class Watched:
    """What another process noticed of a job: how long each of its small writes took in ms, and the percentages the page
    showed."""

    writes_ms: list[float] = field(default_factory=list)
    percents: list[int] = field(default_factory=list)


def measure(url: str) -> None:
    """Print what each step costs: next week's limits of all retailers looked at, imported, and imported once more with
    every tenth changed."""
    app = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=lambda: NOW)
    manager = Visitor(app.test_client())
    manager.sign_in("manager")
    content = manager.get("/supply/export?what=limits").get_data()
    print(f"limits of a city, {content.count(10) - 1:,} rows, {len(content) / 1e6:.0f} MB, through the page:")
    _step(url, manager, "looked at", content)
    _step(url, manager, "imported, all of them new", content, apply="1", why="第四周")
    _step(url, manager, "imported, a tenth changed", _changed(content), apply="1", why="改")


def _changed(content: bytes) -> bytes:
    columns, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    at = columns.index("cartons")
    for number in range(0, len(rows), CHANGED_EVERY):
        rows[number][at] = str(int(rows[number][at]) + 1)
    return bytes(csv_bytes(columns, rows))


def _step(url: str, manager: Visitor, what: str, content: bytes, **form: str) -> None:
    began = time.perf_counter()
    number = _upload(manager, content, **form)
    uploaded, began = time.perf_counter() - began, time.perf_counter()
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.city_limits", url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    watched = _watch(url, number, worker)
    took = time.perf_counter() - began
    figures, _ = worker.communicate()
    with storage.read_only(storage.open_sessions(storage.open_engine(url))) as session:
        state = session.get_one(FileJob, number).state
    if worker.returncode or state != "done":
        raise SystemExit(f"the file was not {what}: {state}")
    worked, memory = figures.split()
    longest, steps = max(watched.writes_ms), sorted(set(watched.percents))
    share = sorted(watched.writes_ms)[int(len(watched.writes_ms) * 0.99)]
    mark = "ok" if longest <= GOAL_WAIT_MS else "ABOVE THE GOAL"
    print(
        f"  {what}: uploaded in {uploaded:.0f} s, {worked} s of work, {took:.0f} s by the clock, {memory} MB at most;\n"
        f"    {len(steps)} steps of progress, the widest {_widest(steps)} %;\n"
        f"    {len(watched.writes_ms)} small writes beside it: 99 % within {share:.0f} ms, the longest {longest:.0f} ms"
        f" (goal {GOAL_WAIT_MS}: {mark})",
        flush=True,
    )


def _upload(manager: Visitor, content: bytes, **form: str) -> int:
    about: dict[str, str] = {"kind": "limits", "day": NEXT_WEEK.isoformat(), "file_name": "limits.csv"}
    job: dict[str, Any] = manager.post("/file-jobs", **about, size=str(len(content)), **form).get_json()
    size, headers = job["part_bytes"], {"X-CSRFToken": manager.token()}
    for number in range(-(-len(content) // size)):
        part = content[number * size : (number + 1) * size]
        if manager.client.post(f"{job['parts']}?n={number}", data=part, headers=headers).status_code != 204:
            raise SystemExit(f"part {number} was refused")
    return int(job["page"].rpartition("/")[2])


def _watch(url: str, number: int, worker: subprocess.Popen[str]) -> Watched:
    """Write a small row every 100 ms, and look at the progress, until the worker has ended."""
    sessions, found = storage.open_sessions(storage.open_engine(url)), Watched()
    while worker.poll() is None:
        began = time.perf_counter()
        with storage.transaction(sessions) as session:
            session.execute(delete(SignInCounter).where(SignInCounter.key == "benchmark"))
            session.add(SignInCounter(key="benchmark", failures=0, counted_from=NOW))
        found.writes_ms.append((time.perf_counter() - began) * 1000)
        with storage.read_only(sessions) as session:
            job = session.get_one(FileJob, number)
            if job.state == "running":
                found.percents.append(job.percent)
        time.sleep(WRITE_EVERY_S)
    return found


def _widest(steps: Sequence[int]) -> int:
    """The widest step of the progress bar, its ends included."""
    places = [0, *steps, 100]
    return max(after - before for before, after in pairwise(places))


def main() -> None:
    sessions = storage.open_sessions(storage.open_engine(sys.argv[1]))
    FileJobs(sessions, lambda: NOW, load_catalog).work_once()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime + used.ru_stime:.0f} {_peak_mb()}")


def _peak_mb() -> int:
    """The most memory this process has had. `ru_maxrss` would be that of the process it was started by."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


if __name__ == "__main__":
    main()
