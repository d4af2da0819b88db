"""Webhooks beside connections that stay open: the time a signed post takes over a kept connection, without and with 300
desk pages and telephone windows open and 200 media sockets opened and closed in half a minute.

Everything is real: the proxy, the web and line processes, sockets and signatures. The clients run on the same machine.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from settings import Settings
from tests.support.chromium import served_hotline
from tests.support.connection_load import Poster, connection_load, new_operators, open_calls, page_cookies
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

# Calls that are quiet for a minute are asked after, and nobody knows these.
PAGES, OPERATORS, SOCKETS, SECONDS = 300, 60, 200, 30.0
POSTERS = 6


def measured(line: ServedLine, what: str, meanwhile: Callable[[], None]) -> None:
    """Print how long posts take while something else happens."""
    over = threading.Event()
    posters = [Poster(line.url, line.account.auth_token) for _ in range(POSTERS)]
    with ThreadPoolExecutor(POSTERS) as pool:
        for poster in posters:
            pool.submit(poster.keep_posting, over)
        meanwhile()
        over.set()
    took = np.array([ms for poster in posters for ms in poster.took_ms])
    failures = [failure for poster in posters for failure in poster.failures]
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    print(
        f"{what:<40} {len(took):>5} posts   p50 {p50:>5.0f}   p95 {p95:>5.0f}   p99 {p99:>5.0f}   "
        f"max {took.max():>5.0f} ms   failed {len(failures)} {failures[:3]}",
        flush=True,
    )


def main() -> None:
    """Print the times without the load and with it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served_hotline(f"sqlite:///{folder}/hotline.db", Path(folder), "stream") as line,
    ):
        now = shifted_clock(shift_to_morning())()
        staff = new_operators(line.database_url, OPERATORS)
        processes = Settings().line_processes
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before; {processes} line processes")
        measured(line, "nothing else", lambda: time.sleep(SECONDS))
        calls = open_calls(line.url, line.account.auth_token, SOCKETS)
        cookies = page_cookies([staff[n % OPERATORS] for n in range(PAGES)], now)
        with connection_load(line.url, line.account.auth_token, cookies, calls, SECONDS) as load:
            measured(line, f"{PAGES} pages, {SOCKETS} media sockets", lambda: time.sleep(SECONDS + 5))
        print(f"{load.pages_open} pages, {load.events} events; {load.sockets_served} sockets; {load.failures[:5]}")


if __name__ == "__main__":
    main()
