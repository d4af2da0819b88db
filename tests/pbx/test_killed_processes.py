"""Line processes that are killed again and again, each time in a call: the exchange is as it was."""

from __future__ import annotations

import time

import pytest

from tests.support.exchange import Exchange
from tests.support.exchange_line import ExchangeLine, KeypadLine, dialogue

KILLS = 25


@pytest.fixture(scope="module")
def line_class() -> type[ExchangeLine]:
    return KeypadLine


def test_the_exchange_outlives_a_row_of_killed_processes(exchange: Exchange, line: ExchangeLine) -> None:
    """After one kill in five or so it told nobody of its calls any more: a module waited for itself."""
    for number in range(KILLS):
        with dialogue(exchange, line, caller=f"+8613900001{number:03d}") as caller:
            # At another moment of the prompt each time.
            time.sleep(0.1 + number % 10 * 0.05)
            if number % 2:
                caller.call.media.press("4")
            line.kill_line_workers()
            caller.call.media.wait_for_sound(within_s=15, since=time.monotonic() + 0.3)
            caller.call.hang_up()
