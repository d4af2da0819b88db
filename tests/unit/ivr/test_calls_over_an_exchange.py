"""Outbound calls over an exchange of one's own: what is asked of it, and what its answers mean."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import requests

from ivr.asterisk.channels import ended_status, new_channel_id, purpose_of, was_placed
from ivr.asterisk.rest import AsteriskCarrier
from ivr.asterisk.retailer import answered_by, attempt_key
from ivr.carrier import CallStatus, CarrierBusy, CarrierError, CarrierRefused
from settings import Settings
from tests.support.pretended_exchange import NOON, Channel, PretendedExchange

LINE, SHOP = "+8637255550000", "+8613800000012"
OVER_TRUNK = f"PJSIP/{SHOP}@trunk"


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> PretendedExchange:
    """An exchange that a line process leads, and over whose trunk the shop can be called."""
    exchange = PretendedExchange(telephones={OVER_TRUNK: "rings"})
    exchange.answer_requests(monkeypatch)
    exchange.open_events()
    return exchange


@pytest.fixture
def carrier(exchange: PretendedExchange) -> AsteriskCarrier:
    return AsteriskCarrier(Settings(asterisk_password="secret"))


def channel(exchange: PretendedExchange, phone: str = SHOP, at: datetime = NOON, state: str = "Ringing") -> str:
    """The channel of a call that the line has placed."""
    key = new_channel_id("retailer", "one")
    called = {"HOTLINE": f"{LINE} {phone}"}
    exchange.channels[key] = Channel(key, "PJSIP/trunk-1", state, created=at, variables=called)
    return key


def test_a_retailer_is_called_over_the_trunk_and_sees_the_hotlines_number(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    call_key = carrier.dial_retailer(SHOP, LINE, "a-key_of-its-own")
    (asked,) = exchange.asked("POST", "/channels")
    assert asked["endpoint"] == OVER_TRUNK
    assert (asked["callerId"], asked["timeout"], asked["channelId"]) == (LINE, "30", call_key)
    assert (asked["context"], asked["extension"]) == ("placed", "s")


@pytest.mark.parametrize("key", ["plain", "-ends-with-hyphens-", "a--b", "_-_"])
def test_a_channels_id_names_its_attempt(carrier: AsteriskCarrier, key: str) -> None:
    purpose = purpose_of(carrier.dial_retailer(SHOP, LINE, key))
    assert (purpose.kind, attempt_key(purpose)) == ("retailer", key)


def test_premium_numbers_are_never_asked_for(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    with pytest.raises(CarrierRefused, match="DIALLED_PREFIXES"):
        carrier.dial_retailer("+4417012345", LINE, "key")
    assert exchange.asked_for == []


@pytest.mark.parametrize("trunk", ["offline", ""])
def test_a_trunk_that_is_down_is_tried_again_later_and_no_retailer_was_called(
    exchange: PretendedExchange, carrier: AsteriskCarrier, trunk: str
) -> None:
    exchange.telephones, exchange.trunk = {}, trunk
    with pytest.raises(CarrierBusy) as busy:
        carrier.dial_retailer(SHOP, LINE, "key")
    assert busy.value.retry_after_s == 30


def test_what_the_exchange_cannot_dial_was_not_placed(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    exchange.telephones = {}
    with pytest.raises(CarrierRefused, match="the call was refused"):
        carrier.dial_retailer(SHOP, LINE, "key")


def test_a_request_without_an_answer_may_have_placed_the_call(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    exchange.error = requests.ReadTimeout("no answer")
    with pytest.raises(CarrierError) as failure:
        carrier.dial_retailer(SHOP, LINE, "key")
    assert type(failure.value) is CarrierError


def test_a_call_whose_key_was_never_stored_is_found(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    channel(exchange, at=NOON - timedelta(hours=1))
    mine = channel(exchange, at=NOON + timedelta(minutes=2))
    channel(exchange, at=NOON + timedelta(minutes=1))
    channel(exchange, "+8613800000037", at=NOON + timedelta(minutes=3))
    exchange.call_in(SHOP, LINE)
    assert carrier.find_call(SHOP, LINE, NOON) == mine
    assert carrier.find_call("+8613800000099", LINE, NOON) is None


@pytest.mark.parametrize(
    ("state", "status"),
    [("Down", "initiated"), ("Ring", "ringing"), ("Ringing", "ringing"), ("Up", "in_progress")],
)
def test_the_status_is_that_of_the_channel(
    exchange: PretendedExchange, carrier: AsteriskCarrier, state: str, status: CallStatus
) -> None:
    assert carrier.status(channel(exchange, state=state)) == status
    assert carrier.status("hotline-retailer-one-00000000") is None


@pytest.mark.parametrize(("state", "ended"), [("Down", 1), ("Ringing", 1), ("Up", 0)])
def test_only_ringing_is_cancelled(
    exchange: PretendedExchange, carrier: AsteriskCarrier, state: str, ended: int
) -> None:
    key = channel(exchange, state=state)
    carrier.cancel_ringing(key)
    assert len(exchange.asked("DELETE", f"/channels/{key}")) == ended


@pytest.mark.parametrize(
    ("cause", "sip_status", "answered", "status"),
    [
        (16, None, True, "completed"),
        (17, 486, False, "busy"),
        (21, 603, False, "busy"),
        (0, 600, False, "busy"),
        (19, 480, False, "no_answer"),
        (18, 408, False, "no_answer"),
        (16, None, False, "cancelled"),
        (1, 404, False, "failed"),
        (21, 403, False, "failed"),
        (0, None, False, "failed"),
    ],
)
def test_a_cause_means_a_status(cause: int, sip_status: int | None, answered: bool, status: CallStatus) -> None:
    assert ended_status(cause, sip_status, answered=answered) == status
    assert was_placed(cause, sip_status, answered=answered)


@pytest.mark.parametrize(("cause", "sip_status"), [(34, 503), (42, None), (21, 401), (21, 407)])
def test_a_trunk_that_takes_no_call_has_placed_none(cause: int, sip_status: int | None) -> None:
    assert not was_placed(cause, sip_status, answered=False)
    assert was_placed(cause, sip_status, answered=True)


@pytest.mark.parametrize(
    ("verdict", "by"), [("HUMAN", "person"), ("NOTSURE", "person"), ("", "person"), ("MACHINE", "machine")]
)
def test_who_is_not_surely_a_machine_is_a_person(verdict: str, by: str) -> None:
    assert answered_by({"AMDSTATUS": verdict}) == by


# What is checked before the line opens.


def test_the_exchanges_numbers_are_those_it_passes_on(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    exchange.variables["LINE_NUMBERS"] = "+8637255550000 +8637255933333"
    assert [(one.number, one.problem) for one in carrier.numbers()] == [("+8637255550000", ""), ("+8637255933333", "")]
    exchange.trunk = ""
    assert "set ASTERISK_TRUNK_ADDRESS" in carrier.numbers()[0].problem


def test_an_exchange_that_no_process_leads_or_whose_trunk_is_down_is_found(
    exchange: PretendedExchange, carrier: AsteriskCarrier
) -> None:
    carrier.check()
    exchange.trunk = "offline"
    with pytest.raises(CarrierError, match="the trunk does not answer"):
        carrier.check()
    exchange.lose_events()
    with pytest.raises(CarrierError, match="see that the line runs"):
        carrier.check()


def test_its_clock_is_compared(exchange: PretendedExchange, carrier: AsteriskCarrier) -> None:
    assert carrier.clock_ahead_s(NOON + timedelta(seconds=3)) == 3
