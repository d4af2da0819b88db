"""`python -m deploy.serve`: the whole line at one address, as one command that ends as a whole.

It starts the line processes and the web processes, and the proxy in front of them once they are ready. Workers that
die are started again by their own master process (gunicorn); if a master process or the proxy itself ends, so does
everything else, with a sentence on stderr.

`python -m deploy.serve web`, `line` or `proxy` serves one part alone, for machines or containers of its own
(docs/scaling.md).
"""

from __future__ import annotations

import argparse
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
POLL_S = 0.05
PARTS = ("web", "line", "proxy")
# gunicorn gives its workers 5 s to end.
STOP_WITHIN_S = 8.0

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
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    # A short path: a socket's may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    processes: Processes = {}
    try:
        if arguments.part is None:
            _serve(processes, folder, line_processes, arguments.app)
        else:
            _serve_part(processes, arguments.part, [f"{host}:{each}" for each in ports], arguments.app)
    except Ended as end:
        code = end.code
    finally:
        _stop_all(processes)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def _serve(processes: Processes, folder: Path, line_processes: int, module: str) -> NoReturn:
    web, line = folder / "web.sock", [folder / f"line-{number}.sock" for number in range(line_processes)]
    environment = os.environ | {
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


def _serve_part(processes: Processes, part: str, binds: list[str], module: str) -> NoReturn:
    if part == "proxy" and not (os.environ.get("WEB_UPSTREAMS") and os.environ.get("LINE_UPSTREAMS")):
        sys.exit("The proxy knows no processes: set WEB_UPSTREAMS and LINE_UPSTREAMS to their addresses (host:port …).")
    environment = os.environ | {"WEB_BIND": binds[0], "LINE_BINDS": " ".join(binds)}
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


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Ended(128 + number if number == signal.SIGINT else 0)


def _stop_all(processes: Processes) -> None:
    """End the processes, the proxy first: then no request comes in that nobody answers, and no line process hands its
    calls over to another one that ends as well."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for names in (("proxy",), ("web", "line")):
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
