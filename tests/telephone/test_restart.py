"""The server may die at any moment, and several workers may be asked at once: the call and its order stay whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

from simulator.webhook_client import sign
from tests.support.carrier_client import CALLED, TwimlAnswer
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import SavedOrder, ServedLine, fill_with_demo, served_line

pytestmark = pytest.mark.on_both

SHOP, SID = "410502100012", "CA00000000000000000000000000000001"
# A whole order by keys: code, PIN, two items, done, yes. 198 and 194 are item codes of the demo's catalogue.
KEYS = (SHOP, "2468", "198*5", "194*2", "#", "1")
ORDER = SavedOrder(SHOP, "confirmed", "regular", {"红塔山(硬经典)": 5, "玉溪(软)": 2}, 777.80)


@pytest.fixture
def line(tmp_path: Path, database_url: str) -> Iterator[ServedLine]:
    shift = shift_to_morning()
    fill_with_demo(database_url, shifted_clock(shift)())
    with served_line(database_url, tmp_path, "keypad", shift) as served:
        yield served


class PostingCaller:
    """A caller who waits up to 30 s for each answer."""

    def __init__(self, line: ServedLine) -> None:
        self.line = line

    def post(self, address: str, **form: str) -> bytes:
        url = address if address.startswith("http") else self.line.url + address
        fields = {"CallSid": SID, "From": "+8613900000077", "To": CALLED, "CallStatus": "in-progress", **form}
        signature = sign(self.line.account.auth_token, url, fields)
        answer = requests.post(url, data=fields, headers={"X-Twilio-Signature": signature}, timeout=30)
        answer.raise_for_status()
        return answer.content

    def key(self, address: str, keys: str) -> bytes:
        pressed = {"Digits": "", "FinishedOnKey": "#"} if keys == "#" else {"Digits": keys, "FinishedOnKey": ""}
        return self.post(address, **pressed)


def parsed(markup: bytes) -> TwimlAnswer:
    return TwimlAnswer(ElementTree.fromstring(markup))


def test_killed_after_every_turn_the_line_gives_the_same_answer_again_and_carries_on(line: ServedLine) -> None:
    def answered(post: Callable[[], bytes]) -> TwimlAnswer:
        """The answer to a post, which is the same when it is posted again after a power cut."""
        first = post()
        line.kill()
        line.start()
        assert post() == first
        return parsed(first)

    caller = PostingCaller(line)
    answer = answered(lambda: caller.post("/voice/incoming"))
    for keys in KEYS:
        answer = answered(partial(caller.key, answer.action, keys))
    assert answer.verbs[-1] == "Hangup"
    assert line.orders(SHOP) == [ORDER]


def test_each_turn_posted_many_times_at_once_to_two_workers_is_taken_once(
    line: ServedLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.kill()
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    line.start()
    caller = PostingCaller(line)
    answer = parsed(caller.post("/voice/incoming"))
    with ThreadPoolExecutor(8) as crowd:
        for keys in KEYS:
            answers = set(crowd.map(lambda _: caller.key(answer.action, keys), range(8)))  # noqa: B023
            assert len(answers) == 1
            answer = parsed(answers.pop())
    assert line.orders(SHOP) == [ORDER]


def test_a_forged_post_is_refused_by_the_served_line_too(line: ServedLine) -> None:
    forged = requests.post(f"{line.url}/voice/incoming", data={"CallSid": SID}, timeout=30)
    assert forged.status_code == 403
