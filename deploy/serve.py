"""`python -m deploy.serve`: the whole line at one address, as one command that ends as a whole.

It starts the line processes and the web processes, and the proxy in front of them once they are ready. Workers that
die are started again by their own master process (gunicorn); if a master process or the proxy itself ends, so does
everything else, with a sentence on stderr.

`python -m deploy.serve web`, `line` or `proxy` serves one part alone, for machines or containers of its own
(docs/scaling.md).

Told to stop by SIGTERM, it drains: `/readyz` answers 503, so that whoever distributes calls over machines gives it no
more, and it ends once the calls it has are over, or after DRAIN_S. Media streams that are still open then are handed
over to another machine. A second signal, or SIGINT, ends it at once.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
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
PARTS = ("web", "line", "proxy")
# gunicorn gives its workers 5 s to end.
STOP_WITHIN_S = 8.0
# A call takes two minutes; most systems that stop a service give it less, unless they are told (docs/running.md).
DRAIN_S = 120.0
ASK_FOR_CALLS_EVERY_S = 1.0
ASK_WITHIN_S = 5.0


class Draining(Exception):
    """The line was told to stop once its calls are over."""


Processes = dict[str, subprocess.Popen[bytes]]


class Ended(Exception):
    """The line was told to stop; the code is the one to exit with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until a process ends that must not."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "part",
        nargs="?",
        choices=PARTS,
        help="serve this part alone: the web processes at HOST and PORT; the line processes there, the second at the "
        "next port and so on; or the proxy, in front of WEB_UPSTREAMS and LINE_UPSTREAMS. All three if left out",
    )
    parser.add_argument("--app", default="app", help="the module with create_app and create_line_app")
    arguments = parser.parse_args()
    host, port = os.environ.setdefault("HOST", "127.0.0.1"), int(os.environ.setdefault("PORT", "8000"))
    os.environ.setdefault("SITE_ADDRESS", f"http://:{port}")
    line_processes = int(os.environ.setdefault("LINE_PROCESSES", "2"))
    ports = range(port, port + (line_processes if arguments.part == "line" else 1))
    for each in ports:
        _check_free(host, each)
    # A connection is a file, and often 1,024 may be open unless more is asked for: floods would take those of calls.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, _drain)
    signal.signal(signal.SIGINT, _stop)
    # A short path: a socket's may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    processes: Processes = {}
    try:
        try:
            if arguments.part is None:
                _serve(processes, folder, line_processes, arguments.app)
            else:
                _serve_part(processes, folder, arguments.part, [f"{host}:{each}" for each in ports], arguments.app)
        except Draining:
            _wait_for_calls(processes, folder, f"{host}:{port}" if arguments.part else str(folder / WEB_SOCKET))
            raise Ended(0) from None
    except Ended as end:
        code = end.code
    finally:
        _stop_all(processes)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def _serve(processes: Processes, folder: Path, line_processes: int, module: str) -> NoReturn:
    web, line = folder / WEB_SOCKET, [folder / f"line-{number}.sock" for number in range(line_processes)]
    metrics_host, _, metrics_port = os.environ.get("METRICS_ADDRESS", "").rpartition(":")
    environment = _environment(folder) | {
        "METRICS_BIND": metrics_host or f"unix/{folder / 'metrics.sock'}",
        "METRICS_PORT": metrics_port or "9100",
        "WEB_BIND": f"unix:{web}",
        "LINE_BINDS": " ".join(f"unix:{socket}" for socket in line),
        "WEB_UPSTREAMS": f"unix/{web}",
        "LINE_UPSTREAMS": " ".join(f"unix/{socket}" for socket in line),
    }
    for part in ("line", "web"):
        processes[part] = subprocess.Popen(_command(part, module), env=environment)
    while not all(path.exists() for path in (web, *line)):
        _check_running(processes)
    processes["proxy"] = subprocess.Popen(_command("proxy", module), env=environment)
    while True:
        _check_running(processes)


def _environment(folder: Path) -> dict[str, str]:
    """The environment of all processes: where they meet."""
    figures = folder / "metrics"
    figures.mkdir()
    return os.environ | {"SOCKETS_FOLDER": str(folder), "PROMETHEUS_MULTIPROC_DIR": str(figures)}


def _serve_part(processes: Processes, folder: Path, part: str, binds: list[str], module: str) -> NoReturn:
    if part == "proxy" and not (os.environ.get("WEB_UPSTREAMS") and os.environ.get("LINE_UPSTREAMS")):
        sys.exit("The proxy knows no processes: set WEB_UPSTREAMS and LINE_UPSTREAMS to their addresses (host:port …).")
    # Figures are read from each web and line process's own address, and not through the proxy.
    environment = _environment(folder) | {
        "WEB_BIND": binds[0],
        "LINE_BINDS": " ".join(binds),
        "METRICS_BIND": f"unix/{folder / 'metrics.sock'}",
    }
    processes[part] = subprocess.Popen(_command(part, module), env=environment)
    while True:
        _check_running(processes)


def _command(part: str, module: str) -> list[str]:
    if part == "proxy":
        caddy = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
        return [caddy, "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"]
    factory = {"web": "create_app", "line": "create_line_app"}[part]
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(DEPLOY / f"gunicorn_{part}.py")]
    return [*gunicorn, f"{module}:{factory}()"]


def _check_running(processes: Processes) -> None:
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


def _wait_for_calls(processes: Processes, folder: Path, address: str) -> None:
    """Wait until no call is under way, for DRAIN_S at most; the process at `address` knows. Raises Ended if a process
    ends meanwhile."""
    signal.signal(signal.SIGTERM, _stop)
    (folder / "draining").touch()
    deadline = time.monotonic() + float(os.environ.get("DRAIN_S", DRAIN_S))
    print("Draining: the line ends once its calls are over. A second signal ends it at once.", file=sys.stderr)
    while _calls_under_way(address) and time.monotonic() < deadline:
        ask_again = time.monotonic() + ASK_FOR_CALLS_EVERY_S
        while time.monotonic() < ask_again:
            _check_running(processes)


def _calls_under_way(address: str) -> int:
    """The number of calls this machine would have to hand over; 0 if that cannot be learned, as from a database that
    is gone."""
    local = address.startswith("/")
    connection = http.client.HTTPConnection("localhost" if local else address, timeout=ASK_WITHIN_S)
    try:
        if local:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(ASK_WITHIN_S)
            connection.sock.connect(address)
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


def _stop_all(processes: Processes) -> None:
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
