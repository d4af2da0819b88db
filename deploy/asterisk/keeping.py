"""Asterisk as it is kept running: told to stop it drains, and its logs do not fill the disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

POLL_S = 0.2
# A call takes two minutes; as in deploy/serve.py.
DRAIN_S = 120.0
# Asterisk hangs up every call and ends.
STOP_WITHIN_S = 15.0
LOOK_AT_LOGS_EVERY_S = 5.0
LOG_MAX_BYTES = 20_000_000
# Of each log: what was written down of numbers and addresses is gone after two weeks, or after a flood of nonsense.
LOGS_KEPT = 14
CONSOLE_WITHIN_S = 10.0

Command = Callable[..., list[str]]
"""The command line of Asterisk with these arguments."""


def keep(asterisk: Command, logs: Path) -> int:
    """Run Asterisk until it ends, and return the code to exit with. SIGTERM drains it: new calls are refused, and it
    ends once those under way are over, or after DRAIN_S. A second signal, or SIGINT, ends it at once."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: told.append(number))
    _limit()
    process = subprocess.Popen(asterisk("-f"))
    try:
        kept = Logs(asterisk, logs)
        while not told:
            time.sleep(POLL_S)
            if (code := process.poll()) is not None:
                print(f"Asterisk has ended ({code}).", file=sys.stderr)
                return 0 if code == 0 else 1
            kept.look()
        if told == [signal.SIGTERM]:
            _drain(asterisk, process, told)
        return 128 + signal.SIGINT if signal.SIGINT in told else 0
    finally:
        _stop(process)


def _limit() -> None:
    """Let it have as many sockets as there may be, and leave no core: that has passwords and calls in it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _drain(asterisk: Command, process: subprocess.Popen[bytes], told: list[int]) -> None:
    print("Draining: the exchange ends once its calls are over. A second signal ends it at once.", file=sys.stderr)
    deadline = time.monotonic() + float(os.environ.get("DRAIN_S", DRAIN_S))
    # It stays at the console until Asterisk has ended.
    with subprocess.Popen(asterisk("-rx", "core stop gracefully"), stdout=subprocess.DEVNULL) as console:
        while process.poll() is None and len(told) == 1 and time.monotonic() < deadline:
            time.sleep(POLL_S)
        console.kill()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Logs:
    """The logs of an exchange, each begun anew every day, and whenever it has become large."""

    def __init__(self, asterisk: Command, folder: Path) -> None:
        self._asterisk = asterisk
        self._folder = folder
        self._day = date.today()
        self._looked_at = time.monotonic()

    def look(self) -> None:
        """Begin the logs anew if that is due, and delete the oldest."""
        if time.monotonic() < self._looked_at + LOOK_AT_LOGS_EVERY_S:
            return
        self._looked_at = time.monotonic()
        try:
            if date.today() != self._day or self._largest() >= LOG_MAX_BYTES:
                self._begin_anew()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"Asterisk's logs could not be begun anew, and will be later: {error}", file=sys.stderr)

    def _largest(self) -> int:
        return max((log.stat().st_size for log in self._folder.glob("*.log")), default=0)

    def _begin_anew(self) -> None:
        for old in self._folder.glob("*.log.*"):
            number = old.suffix.removeprefix(".")
            if number.isdecimal() and int(number) >= LOGS_KEPT - 1:
                old.unlink()
        rotate = self._asterisk("-rx", "logger rotate")
        subprocess.run(rotate, stdout=subprocess.DEVNULL, timeout=CONSOLE_WITHIN_S, check=True)
        self._day = date.today()
