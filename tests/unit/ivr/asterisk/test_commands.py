"""The line's commands to its own exchange: redirects reach whoever leads it, and its failures are the carrier's."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ivr.asterisk.rest import AsteriskCarrier
from ivr.carrier import CarrierError
from settings import Settings
from tests.support.pretended_exchange import PretendedExchange

SHOP, LINE = "+8613800000012", "+8637255550000"


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> PretendedExchange:
    """An exchange that a line process leads."""
    exchange = PretendedExchange()
    exchange.answer_requests(monkeypatch)
    exchange.open_events()
    return exchange


@pytest.fixture
def carrier(exchange: PretendedExchange) -> AsteriskCarrier:
    return AsteriskCarrier(Settings(asterisk_url="http://exchange:8288/", asterisk_password="secret"))


def test_a_redirect_is_an_event_for_whoever_leads_the_exchange(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    call = exchange.call_in(SHOP, LINE)
    carrier.redirect_to_turn(call, 3)
    carrier.redirect_to_queue(call)
    to = {"application": "hotline", "source": f"channel:{call}"}
    assert exchange.asked_for == [
        ("POST", "/events/user/turn", to, {"variables": {"turn": "3"}}),
        ("POST", "/events/user/queue", to, {"variables": {}}),
    ]


def test_a_call_that_this_process_leads_is_redirected_without_a_request(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    led: list[Any] = []

    def here(*redirect: Any) -> bool:
        led.append(redirect)
        return True

    carrier.redirect_here = here
    carrier.redirect_to_turn("1796051141.0", 3)
    assert led == [("1796051141.0", "turn", {"turn": "3"})]
    assert exchange.asked_for == []


def test_a_redirect_that_reaches_nobody_fails(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    exchange.lose_events()
    with pytest.raises(CarrierError, match="Application not found"):
        carrier.redirect_to_turn(exchange.call_in(SHOP, LINE), 3)


def test_an_exchange_without_a_trunk_serves_the_house(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    exchange.trunk = ""
    carrier.check()


@pytest.mark.parametrize(("status", "said"), [(401, "refuses our account"), (500, "failed"), (503, "failed")])
def test_an_exchange_that_refuses_or_fails_is_an_error_of_the_carriers(
    exchange: PretendedExchange, carrier: AsteriskCarrier, status: int, said: str
) -> None:
    exchange.error = status
    with pytest.raises(CarrierError, match=said):
        carrier.check()


def test_an_exchange_that_is_gone_is_an_error_of_the_carriers(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    exchange.error = requests.ConnectionError("nobody listens")
    with pytest.raises(CarrierError, match="could not be asked"):
        carrier.end_call("1796051141.0")
