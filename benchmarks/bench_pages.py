"""Every page of the console at a city's size: what it costs, what it asks of the database, and what it sends.

    python -m benchmarks.bench_pages [--database FILE.sqlite3|URL] [--retailers 15000] [--only TEXT]
        [--save FILE] [--before FILE] [--make-only]

Prints for every GET route of the application with a page, an export or an event stream, and for the searches that are
sent as one types: the processor time of this process in ms (on PostgreSQL the server's comes on top), the time by the
clock, the number of SQL statements and of the rows they return, and the bytes of the answer, plain and compressed as by
the proxy. The medians of three requests after one that is not counted. `--save` keeps the figures, and `--before`
prints those of an earlier run beside them. The database is made on the first run (some minutes) and kept in build/;
addresses that no role gets a page from are named at the end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

import storage
from app import create_app
from benchmarks import city_database
from benchmarks.city_database import DESK_ORDER, NOW, RETAILERS
from ivr.services import services
from settings import Settings
from tests.support.console_client import Visitor
from tests.support.counted_statements import counted_statements

# Tried in this order; the first whose role may see a page is measured.
LOGINS = ("leader", "director", "manager", "operator")
TIMES = 3
# Above this, one request is enough.
SLOW_S = 2.0
HEADERS = {"Accept": "text/html"}
SKIPPED = ("/static/", "/assets/", "/metrics", "/healthz", "/readyz", "/sounds/", "/phone/line", "/desk/softphone/line")
# Requests with something asked for: searches as one types, other days, filters, pages.
ASKED = (
    "/desk/retailers?q=jslcs",
    "/desk/retailers?q=j",
    "/desk/retailers?q=建设",
    "/desk/retailers?q=41050",
    "/desk/retailers?q=138000",
    "/retailers?q=jslcs",
    "/retailers?q=建设",
    "/retailers?q=410502107500",
    "/today?q=建设",
    "/today?state=due",
    "/today?state=ordered&batch=7号线",
    "/orders?day=2026-11-20",
    "/calls?day=2026-11-20",
    "/deliveries?day=2026-11-20",
    "/unreached?day=2026-11-20",
    "/web-orders?day=2026-11-20",
    "/proxy?day=2026-11-20",
    "/audit-log?subject=retailer",
    "/audit-log?subject=limits",
    "/reports?span=week",
    "/reports?span=month",
    "/reports/days.xlsx?span=month",
    "/reports/specs.xlsx?span=month",
    "/supply/export?what=limits",
    "/supply/export?what=limits&kind=xlsx",
    "/retailers/export?kind=xlsx",
    "/audit-log/export?kind=xlsx",
    "/unreached?code=410502107500",
    *(
        f"/{book}/export?from=2026-10-26&to=2026-11-23&kind={kind}"
        for book in ("calls", "orders")
        for kind in ("csv", "xlsx")
    ),
)
# A value for each placeholder of a route, from the city.
PLACES: Mapping[str, str] = {
    "call_key": "SELECT call_key FROM turn_labels ORDER BY id LIMIT 1",
    "turn_number": "SELECT turn_number FROM turn_labels ORDER BY id LIMIT 1",
    "code": "SELECT customer_code FROM retailers WHERE id <= 7500 ORDER BY id DESC LIMIT 1",
    "key": f"SELECT call_key FROM orders WHERE call_key = '{DESK_ORDER}'",
    "catalog_files": "SELECT max(id) FROM catalog_versions",
    "department_reports": "SELECT max(id) FROM department_reports",
    "hotlines": "SELECT number FROM hotlines ORDER BY id LIMIT 1",
    "recordings": "SELECT min(id) FROM turn_labels",
    "book": "SELECT min(id) FROM orders WHERE business_day = '2026-11-23'",
    "supply": "SELECT min(id) FROM limit_batches",
    "visits": "SELECT min(id) FROM missed_calls WHERE remedy = 'visit' AND remedy_day = '2026-11-23'",
    "brief": "SELECT min(id) FROM notices",
}


@dataclass(frozen=True)
class PageCost:
    """The cost of one page: times in ms, sizes in bytes."""

    cpu_ms: float
    wall_ms: float
    statements: int
    rows: int
    plain_bytes: int
    packed_bytes: int


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--retailers", type=int, default=RETAILERS)
    options.add_argument("--database", help="a city made before: an SQLite file or the URL of a database")
    options.add_argument("--only", default="", help="measure addresses with this text only")
    options.add_argument("--save", type=Path, help="keep the figures in this file")
    options.add_argument("--before", type=Path, help="print the figures of this file beside them")
    options.add_argument("--make-only", action="store_true", help="make the database and measure nothing")
    chosen = options.parse_args()
    url = _database(chosen.database, chosen.retailers)
    if chosen.make_only:
        return
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"{make_url(url).get_backend_name()}, {chosen.retailers} retailers; {load}\n")
    before = json.loads(chosen.before.read_text(encoding="utf-8")) if chosen.before else {}
    costs, unanswered = _measure(url, chosen.only, before)
    if chosen.save:
        chosen.save.write_text(json.dumps({page: asdict(cost) for page, cost in costs.items()}, indent=1), "utf-8")
    print(f"\nNot measured: {', '.join(unanswered) or 'none'}")


def _database(wanted: str | None, retailers: int) -> str:
    """The address of the city's database, which is made where it is missing."""
    if wanted is not None and "://" in wanted:
        engine = storage.open_engine(wanted)
        storage.migrate(wanted)
        with engine.connect() as connection:
            is_there = connection.execute(text("SELECT count(*) FROM retailers")).scalar()
        engine.dispose()
        if not is_there:
            city_database.build(wanted, retailers)
        return wanted
    path = Path(wanted) if wanted else Path("build") / f"city-{retailers}.sqlite3"
    url = f"sqlite:///{path.resolve()}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        for beside in path.parent.glob(f"{unfinished.name}*"):
            beside.unlink()
        begun = time.monotonic()
        city_database.build(f"sqlite:///{unfinished.resolve()}", retailers)
        unfinished.replace(path)
        print(f"made {path} in {time.monotonic() - begun:.0f} s")
    # An older city has the tables of its time.
    storage.migrate(url)
    return url


def _measure(url: str, only: str, before: Mapping[str, Any]) -> tuple[dict[str, PageCost], list[str]]:
    app = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=lambda: NOW)
    # The demo's renewal would add to the city.
    app.before_request_funcs[None] = [one for one in app.before_request_funcs[None] if one.__name__ != "renew"]
    engine: Engine = services(app).sessions.kw["bind"]
    clients = {login: _signed_in(app, login) for login in LOGINS}
    with storage.read_only(services(app).sessions) as session:
        addresses = [*_addresses(app, session), *ASKED]
    costs: dict[str, PageCost] = {}
    unanswered = []
    _print_heading(bool(before))
    for address in sorted(set(addresses)):
        if only not in address:
            continue
        cost = _cost(engine, clients, address)
        if isinstance(cost, PageCost):
            costs[address] = cost
            _print_row(address, cost, before.get(address))
        else:
            unanswered.append(f"{address} ({cost})")
    engine.dispose()
    return costs, unanswered


def _signed_in(app: Flask, login: str) -> FlaskClient:
    visitor = Visitor(app.test_client())
    answer = visitor.sign_in(login)
    assert answer.status_code == 204, answer.get_data(as_text=True)
    return visitor.client


def _addresses(app: Flask, session: Session) -> Iterator[str]:
    """Every GET route with its placeholders filled in from the city."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and not rule.rule.startswith(SKIPPED):
                for values in _values(rule, session):
                    yield app.url_for(rule.endpoint, **values)


def _values(rule: Rule, session: Session) -> Iterator[dict[str, Any]]:
    """The placeholders of a route with values: all of those that it lists, one of the city otherwise."""
    found: list[dict[str, Any]] = [{}]
    for name in rule.arguments:
        choices = getattr(rule._converters[name], "items", None)
        if choices is None:
            query = PLACES.get(name) or PLACES.get(rule.endpoint.split(".")[1], "SELECT 1")
            # A city too small to have one has no such page.
            choices = [one for one in session.execute(text(query)).scalars() if one is not None]
        found = [{**values, name: choice} for values in found for choice in sorted(choices)]
    yield from found


def _cost(engine: Engine, clients: Mapping[str, FlaskClient], address: str) -> PageCost | int:
    """The cost of a page; the status where no role is answered with one."""
    status = 0
    for client in clients.values():
        # The first request compiles templates and statements, as the first one of a process does.
        begun = time.monotonic()
        status = client.get(address, headers=HEADERS, buffered=True).status_code
        if status == 200:
            times = TIMES if time.monotonic() - begun < SLOW_S else 1
            costs = [_cost_once(engine, client, address) for _ in range(times)]
            middle = sorted(costs, key=lambda cost: cost.cpu_ms)[len(costs) // 2]
            wall_ms = statistics.median(cost.wall_ms for cost in costs)
            return PageCost(**{**asdict(middle), "wall_ms": wall_ms})
    return status


def _cost_once(engine: Engine, client: FlaskClient, address: str) -> PageCost:
    with counted_statements(engine) as counted:
        cpu, wall = time.process_time(), time.perf_counter()
        answer = client.get(address, headers=HEADERS, buffered=True)
        sent = answer.get_data()
        cpu_ms, wall_ms = (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000
    packed = gzip.compress(sent) if is_compressed(answer.mimetype) else sent
    return PageCost(round(cpu_ms, 1), round(wall_ms, 1), len(counted.statements), counted.rows, len(sent), len(packed))


def is_compressed(mimetype: str) -> bool:
    """True for what the proxy compresses (deploy/Caddyfile): texts that are sent whole."""
    return mimetype in ("application/json", "text/javascript", "image/svg+xml") or (
        mimetype.startswith("text/") and mimetype != "text/event-stream"
    )


def _print_heading(with_before: bool) -> None:
    names = ("page", "CPU ms", "wall ms", "SQL", "rows", "bytes", "compressed")
    if with_before:
        names = (
            "page",
            "CPU ms before",
            "now",
            "SQL before",
            "now",
            "rows before",
            "now",
            "bytes before",
            "now",
            "compressed",
        )
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names), flush=True)


def _print_row(address: str, now: PageCost, before: Mapping[str, Any] | None) -> None:
    if before is None:
        cells: tuple[object, ...] = (
            f"{now.cpu_ms:.0f}", f"{now.wall_ms:.0f}", now.statements, f"{now.rows:,}", f"{now.plain_bytes:,}",
            f"{now.packed_bytes:,}",
        )  # fmt: skip
    else:
        then = PageCost(**before)
        cells = (
            f"{then.cpu_ms:.0f}", f"{now.cpu_ms:.0f}", then.statements, now.statements, f"{then.rows:,}",
            f"{now.rows:,}", f"{then.plain_bytes:,}", f"{now.plain_bytes:,}", f"{now.packed_bytes:,}",
        )  # fmt: skip
    print(f"| {address} | " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
