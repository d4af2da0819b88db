"""A small city with its order department: retailers, supply, staff, a served line, and the clerks' commands."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from sqlalchemy.orm import Session

import brand_catalog
import storage
from app import create_app
from brand_catalog.catalog import Catalog, Spec
from brand_catalog.importing import import_catalog, read_catalog_file
from clock import SHANGHAI
from ivr.services import services
from orders.staff.models import Role, StaffRow
from settings import Settings
from tests.support.keypad_caller import KeypadCaller
from tests.support.served_app import file_clock
from tests.support.served_line import ServedLine

DAY = date(2026, 11, 23)
MAIN, SUPPLEMENTARY = "+8637255550000", "+8637255933333"
# Retailers by their role in the test; a number in a range is a retailer.
DUE = range(232)
NOT_DUE = range(232, 245)
SUSPENDED = range(245, 247)
ALL = range(247)
SPECS = 20
AT_ONCE = 8
ROLES: tuple[Role, ...] = ("operator", "leader", "clerk", "manager", "director")

# The split of each spec's supply, by its place: basis, cartons and the most one retailer gets.
PLENTY = 1_200
SUPPLY: tuple[tuple[str, int, str], ...] = (
    *(("equal", PLENTY, "") for _ in range(8)),
    *(("grade", 900, "9") for _ in range(4)),
    *(("sales", 700, "") for _ in range(2)),
    *(("class", 700, "") for _ in range(2)),
    ("equal", 232, ""),
    ("free", 60, ""),
    ("free", 25, ""),
    ("free", 0, ""),
)


def code(number: int) -> str:
    return f"4105021{number + 100:05d}"


def phone(number: int) -> str:
    return f"+86138000{number:05d}"


class City:
    """The order department on its own database, with a clock that stands until it is moved."""

    def __init__(self, folder: Path, served: ServedLine, clock_file: Path) -> None:
        self.folder = folder
        self.served = served
        self._clock_file = clock_file
        self.set_clock(22, 18)
        self.callers: list[KeypadCaller] = []
        url = served.database_url
        self.app: Flask = create_app(
            Settings(database_url=url, demo=True, listen_mode="keypad"), clock=file_clock(clock_file)
        )
        self.sessions: storage.SessionFactory = services(self.app).sessions
        with self.session() as session:
            self.catalog = seed_catalog_and_staff(session)
        # Expensive and cheap ones, a few of each brand.
        self.specs: list[Spec] = list(self.catalog.specs.values())[:: len(self.catalog.specs) // SPECS][:SPECS]

    @contextmanager
    def session(self) -> Iterator[Session]:
        with storage.transaction(self.sessions) as session:
            yield session

    @property
    def now(self) -> datetime:
        return file_clock(self._clock_file)()

    def set_clock(self, day: int, hour: int, minute: int = 0) -> None:
        """Set the clock of every process to this moment of November."""
        moment = datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI).isoformat()
        # Replaced whole: the server may read it at any moment.
        beside = self._clock_file.with_suffix(".next")
        beside.write_text(moment, encoding="ascii")
        beside.replace(self._clock_file)

    def write_csv(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([columns, *rows])
        return path

    def run_command(self, *words: object, by: str = "", refused: str = "") -> str:
        """Run a command as a member of staff and return its output; with `refused` it must fail with these words."""
        who = ("--by", by) if by else ()
        result = self.app.test_cli_runner().invoke(args=[*map(str, words), *who])
        if refused:
            assert result.exit_code == 1, result.output
            assert refused in result.output
        else:
            assert result.exit_code == 0, result.output
        return result.output

    def day_end(self, *words: object, refused: str = "") -> Any:
        said = self.run_command("day-end", *words, "--day", DAY, by="leader", refused=refused)
        return json.JSONDecoder().raw_decode(said)[0] if said.startswith("{") else said

    def read_csv(self, name: str) -> list[dict[str, str]]:
        """Read a CSV file that a command wrote."""
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))

    def calls(self, callers: Sequence[KeypadCaller], called: str = MAIN) -> None:
        """Let all of these call a line, several at a time, and check that no call had a problem."""
        with ThreadPoolExecutor(AT_ONCE) as street:
            list(street.map(lambda one: one.place_call(self.served.account, self.served.number, called), callers))
        self.callers += callers
        for caller in callers:
            assert caller.problems == [], (caller, self.served.log()[-2000:])

    def post(self, token: str, number: int, cartons: dict[str, int], key: str = "") -> requests.Response:
        """Send a web order through the API."""
        lines = [{"barcode": barcode, "cartons": wanted} for barcode, wanted in cartons.items()]
        return requests.post(
            f"{self.served.url}/api/orders",
            json={"customer_code": code(number), "lines": lines},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key or f"order-{number}"},
            timeout=60,
        )

    def post_all(self, token: str, numbers: Sequence[int], cartons: dict[str, int]) -> list[requests.Response]:
        """Send the same order for several retailers, at once."""
        with ThreadPoolExecutor(AT_ONCE) as street:
            return list(street.map(lambda number: self.post(token, number, cartons), numbers))


def seed_catalog_and_staff(session: Session) -> Catalog:
    """Load the catalogue and the staff; everything else is entered by commands."""
    demo = Path(brand_catalog.__file__).parent / "demo"
    catalog = read_catalog_file(demo / "catalog.csv", demo / "aliases.csv")
    now = datetime(2026, 11, 1, tzinfo=SHANGHAI)
    import_catalog(session, catalog, now, "city")
    session.add_all(
        StaffRow(login=role, name=f"the {role}", role=role, password_hash="", created_at=now) for role in ROLES
    )
    return catalog


def retailer_rows() -> list[tuple[object, ...]]:
    """Rows of weekly, fortnightly and monthly retailers, most of them due on the day."""
    rows: list[tuple[object, ...]] = []
    for number in ALL:
        cycle = "fortnightly" if number % 12 == 5 else "monthly" if number % 12 == 7 else "weekly"
        rows.append(
            (
                code(number),
                f"店{number:03d}",
                cycle,
                "2026-11-20" if number in NOT_DUE else DAY,
                "suspended" if number in SUSPENDED else "active",
                f"{number % 3}县",
                f"经理{number % 7}",
                f"{number % 5}线",
                1 + number % 30,
                30_000,
                phone(number),
                "7294" if number < 4 else "",
            )
        )
    return rows


RETAILER_COLUMNS = (
    "customer_code", "name", "cycle", "order_day", "status", "county", "manager", "route", "grade", "balance",
    "phones", "pin",
)  # fmt: skip


@contextmanager
def served_city(folder: Path, line: ServedLine, clock_file: Path) -> Iterator[City]:
    """The city on the evening before, with its line served."""
    city = City(folder, line, clock_file)
    line.start()
    try:
        yield city
    finally:
        line.kill()
