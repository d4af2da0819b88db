"""Processes that are killed in mid-call: the line's cost a caller a second, the exchange's cost the call and nothing
else."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from tests.pbx.test_orders import CODE, sign_in
from tests.support.exchange import Exchange
from tests.support.exchange_line import ExchangeLine, dialogue, wait_until

pytestmark = pytest.mark.speech


def test_a_call_goes_on_when_every_line_process_is_killed(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        caller.presses("198*5#", interrupting=True)
        line.kill_line_workers()
        killed_at = time.monotonic()
        # What was on its way is over by then.
        caller.call.media.wait_for_sound(within_s=15, since=killed_at + 0.3)
        caller.presses("#", interrupting=True)
        assert "总条数是五条" in caller.asked
        caller.presses("1")
        caller.call.wait_until_ended(within_s=60)
    assert [order.state for order in line.orders(CODE)] == ["confirmed"]


def test_a_call_goes_on_when_the_process_that_leads_it_is_told_to_end(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        for worker in line.line_workers():
            os.kill(worker, signal.SIGTERM)
            wait_until(partial(has_ended, worker), "a process does not end")
            wait_until(line.leads, "no other process has taken over")
        caller.call.media.wait_for_sound(within_s=10)
        caller.presses("198*5#")
        assert "红塔山" in caller.asked
        caller.call.hang_up()


def has_ended(process: int) -> bool:
    """True once the process has ended, and its parent knows."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_draft_is_kept_and_the_line_recovers_when_the_exchange_is_killed(
    exchange: Exchange, line: ExchangeLine
) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        caller.presses("198*5#", interrupting=True)
        exchange.kill()
        wait_until(lambda: line.health()["status"] == "degraded", "the line does not say that it has no exchange")
        assert "exchange" in line.health()["carrier"]
    exchange.start()
    wait_until(lambda: line.health()["status"] == "ok", "the line has not recovered", within_s=30)
    wait_until(
        lambda: (call := line.latest_call()) is not None and call.ended_at is not None,
        "a call that the exchange has lost goes on for the line",
        within_s=30,
    )
    with dialogue(exchange, line) as caller:
        caller.presses(CODE, interrupting=True)
        caller.presses("2468", interrupting=True)
        assert "红塔山" in caller.asked
        caller.call.hang_up()
