"""Operators who answer in the browser: the roles that get a softphone, and its permissions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask

from app import create_app
from console.web_phone.relay import relay
from console.web_phone.web_phone_pages import PAGE_COMMANDS
from settings import Settings
from simulator.account import DEMO_ACCOUNT_SID, Account
from simulator.inbound_calls import IncomingNumber
from simulator.rest_server import RestServer, create_rest
from simulator.web_phone import add_web_phone
from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock
from tests.support.operators import wait_until
from tests.support.ports import free_port

KEY = {"twilio_api_key_sid": "SK" + "1" * 32, "twilio_api_key_secret": "only-for-this-test-and-nothing-else"}


@pytest.fixture
def with_key(application: Flask, database_url: str, clock: MovingClock) -> Visitor:
    """A browser of an installation with a carrier API key."""
    settings = Settings(database_url=database_url, demo=True, listen_mode="keypad", **KEY)
    return Visitor(create_app(settings, clock=clock).test_client())


def test_a_signed_in_operator_gets_a_token_that_lets_them_be_dialled_and_call_nobody(with_key: Visitor) -> None:
    with_key.sign_in("operator")
    answer = with_key.post("/desk/softphone/token").get_json()
    told = jwt.decode(
        answer["token"], KEY["twilio_api_key_secret"], algorithms=["HS256"], options={"verify_exp": False}
    )
    assert told["iss"] == KEY["twilio_api_key_sid"]
    assert told["sub"] == DEMO_ACCOUNT_SID
    assert told["grants"] == {"identity": "staff-1", "voice": {"incoming": {"allow": True}}}


def test_nobody_else_gets_a_token(with_key: Visitor) -> None:
    assert with_key.post("/desk/softphone/token").status_code == 401
    with_key.sign_in("manager")
    assert with_key.post("/desk/softphone/token").status_code == 403


def test_the_carriers_telephone_is_loaded_and_let_out_in_its_own_window_only(with_key: Visitor) -> None:
    with_key.sign_in("operator")
    window = with_key.get("/desk/softphone")
    assert "twilio.min.js" in window.get_data(as_text=True)
    policy = window.headers["Content-Security-Policy"]
    sounds = "https://media.twiliocdn.com https://sdk.twilio.com"
    assert policy.endswith(f"connect-src 'self' https://eventgw.twilio.com wss://voice-js.roaming.twilio.com {sounds}")
    assert f"; media-src 'self' blob: mediastream: {sounds};" in policy
    for page in (with_key.get("/desk"), with_key.get("/orders")):
        assert "twilio" not in page.get_data(as_text=True)
        assert "twilio" not in page.headers["Content-Security-Policy"]


@pytest.fixture
def on_the_exchange(application: Flask, database_url: str, clock: MovingClock) -> Visitor:
    """A browser of an installation on an exchange of its own, which is away."""
    settings = Settings(
        database_url=database_url,
        demo=True,
        listen_mode="keypad",
        carrier="asterisk",
        asterisk_url=f"http://127.0.0.1:{free_port()}",
    )
    return Visitor(create_app(settings, clock=clock).test_client())


def test_the_telephone_of_ones_own_exchange_connects_to_this_site_alone(on_the_exchange: Visitor) -> None:
    on_the_exchange.sign_in("operator")
    window = on_the_exchange.get("/desk/softphone")
    assert "jssip.min.js" in window.get_data(as_text=True)
    assert "telephones/sip.js" in window.get_data(as_text=True)
    assert window.headers["Content-Security-Policy"].endswith("; connect-src 'self'")


def test_while_the_exchange_is_away_the_page_is_told_to_ask_again(on_the_exchange: Visitor) -> None:
    on_the_exchange.sign_in("operator")
    answer = on_the_exchange.post("/desk/softphone/token")
    assert (answer.status_code, answer.get_data(as_text=True)) == (503, "电话局连不上，正在重新接。")


def test_the_demo_rings_the_stand_ins_telephone(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    answer = visitor.post("/desk/softphone/token").get_json()
    assert answer["url"].endswith("/desk/softphone/line")
    page = visitor.get("/desk/softphone")
    assert "twilio.min.js" not in page.get_data(as_text=True)
    assert "twilio" not in page.headers["Content-Security-Policy"]


def test_who_sits_nowhere_is_not_dialled(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    visitor.post("/seat/leave")
    answer = visitor.post("/desk/ready", device="browser")
    assert (answer.status_code, answer.get_data(as_text=True)) == (409, "请先坐到席位上，再接电话。")


class FakePageSocket:
    """A page that sends these messages and then disconnects."""

    def __init__(self, messages: list[str], stay_until: Callable[[], bool] = lambda: True) -> None:
        self._messages = messages
        self._stay_until = stay_until

    async def receive(self) -> dict[str, Any]:
        if self._messages:
            return {"type": "websocket.receive", "text": self._messages.pop(0)}
        await asyncio.to_thread(wait_until, self._stay_until, "the end")
        return {"type": "websocket.disconnect", "code": 1001}

    async def send_text(self, data: str) -> None:
        pass

    async def send_bytes(self, data: bytes) -> None:
        pass

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        pass


def test_the_web_phone_cannot_pass_for_an_operators_telephone() -> None:
    account = Account("", DEMO_ACCOUNT_SID, "demo-auth-token")
    rest = create_rest(account)
    add_web_phone(rest, account, IncomingNumber.at("http://127.0.0.1:9"))
    with RestServer(rest, "127.0.0.1", 0) as server:
        settings = Settings(demo=True, twilio_api_base=server.url)
        impostor = FakePageSocket([json.dumps({"command": "register", "name": "staff-1"}), "[1]", "no JSON"])
        asyncio.run(relay(impostor, settings, PAGE_COMMANDS))
        assert account.answerers == {}
        seen: list[str] = []

        def is_known() -> bool:
            seen.extend(account.answerers)
            return bool(seen)

        asyncio.run(relay(FakePageSocket([], is_known), settings, frozenset({"answer"}), "staff-1"))
        assert seen == ["client:staff-1"]
        wait_until(lambda: account.answerers == {}, "the telephone to be gone with its page")
