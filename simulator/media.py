"""Twilio's Media Streams: the sound of a call as JSON messages over a WebSocket."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import websocket

from simulator.events import DebuggerAlert, Event, StreamChanged
from simulator.media_faults import FaultyMedium, MediaFault
from simulator.mulaw import FRAME_BYTES, FRAME_MS, SILENCE
from simulator.webhook_client import new_sid, sign

HANDSHAKE_SECONDS = 5.0
HANDSHAKE_ERROR = 31920
SCHEME_ERROR = 31922
PROTOCOL_ERROR = 31924
PING_EVERY_MS = 100
BEHIND_MAX_MS = 200
"""Sound that may be sent ahead of what the far end has acknowledged."""

State = Literal["connecting", "open", "closed", "failed"]


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """The parameters of a <Stream> element."""

    url: str
    account_sid: str
    call_sid: str
    name: str = ""
    tracks: tuple[str, ...] = ("inbound",)
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    bidirectional: bool = False
    faults: frozenset[MediaFault] = frozenset()


def is_stream_url(url: str) -> bool:
    """True if Twilio would open a stream there: at a wss address; the simulator takes ws on the loopback as well."""
    parts = urlsplit(url)
    return parts.scheme == "wss" or (parts.scheme == "ws" and parts.hostname in ("127.0.0.1", "::1", "localhost"))


class MediaStream:
    """One stream of one call. Opened from a thread of its own; everything else from the thread that runs the call.

    `state` is its progress, `failure` the reason it failed. Sound the far end sends in a bidirectional stream is played
    by `play_frame`, 20 ms at a time.
    """

    def __init__(self, parameters: StreamParameters, auth_token: str) -> None:
        self.parameters = parameters
        self.sid = new_sid("MZ")
        self.state: State = "connecting"
        self.failure = ""
        self.failure_code = 0
        self._signature = sign(auth_token, parameters.url)
        self._socket: websocket.WebSocket | None = None
        self._number = 0
        self._medium = FaultyMedium(parameters.faults)
        self._chunks = dict.fromkeys(parameters.tracks, 0)
        self._started_ms = 0
        self._acknowledged_ms = 0
        self._received: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._outgoing: deque[bytes | str] = deque()
        threading.Thread(target=self._open, name="media stream", daemon=True).start()

    # From the thread that runs the call.

    @property
    def is_connecting(self) -> bool:
        """True if the far end has neither accepted nor refused the connection yet."""
        return self.state == "connecting" and self._socket is None

    def ask_to_acknowledge(self, now_ms: int) -> None:
        """Send a ping every now and then; the far end's answer acknowledges the sound up to this moment."""
        if self.state == "open" and self._socket is not None and now_ms % PING_EVERY_MS == 0:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._socket.ping(str(now_ms))

    def is_behind(self, now_ms: int) -> bool:
        """True if the far end has yet to acknowledge sound that is some time past."""
        return self.state == "open" and now_ms - self._acknowledged_ms > BEHIND_MAX_MS

    def take_connection(self, now_ms: int) -> bool:
        """Start the stream on a connection just made, with its opening messages; True the first time only."""
        if self._socket is None or self.state != "connecting":
            return False
        self.state = "open"
        self._started_ms = self._acknowledged_ms = now_ms
        self._send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        self._send_numbered(
            "start",
            {
                "accountSid": self.parameters.account_sid,
                "streamSid": self.sid,
                "callSid": self.parameters.call_sid,
                "tracks": list(self.parameters.tracks),
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": dict(self.parameters.custom_parameters),
            },
        )
        return True

    def pass_frame(self, inbound: bytes, now_ms: int, outbound: bytes = SILENCE) -> Iterator[Event]:
        """Send the next 20 ms, act on the messages received, and yield the stream's changes of state."""
        if self.take_connection(now_ms):
            yield StreamChanged(now_ms, "started", self.parameters.name)
        state = self.state
        self.take_messages()
        self.send_frame(inbound, now_ms, outbound)
        if self.state == "failed":
            yield StreamChanged(now_ms, "failed", self.parameters.name, self.failure)
            yield DebuggerAlert(now_ms, self.failure_code, self.failure)
        elif self.state == "closed" and state != "closed":
            yield StreamChanged(now_ms, "stopped", self.parameters.name, "closed by the application")

    def send_frame(self, inbound: bytes, now_ms: int, outbound: bytes = SILENCE) -> None:
        """Send 20 ms: the caller's sound on the inbound track, on the outbound one that of who is bridged with the
        caller; the simulated line itself speaks in texts with a duration and makes no sound."""
        if self.state != "open":
            return
        for track in self.parameters.tracks:
            sound = inbound if track == "inbound" else outbound
            if self._medium.suppresses(sound, now_ms):
                continue
            self._chunks[track] += 1
            content = {
                "track": track,
                "chunk": str(self._chunks[track]),
                "timestamp": str(now_ms - self._started_ms),
                "payload": base64.b64encode(sound).decode(),
            }
            self._medium.send(self._numbered("media", content), now_ms)
        for message in self._medium.arrivals(now_ms):
            self._send(message)

    def send_key(self, key: str) -> None:
        """Send a pressed key; Twilio does so on bidirectional streams only."""
        if self.state == "open" and self.parameters.bidirectional:
            self._send_numbered("dtmf", {"track": "inbound_track", "digit": key})

    def play_frame(self) -> bool:
        """Play one frame of the far end's sound to the caller; True if there was one. Marks that are reached are
        reported."""
        while self._outgoing and isinstance(self._outgoing[0], str):
            self._send_numbered("mark", {"name": self._outgoing.popleft()})
        if not self._outgoing:
            return False
        self._outgoing.popleft()
        return True

    @property
    def remaining_ms(self) -> int:
        """Milliseconds of the far end's sound still to be played, with the frame just played."""
        return (1 + sum(isinstance(entry, bytes) for entry in self._outgoing)) * FRAME_MS

    def take_messages(self) -> None:
        """Act on the messages the far end has sent since."""
        while True:
            try:
                text = self._received.get_nowait()
            except queue.Empty:
                return
            if text is None:
                if self.state == "open":
                    self.state = "closed"
            elif not self.parameters.bidirectional:
                self._fail(PROTOCOL_ERROR, "the application sent a message on a stream that goes one way only")
            else:
                self._act(text)

    def stop(self) -> None:
        """End the stream from Twilio's side."""
        if self.state == "open":
            self._send_numbered(
                "stop", {"accountSid": self.parameters.account_sid, "callSid": self.parameters.call_sid}
            )
        if self.state in ("open", "connecting"):
            self.state = "closed"
        self._close()

    # Internal.

    def _open(self) -> None:
        if not is_stream_url(self.parameters.url):
            self._fail(SCHEME_ERROR, f"the media stream's address is no wss one: {self.parameters.url}")
            return
        try:
            self._socket = websocket.create_connection(
                self.parameters.url,
                timeout=HANDSHAKE_SECONDS,
                header={"X-Twilio-Signature": self._signature},
                suppress_origin=True,
            )
            self._socket.settimeout(None)
        except (OSError, websocket.WebSocketException) as error:
            self._fail(HANDSHAKE_ERROR, f"the media stream to {self.parameters.url} could not be opened: {error}")
            return
        while self.state in ("connecting", "open"):
            try:
                kind, content = self._socket.recv_data(control_frame=True)
            except (OSError, websocket.WebSocketException):
                break
            if kind == websocket.ABNF.OPCODE_PONG:
                self._acknowledged_ms = int(content)
            elif kind == websocket.ABNF.OPCODE_PING:
                continue
            elif kind == websocket.ABNF.OPCODE_CLOSE or not content:
                break
            else:
                self._received.put(content.decode("utf-8", "replace"))
        # Nothing more will be acknowledged, and there is nobody to wait for.
        self._acknowledged_ms = sys.maxsize
        self._received.put(None)
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def _act(self, text: str) -> None:
        try:
            message: dict[str, Any] = json.loads(text)
            event = message["event"]
            if message["streamSid"] != self.sid:
                raise ValueError(f"streamSid {message['streamSid']} is not this stream's")
            if event == "media":
                sound = base64.b64decode(message["media"]["payload"], validate=True)
                frames = range(0, len(sound), FRAME_BYTES)
                self._outgoing.extend(sound[at : at + FRAME_BYTES] for at in frames)
            elif event == "mark":
                self._outgoing.append(str(message["mark"]["name"]))
            elif event == "clear":
                marks = [entry for entry in self._outgoing if isinstance(entry, str)]
                self._outgoing.clear()
                self._outgoing.extend(marks)
            else:
                raise ValueError(f"the event {event!r} does not exist")
        except (ValueError, KeyError, TypeError) as error:
            self._fail(PROTOCOL_ERROR, f"the application sent a malformed message on the media stream: {error}")

    def _fail(self, code: int, reason: str) -> None:
        self.state = "failed"
        self.failure, self.failure_code = reason, code
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._socket.send_close()

    def _send_numbered(self, event: str, content: dict[str, Any]) -> None:
        self._send(self._numbered(event, content))

    def _numbered(self, event: str, content: dict[str, Any]) -> str:
        self._number += 1
        message = {"event": event, "sequenceNumber": str(self._number), event: content, "streamSid": self.sid}
        return json.dumps(message)

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(message)
        except (OSError, websocket.WebSocketException):
            if self.state == "open":
                self.state = "closed"
