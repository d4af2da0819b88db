"""A Stasis application of a test's own, in place of the line: it keeps the events it is told of."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.exchange import Exchange


@dataclass
class AriApplication:
    """The application `hotline` of this exchange; `events` are those it was told of."""

    exchange: Exchange
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of this kind, such as `StasisStart`."""
        return [event for event in list(self.events) if event["type"] == kind]

    def wait_for(self, kind: str, within_s: float = 10.0, *, after: int = 0) -> dict[str, Any]:
        """The next event of this kind, after so many."""
        deadline = time.monotonic() + within_s
        while len(found := self.of(kind)) <= after:
            told = [event["type"] for event in self.events]
            assert time.monotonic() < deadline, f"no {kind} within {within_s} s, only {told}"
            time.sleep(0.01)
        return found[after]

    def answer(self, *, after: int = 0) -> str:
        """Answer the next call that reaches the application, after so many; its channel."""
        channel: str = self.wait_for("StasisStart", after=after)["channel"]["id"]
        self.exchange.ari("POST", f"channels/{channel}/answer").raise_for_status()
        return channel

    def dial(self, endpoint: str, *, caller: str = "", timeout: int = 30) -> str:
        """Call an endpoint, which reaches the application once it answers; its channel."""
        asked = {"endpoint": endpoint, "app": "hotline", "callerId": caller, "timeout": timeout}
        channel: str = self.exchange.ari("POST", "channels", params=asked).json()["id"]
        return channel

    def place(self, endpoint: str, *, caller: str) -> None:
        """Call an endpoint, which reaches the application once it is known if a person or a machine answered."""
        asked = {"endpoint": endpoint, "context": "placed", "extension": "s", "priority": 1, "callerId": caller}
        self.exchange.ari("POST", "channels", params=asked).raise_for_status()

    def hang_up(self, channel: str) -> None:
        self.exchange.ari("DELETE", f"channels/{channel}").raise_for_status()

    def connect(self, *channels: str) -> None:
        """Connect channels with each other, once all of them have reached the application."""
        for channel in channels:
            self.wait_until_reached(channel)
        bridge = self.exchange.ari("POST", "bridges", params={"type": "mixing"}).json()["id"]
        asked = {"channel": ",".join(channels)}
        self.exchange.ari("POST", f"bridges/{bridge}/addChannel", params=asked).raise_for_status()

    def wait_until_reached(self, channel: str, within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while channel not in [event["channel"]["id"] for event in self.of("StasisStart")]:
            assert time.monotonic() < deadline, f"{channel} did not reach the application within {within_s} s"
            time.sleep(0.01)


@contextmanager
def stasis_application(exchange: Exchange) -> Iterator[AriApplication]:
    """The application, from here to the end of the block, which ends every call, or of the exchange."""
    application = AriApplication(exchange)
    address = exchange.ari_url.replace("http", "ws", 1)
    login = f"{exchange.ari_user}:{exchange.ari_password}"

    def listen(socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in socket:
                application.events.append(json.loads(message))

    with connect(f"{address}/ari/events?app=hotline&api_key={login}") as socket:
        threading.Thread(target=listen, args=(socket,), daemon=True).start()
        try:
            yield application
        finally:
            with contextlib.suppress(requests.ConnectionError):
                for channel in exchange.ari("GET", "channels").json():
                    exchange.ari("DELETE", f"channels/{channel['id']}")
