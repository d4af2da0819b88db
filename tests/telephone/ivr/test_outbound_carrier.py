"""Outbound calls by the carrier's REST interface: the allowed requests, and the handling of each answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import Result
from flask import Flask

from app import create_app
from clock import system_clock
from ivr.carrier import CarrierBusy, CarrierError, CarrierRefused
from ivr.twilio import rest
from ivr.twilio.rest import HELLO_PAUSE_MS, TwilioCarrier
from orders.outbound.models import OutboundWindow
from settings import Settings
from simulator.account import Account, CalledParty
from simulator.carrier_habits import CarrierHabits
from simulator.legs import CallRequest
from simulator.pace import AS_FAST_AS_POSSIBLE
from simulator.placed_calls import call_placer
from simulator.rest_server import RestServer, create_rest
from tests.support.desk_world import MAIN, World
from tests.support.fake_application import TOKEN, FakeApplication

SHOP_PHONE = "+8613800000012"


@pytest.fixture
def network() -> Iterator[Account]:
    account = Account("", "AC" + "0" * 32, TOKEN)
    with RestServer(create_rest(account, call_placer(account, pace=AS_FAST_AS_POSSIBLE)), "127.0.0.1", 0) as server:
        account.api_base = server.url
        yield account


@pytest.fixture
def carrier(network: Account, fake_app: FakeApplication) -> TwilioCarrier:
    return TwilioCarrier(
        Settings(
            public_base_url=fake_app.url,
            twilio_account_sid=network.sid,
            twilio_auth_token=TOKEN,
            twilio_api_base=network.api_base,
        )
    )


def dial(carrier: TwilioCarrier, phone: str = SHOP_PHONE) -> str:
    return carrier.dial_retailer(phone, MAIN, "key")


def test_a_call_asks_for_what_it_has_to_say_with_the_attempts_key_and_who_answered(
    network: Account, carrier: TwilioCarrier, fake_app: FakeApplication
) -> None:
    network.parties[SHOP_PHONE] = CalledParty("machine")
    call_key = dial(carrier)
    network.calls[call_key].join(20)
    asked = fake_app.form("/voice/outbound")
    assert (asked["attempt"], asked["AnsweredBy"], asked["CallSid"]) == ("key", "machine_end_beep", call_key)
    told = [form["CallStatus"] for path, form in fake_app.requests if path == "/voice/outbound/status"]
    assert sorted(told) == ["completed", "in-progress", "initiated", "ringing"]
    assert not fake_app.unsigned


def test_what_became_of_a_call_can_be_asked_for(network: Account, carrier: TwilioCarrier) -> None:
    network.parties[SHOP_PHONE] = CalledParty("busy")
    since = system_clock()
    call_key = dial(carrier)
    network.calls[call_key].join(20)
    assert carrier.status(call_key) == "busy"
    assert carrier.status("CA" + "9" * 32) is None
    assert carrier.find_call(SHOP_PHONE, MAIN, since) == call_key
    assert carrier.find_call(SHOP_PHONE, MAIN, since + timedelta(minutes=1)) is None
    assert carrier.find_call("+8613800000099", MAIN, since) is None


def test_a_call_that_only_rings_is_ended(network: Account, fake_app: FakeApplication, carrier: TwilioCarrier) -> None:
    endless = call_placer(network, pace=AS_FAST_AS_POSSIBLE)(
        CallRequest(MAIN, SHOP_PHONE, fake_app.url, timeout_s=3_000_000)
    )
    carrier.cancel_ringing(endless.sid)
    endless.join(20)
    assert endless.status == "canceled"


@pytest.mark.parametrize("number", ["+19005551234", "+8616812345", "+864001234567", "+85212345678"])
def test_a_premium_number_or_another_country_is_not_even_asked_for(
    carrier: TwilioCarrier, network: Account, number: str
) -> None:
    with pytest.raises(CarrierRefused, match="may not be dialled"):
        dial(carrier, number)
    with pytest.raises(CarrierError, match="may not be dialled"):
        carrier.dial_operator(number, MAIN, 1)
    assert network.calls == {}


def test_a_refusal_is_told_from_not_knowing(
    carrier: TwilioCarrier, network: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "may_be_dialled", lambda *_: True)
    with pytest.raises(CarrierRefused, match="is not valid"):
        dial(carrier, "13800000012")
    assert network.calls == {}
    nowhere = TwilioCarrier(
        Settings(twilio_account_sid="AC1", twilio_auth_token=TOKEN, twilio_api_base="http://127.0.0.1:1")
    )
    with pytest.raises(CarrierError) as unknown:
        dial(nowhere)
    assert not isinstance(unknown.value, CarrierRefused)
    for asked in (lambda: nowhere.status("CA1"), lambda: nowhere.find_call(SHOP_PHONE, MAIN, system_clock())):
        with pytest.raises(CarrierError):
            asked()


def test_too_many_requests_are_told_from_not_knowing_and_nothing_is_placed(
    network: Account, carrier: TwilioCarrier
) -> None:
    network.habits = CarrierHabits(requests_refused=4)
    for asked in (dial, lambda carrier: carrier.dial_operator(SHOP_PHONE, MAIN, 1)):
        with pytest.raises(CarrierBusy) as busy:
            asked(carrier)
        assert busy.value.retry_after_s == 1
    assert carrier.recording("RE" + "1" * 32) is None, "it is asked for again"
    with pytest.raises(CarrierBusy):
        carrier.redirect_to_queue("CA1")
    assert network.calls == {}
    assert dial(carrier) in network.calls


def test_while_the_token_is_changed_the_carrier_may_take_either(network: Account, fake_app: FakeApplication) -> None:
    changing = TwilioCarrier(
        Settings(
            public_base_url=fake_app.url,
            twilio_account_sid=network.sid,
            twilio_auth_token=TOKEN,
            twilio_secondary_auth_token="the-token-to-come",
            twilio_api_base=network.api_base,
        )
    )
    changing.check()
    network.auth_token = "the-token-to-come"
    call_key = dial(changing)
    assert len(network.calls) == 1, "and nothing is asked for twice"
    assert changing.status(call_key) is not None
    network.auth_token = "a-third-one"
    with pytest.raises(CarrierRefused):
        dial(changing)
    # Notifications of the call are signed with the token it was placed under.
    network.calls[call_key].join(20)


def test_a_hello_is_not_left_waiting_for_long() -> None:
    assert HELLO_PAUSE_MS <= 1_000


# The commands.


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["outbound", *arguments])


def test_the_demo_rings_nobodys_real_telephone(database_url: str) -> None:
    app = create_app(Settings(database_url=database_url, demo=True, listen_mode="keypad"))
    refused = run(app, "run")
    assert refused.exit_code == 1
    assert "calls no real telephone" in refused.output


def test_without_its_secrets_nobody_is_called(database_url: str) -> None:
    refused = run(create_app(Settings(database_url=database_url)), "run")
    assert refused.exit_code == 1
    assert "SECRET_KEY" in refused.output


def test_when_a_batch_is_called_is_set_by_a_command_and_kept_in_the_history(application: Flask, world: World) -> None:
    arguments = ("--opens", "09:00", "--closes", "11:30", "--by", "leader", "--why", "market day")
    assert run(application, "window", "--batch", "东一线", *arguments).exit_code == 0
    with world.session() as session:
        window = session.get_one(OutboundWindow, "东一线")
        assert (window.opens, window.closes) == (9 * 60, 11 * 60 + 30)
    turned = run(application, "window", "--opens", "11:00", "--closes", "10:00", "--by", "leader", "--why", "x")
    assert turned.exit_code == 1
    assert "close after it opens" in turned.output
