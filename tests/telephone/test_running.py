"""The line as it is run: it drains when told to stop, and shows its figures to those who may see them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.ports import free_port
from tests.support.posting_caller import KEYS, SHOP, PostingCaller
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine, fill_with_demo, served_line
from tests.telephone.test_restart import ORDER

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def metrics_port(monkeypatch: pytest.MonkeyPatch) -> int:
    port = free_port()
    monkeypatch.setenv("METRICS_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    return port


@pytest.fixture
def line(tmp_path: Path, database_url: str, metrics_port: int) -> Iterator[ServedLine]:
    shift = shift_to_morning()
    fill_with_demo(database_url, shifted_clock(shift)())
    with served_line(database_url, tmp_path, "keypad", shift) as served:
        yield served


def wait_until(line: ServedLine, path: str, status: int) -> requests.Response:
    deadline = time.monotonic() + 20
    while (answer := requests.get(line.url + path, timeout=5)).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def figures(port: int) -> dict[str, float]:
    """The figures by name and labels, as Prometheus reads them."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_told_to_stop_the_line_lets_a_call_be_finished_and_ends(line: ServedLine) -> None:
    caller = PostingCaller(line.account, line.url)
    answer = caller.post("/voice/incoming")
    line.tell_to_stop()
    assert wait_until(line, "/readyz", 503).json() == {
        "status": "draining",
        "calls": 1,
        "reason": "this machine has been told to stop",
    }
    for keys in KEYS:
        answer = caller.key(answer.action, keys)
    assert line.orders(SHOP) == [ORDER]
    caller.post("/voice/status", CallStatus="completed")
    assert line.wait_until_over() == 0


def test_without_a_call_the_line_ends_at_once_and_a_second_signal_waits_for_none(line: ServedLine) -> None:
    line.tell_to_stop()
    assert line.wait_until_over() == 0
    line.start()
    PostingCaller(line.account, line.url).post("/voice/incoming")
    line.tell_to_stop()
    wait_until(line, "/readyz", 503)
    line.tell_to_stop()
    assert line.wait_until_over() == 0


def test_the_figures_of_all_processes_are_read_at_their_own_address_only(line: ServedLine, metrics_port: int) -> None:
    caller = PostingCaller(line.account, line.url)
    answer = caller.post("/voice/incoming")
    for keys in KEYS:
        answer = caller.key(answer.action, keys)
    found = figures(metrics_port)
    assert found["hotline_calls_started_total inbound"] == 1
    assert found["hotline_turns_total keys"] == len(KEYS)
    assert found["hotline_webhook_seconds_count turn 200"] == len(KEYS)
    assert found["hotline_line_processes"] == 2
    assert found["hotline_database_up"] == 1
    assert found["hotline_orders phone confirmed"] >= 1
    assert requests.get(f"{line.url}/metrics", timeout=10).status_code == 404
    assert requests.get(f"http://127.0.0.1:{metrics_port}/healthz", timeout=10).status_code == 404


def test_health_says_that_the_line_processes_live(line: ServedLine) -> None:
    deadline = time.monotonic() + 20
    while (health := requests.get(f"{line.url}/healthz", timeout=10).json())["line"] != (
        "processes: 2, media streams: 0 of 128"
    ):
        assert time.monotonic() < deadline, health
        time.sleep(0.2)
    assert health["status"] == "ok"
