"""The simulator's telephone for a page: the page's messages act on the line, and the events come back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests
import websocket

from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account
from simulator.carrier_habits import CarrierHabits
from simulator.inbound_calls import IncomingNumber, open_account
from simulator.legs import CallRequest
from simulator.mulaw import FRAME_BYTES
from simulator.peers import accept_peers, register_with_peer
from simulator.placed_calls import call_placer
from simulator.rest_server import API, RestServer, create_rest
from simulator.telephone import LIVE_LEAST_BYTES, LIVE_MAX_BYTES, Telephone
from simulator.web_phone import add_web_phone
from tests.support.fake_application import FakeApplication

SOUND = bytes([0x12]) * FRAME_BYTES
HELLO = "<Say>您好</Say><Pause length='30'/>"
TOKEN = base64.b64encode(f"{DEMO_ACCOUNT_SID}:{DEMO_AUTH_TOKEN}".encode()).decode()


@pytest.fixture
def phone_account(fake_app: FakeApplication) -> Iterator[Account]:
    """A simulator with a web phone, where other simulators may register."""
    account = Account("", DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    rest = create_rest(account)
    accept_peers(rest, account)
    add_web_phone(rest, account, IncomingNumber.at(fake_app.url))
    with RestServer(rest, "127.0.0.1", 0) as server:
        account.api_base = server.url
        yield account


def connect(phone_account: Account, token: str = TOKEN) -> websocket.WebSocket:
    address = phone_account.api_base.replace("http", "ws") + "/phone"
    return websocket.create_connection(address, timeout=20, header=[f"Authorization: Basic {token}"])


def happens(socket: websocket.WebSocket, event: str) -> dict[str, object]:
    while (told := json.loads(socket.recv()))["event"] != event:
        assert told["event"] != "Ended", f"the call ended before {event}"
    return dict(told)


def test_live_sound_goes_into_the_line_in_one_piece() -> None:
    telephone = Telephone()
    for _ in range(LIVE_LEAST_BYTES // FRAME_BYTES - 1):
        telephone.add_live_audio(SOUND)
    assert telephone.frame() != SOUND
    telephone.add_live_audio(SOUND)
    assert [telephone.frame() for _ in range(LIVE_LEAST_BYTES // FRAME_BYTES)] == [SOUND] * 6
    assert telephone.frame() != SOUND


def test_live_sound_that_comes_too_fast_does_not_pile_up() -> None:
    telephone = Telephone()
    for _ in range(1000):
        telephone.add_live_audio(SOUND)
    sent = sum(telephone.frame() == SOUND for _ in range(1000))
    assert sent == LIVE_MAX_BYTES // FRAME_BYTES


def test_a_recording_goes_before_live_sound() -> None:
    telephone = Telephone()
    for _ in range(10):
        telephone.add_live_audio(SOUND)
    other = bytes([0x15]) * FRAME_BYTES
    telephone.say(other)
    assert [telephone.frame(), telephone.frame()] == [other, SOUND]


def test_a_page_leads_a_call_and_hears_what_happens(phone_account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = HELLO
    socket = connect(phone_account)
    socket.send("not JSON")
    socket.send(json.dumps({"command": "keys", "keys": "1"}))
    socket.send(json.dumps({"command": "call", "from": "+8613800000012", "to": "+8637255550000"}))
    assert happens(socket, "CallPlaced")["caller"] == "+8613800000012"
    assert happens(socket, "Said")["text"]
    socket.send(json.dumps({"command": "speak", "words": "对的", "mulaw": base64.b64encode(SOUND).decode()}))
    assert happens(socket, "CallerSpoke")["words"] == "对的"
    socket.send(json.dumps({"command": "hang_up"}))
    assert happens(socket, "Ended")["by"] == "caller"
    socket.close()


def test_a_page_with_a_name_is_called_answers_and_hears_the_other_side(
    phone_account: Account, fake_app: FakeApplication
) -> None:
    fake_app.answers["/voice/incoming"] = "<Enqueue>mine</Enqueue>"
    fake_app.answers["/operator"] = "<Dial><Queue>mine</Queue></Dial>"
    caller, operator = connect(phone_account), connect(phone_account)
    operator.send(json.dumps({"command": "register", "name": "staff-1"}))
    happens(operator, "Registered")
    caller.send(json.dumps({"command": "call", "from": "+8613800000012", "to": "+8637255550000"}))
    happens(caller, "Queued")
    place = call_placer(phone_account)
    placed = place(CallRequest("+8637255550000", "client:staff-1?ticket=1", f"{fake_app.url}/operator"))
    assert happens(operator, "Incoming")["call_sid"] == placed.sid
    # While it rings or talks, it is busy.
    second = place(CallRequest("+8637255550000", "client:staff-1", f"{fake_app.url}/operator"))
    second.join(10)
    assert second.status == "busy"
    operator.send(json.dumps({"command": "answer"}))
    happens(operator, "Connected")
    happens(caller, "Connected")
    caller.send(json.dumps({"command": "speak", "words": "你好", "mulaw": base64.b64encode(SOUND * 5).decode()}))
    words, sound = "", b""
    while not words or len(sound) < 5 * FRAME_BYTES:
        message = operator.recv()
        if isinstance(message, bytes):
            sound += message
        elif (told := json.loads(message))["event"] == "PartnerSpoke":
            words = told["words"]
    assert words == "你好"
    assert sound == SOUND * 5
    operator.close()
    happens(caller, "Disconnected")
    placed.join(10)
    assert "client:staff-1" not in phone_account.answerers
    caller.close()


def test_a_page_that_goes_away_puts_the_receiver_down(phone_account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = HELLO
    socket = connect(phone_account)
    socket.send(json.dumps({"command": "call", "from": "+8613800000012", "to": "+8637255550000"}))
    sid = str(happens(socket, "CallPlaced")["call_sid"])
    socket.close()
    phone_account.calls[sid].join(10)
    assert phone_account.calls[sid].ended


def test_nobody_without_the_accounts_token_has_a_telephone(phone_account: Account) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException):
        connect(phone_account, token=base64.b64encode(b"somebody:else").decode())


def test_what_is_asked_about_a_visiting_call_reaches_its_own_simulator(phone_account: Account) -> None:
    peer, server = open_account("127.0.0.1", 0, DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    with server:
        assert register_with_peer(phone_account.api_base, peer)
        peer.habits = CarrierHabits(recordings_ready_after_ms=0)
        recording = peer.store_recording("CA1", SOUND)
        path = f"{API.replace('<account_sid>', peer.sid)}/Recordings/{recording.sid}.wav"
        answer = requests.get(phone_account.api_base + path, auth=(peer.sid, peer.auth_token), timeout=10)
        assert answer.status_code == 200
        assert answer.content[:4] == b"RIFF"
