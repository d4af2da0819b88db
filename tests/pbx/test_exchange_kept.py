"""The exchange as it is kept running for months: it ends once its calls are over, and does not fill the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.asterisk.keeping import LOG_MAX_BYTES, LOGS_KEPT
from tests.support.ari_application import stasis_application
from tests.support.exchange import Exchange, started_exchange
from tests.support.far_end import wait_until
from tests.support.sip_telephone import Refused, calling

NUMBER = "4001"
CALLER = "13800000012"
OUTBOUND = {"endpoint": "PJSIP/13911112222@trunk", "app": "hotline", "timeout": 1}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with started_exchange(tmp_path, DRAIN_S="6") as exchange:
        yield exchange


def test_told_to_stop_it_takes_no_more_calls_and_ends_once_those_it_has_are_over(exchange: Exchange) -> None:
    with stasis_application(exchange) as line:
        with calling(exchange, NUMBER, caller=CALLER) as call:
            line.answer()
            call.wait_until_answered()
            assert exchange.ari("POST", "channels", params=OUTBOUND).ok
            exchange.tell_to_stop()
            # Nobody is called any more, operators included, and nobody else is answered.
            wait_until(lambda: not exchange.ari("POST", "channels", params=OUTBOUND).ok, "refusal")
            with calling(exchange, NUMBER, caller=CALLER) as other, pytest.raises(Refused, match="503"):
                other.wait_until_answered()
            call.media.press("5")
            assert line.wait_for("ChannelDtmfReceived")["digit"] == "5"
        assert exchange.wait_until_over(within_s=5) == 0


def test_told_to_stop_without_a_call_it_ends_at_once(exchange: Exchange) -> None:
    exchange.tell_to_stop()
    assert exchange.wait_until_over(within_s=4) == 0


def test_told_to_stop_twice_or_for_too_long_it_ends_with_its_calls(exchange: Exchange) -> None:
    for signals, within_s in ((2, 4.0), (1, 12.0)):
        with stasis_application(exchange) as line, calling(exchange, NUMBER, caller=CALLER) as call:
            line.answer()
            call.wait_until_answered()
            for _ in range(signals):
                exchange.tell_to_stop()
                time.sleep(1)
            assert exchange.wait_until_over(within_s) == 0
        exchange.start()


def test_it_is_healthy_while_it_answers_the_lines_account(exchange: Exchange) -> None:
    check = [sys.executable, "-m", "deploy.asterisk.healthy"]
    environment = {**os.environ, **exchange.environment}
    assert subprocess.run(check, env=environment, check=False).returncode == 0
    wrong = {**environment, "ASTERISK_PASSWORD": "another"}
    assert subprocess.run(check, env=wrong, check=False).returncode == 1
    exchange.kill()
    assert subprocess.run(check, env=environment, check=False).returncode == 1


def test_after_a_crash_nothing_of_it_is_left_behind(exchange: Exchange) -> None:
    os.kill(exchange.process_id, 11)
    assert exchange.wait_until_over(within_s=4) == 1
    assert not list(exchange.place.state.rglob("core*"))
    exchange.start()


def test_its_logs_are_begun_anew_and_the_oldest_deleted_before_they_fill_the_disk(exchange: Exchange) -> None:
    folder = exchange.place.state / "log"
    for number in range(LOGS_KEPT + 3):
        (folder / f"messages.log.{number}").write_text("")
    refused_call(exchange)
    assert "ChallengeResponseFailed" in exchange.log("security")
    os.truncate(folder / "security.log", LOG_MAX_BYTES)
    wait_until(lambda: (folder / "security.log").stat().st_size < LOG_MAX_BYTES, "a new log", within_s=15)
    assert (folder / "security.log.0").stat().st_size == LOG_MAX_BYTES
    refused_call(exchange)
    assert "ChallengeResponseFailed" in exchange.log("security")
    assert sorted(path.name for path in folder.glob("messages.log.*")) == sorted(
        f"messages.log.{number}" for number in range(LOGS_KEPT)
    )


def refused_call(exchange: Exchange) -> None:
    """A call with a wrong password, which is written down."""
    with calling(exchange, NUMBER, caller=CALLER, password="a-guessed-password") as call, pytest.raises(Refused):
        call.wait_until_answered()
