"""Clients that hold connections and do nothing useful with them, as a scanner, an attacker or a broken network does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from simulator.webhook_client import sign

TRICKLE_EVERY_S = 0.5


def connection(url: str, first: bytes = b"", receive_bytes: int | None = None) -> socket.socket:
    """A connection to the server at `url` on which `first` has been sent."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect((parts.hostname, parts.port or 80))
    client.sendall(first)
    return client


def half_headers(path: str = "/voice/turn?turn=1") -> bytes:
    """The beginning of a request's headers."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nX-A: ".encode()
    )


def half_body(path: str = "/voice/turn?turn=1", length: int = 4_000) -> bytes:
    """A request whose body has only begun."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {length}\r\n\r\nCallSid=CA"
    ).encode()


def whole_request(path: str) -> bytes:
    """A request for a page, after which the client reads nothing."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


@contextmanager
def clients(opened: Callable[[], socket.socket], count: int, trickle: bytes = b"") -> Iterator[list[socket.socket]]:
    """This many connections, open while the block runs; `trickle` is sent again and again on each."""
    over = threading.Event()
    with ExitStack() as stack:
        sockets = [stack.enter_context(opened()) for _ in range(count)]

        def keep_sending() -> None:
            while not over.wait(TRICKLE_EVERY_S):
                for one in sockets:
                    # The server may have had enough of this one.
                    with suppress(OSError):
                        one.send(trickle)

        sender = threading.Thread(target=keep_sending, name="trickle")
        if trickle:
            sender.start()
        try:
            yield sockets
        finally:
            over.set()
            if trickle:
                sender.join()


def media_socket(url: str, auth_token: str) -> ClientConnection:
    """A media socket with the carrier's signature, on which nothing has been sent."""
    address = url.replace("http", "ws") + "/voice/stream"
    return connect(
        address, additional_headers={"X-Twilio-Signature": sign(auth_token, address)}, proxy=None, compression=None
    )
