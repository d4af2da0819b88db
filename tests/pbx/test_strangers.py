"""The exchange at an open port: whoever is no trunk and no telephone is refused, in the same words whatever they try,
written down with their address, and reaches nothing."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.ari_application import AriApplication, stasis_application
from tests.support.exchange import (
    EXCHANGE_ADDRESS,
    OUTSIDE_ADDRESS,
    STRANGER_ADDRESS,
    TELEPHONES,
    TRUNK_ADDRESS,
    TRUNK_PASSWORD,
    TRUNK_USER,
    Exchange,
)
from tests.support.recorded_callers import recording
from tests.support.sip_telephone import Refused, calling, desk_call, register

NUMBER = "4001"
GUESSED = "a-guessed-password"


@pytest.fixture
def application(exchange: Exchange) -> Iterator[AriApplication]:
    """The application, which nothing may have reached by the end, while a call of the trunk's still does."""
    with stasis_application(exchange) as application:
        yield application
        assert application.of("StasisStart") == []
        with calling(exchange, NUMBER, caller="13800000012") as call:
            application.answer()
            call.wait_until_answered()


def refusal(exchange: Exchange, number: str = NUMBER, **arguments: str) -> int:
    """The status with which a call is refused."""
    caller = arguments.pop("caller", "13800000012")
    with calling(exchange, number, caller=caller, **arguments) as call, pytest.raises(Refused) as refused:
        call.wait_until_answered()
    return refused.value.code


def test_a_call_without_a_password_is_refused_even_from_the_trunk(
    exchange: Exchange, application: AriApplication
) -> None:
    assert refusal(exchange, password="") == 401
    assert refusal(exchange, password="", address=STRANGER_ADDRESS) == 401


def test_a_guessed_password_is_refused(exchange: Exchange, application: AriApplication) -> None:
    assert refusal(exchange, password=GUESSED) == 401
    assert refusal(exchange, caller="8001", user="8001", password=GUESSED, address=STRANGER_ADDRESS) == 401


def test_the_trunks_password_is_of_no_use_elsewhere(exchange: Exchange, application: AriApplication) -> None:
    assert refusal(exchange, address=STRANGER_ADDRESS, user=TRUNK_USER, password=TRUNK_PASSWORD) == 401
    assert refusal(exchange, address=STRANGER_ADDRESS, caller="trunk", user="trunk", password=TRUNK_PASSWORD) == 401


def test_a_caller_of_the_trunk_cannot_take_a_telephones_name(exchange: Exchange, application: AriApplication) -> None:
    assert refusal(exchange, caller="8001", user="8001", password=TELEPHONES["8001"]) == 401


def test_a_number_that_is_not_ours_is_refused_and_written_down(exchange: Exchange, application: AriApplication) -> None:
    for number in ("4003", "8002", "s", "hotline", "00862287654321", "4001%0d%0aX", "../4001"):
        assert refusal(exchange, number) in (404, 484), number
    assert "extension '00862287654321' rejected because extension not found in context 'trunk-in'" in exchange.log()


def test_a_telephone_dials_the_lines_numbers_and_no_others(exchange: Exchange, application: AriApplication) -> None:
    """Toll fraud: with a telephone's password, too, nobody calls out at the department's expense."""
    for number in ("13911112222", "0013911112222", "8002", "13911112222%40trunk"):
        with desk_call(exchange, "8001", number) as call, pytest.raises(Refused) as refused:
            call.wait_until_answered()
        assert refused.value.code == 404, number


def test_a_telephone_calls_under_its_own_name(exchange: Exchange) -> None:
    """Whatever it claims to be, so that it is not taken for a retailer whose telephone is known."""
    claimed = "P-Asserted-Identity: <sip:13800000012@127.0.0.1>\r\nRemote-Party-ID: <sip:13800000012@127.0.0.1>\r\n"
    with (
        stasis_application(exchange) as application,
        calling(
            exchange,
            NUMBER,
            caller="8001",
            name="13800000012",
            address="127.0.0.1",
            user="8001",
            password=TELEPHONES["8001"],
            headers=claimed,
        ),
    ):
        assert application.wait_for("StasisStart")["channel"]["caller"]["number"] == "8001"


def test_registrations_are_refused_alike_for_names_there_are_and_names_there_are_not(
    exchange: Exchange, application: AriApplication
) -> None:
    answers = [raw_answer(exchange, registration(name)) for name in ("8001", "8999", "trunk", "anonymous")]
    assert len({anonymised(answer) for answer in answers}) == 1
    assert answers[0].startswith("SIP/2.0 401 Unauthorized")
    for name in ("8001", "8999"):
        with pytest.raises(Refused) as refused:
            register(exchange, name, GUESSED, address=STRANGER_ADDRESS)
        assert refused.value.code == 401
    assert exchange.ari("GET", "endpoints/PJSIP/8001").json()["state"] == "offline"


def test_guessing_takes_as_long_for_a_name_there_is_as_for_one_there_is_not(exchange: Exchange) -> None:
    def seconds(name: str) -> float:
        begin = time.perf_counter()
        raw_answer(exchange, registration(name))
        return time.perf_counter() - begin

    known, unknown = (sorted(seconds(name) for _ in range(20))[10] for name in ("8001", "8999"))
    assert abs(known - unknown) < 0.02


def test_every_refusal_is_written_down_with_its_address(exchange: Exchange, application: AriApplication) -> None:
    """In the form that fail2ban's own filter for Asterisk reads (docs/own-exchange.md)."""
    refusal(exchange, caller="8002", user="8002", password=GUESSED, address=STRANGER_ADDRESS)
    refused = re.compile(
        r'SecurityEvent="(ChallengeResponseFailed|InvalidAccountID|InvalidPassword)".*RemoteAddress="IPV4/UDP/'
        + re.escape(STRANGER_ADDRESS)
    )
    assert refused.search(exchange.log("security"))


def test_an_address_that_is_none_of_ours_is_refused_before_any_name_is_looked_at(
    exchange: Exchange, application: AriApplication
) -> None:
    assert refusal(exchange, address=OUTSIDE_ADDRESS) == 403
    assert f"Incoming SIP message from {OUTSIDE_ADDRESS}" in exchange.log()


def test_guessing_at_full_speed_harms_no_call(exchange: Exchange, tmp_path: Path) -> None:
    """Two thousand registrations in two seconds."""
    with undisturbed_caller(exchange, tmp_path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guesser:
        guesser.bind((STRANGER_ADDRESS, 0))
        for name in range(2_000):
            guesser.sendto(registration(f"{8000 + name}").encode(), (EXCHANGE_ADDRESS, exchange.sip_port))
            time.sleep(0.001)


def test_a_flood_of_wrong_passwords_harms_no_call_and_keeps_no_caller_waiting(
    exchange: Exchange, tmp_path: Path
) -> None:
    """Two hundred calls and registrations a second from the telephones' own network, by names there are and others."""
    with undisturbed_caller(exchange, tmp_path, speaks=5) as line, flood(exchange, a_second=200):
        time.sleep(2)
        called_at = time.monotonic()
        with desk_call(exchange, "8002", NUMBER) as other:
            line.answer(after=1)
            other.wait_until_answered()
            assert other.answered_at - called_at < 1
        line.wait_for("PlaybackFinished", within_s=20)


@contextmanager
def undisturbed_caller(exchange: Exchange, folder: Path, speaks: int = 2) -> Iterator[AriApplication]:
    """The line while it says a sentence to a caller, so many times: all of its sound has come in time by the end."""
    spoken = folder / "spoken.ulaw"
    spoken.write_bytes(recording("ask_yingzhonghua_b") * speaks)
    with stasis_application(exchange) as line, calling(exchange, NUMBER, caller="13800000012") as call:
        channel = line.answer()
        call.wait_until_answered()
        exchange.ari("POST", f"channels/{channel}/play", params={"media": f"sound:{spoken.with_suffix('')}"})
        call.media.wait_for_sound(within_s=2)
        yield line
        line.wait_for("PlaybackFinished", within_s=20)
        times = [packet.at for packet in call.media.received]
        assert call.media.lost() == 0
        assert max(after - before for before, after in pairwise(times)) < 0.2


@contextmanager
def flood(exchange: Exchange, a_second: int) -> Iterator[None]:
    """Calls and registrations with wrong passwords, so many a second, from here to the end of the block."""
    over = threading.Event()

    def guess() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guesser:
            guesser.bind((STRANGER_ADDRESS, 0))
            for number in itertools.count():
                if over.wait(1 / a_second):
                    return
                name = ("8001", "8002", str(9000 + number % 1000))[number % 3]
                guess = registration(name, GUESSED) if number % 2 else invitation(name, GUESSED)
                guesser.sendto(guess.encode(), (EXCHANGE_ADDRESS, exchange.sip_port))

    guessing = threading.Thread(target=guess)
    guessing.start()
    try:
        yield
    finally:
        over.set()
        guessing.join()


BROKEN = {
    "nothing": b"",
    "zeros": b"\x00" * 800,
    "no SIP": b"GET / HTTP/1.1\r\n\r\n",
    "half a line": b"INVITE sip:4001@127.0.0.1 SIP/2.0",
    "no headers": b"INVITE sip:4001@127.0.0.1 SIP/2.0\r\n\r\n",
    "another protocol": b"INVITE sip:4001@127.0.0.1 SIP/9.9\r\nVia: x\r\n\r\n",
    "a length that is none": b"INVITE sip:4001@127.0.0.1 SIP/2.0\r\nContent-Length: -1\r\nVia: SIP/2.0/UDP x\r\n\r\n",
    "a long line": b"INVITE sip:" + b"4" * 30_000 + b"@127.0.0.1 SIP/2.0\r\n\r\n",
    "many headers": b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n" + b"X-A: b\r\n" * 4_000 + b"\r\n",
    "no UTF-8": b"INVITE sip:\xff\xfe\xfd@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP \xff;branch=\xff\r\n\r\n",
    "a format": b"INVITE sip:%n%s%x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.3;branch=z9hG4bK%s%n\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("address", [TRUNK_ADDRESS, STRANGER_ADDRESS], ids=["trunk", "stranger"])
def test_what_is_no_sip_harms_nobody(exchange: Exchange, sent: bytes, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((address, 0))
        sender.sendto(sent, (EXCHANGE_ADDRESS, exchange.sip_port))
    assert exchange.ari("GET", "channels").json() == []
    assert raw_answer(exchange, registration("8001")).startswith("SIP/2.0 401")


def test_sound_descriptions_that_are_none_are_refused(exchange: Exchange, application: AriApplication) -> None:
    """After the trunk's password: a description without a codec of ours, and one that is no description."""
    nowhere, unknown = _OFFER.format("999.1.1.1", "0 RTP/AVP 0"), _OFFER.format(TRUNK_ADDRESS, "9 RTP/AVP 99")
    for description in ("v=0", "none", nowhere, unknown):
        with (
            calling(exchange, NUMBER, caller="13800000012", description=description) as call,
            pytest.raises(Refused) as refused,
        ):
            call.wait_until_answered()
        assert refused.value.code in (400, 415, 488)


_OFFER = "v=0\no=x 1 1 IN IP4 127.0.0.2\ns=-\nc=IN IP4 {}\nt=0 0\nm=audio {}"


def registration(name: str, password: str = "") -> str:
    """A REGISTER, without a password or with this one."""
    return request("REGISTER", f"sip:{EXCHANGE_ADDRESS}", name, password)


def invitation(name: str, password: str) -> str:
    """An INVITE with this password."""
    return request("INVITE", f"sip:{NUMBER}@{EXCHANGE_ADDRESS}", name, password)


def request(method: str, address: str, name: str, password: str) -> str:
    """A request of a stranger's; with a password it answers a challenge that the exchange never made."""
    digest = (
        f'Authorization: Digest username="{name}",realm="order-hotline",nonce="1796065895/{"0" * 32}",uri="{address}",'
        f'response="{hashlib.md5(password.encode()).hexdigest()}",algorithm=MD5'
    )
    return "\r\n".join([
        f"{method} {address} SIP/2.0",
        f"Via: SIP/2.0/UDP {STRANGER_ADDRESS}:5060;branch=z9hG4bK-{time.monotonic_ns()};rport",
        f"From: <sip:{name}@{EXCHANGE_ADDRESS}>;tag=1",
        f"To: <sip:{name}@{EXCHANGE_ADDRESS}>",
        f"Call-ID: {time.monotonic_ns()}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{name}@{STRANGER_ADDRESS}:5060>",
        *([digest] if password else []),
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    ])  # fmt: skip


def raw_answer(exchange: Exchange, request: str) -> str:
    """The exchange's answer to a request of a stranger's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((STRANGER_ADDRESS, 0))
        sender.settimeout(5)
        sender.sendto(request.encode(), (EXCHANGE_ADDRESS, exchange.sip_port))
        return sender.recv(65_536).decode()


def anonymised(answer: str) -> str:
    """The answer without what is different in each: nonces, branches, tags, ports, and the name it was asked for."""
    values = r'(nonce|opaque)="[^"]*"|(branch|tag|rport)=[^;\r\n]*|Call-ID:.*|sip:\w+@'
    return re.sub(values, "", answer)
