"""The WebSockets of a served line, as flask-sock makes them, except that a ping is answered in its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from simple_websocket import Server
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError


class PingsInTurn:
    """A WebSocket's protocol that puts pings among the messages instead of answering them at once."""

    def __init__(self, socket: AcknowledgingSocket) -> None:
        self._socket = socket
        self._protocol: Any = socket.ws

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def events(self) -> Iterator[Any]:
        for event in self._protocol.events():
            if isinstance(event, Ping):
                self._socket.input_buffer.append(event)
                self._socket.event.set()
            else:
                yield event


class AcknowledgingSocket(Server):  # type: ignore[misc]
    """A WebSocket that answers a ping when the application takes the message after it."""

    def handshake(self) -> None:
        super().handshake()
        self.ws = PingsInTurn(self)

    def receive(self, timeout: float | None = None) -> Any:
        while isinstance(message := super().receive(timeout), Ping):
            # The far end may have closed the socket since.
            with suppress(LocalProtocolError, OSError):
                self.sock.send(self.ws.send(message.response()))
        return message
