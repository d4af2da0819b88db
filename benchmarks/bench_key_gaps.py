"""The time in which a key is lost: between two documents the carrier takes none. A caller calls the served line in
real time and keeps silent at one question after the other; counted is the time between the end of a wait's document and
the beginning of the next, and its share of the wait.

To the time the line takes for a document the carrier's own way to it and back is added: NETWORK_MS.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from simulator.call import SimulatedCall
from simulator.events import Event, Said
from simulator.inbound_calls import dial_in
from simulator.pace import REAL_TIME, Steps
from simulator.webhook_client import WebhookClient
from tests.support.chromium import served_hotline
from tests.support.served_line import ServedLine

CALLER, CALLED = "+8613900000077", "+8637255550000"
NETWORK_MS = 80
# A question, how long the caller keeps silent after it, in seconds, and the keys that answer it then.
QUESTIONS = (
    ("客户代码", 7.5, "410502100012"),
    ("密码", 11.5, "2468"),
    ("什么烟", 5.5, "198*5#"),
    ("还有吗", 5.5, "#"),
    ("对吗", 5.5, "1"),
)


class SilentCaller:
    """A caller who keeps silent after each question and then keys the answer, and counts the time that is lost."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.lost: list[tuple[str, float, int, int]] = []

    def hear(self, event: Event) -> None:
        if isinstance(event, Said):
            self.said.append(event.text)

    def steps(self, call: SimulatedCall) -> Steps[None]:
        for question, silence_s, keys in QUESTIONS:
            while not call.ended and not (call.awaits_caller and self.said and question in self.said[-1]):
                yield
            until, gaps, lost_ms, was_open = call.now_ms + silence_s * 1000, 0, 0, True
            while not call.ended and call.now_ms < until:
                gaps += was_open and not call.collecting_keys
                was_open = call.collecting_keys
                lost_ms += 0 if was_open else 20
                yield
            self.lost.append((question, silence_s, gaps, lost_ms))
            call.press(keys)
            yield
        call.hang_up()


def measure(line: ServedLine) -> None:
    """Print the gaps of one call, a row a question."""
    caller = SilentCaller()
    call = dial_in(line.account, line.number, CALLER, CALLED, pace=REAL_TIME, listener=caller.hear)
    call.accompany(caller.steps(call))
    call.run()
    for question, silence_s, gaps, lost_ms in caller.lost:
        share = lost_ms / silence_s / 10
        print(
            f"{question:<6} silent for {silence_s:>4} s   gaps {gaps}   keys lost for {lost_ms:>4} ms = {share:.1f} %"
        )


def main() -> None:
    """Print the gaps of a call with a media stream."""
    fetch = WebhookClient._fetch

    def from_afar(self: WebhookClient, method: str, url: str, params: dict[str, str]) -> object:
        time.sleep(NETWORK_MS / 1000)
        return fetch(self, method, url, params)

    WebhookClient._fetch = from_afar  # type: ignore[assignment,method-assign]
    with (
        tempfile.TemporaryDirectory() as folder,
        served_hotline(f"sqlite:///{folder}/hotline.db", Path(folder), "stream") as line,
    ):
        measure(line)


if __name__ == "__main__":
    main()
