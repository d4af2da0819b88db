"""The media socket: WebSocket messages with a call's sound, parsed and bounded.

The carrier opens the socket, with its signature on the handshake and the call's own token in the `start` message.
Messages are bounded in size and rate. On any fault only the socket is closed, and the call goes on.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from simple_websocket import ConnectionClosed

from ivr.jitter_buffer import Frame
from ivr.media_streams import MediaStreams, NotInProgress, StreamsFull
from ivr.twilio.signature import is_stream_token
from settings import Settings
from speech.audio import FRAME_BYTES, FRAME_MS

# A message with 20 ms of sound has about 400 characters.
MESSAGE_MAX_CHARS = 8_000
# Sound that waits because recognition lags behind: beyond this, recognition is of no use to the call.
BACKLOG_MAX_MS = 30_000
# Messages may come this much faster than real time, and BURST_MS of sound at once.
PACE_MAX = 2.0
# The demo's caller skips through its prompts faster than real time.
DEMO_PACE_MAX = 40.0
BURST_MS = 10_000
START_WITHIN_S = 10.0
# A carrier that suppresses silence sends nothing while nobody speaks: a socket is dead if a ping gets no answer.
PING_EVERY_S = 10
# The stream's clock goes on, although no sound comes, by this much at a time.
TICK_S = 0.1

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, TRY_AGAIN_LATER = 1000, 1008, 1011, 1013

log = structlog.get_logger(__name__)


class MediaSocket(Protocol):
    """The part of a WebSocket that is used."""

    input_buffer: list[Any]

    def receive(self, timeout: float | None = None) -> str | bytes | None: ...
    def close(self, reason: int | None = None, message: str | None = None) -> None: ...


class BadMessage(ValueError):
    """The far end violates the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The call and the stream that a socket's sound belongs to."""

    call_sid: str
    stream_sid: str


class Messages:
    """The messages of one socket, parsed and bounded. Raises BadMessage for what the carrier never sends."""

    def __init__(self, socket: MediaSocket, pace_max: float) -> None:
        self._socket = socket
        self._pace_max = pace_max
        self._begun = time.monotonic()
        self._taken_ms = 0.0

    def start(self, settings: Settings) -> StreamStart:
        """The `start` message, once its token is verified as the call's own."""
        for message in self._each(START_WITHIN_S):
            if message is None or message["event"] != "start":
                continue
            start: Any = message.get("start")
            try:
                call_sid, stream_sid = str(start["callSid"]), str(start["streamSid"])
                token = str(start["customParameters"]["token"])
                encoding = start["mediaFormat"]["encoding"], start["mediaFormat"]["sampleRate"]
            except (KeyError, TypeError) as missing:
                raise BadMessage(f"the start message has no {missing}") from missing
            if not is_stream_token(token, call_sid, settings):
                raise BadMessage("the start message's token is not the call's")
            if encoding != ("audio/x-mulaw", 8000):
                raise BadMessage(f"the sound comes as {encoding}, not as 8 kHz mu-law")
            return StreamStart(call_sid[:64], stream_sid[:64])
        raise BadMessage("the socket closed before it said whose call it is")

    def frames(self) -> Iterator[tuple[Frame, ...]]:
        """The caller's sound as it comes, until the stream ends; nothing, every 100 ms that nothing comes."""
        for message in self._each(None):
            match message and message["event"]:
                case None:
                    yield ()
                case "stop":
                    return
                case "media":
                    if frame := _frame(message or {}):
                        yield (frame,)

    def _each(self, patience_s: float | None) -> Iterator[dict[str, Any] | None]:
        """The messages as they come, and None every 100 ms that none comes."""
        quiet_s = 0.0
        while True:
            text = self._socket.receive(timeout=TICK_S)
            if text is None:
                quiet_s += TICK_S
                if patience_s is not None and quiet_s >= patience_s:
                    raise BadMessage(f"nothing came for {patience_s:.0f} s")
                yield None
                continue
            quiet_s = 0.0
            if len(self._socket.input_buffer) * FRAME_MS > BACKLOG_MAX_MS:
                raise BadMessage("sound comes faster than it can be heard")
            self._taken_ms += FRAME_MS
            if self._taken_ms > BURST_MS + self._pace_max * 1000 * (time.monotonic() - self._begun):
                raise BadMessage("messages come faster than sound does")
            yield _message(text)


def _message(text: str | bytes) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > MESSAGE_MAX_CHARS:
        raise BadMessage("a message is not text, or longer than the carrier's ever are")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("a message is not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        raise BadMessage("a message says no event")
    return message


def _frame(message: dict[str, Any]) -> Frame | None:
    """The caller's sound in a media message; None if it is not the caller's."""
    media = message.get("media")
    if not isinstance(media, dict) or not isinstance(media.get("payload"), str):
        raise BadMessage("a media message has no payload")
    if media.get("track", "inbound") != "inbound":
        return None
    if not re.fullmatch(r"[0-9]{1,10}", timestamp := str(media.get("timestamp"))):
        raise BadMessage("a media message has no timestamp")
    try:
        mulaw = base64.b64decode(media["payload"], validate=True)
    except binascii.Error as error:
        raise BadMessage("a payload is not base64") from error
    if len(mulaw) > 20 * FRAME_BYTES:
        raise BadMessage("a payload is longer than the carrier's ever are")
    return Frame(int(timestamp), mulaw)


def _close(socket: MediaSocket, reason: int, message: str | None = None) -> None:
    """Close a socket; the carrier may have closed its end already."""
    with suppress(ConnectionClosed, OSError):
        socket.close(reason, message)


class MediaSockets:
    """Serves the media sockets of one worker, for all its calls."""

    def __init__(self, settings: Settings, streams: MediaStreams) -> None:
        self._settings = settings
        self._streams = streams

    def serve(self, socket: MediaSocket) -> None:
        """Serve one call's socket until its stream stops. Never raises for what comes over the socket."""
        messages = Messages(socket, DEMO_PACE_MAX if self._settings.demo else PACE_MAX)
        call_sid: str | None = None
        try:
            start = messages.start(self._settings)
            call_sid = start.call_sid
            self._listen(start, messages)
            _close(socket, NORMAL)
        except StreamsFull:
            log.warning("a media socket was refused: there are as many as this worker may have", call=call_sid)
            _close(socket, TRY_AGAIN_LATER)
        except (BadMessage, NotInProgress) as error:
            log.warning("a media socket was closed", reason=str(error), call=call_sid)
            _close(socket, POLICY_VIOLATION, str(error)[:100])
        except ConnectionClosed:
            pass
        except Exception as error:
            # No fault of the recogniser or the database may end the call.
            log.error("a media socket broke down", call=call_sid, exc_info=error)
            _close(socket, INTERNAL_ERROR)

    def _listen(self, start: StreamStart, messages: Messages) -> None:
        listener = self._streams.open(start.call_sid, start.stream_sid)
        try:
            for frames in messages.frames():
                if not listener.feed(frames):
                    return
        finally:
            listener.close()
