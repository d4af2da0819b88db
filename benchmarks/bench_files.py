"""Files at a city's size: what it costs to look at one and to take one away, and what a call notices of it.

    python -m benchmarks.bench_files [--database FILE.sqlite3] [--retailers 15000]

Prints the seconds of processor time of a preview of all retailers with a tenth of them changed, as CSV and as XLSX, of
their export, and of the export of all limits; and by the clock, how long turns of a call by keys take alone and while
such a preview runs in the same process. At the end, on SQLite, the limits of a city are imported through the page, see
`benchmarks.city_limits`. The database is that of `benchmarks.bench_pages`: only read, but for the calls.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from flask import Flask

from app import create_app
from benchmarks import city_limits
from benchmarks.bench_pages import _database
from benchmarks.city_database import MAIN, NOW, RETAILERS
from brand_catalog.sheet_writing import csv_bytes, xlsx_bytes
from ivr.processes import SWITCH_INTERVAL_S
from settings import DEMO_AUTH_TOKEN, Settings
from tests.support.carrier_client import Telephone
from tests.support.console_client import Visitor

CHANGED_EVERY = 10
GOAL_PREVIEW_S, GOAL_EXPORT_S, GOAL_WAIT_MS = 5.0, 1.0, 100
CALLS = 12
TURNS = 4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--database", help="an SQLite file or a URL; made if it is not there")
    options.add_argument("--retailers", type=int, default=RETAILERS)
    chosen = options.parse_args()
    url = _database(chosen.database, chosen.retailers)
    app = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=lambda: NOW)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    manager = Visitor(app.test_client())
    manager.sign_in("manager")
    exported = manager.get("/retailers/export?kind=csv").get_data()
    files = dict(_changed_files(exported))
    for name, content in files.items():
        _report(
            f"preview of all retailers, {name}",
            GOAL_PREVIEW_S,
            partial(_preview, manager, name, content),
        )
    for path in ("/retailers/export?kind=csv", "/retailers/export?kind=xlsx"):
        _report(path, GOAL_EXPORT_S, partial(_get, manager, path))
    _report("/supply/export?what=limits (streamed)", None, lambda: _get(manager, "/supply/export?what=limits"))

    # As in a web process; and the first call loads what a process keeps.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    list(_turns(app, 0))
    alone = list(_turns(app, CALLS))
    previews = threading.Thread(target=_preview, args=(manager, "retailers.csv", files["retailers.csv"]))
    previews.start()
    beside = [took for took in _turns(app, 2 * CALLS) if previews.is_alive()]
    previews.join()
    for what, times in (("a turn alone", alone), ("a turn while a file is looked at", beside)):
        middle, most = statistics.median(times), max(times)
        print(f"  {what}: median {middle:.0f} ms, 95 % {_share(times):.0f} ms, longest {most:.0f} ms of {len(times)}")
    more = _share(beside) - _share(alone)
    mark = "ok" if more <= GOAL_WAIT_MS else "ABOVE THE GOAL"
    print(f"  longer by {more:.0f} ms for 95 % of the turns (goal {GOAL_WAIT_MS}: {mark})")
    if url.startswith("sqlite"):
        # Into a copy, so that the city stays as it is.
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "city.sqlite3"
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                connection.execute("VACUUM INTO ?", (str(copy),))
            city_limits.measure(f"sqlite:///{copy}")


def _share(times: Sequence[float]) -> float:
    """What 95 of 100 stay below."""
    return statistics.quantiles(times, n=20)[-1]


def _changed_files(exported: bytes) -> Iterator[tuple[str, bytes]]:
    """The export with the name of every tenth shop changed, as CSV and as XLSX."""
    columns, *rows = csv.reader(io.StringIO(exported.decode("utf-8-sig"), newline=""))
    for number in range(0, len(rows), CHANGED_EVERY):
        rows[number][columns.index("name")] += "新"
    yield "retailers.csv", csv_bytes(columns, rows)
    yield "retailers.xlsx", xlsx_bytes("retailers", columns, rows)


def _preview(manager: Visitor, name: str, content: bytes) -> None:
    answer = manager.post("/retailers/import", file=(io.BytesIO(content), name))  # type: ignore[arg-type]
    if answer.status_code != 200:
        raise SystemExit(f"the preview was answered {answer.status_code}")


def _get(manager: Visitor, path: str) -> None:
    answer = manager.get(path)
    if answer.status_code != 200 or not answer.get_data():
        raise SystemExit(f"{path} was answered {answer.status_code}")


def _report(what: str, goal_s: float | None, work: Callable[[], None]) -> None:
    began, worked = time.perf_counter(), time.process_time()
    work()
    worked, took = time.process_time() - worked, time.perf_counter() - began
    mark = "" if goal_s is None else f" (goal {goal_s:.0f} s: {'ok' if worked <= goal_s else 'ABOVE THE GOAL'})"
    print(f"  {what}: {worked:.2f} s of work, {took:.1f} s by the clock{mark}", flush=True)


def _turns(app: Flask, first: int) -> Iterator[float]:
    """The milliseconds of each turn of some calls by keys."""
    for number in range(first, first + CALLS):
        call = Telephone(app.test_client(), sid=f"CB{number:032d}", token=DEMO_AUTH_TOKEN, base="http://127.0.0.1:8000")
        began = time.perf_counter()
        asked = call.request("/voice/incoming", CallStatus="ringing", From=f"+86137{number:08d}", To=MAIN)
        yield (time.perf_counter() - began) * 1000
        for _turn in range(TURNS):
            began = time.perf_counter()
            asked = call.request(asked.action, Digits="4", FinishedOnKey="#")
            yield (time.perf_counter() - began) * 1000
            if not asked.action:
                break


if __name__ == "__main__":
    main()
