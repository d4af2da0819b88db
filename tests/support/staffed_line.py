"""The line on a real exchange, as it is served: server processes on a database of their own, to be called and killed.
The test has the line's services beside it, as a web process does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from flask import Flask

import storage
from app import create_app
from ivr.services import Services, services
from orders.demo import seed_demo
from orders.demo.demo_staff import seed_demo_staff
from settings import Settings
from tests.support.exchange import Exchange
from tests.support.ports import free_port
from tests.support.served_app import SHIFT, shift_to_morning, shifted_clock

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 120.0


class StaffedLine:
    """The line's processes, and an application beside them on the same database."""

    def __init__(self, exchange: Exchange, database_url: str, folder: Path, **settings: str) -> None:
        self._exchange = exchange
        self._log = folder / "line.log"
        self._port = free_port()
        self._shift = shift_to_morning()
        self._environment = {
            **exchange.environment,
            "CARRIER": "asterisk",
            "DEMO": "1",
            "LISTEN_MODE": "keypad",
            "LOG_FORMAT": "text",
            "PORT": str(self._port),
            "DATABASE_URL": database_url,
            SHIFT: str(self._shift.total_seconds()),
            **{name.upper(): value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        clock = shifted_clock(self._shift)
        with storage.transaction(storage.open_sessions(storage.open_engine(database_url))) as session:
            seed_demo(session, clock())
            seed_demo_staff(session, clock())
        self.app: Flask = create_app(
            Settings(
                carrier="asterisk",
                demo=True,
                listen_mode="keypad",
                port=self._port,
                database_url=database_url,
                asterisk_url=exchange.ari_url,
                asterisk_user=exchange.ari_user,
                asterisk_password=exchange.ari_password,
                **settings,  # type: ignore[arg-type]
            ),
            clock=clock,
        )

    @property
    def services(self) -> Services:
        return services(self.app)

    def start(self) -> None:
        """Start the processes, and return once one of them leads the exchange."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.serve", "--app", "tests.support.served_app"],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until_led()

    def wait_until_led(self) -> None:
        """Wait until a process leads the exchange."""
        deadline = time.monotonic() + START_WITHIN_S
        while not (self._exchange.ari("GET", "applications/hotline").ok and self._is_up()):
            assert time.monotonic() < deadline, f"the line did not come up; its log says:\n{self.log()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill all processes at once, as a power cut would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _is_up(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/healthz", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def served_staffed_line(exchange: Exchange, database_url: str, folder: Path, **settings: str) -> Iterator[StaffedLine]:
    """The line on this exchange, with the demo's data; killed when the block ends."""
    line = StaffedLine(exchange, database_url, folder, **settings)
    line.start()
    try:
        yield line
    finally:
        line.kill()
