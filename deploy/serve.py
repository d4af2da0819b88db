"""`python -m deploy.serve`: the whole line at one address, as one command that ends as a whole.

It starts the line processes and the web processes, and the proxy in front of them once they are ready. Workers that
die are started again by their own master process (gunicorn); if a master process or the proxy itself ends, so does
everything else, with a sentence on stderr.

Told to stop by SIGTERM, it drains: `/readyz` answers 503, so that whoever distributes calls over machines gives it no
more, and it ends once the calls it has are over, or after DRAIN_S. Media streams that are still open then are handed
over to another machine. A second signal, or SIGINT, ends it at once.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

DEPLOY = Path(__file__).parent
WEB_SOCKET = "web.sock"
POLL_S = 0.05
# gunicorn gives its workers 5 s to end.
STOP_WITHIN_S = 8.0
# A call takes two minutes; most systems that stop a service give it less, unless they are told (docs/running.md).
DRAIN_S = 120.0
ASK_FOR_CALLS_EVERY_S = 1.0
ASK_WITHIN_S = 5.0


class Draining(Exception):
    """The line was told to stop once its calls are over."""


class Ended(Exception):
    """The line was told to stop; the code is the one to exit with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until a process ends that must not."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--app", default="app", help="the module with create_app and create_line_app")
    module = parser.parse_args().app
    host, port = os.environ.setdefault("HOST", "127.0.0.1"), int(os.environ.setdefault("PORT", "8000"))
    os.environ.setdefault("SITE_ADDRESS", f"http://:{port}")
    os.environ.setdefault("LINE_PROCESSES", "2")
    _check_free(host, port)
    signal.signal(signal.SIGTERM, _drain)
    signal.signal(signal.SIGINT, _stop)
    # A short path: a socket's may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        try:
            _serve(processes, folder, module)
        except Draining:
            _wait_for_calls(processes, folder)
            raise Ended(0) from None
    except Ended as end:
        code = end.code
    finally:
        _stop_all(processes)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def _serve(processes: dict[str, subprocess.Popen[bytes]], folder: Path, module: str) -> NoReturn:
    upstreams = [folder / f"line-{number}.sock" for number in range(int(os.environ["LINE_PROCESSES"]))]
    web = folder / WEB_SOCKET
    figures = folder / "metrics"
    figures.mkdir()
    metrics_host, _, metrics_port = os.environ.get("METRICS_ADDRESS", "").rpartition(":")
    environment = os.environ | {
        "SOCKETS_FOLDER": str(folder),
        "PROMETHEUS_MULTIPROC_DIR": str(figures),
        "METRICS_BIND": metrics_host or f"unix/{folder / 'metrics.sock'}",
        "METRICS_PORT": metrics_port or "9100",
        "WEB_UPSTREAM": f"unix/{web}",
        "LINE_UPSTREAMS": " ".join(f"unix/{upstream}" for upstream in upstreams),
    }

    def start(name: str, *command: str) -> None:
        processes[name] = subprocess.Popen(command, env=environment)

    gunicorn = (sys.executable, "-m", "gunicorn", "--config")
    start("line", *gunicorn, str(DEPLOY / "gunicorn_line.py"), f"{module}:create_line_app()")
    start("web", *gunicorn, str(DEPLOY / "gunicorn_web.py"), f"{module}:create_app()")
    while not all(path.exists() for path in (web, *upstreams)):
        _check_running(processes)
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
    start("proxy", caddy, "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile")
    while True:
        _check_running(processes)


def _check_running(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Wait a moment. Raises Ended if a process has ended."""
    time.sleep(POLL_S)
    for name, process in processes.items():
        if process.poll() is not None:
            print(f"The {name} process has ended ({process.returncode}), so the line stops.", file=sys.stderr)
            raise Ended(1)


def _check_free(host: str, port: int) -> None:
    """Exit with a sentence if another server listens there: the proxy itself would share the port with it."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        sys.exit(f"The line cannot be served at {host}:{port} ({error.strerror}): choose another PORT.")


def _wait_for_calls(processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    """Wait until no call is under way, for DRAIN_S at most. Raises Ended if a process ends meanwhile."""
    signal.signal(signal.SIGTERM, _stop)
    (folder / "draining").touch()
    deadline = time.monotonic() + float(os.environ.get("DRAIN_S", DRAIN_S))
    print("Draining: the line ends once its calls are over. A second signal ends it at once.", file=sys.stderr)
    while "proxy" in processes and _calls_under_way(folder) and time.monotonic() < deadline:
        ask_again = time.monotonic() + ASK_FOR_CALLS_EVERY_S
        while time.monotonic() < ask_again:
            _check_running(processes)


def _calls_under_way(folder: Path) -> int:
    """The number of calls this machine would have to hand over; 0 if that cannot be learned, as from a database that
    is gone."""
    connection = http.client.HTTPConnection("localhost", timeout=ASK_WITHIN_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(ASK_WITHIN_S)
        connection.sock.connect(str(folder / WEB_SOCKET))
        connection.request("GET", "/readyz")
        return int(json.load(connection.getresponse())["calls"])
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _drain(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Draining


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Ended(128 + number if number == signal.SIGINT else 0)


def _stop_all(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """End the processes. With a database for several machines the line processes end first, and hand the streams they
    still have over to another machine. Otherwise the proxy does: then no request comes in that nobody answers, and no
    line process hands its calls over to another one that ends as well."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    shared = not os.environ.get("DATABASE_URL", "sqlite").startswith("sqlite")
    for names in (("line",), ("proxy",), ("web",)) if shared else (("proxy",), ("web", "line")):
        ending = [processes[name] for name in names if name in processes]
        for process in ending:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in ending:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
