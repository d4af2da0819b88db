"""The line's commands to its own exchange, as requests and as answers to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from ivr.asterisk.rest import AsteriskCarrier
from ivr.carrier import CarrierError
from settings import Settings

CALL = "1796051141.0"


class Exchange:
    """The exchange's REST interface: it keeps each request, and gives the answers it was told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.is_gone = False
        self.carrier = AsteriskCarrier(Settings(asterisk_url="http://exchange:8288/", asterisk_password="secret"))
        monkeypatch.setattr(requests.Session, "request", self._request)

    def _request(self, method: str, url: str, *, params: Any, json: Any, timeout: float) -> requests.Response:
        path = url.removeprefix("http://exchange:8288/ari")
        if self.is_gone:
            raise requests.ConnectionError("nobody listens")
        self.requests.append((method, path, params, json))
        status, body = self.answers.get(path, (204, None))
        return _answer(status, body)


def _answer(status: int, body: Any) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer._content = json.dumps(body).encode()
    answer.headers["Date"] = "Mon, 30 Nov 2026 10:00:00 GMT"
    return answer


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    return Exchange(monkeypatch)


def test_a_redirect_is_an_event_for_whoever_leads_the_exchange(exchange: Exchange) -> None:
    exchange.carrier.redirect_to_turn(CALL, 3)
    exchange.carrier.redirect_to_queue(CALL)
    to = {"application": "hotline", "source": f"channel:{CALL}"}
    assert exchange.requests == [
        ("POST", "/events/user/turn", to, {"variables": {"turn": "3"}}),
        ("POST", "/events/user/queue", to, {"variables": {}}),
    ]


def test_a_call_that_this_process_leads_is_redirected_without_a_request(exchange: Exchange) -> None:
    led: list[Any] = []

    def here(*redirect: Any) -> bool:
        led.append(redirect)
        return True

    exchange.carrier.redirect_here = here
    exchange.carrier.redirect_to_turn(CALL, 3)
    assert led == [(CALL, "turn", {"turn": "3"})]
    assert exchange.requests == []


def test_a_redirect_that_reaches_nobody_fails(exchange: Exchange) -> None:
    exchange.answers["/events/user/turn"] = (404, {"message": "Application not found"})
    with pytest.raises(CarrierError, match="Application not found"):
        exchange.carrier.redirect_to_turn(CALL, 3)


def test_a_calls_status_is_its_channels_state(exchange: Exchange) -> None:
    exchange.answers[f"/channels/{CALL}"] = (200, {"state": "Up"})
    assert exchange.carrier.status(CALL) == "in_progress"
    exchange.answers[f"/channels/{CALL}"] = (404, {"message": "Channel not found"})
    assert exchange.carrier.status(CALL) is None


def test_only_ringing_is_cancelled(exchange: Exchange) -> None:
    exchange.answers[f"/channels/{CALL}"] = (200, {"state": "Up"})
    exchange.carrier.cancel_ringing(CALL)
    assert [method for method, *_ in exchange.requests] == ["GET"]


def test_an_exchange_that_nobody_leads_brings_no_calls(exchange: Exchange) -> None:
    exchange.answers["/applications/hotline"] = (404, {"message": "Application not found"})
    with pytest.raises(CarrierError, match="no line process takes the exchange's calls"):
        exchange.carrier.check()
    exchange.answers["/applications/hotline"] = (200, {"name": "hotline"})
    exchange.answers["/endpoints/PJSIP/trunk"] = (404, {"message": "Endpoint not found"})
    exchange.carrier.check()


@pytest.mark.parametrize(("status", "said"), [(401, "refuses our account"), (500, "failed"), (503, "failed")])
def test_an_exchange_that_refuses_or_fails_is_an_error_of_the_carriers(
    exchange: Exchange, status: int, said: str
) -> None:
    exchange.answers["/applications/hotline"] = (status, {})
    with pytest.raises(CarrierError, match=said):
        exchange.carrier.check()


def test_an_exchange_that_is_gone_is_an_error_of_the_carriers(exchange: Exchange) -> None:
    exchange.is_gone = True
    with pytest.raises(CarrierError, match="could not be asked"):
        exchange.carrier.end_call(CALL)


def test_the_clocks_are_compared(exchange: Exchange) -> None:
    assert exchange.carrier.clock_ahead_s(datetime(2026, 11, 30, 10, 0, 7, tzinfo=UTC)) == 7
