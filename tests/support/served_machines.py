"""Several machines behind one address: groups of processes on one PostgreSQL database, and a proxy before them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import requests

from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account
from simulator.inbound_calls import IncomingNumber, open_account
from tests.support.ports import free_port
from tests.support.served_app import SHIFT

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 180.0

Part = Literal["web", "line"]


@dataclass(frozen=True)
class Shared:
    """What all machines are given: the one database, the carrier's account, the mode of listening, the shift of the
    clock, the address that callers reach, and a folder for logs."""

    database_url: str
    account: Account
    mode: str
    shift: timedelta
    public_url: str
    folder: Path


class Machine:
    """One machine: `deploy.serve` with its web processes and a line process, at a port of its own."""

    def __init__(self, name: str, shared: Shared, web_processes: int) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._shared = shared
        self._web_processes = web_processes
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it takes calls."""
        self._process = spawn(
            self._shared,
            self.name,
            "deploy.serve",
            "--app",
            "tests.support.served_app",
            PORT=str(self.port),
            WEB_CONCURRENCY=str(self._web_processes),
            LINE_PROCESSES="1",
        )
        wait_until_up(self.url, self._process, self.log)

    @property
    def is_running(self) -> bool:
        """True if it has been started and not been killed."""
        return self._process is not None

    def kill(self) -> None:
        """Kill all of it at once, as a power cut would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def kill_workers(self, part: Part) -> None:
        """Kill the processes of this part that do the work; their master starts others."""
        for worker in self.workers(part):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def workers(self, part: Part) -> list[int]:
        """The process ids of this part's workers."""
        assert self._process is not None
        [master] = [child for child in _children(self._process.pid) if f"gunicorn_{part}" in _command(child)]
        return _children(master)

    def log(self) -> str:
        """Its log so far."""
        return (self._shared.folder / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Machines:
    """Two machines and the proxy before them; calls come in at its `url`."""

    url: str
    account: Account
    number: IncomingNumber
    first: Machine
    second: Machine

    @property
    def each(self) -> Sequence[Machine]:
        """Both machines."""
        return self.first, self.second

    def log(self) -> str:
        """The log of each so far."""
        return "\n".join(f"--- {machine.name}\n{machine.log()}" for machine in self.each)


@contextmanager
def served_machines(database_url: str, folder: Path, mode: str, shift: timedelta) -> Iterator[Machines]:
    """A proxy before two machines, of which the first has two web processes, the second one, and each a line process.
    No machine is started yet."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    account, rest = open_account("127.0.0.1", 0, DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    with rest:
        shared = Shared(database_url, account, mode, shift, url, folder)
        machines = Machines(
            url, account, IncomingNumber.at(url), Machine("first", shared, 2), Machine("second", shared, 1)
        )
        upstreams = " ".join(f"127.0.0.1:{machine.port}" for machine in machines.each)
        proxy = spawn(
            shared, "proxy", "deploy.serve", "proxy", PORT=str(port), WEB_UPSTREAMS=upstreams, LINE_UPSTREAMS=upstreams
        )
        try:
            yield machines
        finally:
            for machine in machines.each:
                machine.kill()
            os.killpg(proxy.pid, signal.SIGKILL)
            proxy.wait()


def spawn(shared: Shared, name: str, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a process with the settings that all share, in a session of its own; its log is added to."""
    common = {
        "DEMO": "1",
        "DATABASE_URL": shared.database_url,
        "PUBLIC_BASE_URL": shared.public_url,
        "LISTEN_MODE": shared.mode,
        "TWILIO_API_BASE": shared.account.api_base,
        SHIFT: str(shared.shift.total_seconds()),
    }
    with (shared.folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | common | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Callable[[], str]) -> None:
    """Return once the server at this address takes calls; AssertionError with its log if it does not."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not come up; its log says:\n{log()}")
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _listed(task / "children")]
    return []


def _listed(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").split()


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    return ""
