"""How long the department's work keeps callers waiting: the longest transaction that writes, at a city's size.

    python -m benchmarks.bench_locks [--retailers 15000] [--database sqlite|postgresql]

On SQLite every other writer, and so every turn of a call, waits for such a transaction; on PostgreSQL only those that
need the same rows do. Each row says how long the whole work took, its longest transaction, and how many there were; the
processor's time beside it is what the wait would be on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event, select

import brand_catalog
import storage
from app import create_app
from benchmarks import bench_desk
from benchmarks.bench_desk import MONDAY, _code, _limits_file, _other_orders, _populate
from brand_catalog.catalog import Catalog, Spec
from clock import SHANGHAI
from ivr.services import services
from orders.book.models import OrderRow
from orders.day_end import settlement
from orders.demo.demo_staff import seed_demo_staff
from orders.retailers.models import RetailerRow
from settings import DEMO_AUTH_TOKEN, Settings
from tests.support.carrier_client import Telephone
from tests.support.console_client import Visitor

GOAL_S = 1.0
PROXY_ENTRIES = 200


class Held:
    """The transactions that write, as they end: their number, and the longest one in seconds."""

    def __init__(self, engine: Engine) -> None:
        self._begun: dict[int, tuple[float, float]] = {}
        self.longest_s, self.worked_s, self.all_s, self.count = 0.0, 0.0, 0.0, 0
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "commit", self._end)
        event.listen(engine, "rollback", self._end)

    def _begin(self, connection: Any) -> None:
        if not connection.get_execution_options().get("reads_only", False):
            self._begun[threading.get_ident()] = time.perf_counter(), time.thread_time()

    def _end(self, _connection: Any) -> None:
        if (begun := self._begun.pop(threading.get_ident(), None)) is not None:
            self.longest_s = max(self.longest_s, time.perf_counter() - begun[0])
            worked_s = time.thread_time() - begun[1]
            self.worked_s, self.all_s = max(self.worked_s, worked_s), self.all_s + worked_s
            self.count += 1

    @contextmanager
    def measured(self, what: str) -> Iterator[None]:
        """Print what the block held."""
        self.longest_s, self.worked_s, self.all_s, self.count, start = 0.0, 0.0, 0.0, 0, time.perf_counter()
        yield
        mark = "ok" if self.worked_s <= GOAL_S else "ABOVE THE GOAL"
        took = time.perf_counter() - start
        longest = (
            f"longest of {self.count}: {self.longest_s:.2f} s, {self.worked_s:.2f} s of work, {self.all_s:.2f} in all"
        )
        print(f"  {what}: {took:.1f} s, {longest} (goal {GOAL_S:.0f} s: {mark})", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--retailers", type=int, default=15_000)
    options.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    options.add_argument("--limits", type=int, default=100, help="of one retailer")
    chosen = options.parse_args()
    bench_desk.SPECS_EACH = chosen.limits
    for database in chosen.database or ["sqlite", "postgresql"]:
        with bench_desk._database(database) as url, tempfile.TemporaryDirectory() as folder:
            if url is not None:
                load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
                print(f"\n{database}, {chosen.retailers} retailers; {load}", flush=True)
                _run(url, chosen.retailers, Path(folder))


def _run(url: str, retailers: int, folder: Path) -> None:
    storage.migrate(url)
    moment = [datetime(2026, 11, 22, 18, tzinfo=SHANGHAI)]
    app = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=lambda: moment[0])
    sessions = services(app).sessions
    engine: Engine = sessions.kw["bind"]
    catalog = _populate(sessions, retailers)
    with storage.transaction(sessions) as session:
        seed_demo_staff(session, moment[0])
    held = Held(engine)
    run = _runner(app, held)
    with held.measured("making the demo's day"):
        app.test_client().get("/healthz")

    shops = _retailers_file(folder / "retailers.csv", retailers)
    clerk = Visitor(app.test_client())
    clerk.sign_in("clerk")
    with held.measured(f"preview of {retailers} retailers"):
        _upload(clerk, "/retailers/import", shops)
    run(f"import of {retailers} retailers", "import-retailers", shops, "--by", "clerk", "--why", "bench")
    wanted = _limits_file(folder / "limits.csv", retailers, catalog)
    day = ("--day", MONDAY, "--by", "director", "--why", "bench")
    run("preview of limits", "import-limits", wanted, *day, "--dry-run")
    run("import of limits", "import-limits", wanted, *day)
    demo = Path(brand_catalog.__file__).parent / "demo"
    files = (demo / "catalog.csv", "--aliases", demo / "aliases.csv")
    run("import of the catalogue", "import-catalog", *files, "--by", "director", "--note", "bench")
    due = retailers * bench_desk.DUE[0] // sum(bench_desk.DUE)
    _other_orders(sessions, catalog, PROXY_ENTRIES, due)

    moment[0] = datetime(2026, 11, 23, 9, tzinfo=SHANGHAI)
    # The first call loads what a process keeps.
    for number, which in ((1, "the first call of a process"), (2, "a call by keys, of six turns")):
        with held.measured(which):
            _order_by_keys(app, number, list(catalog.specs.values())[2:5])
    clerk = Visitor(app.test_client())
    clerk.sign_in("clerk")
    listed = _proxy_file(folder / "proxy.csv", catalog)
    with held.measured(f"preview of {PROXY_ENTRIES} listed orders"):
        _upload(clerk, "/proxy", listed)
    run(f"entry of {PROXY_ENTRIES} listed orders", "proxy-orders", listed, "--day", MONDAY, "--by", "clerk")

    moment[0] = datetime(2026, 11, 23, 18, tzinfo=SHANGHAI)
    evening = ("--day", MONDAY, "--by", "director")
    with storage.read_only(sessions) as session:
        ordered = select(RetailerRow.customer_code, OrderRow.number).join(
            OrderRow, OrderRow.retailer_id == RetailerRow.id
        )
        found = session.execute(ordered).all()
    balances = _csv(folder / "balances.csv", ("customer_code", "balance"), [(code, 10_000_000) for code, _ in found])
    run("balances", "day-end", "balances", balances, *evening)
    run("audit", "day-end", "audit", *evening)
    run("settlement", "day-end", "settle", *evening, "--out", folder)
    answer = _csv(folder / "answer.csv", settlement.ANSWER_COLUMNS, [(number, "paid", "") for _, number in found])
    run("the bank's answer", "day-end", "answer", answer, *evening)
    run("hand-over", "day-end", "hand-over", *evening, "--out", folder)
    run("notices", "day-end", "notice", *evening, "--out", folder)
    run("close", "day-end", "close", *evening)

    supply = [(spec.name, 5_000, bench_desk.BASES[place % 4]) for place, spec in enumerate(catalog.specs.values())]
    split = _csv(folder / "supply.csv", ("name", "cartons", "basis"), supply)
    morrow = ("--day", MONDAY + timedelta(days=1), "--by", "director", "--why", "bench")
    run("preview of a split", "allocate", split, *morrow, "--dry-run")
    run("split of a day's supply", "allocate", split, *morrow)
    run("report of the day", "report", "day", "--day", MONDAY, "--out", folder, may_fail=True)
    engine.dispose()


def _runner(app: Flask, held: Held) -> Callable[..., None]:
    def run(what: str, *words: object, may_fail: bool = False) -> None:
        with held.measured(what):
            done = app.test_cli_runner().invoke(args=[*map(str, words)])
        if done.exit_code and not may_fail:
            raise SystemExit(f"{words}: {done.output[-2000:]}") from done.exception

    return run


def _order_by_keys(app: Flask, number: int, specs: Sequence[Spec]) -> None:
    """The call of a retailer from its registered number: three specs, done, yes."""
    call = Telephone(app.test_client(), sid=f"CA{number:032d}", token=DEMO_AUTH_TOKEN, base="http://127.0.0.1:8000")
    asked = call.request("/voice/incoming", CallStatus="ringing", From=f"+86138{number:08d}", To=bench_desk.MAIN)
    for keys in ("1", *(f"{spec.short_code}*2" for spec in specs), "#", "1"):
        asked = call.request(asked.action, Digits="" if keys == "#" else keys, FinishedOnKey="#")
        said = "".join(asked.said)
    if "订单号" not in said and "保存" not in said:
        print(f"  the call ended with: {said}")


def _upload(visitor: Visitor, path: str, file: Path) -> None:
    with file.open("rb") as content:
        answer = visitor.post(path, file=(content, file.name))  # type: ignore[arg-type]
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code} {answer.get_data(as_text=True)[-2000:]}")


def _retailers_file(path: Path, retailers: int) -> Path:
    columns = ("customer_code", "name", "cycle", "order_day", "grade", "phones")
    weekdays = [
        day for day, count in enumerate(bench_desk.DUE) for _ in range(count * retailers // sum(bench_desk.DUE))
    ]
    weekdays += [4] * (retailers - len(weekdays))
    rows = [
        (_code(n), f"店{n}", "weekly", MONDAY + timedelta(days=weekday), 1 + n % 30, f"+86138{n:08d}")
        for n, weekday in enumerate(weekdays, 1)
    ]
    return _csv(path, columns, rows)


def _proxy_file(path: Path, catalog: Catalog) -> Path:
    names = [spec.name for spec in catalog.specs.values()]
    columns = (
        "customer_code", "name", "cartons", "retailer_signed", "department_head_signed", "deputy_manager_signed",
    )  # fmt: skip
    rows = [
        (_code(n), names[(n + place) % len(names)], 3, "one", "two", "three")
        for n in range(1, PROXY_ENTRIES + 1)
        for place in range(bench_desk.LINES_EACH)
    ]
    return _csv(path, columns, rows)


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


if __name__ == "__main__":
    main()
