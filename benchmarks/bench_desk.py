"""The order desk at a city's size: 15,000 retailers, 1.5 million limits, 3,700 orders of 20 lines in a morning.

    python -m benchmarks.bench_desk [--retailers 15000] [--database sqlite|postgresql]

Prints the time of an import of limits, the medians of a call's operations at the desk, and the time of a day end and of
an allocation. The load profile is synthetic, in the proportions of a real city: a quarter of all retailers is due on a
Monday.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text

import brand_catalog
import storage
from brand_catalog.catalog import Catalog
from brand_catalog.importing import import_catalog, read_catalog_file
from brand_catalog.sheets import read_sheet
from clock import SHANGHAI
from orders.book.desk import Desk, LineRequest
from orders.book.models import OrderRow
from orders.day_end import settlement, steps
from orders.models import HotlineRow
from orders.retailers.models import RetailerRow
from orders.supply import limits
from orders.supply.allocate import Basis, SpecSupply, import_supply
from orders.supply.models import Supply
from tests.support.postgres import Postgres, find_binaries, no_postgres

MONDAY = date(2026, 11, 23)
BASES: tuple[Basis, ...] = ("equal", "grade", "sales", "class")
SPECS_EACH = 100
LINES_EACH = 20
CALLS_MEASURED = 200
GOALS_MS = {"look up": 10, "hold a line": 10, "hold 17 lines at once": 100, "confirm 20 lines": 10}
MAIN = "+8637255550000"
# Retailers of a real city with 15,000 of them, by order day from Monday on.
DUE = (3700, 3100, 3300, 3300, 1600)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--retailers", type=int, default=15_000)
    options.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    chosen = options.parse_args()
    for database in chosen.database or ["sqlite", "postgresql"]:
        with _database(database) as url:
            if url is not None:
                # Figures from a shared machine say little: every query to a server waits for the processor.
                load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
                print(f"\n{database}, {chosen.retailers} retailers, {chosen.retailers * SPECS_EACH} limits; {load}")
                _run(url, chosen.retailers)


@contextmanager
def _database(kind: str) -> Iterator[str | None]:
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/bench.db"
        elif (binaries := find_binaries()) is None:
            print(no_postgres())
            yield None
        else:
            with Postgres.started(binaries) as server:
                yield server.create("bench")


def _run(url: str, retailers: int) -> None:
    storage.migrate(url)
    engine = storage.open_engine(url)
    sessions = storage.open_sessions(engine)
    try:
        catalog = _populate(sessions, retailers)
        with tempfile.TemporaryDirectory() as folder:
            path = _limits_file(Path(folder) / "limits.csv", retailers, catalog)
            with _timed("import of limits", 60):
                _import(sessions, catalog, path, datetime(2026, 11, 22, 18, tzinfo=SHANGHAI))
            with _timed("import of the same again", 60):
                _import(sessions, catalog, path, datetime(2026, 11, 22, 19, tzinfo=SHANGHAI))
        due = retailers * DUE[0] // sum(DUE)
        _calls(sessions, catalog, min(CALLS_MEASURED, due))
        _other_orders(sessions, catalog, CALLS_MEASURED, due)
        _day_end(sessions)
        _allocate(sessions, catalog)
    finally:
        engine.dispose()


def _populate(sessions: storage.SessionFactory, retailers: int) -> Catalog:
    demo = Path(brand_catalog.__file__).parent / "demo"
    catalog = read_catalog_file(demo / "catalog.csv", demo / "aliases.csv")
    weekdays = [day for day, count in enumerate(DUE) for _ in range(count * retailers // sum(DUE))]
    weekdays += [4] * (retailers - len(weekdays))
    with storage.transaction(sessions) as session:
        import_catalog(session, catalog, datetime(2026, 11, 1, tzinfo=SHANGHAI), "benchmark")
        session.add(HotlineRow(number=MAIN, name="bench", kind="regular", seat="1"))
        storage.insert_many(
            session,
            "retailers",
            (
                "id", "customer_code", "name", "status", "cycle", "order_weekday", "cycle_week", "county", "region",
                "manager", "route", "grade", "balance_fen",
            ),
            [
                (
                    number, _code(number), f"shop {number}", "active", "weekly", weekday, 0, f"county {number % 6}", "",
                    f"manager {number % 90}", f"route {number % 120}", 1 + number % 30, 1_000_000,
                )
                for number, weekday in enumerate(weekdays, 1)
            ],
        )  # fmt: skip
        session.add_all(
            Supply(business_day=MONDAY, barcode=barcode, supplied_packs=10_000_000) for barcode in catalog.specs
        )
    return catalog


def _code(number: int) -> str:
    return f"4105021{number:05d}"


def _limits_file(path: Path, retailers: int, catalog: Catalog) -> Path:
    names = [spec.name for spec in catalog.specs.values()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(limits.COLUMNS)
        for number in range(1, retailers + 1):
            # Neighbouring specs, so that retailers differ and every spec is limited for somebody.
            first = number % len(names)
            for place in range(SPECS_EACH):
                writer.writerow((_code(number), names[(first + place) % len(names)], 30))
    return path


def _import(sessions: storage.SessionFactory, catalog: Catalog, path: Path, now: datetime) -> None:
    limits.import_limits(sessions, path, lambda _: catalog, MONDAY, now, "bench", "benchmark")
    with storage.transaction(sessions) as session:
        session.execute(text("ANALYZE"))


def _calls(sessions: storage.SessionFactory, catalog: Catalog, calls: int) -> None:
    took: dict[str, list[float]] = {kind: [] for kind in GOALS_MS}
    worked: dict[str, list[float]] = {kind: [] for kind in GOALS_MS}
    chance = random.Random(1)

    def measured(kind: str, work: Callable[[Desk], object]) -> None:
        start, begun = time.perf_counter(), time.process_time()
        with storage.transaction(sessions) as session:
            work(Desk(session, catalog, datetime(2026, 11, 23, 9, tzinfo=SHANGHAI)))
        took[kind].append((time.perf_counter() - start) * 1000)
        worked[kind].append((time.process_time() - begun) * 1000)

    def one_call(number: int) -> None:
        call = f"call {number}"
        wanted: list[str] = []

        def look_up(desk: Desk) -> None:
            retailer = desk.retailer(_code(number))
            assert retailer is not None
            line = desk.hotline(MAIN)
            assert desk.eligibility(retailer, line).may_order
            desk.open_draft(call, retailer, line)
            offered = [offer.spec.barcode for offer in desk.available_specs(retailer)]
            desk.past_quantities(retailer)
            wanted.extend(chance.sample(offered, LINES_EACH))

        measured("look up", look_up)
        for _ in range(3):
            measured("hold a line", lambda desk: desk.draft(call).set_line(wanted.pop(), 50))
        requests = [LineRequest(spec, 50) for spec in wanted]
        measured("hold 17 lines at once", lambda desk: desk.draft(call).set_lines(requests))
        measured("confirm 20 lines", lambda desk: desk.draft(call).confirm())

    for number in range(1, calls + 1):
        one_call(number)
    for kind, values in took.items():
        values.sort()
        own = statistics.median(worked[kind])
        tail = f", p95 {values[int(len(values) * 0.95)]:.1f} ms, of it {own:.1f} ms of our own work"
        _print_result(f"{kind}: median", statistics.median(values), "ms", GOALS_MS[kind], tail=tail)


def _other_orders(sessions: storage.SessionFactory, catalog: Catalog, calls: int, due: int) -> None:
    """Insert the rest of the morning's orders into the order book directly, with matching counters."""
    specs = list(catalog.specs.values())
    orders, lines = [], []
    for number in range(calls + 1, due + 1):
        order_id = 10_000 + number
        # The first of the specs the retailer has limits for, see _limits_file.
        mine = [specs[(number + place) % len(specs)] for place in range(LINES_EACH)]
        amount = sum(spec.wholesale_fen * 5 for spec in mine)
        orders.append(
            (
                order_id, f"bench{order_id}", number, MONDAY.isoformat(), MONDAY.isoformat(), "regular", "confirmed",
                "phone", "", "2026-11-23 01:00:00", False, False, LINES_EACH * 50, amount,
            )
        )  # fmt: skip
        lines += [(order_id, s.barcode, s.name, s.packs_per_carton, s.wholesale_fen, 50, 50) for s in mine]
    with storage.transaction(sessions) as session:
        columns = (
            "id", "number", "retailer_id", "business_day", "cycle_start", "kind", "state", "channel", "region",
            "created_at", "holds_active", "on_hold", "total_packs", "amount_fen",
        )  # fmt: skip
        storage.insert_many(session, "orders", columns, orders)
        storage.insert_many(
            session,
            "order_lines",
            ("order_id", "barcode", "spec_name", "packs_per_carton", "price_fen", "requested_packs", "granted_packs"),
            lines,
        )
        session.execute(
            text(
                "UPDATE supply SET sold_packs = (SELECT coalesce(sum(granted_packs), 0) FROM order_lines"
                " WHERE order_lines.barcode = supply.barcode)"
            )
        )
        session.execute(
            text(
                "UPDATE limits SET used_packs = 50 FROM order_lines JOIN orders ON orders.id = order_id"
                " WHERE limits.retailer_id = orders.retailer_id AND limits.barcode = order_lines.barcode"
            )
        )


def _day_end(sessions: storage.SessionFactory) -> None:
    now = datetime(2026, 11, 23, 18, tzinfo=SHANGHAI)
    with tempfile.TemporaryDirectory() as folder, _timed("day's end", 30):
        path = Path(folder) / "file.csv"
        with storage.transaction(sessions) as session:
            ordered = select(RetailerRow.customer_code).join(OrderRow, OrderRow.retailer_id == RetailerRow.id)
            rows: list[tuple[str, ...]] = [(code, "10000000") for code in session.scalars(ordered)]
            _write(path, ("customer_code", "balance"), rows)
            steps.import_balances(session, read_sheet(path), MONDAY, by="bench", now=now)
        with storage.transaction(sessions) as session:
            figures = steps.audit(session, MONDAY, by="bench", now=now)
        with storage.transaction(sessions) as session:
            _, batch = settlement.make_batch(session, MONDAY, by="bench", now=now)
        _write(path, settlement.ANSWER_COLUMNS, [(str(line[0]), "paid", "") for line in batch])
        with storage.transaction(sessions) as session:
            settlement.import_answer(session, read_sheet(path), MONDAY, "hold", by="bench", now=now)
        with storage.transaction(sessions) as session:
            steps.hand_over(session, MONDAY, by="bench", now=now)
        with storage.transaction(sessions) as session:
            steps.delivery_notices(session, MONDAY, by="bench", now=now)
        with storage.transaction(sessions) as session:
            steps.close(session, MONDAY, by="bench", now=now)
    print(f"  {figures['orders']} orders settled and handed over")


def _allocate(sessions: storage.SessionFactory, catalog: Catalog) -> None:
    """Split all specs over the retailers due on the next day, by each basis in turn."""
    supplies = [
        SpecSupply(spec, 5_000, BASES[place % len(BASES)], None, "")
        for place, spec in enumerate(catalog.specs.values())
    ]
    evening = datetime(2026, 11, 23, 20, tzinfo=SHANGHAI)
    with _timed(f"allocation of {len(supplies)} specs", 60):
        done = import_supply(
            sessions, supplies, MONDAY + timedelta(days=1), evening, by="bench", why="benchmark", source="bench"
        )
    print(f"  {done.added} limits set")


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@contextmanager
def _timed(what: str, goal_s: float) -> Iterator[None]:
    start = time.perf_counter()
    yield
    _print_result(what, time.perf_counter() - start, "s", goal_s)


def _print_result(what: str, value: float, unit: str, goal: float, *, tail: str = "") -> None:
    mark = "ok" if value <= goal else "ABOVE THE GOAL"
    print(f"  {what}: {value:.1f} {unit}{tail} (goal {goal:.0f} {unit}: {mark})", flush=True)


if __name__ == "__main__":
    main()
