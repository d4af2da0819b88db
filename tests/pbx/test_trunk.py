"""The trunk: calls to the carrier and from it, signed in both ways, and encrypted where that is set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ari_application import stasis_application
from tests.support.exchange import EXCHANGE_ADDRESS, TRUNK_ADDRESS, Exchange, prepared_exchange, started_exchange
from tests.support.recorded_callers import recording, speech_only
from tests.support.rtp import is_loud
from tests.support.sip_telephone import (
    Refused,
    Sound,
    calling,
    demanding_carrier,
    desk_telephone,
    trunk_callee,
)
from tests.support.srtp import new_key
from tests.support.tls import Certificate, self_signed, tls_tunnel

CALLER = "13800000012"
RETAILER = "13911112222"
HOTLINE = "+8637255550000"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"), EXCHANGE_ADDRESS)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Exchange]:
    """An exchange whose trunk is encrypted: TLS and SRTP."""
    with started_exchange(
        tmp_path_factory.mktemp("encrypted"),
        ASTERISK_TLS_CERTIFICATE=str(certificate.certificate),
        ASTERISK_TLS_KEY=str(certificate.key),
        ASTERISK_TRUNK_ENCRYPTED="1",
    ) as exchange:
        yield exchange


def test_a_call_from_the_trunk_reaches_the_line_with_its_number_and_its_caller(exchange: Exchange) -> None:
    with stasis_application(exchange) as line, calling(exchange, "4002", caller=CALLER) as call:
        started = line.wait_for("StasisStart")
        assert started["args"] == ["+8637255933333"]
        assert started["channel"]["caller"]["number"] == CALLER
        line.answer()
        call.wait_until_answered()


def test_a_call_that_comes_while_the_line_changes_processes_waits_for_the_next_one(exchange: Exchange) -> None:
    with calling(exchange, "4001", caller=CALLER) as call:
        call.wait_until_ringing()
        time.sleep(1.2)
        with stasis_application(exchange) as line:
            assert line.wait_for("StasisStart", within_s=1.5)["args"] == [HOTLINE]
            line.answer()
            call.wait_until_answered()


def test_callers_are_told_that_there_is_no_line(exchange: Exchange) -> None:
    with calling(exchange, "4001", caller=CALLER) as call, pytest.raises(Refused) as refused:
        call.wait_until_answered()
    assert refused.value.code == 503


def test_a_withheld_number_is_no_number(exchange: Exchange) -> None:
    withheld = "Privacy: id\r\n"
    with (
        stasis_application(exchange) as line,
        calling(exchange, "4001", caller="anonymous", name="Anonymous", headers=withheld),
    ):
        assert not line.wait_for("StasisStart")["channel"]["caller"]["number"].isdecimal()


@pytest.mark.parametrize(
    "sound",
    [Sound(), Sound(codec="PCMA"), Sound(idle="nothing"), Sound(idle="comfort_noise"), Sound("PCMA", "comfort_noise")],
    ids=["mu-law", "A-law", "silence suppressed", "comfort noise", "A-law with comfort noise"],
)
def test_sound_and_keys_arrive_in_each_form_a_carrier_sends_them(exchange: Exchange, sound: Sound) -> None:
    said = recording("ask_yingzhonghua_b")
    with (
        stasis_application(exchange) as line,
        desk_telephone(exchange, "8001") as desk,
        calling(exchange, "4001", caller=CALLER, sound=sound) as call,
    ):
        caller = line.answer()
        call.wait_until_answered()
        operator = line.dial("PJSIP/8001")
        desk.wait_for_call().wait_until_answered()
        line.connect(caller, operator)
        call.media.pause(0.5)
        begin = time.monotonic()
        call.media.say(said)
        call.media.pause(0.3)
        call.media.press("4105*#")
        call.media.wait_until_said()
        line.wait_for("ChannelDtmfReceived", after=5)
        assert [event["digit"] for event in line.of("ChannelDtmfReceived")] == list("4105*#")
        assert abs(loud_seconds(desk.media.heard(begin)) - loud_seconds(said)) < 0.1


def test_the_carriers_question_for_a_password_is_answered(exchange: Exchange) -> None:
    with stasis_application(exchange) as line, demanding_carrier(exchange, "INVITE", "486 Busy Here") as carrier:
        line.dial(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE)
        asked, right = carrier.wait_for("demand_password", "asked"), carrier.wait_for("demand_password", "right")
        assert asked[2].startswith(f"sip:{HOTLINE}@")
        assert asked[3].startswith(f"{RETAILER}@")
        assert right[2] == "true"


def test_a_trunk_that_wants_registrations_gets_them(tmp_path: Path) -> None:
    exchange = prepared_exchange(tmp_path, {"ASTERISK_TRUNK_REGISTERS": "1"})
    with demanding_carrier(exchange, "REGISTER", "200 OK") as carrier:
        try:
            exchange.start()
            assert carrier.wait_for("demand_password", "right")[2] == "true"
        finally:
            exchange.kill()


def test_a_carrier_that_never_sends_a_password_is_known_by_its_address_alone(tmp_path: Path) -> None:
    with (
        started_exchange(tmp_path, ASTERISK_TRUNK_SENDS_NO_PASSWORD="1") as exchange,
        stasis_application(exchange) as line,
    ):
        with calling(exchange, "4001", caller=CALLER, password="") as call:
            line.answer()
            call.wait_until_answered()
        with calling(exchange, "4001", caller=CALLER, password="", address="127.0.0.3") as call, pytest.raises(Refused):
            call.wait_until_answered()


def test_retailers_who_do_not_answer_are_told_apart(exchange: Exchange) -> None:
    """Busy and declined at once; ringing until the line gives up."""
    with stasis_application(exchange) as line:
        with trunk_callee(exchange, "busy"):
            line.dial(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE)
            assert line.wait_for("ChannelDestroyed")["cause_txt"] == "User busy"
        with trunk_callee(exchange, "declines"):
            line.dial(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE)
            assert line.wait_for("ChannelDestroyed", after=1)["cause_txt"] == "Call Rejected"
        with trunk_callee(exchange, "rings") as retailer:
            line.dial(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE, timeout=2)
            called = retailer.wait_for_call()
            line.wait_for("ChannelDestroyed", after=2)
            called.wait_until_ended()


PERSON = speech_only("cmd_no_budui_a")
MACHINE = b"".join(
    map(speech_only, ("ask_yingzhonghua_b", "change_no_hongtashan_3_a", "change_hongtashan_yingjingdian_3_a"))
)


@pytest.mark.parametrize(("greeting", "status"), [(PERSON, "HUMAN"), (MACHINE, "MACHINE")], ids=["person", "machine"])
def test_a_person_and_a_machine_are_told_apart_before_the_line_speaks(
    exchange: Exchange, greeting: bytes, status: str
) -> None:
    with stasis_application(exchange) as line, trunk_callee(exchange) as retailer:
        line.place(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE)
        called = retailer.wait_for_call()
        called.wait_until_answered()
        retailer.media.pause(0.4)
        retailer.media.say(greeting)
        started = line.wait_for("StasisStart")["channel"]
        assert started["channelvars"]["AMDSTATUS"] == status, started


def test_a_carrier_s_announcement_before_the_answer_is_no_answer(exchange: Exchange) -> None:
    with stasis_application(exchange) as line, trunk_callee(exchange, "early") as retailer:
        line.place(f"PJSIP/{RETAILER}@trunk", caller=HOTLINE)
        called = retailer.wait_for_call()
        retailer.media.connect(EXCHANGE_ADDRESS, int(retailer.called()[0][2]))
        retailer.media.say(MACHINE)
        time.sleep(len(MACHINE) / 8_000 + 1)
        assert line.of("StasisStart") == []
        called.answer()
        retailer.media.pause(0.4)
        retailer.media.say(PERSON)
        assert line.wait_for("StasisStart")["channel"]["channelvars"]["AMDSTATUS"] == "HUMAN"


def test_a_silent_call_lasts_while_its_telephone_renews_it(exchange: Exchange) -> None:
    """Without a packet of sound, as where silence is suppressed; sessions are renewed after RFC 4028."""
    timer = "Supported: timer\r\nMin-SE: 90\r\nSession-Expires: 90;refresher=uac\r\n"
    with (
        stasis_application(exchange) as line,
        calling(exchange, "4001", caller=CALLER, sound=Sound(idle="nothing"), headers=timer) as call,
    ):
        line.answer()
        call.wait_until_answered()
        for _ in range(3):
            time.sleep(35)
            call.resume()
        assert not call.has_ended
        assert line.of("ChannelDestroyed") == []


def test_an_encrypted_call_is_heard_both_ways(encrypted: Exchange, certificate: Certificate, tmp_path: Path) -> None:
    said = recording("ask_yingzhonghua_b")
    played = tmp_path / "played.ulaw"
    played.write_bytes(said)
    server = (EXCHANGE_ADDRESS, encrypted.tls_port)
    with (
        stasis_application(encrypted) as line,
        tls_tunnel(TRUNK_ADDRESS, server, certificate.certificate) as tunnel,
        calling(encrypted, "4001", caller=CALLER, sound=Sound(key=new_key()), tunnel=tunnel) as call,
    ):
        channel = line.answer()
        call.wait_until_answered()
        recorded = {"name": "caller", "format": "ulaw", "ifExists": "overwrite"}
        encrypted.ari("POST", f"channels/{channel}/record", params=recorded).raise_for_status()
        call.media.say(said)
        call.media.wait_until_said()
        encrypted.ari("POST", "recordings/live/caller/stop").raise_for_status()
        heard = encrypted.ari("GET", "recordings/stored/caller/file").content
        assert abs(loud_seconds(heard) - loud_seconds(said)) < 0.1
        encrypted.ari("POST", f"channels/{channel}/play", params={"media": f"sound:{played.with_suffix('')}"})
        line.wait_for("PlaybackFinished")
        assert abs(loud_seconds(call.media.heard()) - loud_seconds(said)) < 0.1
        assert call.media.strange == 0
        line.hang_up(channel)
        call.wait_until_ended()


def test_a_desk_telephone_that_knows_no_encryption_is_still_rung(encrypted: Exchange) -> None:
    with stasis_application(encrypted) as line, desk_telephone(encrypted, "8001") as desk:
        operator = line.dial("PJSIP/8001")
        desk.wait_for_call().wait_until_answered()
        line.wait_until_reached(operator)


def test_an_encrypted_trunk_takes_no_call_in_the_clear(encrypted: Exchange) -> None:
    with calling(encrypted, "4001", caller=CALLER) as call, pytest.raises(Refused) as refused:
        call.wait_until_answered()
    assert refused.value.code == 488


def loud_seconds(sound: bytes) -> float:
    """The seconds of a sound in which somebody speaks."""
    frames = [sound[place : place + 160] for place in range(0, len(sound), 160)]
    return sum(0.02 for frame in frames if is_loud(frame))
