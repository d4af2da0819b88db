"""A real exchange for tests: Asterisk with the configuration of deploy/asterisk, on ports of its own on the loopback.

Loopback addresses stand for places: the trunk is at 127.0.0.2, desk telephones at 127.0.0.1, strangers whom the
exchange hears at 127.0.0.3, and strangers it does not hear at 127.0.0.4.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.asterisk.configuration import Place
from deploy.asterisk.run import command_line
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
UNPACKED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "order-hotline" / "asterisk-22"
START_WITHIN_S = 60.0

EXCHANGE_ADDRESS = "127.0.0.1"
TELEPHONE_ADDRESS = "127.0.0.1"
TRUNK_ADDRESS = "127.0.0.2"
STRANGER_ADDRESS = "127.0.0.3"
OUTSIDE_ADDRESS = "127.0.0.4"

TRUNK_USER = "carrier"
TRUNK_PASSWORD = "the trunk of the tests".replace(" ", "-")
ARI_USER = "line"
ARI_PASSWORD = "the line of the tests".replace(" ", "-")
TELEPHONES = {name: f"telephone-{name}-of-the-tests" for name in ("8001", "8002", "8003")}

# Ports for sound, below those of tests/support/ports.py; each process of a test run has its own.
_RTP_PORTS = 1_000
_RTP_FIRST = 4_000 + _RTP_PORTS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10)


@dataclass
class Exchange:
    """A running Asterisk. `environment` is what it was started with, and what the line needs to find it; the trunk's
    other end is expected at `trunk_port`."""

    environment: dict[str, str]
    place: Place
    sip_port: int
    tls_port: int
    trunk_port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def ari_url(self) -> str:
        return self.environment["ASTERISK_URL"]

    @property
    def ari_user(self) -> str:
        return ARI_USER

    @property
    def ari_password(self) -> str:
        return ARI_PASSWORD

    @property
    def process_id(self) -> int:
        """The id of Asterisk's process."""
        return int((self.place.state / "run" / "asterisk.pid").read_text())

    def ari(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """The answer of ARI to a request, such as `ari("GET", "channels")`."""
        return requests.request(
            method, f"{self.ari_url}/ari/{path}", auth=(ARI_USER, ARI_PASSWORD), timeout=10, **arguments
        )

    def console(self, command: str) -> str:
        """The answer of Asterisk's own console, such as to `core show channels`."""
        asked = command_line(self.place, "-rx", command)
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout

    def log(self, name: str = "messages") -> str:
        """One of the exchange's logs: `messages`, or `security` with each request that was refused."""
        path = self.place.state / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start Asterisk, and return once it takes calls."""
        output = (self.place.state.parent / "asterisk.out").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.asterisk.run"],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.place.state.parent / "asterisk.out").read_text(errors="replace")
                raise AssertionError(f"Asterisk did not come up; it says:\n{said}\n{self.log()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End Asterisk at once, with every call."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def tell_to_stop(self) -> None:
        """Send SIGTERM, as a service manager does."""
        assert self._process is not None
        self._process.terminate()

    def wait_until_over(self, within_s: float) -> int:
        """Wait until the exchange has ended by itself, and return its exit code."""
        assert self._process is not None
        code = self._process.wait(within_s)
        self._process = None
        return code

    def _is_up(self) -> bool:
        try:
            return self.ari("GET", "endpoints").ok and "fully booted" in self.console("core waitfullybooted")
        except (requests.RequestException, subprocess.CalledProcessError):
            return False


def need_asterisk() -> Path:
    """The folder Asterisk is unpacked in; where there is none, the test is skipped with instructions."""
    if shutil.which("sipp") is None:
        pytest.skip("SIPp is not installed here: apt-get install sip-tester")
    if not (UNPACKED / "usr" / "sbin" / "asterisk").exists():
        pytest.skip("Asterisk is not unpacked here: make exchange")
    return UNPACKED


@contextmanager
def started_exchange(folder: Path, **environment: str) -> Iterator[Exchange]:
    """A running exchange with a trunk, three desk telephones and the demo's numbers; its files are in the folder.
    `environment` changes or adds variables of docs/own-exchange.md."""
    exchange = prepared_exchange(folder, environment)
    try:
        exchange.start()
        yield exchange
    finally:
        exchange.kill()


def prepared_exchange(folder: Path, environment: Mapping[str, str]) -> Exchange:
    """An exchange that is not started yet."""
    # The folder's own name is too long for the socket of Asterisk's console.
    state = folder / "a"
    sip_port, tls_port, trunk_port = free_port(), free_port(), free_port()
    variables = {
        "CARRIER": "asterisk",
        "ASTERISK_UNPACKED": str(need_asterisk()),
        "ASTERISK_STATE": str(state),
        "ASTERISK_URL": f"http://{EXCHANGE_ADDRESS}:{free_port()}",
        "ASTERISK_USER": ARI_USER,
        "ASTERISK_PASSWORD": ARI_PASSWORD,
        "ASTERISK_SIP_ADDRESS": EXCHANGE_ADDRESS,
        "ASTERISK_SIP_PORT": str(sip_port),
        "ASTERISK_TLS_PORT": str(tls_port),
        "ASTERISK_RTP_PORTS": f"{_RTP_FIRST}-{_RTP_FIRST + _RTP_PORTS - 1}",
        "ASTERISK_TELEPHONE_NETWORKS": f"{TELEPHONE_ADDRESS}/32 {STRANGER_ADDRESS}/32",
        "ASTERISK_TRUNK_ADDRESS": f"{TRUNK_ADDRESS}:{trunk_port}",
        "ASTERISK_TRUNK_NETWORKS": f"{TRUNK_ADDRESS}/32",
        # The other end is there only while a test needs it.
        "ASTERISK_TRUNK_PROBE_S": "0",
        "ASTERISK_TRUNK_USER": TRUNK_USER,
        "ASTERISK_TRUNK_PASSWORD": TRUNK_PASSWORD,
        "TELEPHONES": " ".join(f"{name}:{password}" for name, password in TELEPHONES.items()),
        **environment,
    }
    return Exchange(variables, Place(UNPACKED, state), sip_port, tls_port, trunk_port)
