"""Connections to the carrier's REST interface: kept open, opened ahead, replaced when the carrier closes one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ivr.carrier import CarrierError
from ivr.twilio.rest import TwilioCarrier
from settings import Settings
from tests.support.desk_world import MAIN

CALL = "CA" + "0" * 32


class Carrier(ThreadingHTTPServer):
    """A REST interface that counts connections and requests, and closes a connection in place of the answers wanted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.connections = 0
        self.requests: list[str] = []
        self.resets = 0
        self.client = TwilioCarrier(
            Settings(
                public_base_url="https://hotline.example",
                twilio_account_sid="AC" + "0" * 32,
                twilio_auth_token="token",
                twilio_api_base=f"http://127.0.0.1:{self.server_port}",
            )
        )


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Carrier

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(self.path.rpartition("/")[2])
        if self.server.resets:
            self.server.resets -= 1
            self.close_connection = True
            return
        self.answer(b'{"sid": "CA1"}')

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def test_one_connection_carries_all_redirects_and_is_there_before_the_first(carrier: Carrier) -> None:
    carrier.client.warm_up()
    assert carrier.connections == 1
    for turn in range(1, 6):
        carrier.client.redirect_to_turn(CALL, turn)
    assert carrier.connections == 1
    assert len(carrier.requests) == 5


def test_a_redirect_whose_connection_the_carrier_closes_is_sent_again_at_once_and_only_once(carrier: Carrier) -> None:
    carrier.client.redirect_to_turn(CALL, 1)
    carrier.resets = 1
    carrier.client.redirect_to_turn(CALL, 2)
    assert len(carrier.requests) == 3
    carrier.resets = 2
    with pytest.raises(CarrierError):
        carrier.client.redirect_to_turn(CALL, 3)
    assert len(carrier.requests) == 5


def test_a_call_is_never_placed_twice(carrier: Carrier) -> None:
    carrier.resets = 1
    with pytest.raises(CarrierError, match="not known whether"):
        carrier.client.dial_retailer("+8613800000012", MAIN, "key")
    assert carrier.requests == ["Calls.json"]


def test_a_carrier_that_cannot_be_reached_is_known_before_it_is_needed(carrier: Carrier) -> None:
    carrier.shutdown()
    carrier.server_close()
    with pytest.raises(CarrierError, match="could not be reached"):
        carrier.client.warm_up()
