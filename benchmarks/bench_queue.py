"""Response times of the served line to operators: callers ask for one, in real time, and this is the time until the
operators' page is sent a queue with them in it. What callers wait for is measured by `bench_line`.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path

import requests

from orders.demo.demo_staff import DEMO_PASSWORD
from simulator.events import Event, Said
from simulator.inbound_calls import dial_in
from tests.support.chromium import served_hotline
from tests.support.served_line import ServedLine

SHOP_PHONE, MAIN = "+8613800000012", "+8637255550000"
QUEUED_CALLERS = 5
GIVE_UP_S = 30


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served_hotline(f"sqlite:///{folder}/hotline.db", Path(folder), "stream") as line,
    ):
        waits = sorted(_queue_delay_ms(line) for _ in range(QUEUED_CALLERS))
        print(
            f"until an operator sees a caller who asked for an operator: median {statistics.median(waits):.0f} ms,",
            end="",
        )
        print(f" worst {waits[-1]:.0f} ms")


def _queue_delay_ms(line: ServedLine) -> float:
    """Milliseconds from the sentence that announces the transfer to the caller's row on the operator's page."""
    heard: dict[str, float] = {}
    greeted, announced = threading.Event(), threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Said):
            greeted.set()
            if "转人工" in event.text and "at" not in heard:
                heard["at"] = time.monotonic()
                announced.set()

    with _signed_in(line) as operator, operator.get(f"{line.url}/desk/events", stream=True, timeout=GIVE_UP_S) as page:
        rows = page.iter_lines(decode_unicode=True)
        next(row for row in rows if row.startswith("event: hotline"))
        call = dial_in(line.account, line.number, SHOP_PHONE, MAIN, listener=listen)
        call.start()
        greeted.wait(GIVE_UP_S)
        call.press("0")
        next(row for row in rows if "/take" in row)
        seen = time.monotonic()
        announced.wait(GIVE_UP_S)
        call.hang_up()
        call.join(GIVE_UP_S)
    return max(0.0, (seen - heard["at"]) * 1000)


def _signed_in(line: ServedLine) -> requests.Session:
    operator = requests.Session()
    page = operator.get(f"{line.url}/login", timeout=GIVE_UP_S).text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    form = {"csrf_token": token, "login": "operator", "password": DEMO_PASSWORD}
    operator.post(f"{line.url}/login", data=form, timeout=GIVE_UP_S)
    return operator


if __name__ == "__main__":
    main()
