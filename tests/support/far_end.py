"""The far end of a telephone's call on a real exchange: it rings the telephone over ARI, hears it and speaks to it.

It is a Stasis application of its own, beside the line's.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.exchange import Exchange

APPLICATION = "far-end"
WITHIN_S = 20.0
FRAME = 160
FRAME_S = 0.02
AHEAD = 10
MEDIA = {
    "app": APPLICATION,
    "external_host": "INCOMING",
    "encapsulation": "none",
    "transport": "websocket",
    "connection_type": "server",
    "format": "ulaw",
    "direction": "both",
}


class FarEnd:
    """One call at a time. `heard` is the mu-law sound that came from the telephone, `keys` what was pressed there."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sockets = ExitStack()
        events = f"{self._ws}/ari/events?app={APPLICATION}&api_key={exchange.ari_user}:{exchange.ari_password}"
        socket = self._sockets.enter_context(connect(events))
        self.events: list[dict[str, Any]] = []
        self.heard = bytearray()
        self._to_say: deque[bytes] = deque()
        self._over = threading.Event()
        threading.Thread(target=self._listen, args=(socket,), daemon=True).start()

    def __enter__(self) -> FarEnd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sockets.close()

    def ring(self, endpoint: str) -> str:
        """Ring this PJSIP endpoint, and return the channel."""
        answer = self._exchange.ari(
            "POST",
            "channels",
            params={"endpoint": f"PJSIP/{endpoint}", "app": APPLICATION, "callerId": "+8613800000012", "timeout": 20},
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    def talk(self, channel: str) -> None:
        """Connect the far end's sound to the answered channel."""
        media = self._exchange.ari("POST", "channels/externalMedia", params=MEDIA).json()
        sound = f"{self._ws}/media/{media['channelvars']['MEDIA_WEBSOCKET_CONNECTION_ID']}"
        socket = self._sockets.enter_context(connect(sound))
        self.wait_for("StasisStart", media["id"])
        bridge = self._exchange.ari("POST", "bridges", params={"type": "mixing"}).json()["id"]
        both = {"channel": f"{channel},{media['id']}"}
        self._exchange.ari("POST", f"bridges/{bridge}/addChannel", params=both).raise_for_status()
        threading.Thread(target=self._hear, args=(socket,), daemon=True).start()
        threading.Thread(target=self._speak, args=(socket,), daemon=True).start()

    def say(self, mulaw: bytes) -> None:
        """Say this to the telephone, after what is still to be said."""
        self._to_say.extend(mulaw[at : at + FRAME] for at in range(0, len(mulaw) // FRAME * FRAME, FRAME))

    def hang_up(self, channel: str) -> None:
        self._exchange.ari("DELETE", f"channels/{channel}")

    def wait_for(self, kind: str, channel: str) -> dict[str, Any]:
        """The event of this kind of the channel, once it has come."""
        found: list[dict[str, Any]] = []

        def has_come() -> bool:
            found.extend(one for one in list(self.events) if one["type"] == kind and one["channel"]["id"] == channel)
            return bool(found)

        wait_until(has_come, f"{kind} of {channel}; there were {[one['type'] for one in self.events]}")
        return found[0]

    def is_there(self, channel: str) -> bool:
        return self._exchange.ari("GET", f"channels/{channel}").ok

    @property
    def keys(self) -> str:
        return "".join(one["digit"] for one in list(self.events) if one["type"] == "ChannelDtmfReceived")

    @property
    def _ws(self) -> str:
        return self._exchange.ari_url.replace("http", "ws", 1)

    def _listen(self, socket: ClientConnection) -> None:
        try:
            for message in socket:
                self.events.append(json.loads(message))
        except ConnectionClosed:
            return

    def _hear(self, socket: ClientConnection) -> None:
        try:
            for message in socket:
                if isinstance(message, bytes):
                    self.heard += message
        except ConnectionClosed:
            return

    def _speak(self, socket: ClientConnection) -> None:
        began, said = time.monotonic(), 0
        try:
            while not self._over.is_set():
                due = int((time.monotonic() - began) / FRAME_S) + AHEAD
                for _ in range(due - said):
                    socket.send(self._to_say.popleft() if self._to_say else b"\xff" * FRAME)
                said = max(said, due)
                time.sleep(FRAME_S)
        except ConnectionClosed:
            return


def wait_until(condition: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"within {within_s:g} s there was no {what}"
        time.sleep(0.02)
