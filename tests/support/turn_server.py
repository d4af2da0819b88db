"""A real TURN server, coturn, on this machine."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port

SECRET = "the TURN server of the tests".replace(" ", "-")
START_WITHIN_S = 20.0


@dataclass(frozen=True)
class RunningTurnServer:
    """A TURN server that takes clients by TCP at `port` of `address`, and lets them reach this address alone."""

    address: str
    port: int

    @property
    def url(self) -> str:
        return f"turn:{self.address}:{self.port}?transport=tcp"


@contextmanager
def running_turn_server(folder: Path, address: str) -> Iterator[RunningTurnServer]:
    """A TURN server that shares `SECRET`, at this address of the machine; without coturn the test is skipped."""
    if (program := shutil.which("turnserver")) is None:
        pytest.skip("no TURN server on this machine: apt-get install coturn")
    server = RunningTurnServer(address, free_port())
    command = [
        *(program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--realm=turn.test", "--no-multicast-peers"),
        *(f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={server.port}"),
        *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--no-udp"),
        *("--denied-peer-ip=0.0.0.0-255.255.255.255", f"--allowed-peer-ip={address}"),
        *(f"--log-file={folder / 'turn.log'}", f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}"),
    ]
    with (folder / "turn.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not _takes_clients(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"coturn did not come up; it says:\n{(folder / 'turn.out').read_text()}")
            time.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()


def _takes_clients(server: RunningTurnServer) -> bool:
    try:
        socket.create_connection((server.address, server.port), timeout=1).close()
    except OSError:
        return False
    return True
