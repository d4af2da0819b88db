"""The line on a real exchange while its database is away: a caller still reaches a person."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

import storage
from tests.support.exchange import Exchange
from tests.support.exchange_line import LINE, PATIENCE_S, ExchangeLine, KeypadLine, wait_until
from tests.support.office import CALLER_SAYS, OPERATOR_SAYS, SHOP, assert_hears, prompt
from tests.support.postgres import Postgres, find_binaries, no_postgres
from tests.support.served_app import shifted_clock
from tests.support.served_line import fill_with_demo
from tests.support.sip_telephone import Call, Telephone, calling, desk_telephone, trunk_callee

pytestmark = pytest.mark.timeout(240)

OUTSIDE = "+8637255550001"


class FixedNumbersLine(KeypadLine):
    """A line with two fixed numbers of operators."""

    SETTINGS: ClassVar[Mapping[str, str]] = {**KeypadLine.SETTINGS, "OPERATOR_NUMBERS": f"8001,{OUTSIDE}"}


@contextmanager
def line_on(database: ExitStack, exchange: Exchange, folder: Path, shift: timedelta) -> Iterator[ExchangeLine]:
    """A line on a PostgreSQL that ends when the stack is closed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(no_postgres())
    url = database.enter_context(Postgres.started(binaries)).create("line")
    storage.migrate(url)
    fill_with_demo(url, shifted_clock(shift)())
    line = FixedNumbersLine(exchange, url, folder, shift)
    try:
        line.start()
        yield line
    finally:
        line.kill()


def test_callers_whom_the_database_cannot_serve_are_connected_to_a_fixed_number(
    exchange: Exchange, shift: timedelta, tmp_path: Path
) -> None:
    with (
        ExitStack() as database,
        line_on(database, exchange, tmp_path, shift),
        # One of the numbers is busy: the other one is dialled.
        desk_telephone(exchange, "8001", "busy"),
        trunk_callee(exchange) as outside,
    ):
        with calling(exchange, LINE, caller=SHOP) as caller:
            caller.wait_until_answered()
            caller.media.wait_for_sound(within_s=PATIENCE_S)
            database.close()
            caller.media.press("410502100012#")
            assert_talk_with_operator(caller, outside, 0)
        # Who calls now reaches somebody, too.
        with calling(exchange, LINE, caller=SHOP) as caller:
            caller.wait_until_answered()
            assert_talk_with_operator(caller, outside, 1)
        wait_until(lambda: not exchange.ari("GET", "channels").json(), "a call is not over")


def assert_talk_with_operator(caller: Call, outside: Telephone, after: int) -> None:
    """Check that the caller is told, and talks with the operator outside, who is told to write down what is wanted."""
    assert_hears(caller, caller.answered_at, prompt("line.failure_operator"), "that an operator is called")
    operator = outside.wait_for_call(PATIENCE_S, after=after)
    assert operator.number == OUTSIDE
    operator.wait_until_answered()
    assert_hears(operator, operator.answered_at, prompt("operator.without_system"), "what the operator is told")
    operator.media.press("1")
    time.sleep(2)
    for speaker, listener, sound in ((caller, operator, CALLER_SAYS), (operator, caller, OPERATOR_SAYS)):
        since = time.monotonic()
        speaker.media.say(sound)
        assert_hears(listener, since, sound, "the other one's voice")
    operator.hang_up()
    caller.wait_until_ended()
