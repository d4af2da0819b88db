"""Response times of the served line to callers and operators: one server, calls in real time.

A caller orders by voice: the time from the end of each utterance to the beginning of the line's answer. Others ask for
an operator: the time until the operators' page is sent a queue with them in it.
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
from simulator.inbound_calls import dial_in, play
from simulator.pace import REAL_TIME
from simulator.script import read_script
from simulator.transcript import Transcript
from tests.support.chromium import served_hotline
from tests.support.served_line import ServedLine

ROOT = Path(__file__).parent.parent
CALL = ROOT / "tests" / "calls" / "order_by_voice.yaml"
SHOP_PHONE, MAIN = "+8613800000012", "+8637255550000"
QUEUED_CALLERS = 5
GIVE_UP_S = 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, served_hotline(Path(folder), "stream") as line:
        print("until the line answers what was said (ms):", *_replies(line))
        waits = sorted(_queue_delay_ms(line) for _ in range(QUEUED_CALLERS))
        print(
            f"until an operator sees a caller who asked for an operator: median {statistics.median(waits):.0f} ms,",
            end="",
        )
        print(f" worst {waits[-1]:.0f} ms")


def _replies(line: ServedLine) -> list[int]:
    transcript = Transcript(lambda text: None)
    verdict = play(read_script(CALL), line.account, line.number, pace=REAL_TIME, listener=transcript.hear)
    if verdict:
        raise SystemExit(f"The call went wrong: {verdict}")
    return transcript.latencies_ms


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
