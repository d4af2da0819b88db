"""The server may die at any moment, and several workers may be asked at once: the call and its order stay whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

from tests.support.carrier_client import TwimlAnswer
from tests.support.posting_caller import KEYS, SHOP, SID, PostingCaller, pressed
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import SavedOrder, ServedLine, fill_with_demo, served_line

pytestmark = pytest.mark.on_both

ORDER = SavedOrder(SHOP, "confirmed", "regular", {"红塔山(硬经典)": 5, "玉溪(软)": 2}, 777.80)


@pytest.fixture
def line(tmp_path: Path, database_url: str) -> Iterator[ServedLine]:
    shift = shift_to_morning()
    fill_with_demo(database_url, shifted_clock(shift)())
    with served_line(database_url, tmp_path, "keypad", shift) as served:
        yield served


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

    caller = PostingCaller(line.account, line.url)
    answer = answered(partial(caller.markup, "/voice/incoming"))
    for keys in KEYS:
        answer = answered(partial(caller.markup, answer.action, **pressed(keys)))
    assert answer.verbs[-1] == "Hangup"
    assert line.orders(SHOP) == [ORDER]


def test_each_turn_posted_many_times_at_once_to_two_workers_is_taken_once(
    line: ServedLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.kill()
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    line.start()
    caller = PostingCaller(line.account, line.url)
    answer = caller.post("/voice/incoming")
    with ThreadPoolExecutor(8) as crowd:
        for keys in KEYS:
            press = partial(caller.markup, answer.action, **pressed(keys))
            answers = set(crowd.map(lambda _: press(), range(8)))  # noqa: B023
            assert len(answers) == 1
            answer = parsed(answers.pop())
    assert line.orders(SHOP) == [ORDER]


def test_a_forged_post_is_refused_by_the_served_line_too(line: ServedLine) -> None:
    forged = requests.post(f"{line.url}/voice/incoming", data={"CallSid": SID}, timeout=30)
    assert forged.status_code == 403
