"""Callers who are called back from an operator's telephone, over a real exchange."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from ivr.asterisk import ringing_tone
from ivr.operators.models import Callback
from speech.sound.audio import LINE_RATE
from storage import read_only
from tests.support.exchange_line import LINE, PATIENCE_S, ExchangeLine, KeypadLine, wait_until
from tests.support.likeness import is_in
from tests.support.office import LI, SHOP, Office, assert_hears, prompt
from tests.support.sip_telephone import Call, calling, desk_telephone, trunk_callee


@pytest.fixture(scope="module")
def line_class() -> type[ExchangeLine]:
    return KeypadLine


def asked_for(office: Office) -> Callback:
    """The callback that a caller has asked for, whom no operator could serve."""
    with calling(office.exchange, LINE, caller=SHOP) as caller:
        caller.wait_until_answered()
        caller.media.wait_for_sound(within_s=PATIENCE_S)
        caller.media.press("0")
        begun = time.monotonic()
        assert_hears(caller, begun, prompt("queue.no_operator"), "that no operator is there")
        caller.media.press("1")
        caller.wait_until_ended()
    with read_only(office.served.services.sessions) as session:
        return session.scalars(select(Callback).order_by(Callback.id.desc())).first() or Callback()


@contextmanager
def operator_who_calls_back(office: Office, callback: Callback) -> Iterator[Call]:
    """The operator, who has pressed 1 for this callback."""
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone:
        assert office.line.operators.callback_calls.dial_operator(callback.id, LI)
        operator = telephone.wait_for_call()
        operator.wait_until_answered()
        operator.media.wait_for_sound(within_s=PATIENCE_S, since=operator.answered_at)
        operator.media.press("1")
        yield operator


def state(office: Office, callback: Callback) -> str:
    with read_only(office.served.services.sessions) as session:
        return session.get_one(Callback, callback.id).state


def test_an_operator_hears_the_ringing_tone_until_the_retailer_answers(office: Office) -> None:
    callback = asked_for(office)
    with (
        trunk_callee(office.exchange, "rings") as shop,
        operator_who_calls_back(office, callback) as operator,
    ):
        called_back = shop.wait_for_call()
        assert called_back.number == SHOP
        rings = time.monotonic()
        wait_until(lambda: is_in(tone(), operator.media.heard(rings)), "the ringing tone is not heard", within_s=10)
        time.sleep(5)
        # One second on, and four off.
        loud = [at for at in operator.media.loud_times() if at > rings]
        assert 0.15 < len(loud) * 0.02 / (time.monotonic() - rings) < 0.35
        called_back.answer()
        office.assert_talk(called_back, operator)
        assert state(office, callback) == "reached"
        called_back.hang_up()
        operator.wait_until_ended()


def test_an_operator_is_told_that_the_retailer_is_busy(office: Office) -> None:
    callback = asked_for(office)
    with (
        trunk_callee(office.exchange, "busy"),
        operator_who_calls_back(office, callback) as operator,
    ):
        assert_hears(operator, operator.answered_at, prompt("operator.not_reached"), "that the retailer is not reached")
        operator.wait_until_ended()
        assert state(office, callback) != "reached"


def test_a_retailer_is_not_rung_on_when_the_operator_hangs_up(office: Office) -> None:
    callback = asked_for(office)
    with (
        trunk_callee(office.exchange, "rings") as shop,
        operator_who_calls_back(office, callback) as operator,
    ):
        called_back = shop.wait_for_call()
        operator.hang_up()
        called_back.wait_until_ended(5)
        assert state(office, callback) != "reached"


def tone() -> bytes:
    """The second in which the tone sounds."""
    return ringing_tone.mulaw()[:LINE_RATE]
