"""`python -m deploy.serve`: the whole line at one address, as one command that ends as a whole.

It starts the line processes and the web processes, and the proxy in front of them once they are ready. Workers that
die are started again by their own master process (gunicorn); if a master process or the proxy itself ends, so does
everything else, with a sentence on stderr.
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
# gunicorn gives its workers 5 s to end.
STOP_WITHIN_S = 8.0


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
    # A connection is a file, and often 1,024 may be open unless more is asked for: floods would take those of calls.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    # A short path: a socket's may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        _serve(processes, folder, module)
    except Ended as end:
        code = end.code
    finally:
        _stop_all(processes)
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def _serve(processes: dict[str, subprocess.Popen[bytes]], folder: Path, module: str) -> NoReturn:
    upstreams = [folder / f"line-{number}.sock" for number in range(int(os.environ["LINE_PROCESSES"]))]
    web = folder / "web.sock"
    environment = os.environ | {
        "SOCKETS_FOLDER": str(folder),
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


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Ended(128 + number if number == signal.SIGINT else 0)


def _stop_all(processes: dict[str, subprocess.Popen[bytes]]) -> None:
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
