"""Whatever others hold open, half send or do not read, the carrier's webhooks are answered: the proxy takes requests
and answers whole, so that no thread of a web process ever waits for a client."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.support.chromium import served_hotline
from tests.support.connection_load import Poster
from tests.support.databases import Databases
from tests.support.served_line import ServedLine
from tests.support.slow_clients import clients, connection, half_body, half_headers, media_socket, whole_request

pytestmark = [pytest.mark.timeout(400), pytest.mark.speech]

# The carrier gives up on a webhook after 15 s (Poster's limit is longer), and a web process has 16 threads.
TURNS = 8
LARGE_FILE = "/assets/vendor/twilio-voice/twilio.min.js"

Held = Callable[[ServedLine], AbstractContextManager[object]]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path_factory.mktemp("line"), "stream") as line:
        yield line


def take_turns(line: ServedLine, poster: Poster) -> None:
    """A call comes in and its turns are timed out."""
    poster.post("/voice/incoming")
    for _ in range(TURNS):
        poster.post("/voice/turn?turn=1", Digits="")


HELD: dict[str, Held] = {
    "24 connections on which nothing is sent": lambda line: clients(lambda: connection(line.url), 24),
    "100 requests whose headers trickle": lambda line: clients(lambda: connection(line.url, half_headers()), 100, b"a"),
    "100 requests whose bodies trickle": lambda line: clients(lambda: connection(line.url, half_body()), 100, b"a"),
    "100 uploads that trickle": lambda line: clients(
        lambda: connection(line.url, half_body("/login", 3_000_000)), 100, b"a" * 100
    ),
    "100 readers that do not read": lambda line: clients(
        lambda: connection(line.url, whole_request(LARGE_FILE) * 40, receive_bytes=2_048), 100
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_webhooks_are_answered_beside(line: ServedLine, name: str) -> None:
    poster = Poster(line.url, line.account.auth_token, timeout_s=15.0)
    with HELD[name](line):
        take_turns(line, poster)
    take_turns(line, poster)
    assert poster.failures == []
    assert len(poster.took_ms) == 2 * (TURNS + 1)


def test_connections_left_open_one_after_another_hold_up_nobody(line: ServedLine) -> None:
    """The far end neither closes nor sends; each is one more before the next turn."""
    poster = Poster(line.url, line.account.auth_token, timeout_s=15.0)
    poster.post("/voice/incoming")
    with ExitStack() as open_ones:
        for _ in range(30):
            open_ones.enter_context(connection(line.url, whole_request("/login")))
            poster.post("/voice/turn?turn=1", Digits="")
    assert poster.failures == []


def test_silent_media_sockets_hold_up_no_webhook(line: ServedLine) -> None:
    token = line.account.auth_token
    poster = Poster(line.url, token, timeout_s=15.0)
    with ExitStack() as open_ones:
        for _ in range(40):
            open_ones.enter_context(media_socket(line.url, token))
        take_turns(line, poster)
    take_turns(line, poster)
    assert poster.failures == []


def closed_by_server(client: socket.socket) -> bool:
    """True if the server ends the connection within a minute."""
    client.settimeout(60)
    try:
        while client.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_a_request_that_never_ends_is_ended_by_the_proxy(line: ServedLine) -> None:
    with clients(lambda: connection(line.url, half_headers()), 1, b"a") as [client]:
        assert closed_by_server(client)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /voice/turn HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 70000\r\n\r\n" + b"a" * 70_000, b"413"),
        (b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 64_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_what_is_too_long_is_refused_by_the_proxy(line: ServedLine, request_: bytes, status: bytes) -> None:
    with connection(line.url, request_) as client:
        client.settimeout(60)
        assert status in client.recv(200).split(b"\r\n")[0]
