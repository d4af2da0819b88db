"""The media socket: WebSocket messages with a call's sound, parsed and bounded.

The carrier opens the socket, with its signature on the handshake and the call's own token in the `start` message.
Messages are bounded in size and rate. On any fault only the socket is closed, and the call goes on. Sockets live on the
event loop of a line process; whatever blocks, decoding above all, runs in that process's pool of threads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Callable, MutableMapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from ivr.call_sound.forks import SoundForks, UnknownFork
from ivr.call_sound.live_fork import store_fork
from ivr.call_sound.two_sides import Side
from ivr.streams.jitter_buffer import Frame
from ivr.streams.media_streams import CallListener, MediaStreams, NotInProgress, StreamsFull
from ivr.twilio.forms import storable
from ivr.twilio.signature import SIGNATURE_HEADER, is_signed_handshake, is_stream_token
from settings import Settings, is_loopback
from speech.sound.audio import FRAME_BYTES, FRAME_MS

# A message with 20 ms of sound has about 400 characters.
MESSAGE_MAX_CHARS = 8_000
# Messages may come this much faster than real time, and BURST_MS of sound at once.
PACE_MAX = 2.0
# The demo's caller skips through its prompts faster than real time.
DEMO_PACE_MAX = 40.0
BURST_MS = 10_000
START_WITHIN_S = 10.0
# Sockets that may be without a start message at once, for each stream that may be served. The carrier sends it at
# once, so that more are not the carrier's calls.
UNSTARTED_PER_STREAM = 2
# A carrier that suppresses silence sends nothing while nobody speaks: a socket is dead if a ping gets no answer.
PING_EVERY_S = 10
# The stream's clock goes on, although no sound comes, by this much at a time.
TICK_S = 0.1
# Frames are handed to recognition so many at a time, which takes half the processor time of one at a time.
BATCH_FRAMES = 3
# Frames taken from the socket while those before them are decoded; the rest waits in the connection.
FRAMES_AHEAD = 10

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, SERVICE_RESTART, TRY_AGAIN_LATER = 1000, 1008, 1011, 1012, 1013

T = TypeVar("T")

log = structlog.get_logger(__name__)


class MediaSocket(Protocol):
    """The part of an accepted WebSocket that is used; `receive` returns ASGI's events."""

    async def receive(self) -> MutableMapping[str, Any]: ...
    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class SocketClosed(ConnectionError):
    """The socket is closed: by the far end, or with SERVICE_RESTART because this process ends."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class BadMessage(ValueError):
    """The far end violates the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The call and the stream of a socket's sound. `fork_id` names a fork of both sides; without it the stream is
    recognised."""

    call_sid: str
    stream_sid: str
    fork_id: int | None = None


class Messages:
    """The messages of one socket, parsed and bounded. Raises BadMessage for what the carrier never sends."""

    def __init__(self, socket: MediaSocket, pace_max: float) -> None:
        self._socket = socket
        self._pace_max = pace_max
        self._begun = time.monotonic()
        self._taken_ms = 0.0
        self._message_ms: float = FRAME_MS

    async def start(self, settings: Settings) -> StreamStart:
        """The `start` message, once its token is verified as the call's own."""
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while (message := await self._next())["event"] != "start":
                    pass
        except TimeoutError:
            raise BadMessage(f"no start message came for {START_WITHIN_S:.0f} s") from None
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
        fork = start["customParameters"].get("fork")
        if fork is None:
            return StreamStart(storable(call_sid), storable(stream_sid))
        if not re.fullmatch(r"[0-9]{1,9}", str(fork)):
            raise BadMessage("the start message names no fork")
        # Each 20 ms come twice, once for each side.
        self._message_ms = FRAME_MS / 2
        return StreamStart(storable(call_sid), storable(stream_sid), int(fork))

    async def frame(self) -> Frame | None:
        """The caller's next sound, or None once the stream has ended."""
        while (taken := await self.sound()) is not None:
            side, frame = taken
            if side == "caller":
                return frame
        return None

    async def sound(self) -> tuple[Side, Frame] | None:
        """The next sound of either side, or None once the stream has ended."""
        while (message := await self._next())["event"] != "stop":
            if message["event"] == "media":
                return _sound(message)
        return None

    async def _next(self) -> dict[str, Any]:
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise SocketClosed(event["code"])
        self._taken_ms += self._message_ms
        if self._taken_ms > BURST_MS + self._pace_max * 1000 * (time.monotonic() - self._begun):
            raise BadMessage("messages come faster than sound does")
        return _message(event.get("text"))


def _message(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MESSAGE_MAX_CHARS:
        raise BadMessage("a message is not text, or longer than the carrier's ever are")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("a message is not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        raise BadMessage("a message says no event")
    return message


def _sound(message: dict[str, Any]) -> tuple[Side, Frame]:
    """The sound in a media message: the caller's, or what the caller hears."""
    media = message.get("media")
    if not isinstance(media, dict) or not isinstance(media.get("payload"), str):
        raise BadMessage("a media message has no payload")
    if not re.fullmatch(r"[0-9]{1,10}", timestamp := str(media.get("timestamp"))):
        raise BadMessage("a media message has no timestamp")
    try:
        mulaw = base64.b64decode(media["payload"], validate=True)
    except binascii.Error as error:
        raise BadMessage("a payload is not base64") from error
    if len(mulaw) > 20 * FRAME_BYTES:
        raise BadMessage("a payload is longer than the carrier's ever are")
    return "caller" if media.get("track", "inbound") == "inbound" else "other", Frame(int(timestamp), mulaw)


class MediaSockets:
    """Serves the media sockets of one line process, for all its calls. `pool` runs what blocks."""

    def __init__(self, settings: Settings, streams: MediaStreams, forks: SoundForks, pool: Executor) -> None:
        self._settings = settings
        self._streams = streams
        self._forks = forks
        self._pool = pool
        self._unstarted = 0

    async def accept(self, socket: WebSocket) -> None:
        """Serve a socket if the carrier signed its handshake, which is answered with 403 otherwise, and too when too
        many others have not said what call they are for."""
        signature = socket.headers.get(SIGNATURE_HEADER, "")
        if self._settings.demo and not is_loopback(socket.url.hostname or ""):
            log.warning("a media socket from elsewhere was refused: the demo's keys are published")
            await socket.close()
            return
        if not is_signed_handshake(socket.url.path, socket.scope["query_string"], signature, self._settings):
            log.warning("a media socket without the carrier's signature was refused")
            await socket.close()
            return
        if self._unstarted >= UNSTARTED_PER_STREAM * self._settings.media_sockets_max:
            log.warning("a media socket was refused: too many others have not started")
            await socket.close()
            return
        await socket.accept()
        await self.serve(socket)

    async def serve(self, socket: MediaSocket) -> None:
        """Serve one call's socket until its stream stops. Never raises for what comes over the socket."""
        messages = Messages(socket, DEMO_PACE_MAX if self._settings.demo else PACE_MAX)
        call_sid: str | None = None
        hand_over: Callable[[str], object] = self._streams.hand_over
        try:
            self._unstarted += 1
            try:
                start = await messages.start(self._settings)
            finally:
                self._unstarted -= 1
            call_sid = start.call_sid
            if start.fork_id is None:
                await self._listen(start, messages)
            else:
                hand_over = self._forks.ensure
                await self._take_fork(start.call_sid, start.fork_id, messages)
            await _close(socket, NORMAL)
        except StreamsFull:
            log.warning("a media socket was refused: there are as many as this process may have", call=call_sid)
            await _close(socket, TRY_AGAIN_LATER)
        except (BadMessage, NotInProgress, UnknownFork) as error:
            log.warning("a media socket was closed", reason=str(error), call=call_sid)
            await _close(socket, POLICY_VIOLATION, str(error)[:100])
        except SocketClosed as closed:
            if call_sid is not None and closed.code == SERVICE_RESTART:
                await self._run(lambda: hand_over(str(call_sid)))
        except Exception as error:
            # No fault of the recogniser or the database may end the call.
            log.error("a media socket broke down", call=call_sid, exc_info=error)
            await _close(socket, INTERNAL_ERROR)

    async def _listen(self, start: StreamStart, messages: Messages) -> None:
        listener = await self._run(lambda: self._streams.open(start.call_sid, start.stream_sid))
        frames: asyncio.Queue[_Taken] = asyncio.Queue(FRAMES_AHEAD)
        reader = asyncio.create_task(_read(messages, frames))
        try:
            await self._feed(listener, frames)
        finally:
            reader.cancel()
            await asyncio.shield(self._run(listener.close))

    async def _take_fork(self, call_sid: str, fork_id: int, messages: Messages) -> None:
        """Store the sound of a fork, until it ends or nobody needs it."""

        async def next_sound() -> tuple[Side, int, bytes] | None:
            if (taken := await messages.sound()) is None:
                return None
            side, frame = taken
            return side, frame.timestamp_ms, frame.mulaw

        await store_fork(self._forks, fork_id, call_sid, next_sound, self._run)

    async def _feed(self, listener: CallListener, frames: asyncio.Queue[_Taken]) -> None:
        """Hand the frames over as they come, those that came while the last were decoded all at once."""
        while True:
            batch = await _batch(frames)
            sound = [taken for taken in batch if isinstance(taken, Frame)]
            if not await self._run(lambda: listener.feed(sound)):  # noqa: B023  run before the next one is made
                return
            if batch and not isinstance(end := batch[-1], Frame):
                if end is not None:
                    raise end
                return

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


# What is taken from a socket: frames, and last None at the stream's end, or the error that ended it.
_Taken = Frame | Exception | None


async def _read(messages: Messages, frames: asyncio.Queue[_Taken]) -> None:
    try:
        while (frame := await messages.frame()) is not None:
            await frames.put(frame)
        await frames.put(None)
    except Exception as error:
        await frames.put(error)


async def _batch(frames: asyncio.Queue[_Taken]) -> list[_Taken]:
    """The next frames, BATCH_FRAMES of them and whatever else has come; fewer, or none, if no more come within TICK_S
    or the stream has ended."""
    batch: list[_Taken] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(TICK_S):
            while len(batch) < BATCH_FRAMES and (not batch or isinstance(batch[-1], Frame)):
                batch.append(await frames.get())
    while not frames.empty():
        batch.append(frames.get_nowait())
    return batch


async def _close(socket: MediaSocket, code: int, reason: str = "") -> None:
    """Close a socket; the carrier may have closed its end already."""
    with suppress(WebSocketDisconnect, WebSocketDisconnected):
        await socket.close(code, reason)
