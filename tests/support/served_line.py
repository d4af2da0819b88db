"""The line as it is really served: a server process on a database of its own, to be called and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

import storage
from ivr.models import TurnRow
from orders.book.models import OrderLineRow, OrderRow
from orders.demo import seed_demo
from orders.retailers.models import RetailerRow
from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account
from simulator.inbound_calls import IncomingNumber, open_account
from tests.support.ports import free_port
from tests.support.served_app import SHIFT

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class SavedOrder:
    """An order as it is in the database; `lines` are cartons by spec name."""

    customer_code: str
    state: str
    kind: str
    lines: dict[str, float]
    amount_yuan: float


class ServedLine:
    """One server process on a database of its own, called from one account of the Twilio simulator, unless its
    `environment` says otherwise; its log is in the folder."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        account: Account,
        mode: str,
        shift: timedelta,
        app: str = "tests.support.served_app",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.database_url = database_url
        self.account = account
        self._mode = mode
        self._shift = shift
        self._app = app
        self._environment = dict(environment or {})
        self._log = folder / "served.log"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.number = IncomingNumber.at(self.url)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, and return once it takes calls."""
        self._process = self._spawn("deploy.serve", "--app", self._app)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not come up; its log says:\n{self.log()}")
            time.sleep(0.05)

    @contextmanager
    def dialler(self) -> Iterator[subprocess.Popen[bytes]]:
        """A dialler process beside the server, killed at the end as in a power cut."""
        process = self._spawn("flask", "--app", "tests.support.served_app", "outbound", "run")
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the server is started with, beside those of this process."""
        return {
            "DEMO": "1",
            "PORT": str(self._port),
            "DATABASE_URL": self.database_url,
            "LISTEN_MODE": self._mode,
            "TWILIO_API_BASE": self.account.api_base,
            SHIFT: str(self._shift.total_seconds()),
            **self._environment,
        }

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | self.environment
        command = [sys.executable, "-m", module, *arguments]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """Kill the server and its workers at once, as a power cut would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def tell_to_stop(self) -> None:
        """Send the server SIGTERM, as a service manager does."""
        os.kill(self.process_id, signal.SIGTERM)

    def wait_until_over(self, within_s: float = 30.0) -> int:
        """Wait until the server has ended by itself, and return its exit code."""
        assert self._process is not None
        code = self._process.wait(within_s)
        self._process = None
        return code

    def line_workers(self) -> list[int]:
        """The process ids of the line processes' workers, in which the media sockets are."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [row.split(maxsplit=2) for row in listed.stdout.splitlines()]
        line = [row for row in rows if len(row) == 3 and "gunicorn_line" in row[2]]
        masters = {pid for pid, parent, _ in line if self._process is not None and int(parent) == self._process.pid}
        workers = [int(pid) for pid, parent, _ in line if parent in masters]
        assert workers, "no line process is running"
        return workers

    def kill_line_workers(self) -> None:
        """Kill the line processes' workers; others are started."""
        for worker in self.line_workers():
            os.kill(worker, signal.SIGKILL)

    @property
    def process_id(self) -> int:
        """The process that was started; all others of the server descend from it."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True if the server has been started and not been killed."""
        return self._process is not None

    def log(self) -> str:
        """The server's log so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def orders(self, customer_code: str) -> list[SavedOrder]:
        """Every order from a call of this retailer, drafts too, the oldest first; without the demo's own."""
        with self._session() as session:
            return saved_orders(session, customer_code)

    def turn_inputs(self) -> list[dict[str, Any]]:
        """What each turn of all calls was taken with, in order."""
        with self._session() as session:
            return list(session.scalars(select(TurnRow.turn_input).order_by(TurnRow.taken_at)))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        engine = create_engine(self.database_url)
        try:
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()

    def _is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False


def saved_orders(session: Session, customer_code: str) -> list[SavedOrder]:
    """Every order from a call of this retailer, drafts too, the oldest first; without the demo's own."""
    rows = session.scalars(
        select(OrderRow)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(RetailerRow.customer_code == customer_code, OrderRow.call_key.not_like("demo %"))
        .order_by(OrderRow.id)
    )
    return [_saved(customer_code, row) for row in rows]


def _saved(customer_code: str, row: OrderRow) -> SavedOrder:
    def cartons(line: OrderLineRow) -> float:
        return line.granted_packs / line.packs_per_carton

    lines = {line.spec_name: cartons(line) for line in row.lines}
    return SavedOrder(customer_code, row.state, row.kind, lines, row.amount_fen / 100)


def fill_with_demo(database_url: str, moment: datetime) -> None:
    """Fill a database whose tables are empty with the demo of that moment."""
    engine = storage.open_engine(database_url)
    try:
        with storage.transaction(storage.open_sessions(engine)) as session:
            seed_demo(session, moment)
    finally:
        engine.dispose()


@contextmanager
def served_line(database_url: str, folder: Path, mode: str, shift: timedelta) -> Iterator[ServedLine]:
    """A running line on that database, its clock shifted by this much."""
    account, rest = open_account("127.0.0.1", 0, DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    with rest:
        served = ServedLine(database_url, folder, account, mode, shift)
        try:
            served.start()
            yield served
        finally:
            served.kill()
