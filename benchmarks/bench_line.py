"""The line under calls: from the end of what a caller said to the reply, measured from outside.

One served line on a database of its own; callers over real sockets, their sound in real time, each ordering from a
registered number: yes, one item, another, several, done, yes. Redirects come through a REST interface that this
process serves. Then the same with an unrestricted recogniser in the place of ours.

`python -m benchmarks.bench_line [--postgres] [CALLS ...]`: how many calls at once, one row each; 1 and 10 if left out.
With --postgres on a PostgreSQL server of its own, which waits for the disk, with what calls wrote there, and without
the unrestricted recogniser.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import storage
from benchmarks.line_callers import Call, Exchange, Outcome, Speech
from benchmarks.written import Written
from orders.demo import MAIN_NUMBER, seed_demo
from orders.demo.demo_staff import seed_demo_staff
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.supply.models import Limit, Supply
from simulator.account import Account
from speech.evaluation.tables import Table, quantile
from tests.support.ports import free_port
from tests.support.postgres import Postgres, find_binaries, no_postgres
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

AUDIO = Path(__file__).parent.parent / "tests" / "audio"
SAID = (
    ("yes", "cmd_yes_duide_a"),
    ("one item", "item_ruanyuxi_2_a"),
    ("one item", "item_hongtashan_yingjingdian_5_a"),
    ("several items", "items_liqunxinban_5_yunyanzi_3_a"),
    ("done", "cmd_done_jiuzhexie_a"),
    ("yes", "cmd_yes_duide_a"),
)
KINDS = ("one item", "yes", "done", "all")
MODEL_RETAILER = "410502100012"
# Fewer calls at once are made again until there are so many.
AT_LEAST = 4
# Callers dial one after the other, so that not all speak at the same moment.
DIALS_EVERY_S = 0.7
SUPPLY_TIMES = 1_000
HEADER = (
    "recogniser",
    "calls at once",
    *(f"{kind}, ms p50/p95/p99" for kind in KINDS),
    "no reply",
    "webhooks, ms p50/p95",
    "connections reset",
    "CPU s a call",
    "memory MB, PSS",
    "calls not ended by the line",
)


@dataclass(frozen=True)
class Load:
    """What the server's processes have used: seconds of processor time, and proportional memory in MB."""

    cpu_s: float
    memory_mb: float


def main() -> None:
    """Print the table, a row for each number of calls at once and each recogniser."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("calls", nargs="*", type=int, default=[1, 10], help="how many calls at once")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    arguments = parser.parse_args()
    recognisers = [("ours", "tests.support.served_app"), ("unrestricted", "benchmarks.unrestricted_app")]
    rows = []
    for name, app in recognisers[:1] if arguments.postgres else recognisers:
        with tempfile.TemporaryDirectory() as folder, database(Path(folder), arguments.postgres) as url:
            for row in asyncio.run(_measure(url, Path(folder), app, arguments.calls)):
                rows.append((name, *row))
                print(Table(f"After {name}", HEADER, (rows[-1],)), flush=True)
    print(Table("Replies of the line, from the last sounding frame of the caller", HEADER, tuple(rows)))


@contextlib.contextmanager
def database(folder: Path, postgres: bool) -> Iterator[str]:
    """The address of a new database."""
    if not postgres:
        yield f"sqlite:///{folder}/hotline.db"
        return
    binaries = find_binaries()
    if binaries is None:
        sys.exit(no_postgres())
    with Postgres.started(binaries, durable=True) as server:
        yield server.create("bench")


async def _measure(url: str, folder: Path, app: str, counts: Sequence[int]) -> list[tuple[str, ...]]:
    shift = shift_to_morning()
    phones = seeded(url, sum(calls_made(count) for count in counts) + 1, shifted_clock(shift)())
    served = ServedLine(url, folder, Account(""), "stream", shift, app)
    exchange = Exchange(served.url, Outcome())
    rows = []
    async with _served(exchange, served):
        speeches = [Speech.of_file(kind, AUDIO / f"{name}.ulaw") for kind, name in SAID]
        # The first call finds everything cold; it is not counted.
        await Call(exchange, phones.pop(), MAIN_NUMBER, speeches).run()
        for count in counts:
            exchange.outcome = outcome = Outcome()
            before, most = load(served.process_id), 0.0
            written = Written.until_now(url)
            calls = 0
            while calls < calls_made(count):
                batch = [Call(exchange, phones.pop(), MAIN_NUMBER, speeches) for _ in range(count)]
                watch = asyncio.create_task(most_memory(served.process_id))
                await asyncio.gather(*(_dial(call, place * DIALS_EVERY_S) for place, call in enumerate(batch)))
                watch.cancel()
                most = max(most, await watch)
                calls += count
            cpu_s = load(served.process_id).cpu_s - before.cpu_s
            rows.append(_row(count, calls, outcome, cpu_s, most))
            if written is not None:
                print(written.since(url, calls), file=sys.stderr)
            for failure in dict.fromkeys(outcome.failures):
                print(f"  {outcome.failures.count(failure)} x {failure}", file=sys.stderr)
    return rows


def calls_made(count: int) -> int:
    """The calls that are made if so many are made at once: one at a time is repeated."""
    return max(count, AT_LEAST - AT_LEAST % count)


async def _dial(call: Call, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await call.run()


@contextlib.asynccontextmanager
async def _served(exchange: Exchange, served: ServedLine) -> AsyncIterator[None]:
    runner = web.AppRunner(exchange.rest())
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    served.account.api_base = f"http://127.0.0.1:{port}"
    try:
        await asyncio.to_thread(served.start)
        yield
    finally:
        await asyncio.to_thread(served.kill)
        await exchange.session.close()
        await runner.cleanup()


def _row(count: int, calls: int, outcome: Outcome, cpu_s: float, memory_mb: float) -> tuple[str, ...]:
    def spread(seconds: Sequence[float], *shares: float) -> str:
        return " / ".join(f"{1000 * quantile(sorted(seconds), share):.0f}" for share in shares) if seconds else "-"

    return (
        str(count),
        *(spread([took for of, took in outcome.replies if kind in (of, "all")], 0.5, 0.95, 0.99) for kind in KINDS),
        f"{len(outcome.unanswered)} of {len(outcome.replies) + len(outcome.unanswered)}",
        spread(outcome.webhooks, 0.5, 0.95),
        str(outcome.resets),
        f"{cpu_s / calls:.1f}",
        f"{memory_mb:.0f}",
        f"{calls - outcome.ended_by_line} of {calls}",
    )


def seeded(url: str, retailers: int, now: datetime) -> list[str]:
    """Make the demo's database with so many more retailers like its first, and plenty of everything; their phones."""
    storage.migrate(url)
    engine = storage.open_engine(url)

    phones = [f"+86139{number:08d}" for number in range(1, retailers + 1)]
    with storage.transaction(storage.open_sessions(engine)) as session:
        seed_demo(session, now)
        seed_demo_staff(session, now)
        session.execute(update(Supply).values(supplied_packs=Supply.supplied_packs * SUPPLY_TIMES))
        for number, phone in enumerate(phones):
            _copy_retailer(session, f"4105029{number:05d}", phone)
    engine.dispose()
    return phones


def _copy_retailer(session: Session, code: str, phone: str) -> None:
    model = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == MODEL_RETAILER)).one()
    columns = {column.key: getattr(model, column.key) for column in RetailerRow.__table__.columns if column.key != "id"}
    copy = RetailerRow(**columns | {"customer_code": code, "name": f"便民超市{code[-3:]}"})
    session.add(copy)
    session.flush()
    session.add(RetailerPhone(phone=phone, retailer_id=copy.id))
    for limit in session.scalars(select(Limit).where(Limit.retailer_id == model.id)):
        session.add(
            Limit(
                retailer_id=copy.id,
                cycle_start=limit.cycle_start,
                barcode=limit.barcode,
                limit_packs=limit.limit_packs,
            )
        )


async def most_memory(process_id: int) -> float:
    """The most memory used until it is cancelled."""
    most = 0.0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            most = max(most, (await asyncio.to_thread(load, process_id)).memory_mb)
            await asyncio.sleep(2)
    return most


def load(process_id: int) -> Load:
    """What the process and all its descendants have used, as the kernel counts it."""
    ticks, kilobytes = 0, 0
    for process in _family(process_id):
        with contextlib.suppress(OSError):
            # After the name in brackets: own time, then that of children that have ended.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            kilobytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return Load(ticks / os.sysconf("SC_CLK_TCK"), kilobytes / 1024)


def _family(process_id: int) -> list[int]:
    found = [process_id]
    for process in found:
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
    return found


if __name__ == "__main__":
    main()
