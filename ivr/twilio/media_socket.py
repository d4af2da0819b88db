"""The media socket: a call's sound comes in, and what is recognised is stored for the open turn.

The carrier opens the socket, with its signature on the handshake and the call's own token in the `start` message.
Messages are bounded in size and rate. On any fault only the socket is closed: the call goes on by keys, and its next
reply asks for another socket.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from simple_websocket import ConnectionClosed
from sqlalchemy.exc import SQLAlchemyError

from ivr.calls import STREAM_LOST_AFTER
from ivr.stream_registry import PROMPT_END_TOLERANCE_MS, OpenTurn, StreamRegistry, is_bare_yes
from ivr.twilio.rest import CarrierError, TwilioCarrier
from ivr.twilio.signature import is_stream_token
from ivr.twilio.twiml import LineTwiml
from settings import Settings
from speech.audio import FRAME_BYTES, FRAME_MS
from speech.listening import Listen
from speech.utterance import Utterance

# A message with 20 ms of sound has about 400 characters.
MESSAGE_MAX_CHARS = 8_000
# Sound that waits because recognition lags behind: beyond this, recognition is of no use to the call.
BACKLOG_MAX_MS = 30_000
# Messages may come this much faster than real time, and BURST_MS of sound at once.
PACE_MAX = 2.0
# The demo's caller skips through its prompts faster than real time.
DEMO_PACE_MAX = 40.0
BURST_MS = 10_000
# The carrier sends continuously; a socket that is silent for this long, in seconds, is dead.
SOCKET_IDLE_MAX_S = 20.0
START_WITHIN_S = 10.0

POLL_EVERY_MS = 200
HEARTBEAT_EVERY_S = 2.0
# After nonsense or an early yes, the caller may say more for this long before the turn is answered.
FURTHER_SPEECH_MS = 1_500

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, TRY_AGAIN_LATER = 1000, 1008, 1011, 1013

log = structlog.get_logger(__name__)


class MediaSocket(Protocol):
    """The part of a WebSocket that is used."""

    input_buffer: list[Any]

    def receive(self, timeout: float | None = None) -> str | bytes | None: ...
    def close(self, reason: int | None = None, message: str | None = None) -> None: ...


class StreamingRecogniser(Protocol):
    """The recogniser of one call: it is set to listen, fed with sound, and returns what was said."""

    @property
    def speaking(self) -> bool: ...
    @property
    def sound(self) -> bytes: ...
    def listen(self, listen: Listen | None) -> None: ...
    def feed(self, mulaw: bytes) -> Utterance | None: ...


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
            if message["event"] != "start":
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

    def frames(self) -> Iterator[bytes]:
        """The caller's sound in mu-law, frame by frame, until the stream ends."""
        for message in self._each(SOCKET_IDLE_MAX_S):
            match message["event"]:
                case "stop":
                    return
                case "media":
                    if frame := _frame(message):
                        yield frame

    def _each(self, patience_s: float) -> Iterator[dict[str, Any]]:
        while True:
            text = self._socket.receive(timeout=patience_s)
            if text is None:
                raise BadMessage(f"nothing came for {patience_s:.0f} s")
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


def _frame(message: dict[str, Any]) -> bytes:
    media = message.get("media")
    if not isinstance(media, dict) or not isinstance(media.get("payload"), str):
        raise BadMessage("a media message has no payload")
    if media.get("track", "inbound") != "inbound":
        return b""
    try:
        frame = base64.b64decode(media["payload"], validate=True)
    except binascii.Error as error:
        raise BadMessage("a payload is not base64") from error
    if len(frame) > 20 * FRAME_BYTES:
        raise BadMessage("a payload is longer than the carrier's ever are")
    return frame


class Heartbeats:
    """Records the heartbeats of this worker's streams, all at once and in a thread of its own, as recognition may take
    its time."""

    def __init__(self, ears: StreamRegistry) -> None:
        self._ears = ears
        self._streams: set[str] = set()
        self._changed = threading.Condition()
        self._beating = False

    @contextmanager
    def keep_alive(self, stream: str) -> Iterator[None]:
        """Record heartbeats of the stream until the block ends."""
        with self._changed:
            self._streams.add(stream)
            if not self._beating:
                # Started with the first stream: a thread does not survive the fork that makes a worker.
                self._beating = True
                threading.Thread(target=self._record, name="pulse", daemon=True).start()
        try:
            yield
        finally:
            with self._changed:
                self._streams.discard(stream)
                self._changed.notify()

    def _record(self) -> None:
        while True:
            with self._changed:
                if not self._streams:
                    self._beating = False
                    return
                streams = frozenset(self._streams)
                self._changed.wait_for(lambda: not self._streams, timeout=HEARTBEAT_EVERY_S)
            try:
                self._ears.record_heartbeats(streams)
            except SQLAlchemyError as error:
                log.warning("media streams could not be kept alive", streams=len(streams), exc_info=error)


def _close(socket: MediaSocket, reason: int, message: str | None = None) -> None:
    """Close a socket; the carrier may have closed its end already."""
    with suppress(ConnectionClosed, OSError):
        socket.close(reason, message)


class MediaSockets:
    """Serves the media sockets of one worker, for all its calls."""

    def __init__(
        self,
        settings: Settings,
        registry: StreamRegistry,
        carrier: TwilioCarrier,
        markup: LineTwiml,
        new_recogniser: Callable[[], StreamingRecogniser | None],
    ) -> None:
        self._settings = settings
        self._new_ear = new_recogniser
        self._pulse = Heartbeats(registry)
        self._slots = threading.BoundedSemaphore(settings.media_sockets_max)
        self._ears = registry
        self._carrier = carrier
        self._markup = markup
        # Redirects run outside the socket's own thread: sound keeps coming while the carrier answers.
        self._redirects = ThreadPoolExecutor(max_workers=8, thread_name_prefix="redirect")

    def serve(self, socket: MediaSocket) -> None:
        """Serve one call's socket until its stream stops. Never raises for what comes over the socket."""
        if not self._slots.acquire(blocking=False):
            log.warning("a media socket was refused: there are as many as this worker may have")
            _close(socket, TRY_AGAIN_LATER)
            return
        try:
            self._serve(socket)
        finally:
            self._slots.release()

    def _serve(self, socket: MediaSocket) -> None:
        messages = Messages(socket, DEMO_PACE_MAX if self._settings.demo else PACE_MAX)
        who: StreamStart | None = None
        try:
            who = messages.start(self._settings)
            if not self._ears.register(who.call_sid, who.stream_sid):
                raise BadMessage("the call is not one that is going on here")
            if (ear := self._new_ear()) is not None:
                with self._pulse.keep_alive(who.stream_sid):
                    _Listener(self, who, ear).listen(messages)
            _close(socket, NORMAL)
        except BadMessage as error:
            log.warning("a media socket was closed", reason=str(error), call=who.call_sid if who else None)
            _close(socket, POLICY_VIOLATION, str(error)[:100])
        except ConnectionClosed:
            pass
        except Exception as error:
            # No fault of the recogniser or the database may end the call.
            log.error("a media socket broke down", call=who.call_sid if who else None, exc_info=error)
            _close(socket, INTERNAL_ERROR)
        finally:
            if who is not None:
                self._ears.unregister(who.call_sid, who.stream_sid)

    @property
    def registry(self) -> StreamRegistry:
        """The stream registry that sockets and turns share."""
        return self._ears

    def redirect_to_turn(self, call_sid: str, turn_number: int) -> None:
        """Redirect the call to this turn now; if the carrier fails, the turn's own time-out takes over."""
        self._redirects.submit(self._redirect, call_sid, turn_number)

    def recover_streams(self, *, only_worker: bool) -> None:
        """Recover the streams that went down with an earlier worker: their callers hear the current prompt again, which
        opens new streams. Returns at once. A worker that is `alone` knows that no other has them; otherwise they are
        given time for a heartbeat."""
        silent_for = timedelta() if only_worker else STREAM_LOST_AFTER

        def take_up() -> None:
            time.sleep(silent_for.total_seconds())
            for call_sid, n in self._ears.claim_lost(silent_for):
                log.info("a call is taken up again", call=call_sid, turn=n)
                self.redirect_to_turn(call_sid, n)

        threading.Thread(target=take_up, name="orphans", daemon=True).start()

    def _redirect(self, call_sid: str, turn_number: int) -> None:
        # Redirected to a turn it has left, the call would play its current prompt over the caller's answer to it.
        if not self._ears.is_turn_open(call_sid, turn_number):
            return
        try:
            self._carrier.redirect(call_sid, self._markup.turn_url(turn_number))
        except CarrierError as error:
            log.warning("a heard turn waits for its time-out", call=call_sid, turn=turn_number, reason=str(error))


class _Listener:
    """Recognition for one call. Its clock is the sound itself."""

    def __init__(self, line: MediaSockets, who: StreamStart, ear: StreamingRecogniser) -> None:
        self._line = line
        self._start = who
        self._recogniser = ear
        self._now_ms = 0
        self._open: OpenTurn | None = None
        self._poll_at_ms = 0
        # The start of speech is recorded once, and a turn is answered once.
        self._speech_reported = False
        self._answered = False
        self._prompt_ends_ms = 0
        self._answer_at_ms: int | None = None

    def listen(self, messages: Messages) -> None:
        for frame in messages.frames():
            self._now_ms += len(frame) * FRAME_MS // FRAME_BYTES
            if self._now_ms >= self._poll_at_ms and not self._poll():
                return
            self._process(self._recogniser.feed(frame))

    def _poll(self) -> bool:
        self._poll_at_ms = self._now_ms + POLL_EVERY_MS
        now = self._line.registry.poll(self._start.call_sid, self._start.stream_sid, self._open)
        if self._open is None or now.turn_number != self._open.turn_number:
            self._speech_reported = self._answered = False
            self._answer_at_ms = None
            self._prompt_ends_ms = self._now_ms + now.prompt_ms
            self._recogniser.listen(now.listen)
        self._open = now
        return now.is_current

    def _process(self, utterance: Utterance | None) -> None:
        if self._open is None or self._open.listen is None or self._answered:
            return
        sid, n = self._start.call_sid, self._open.turn_number
        if utterance is not None:
            self._speech_reported = False
            if not self._line.registry.store_utterance(sid, n, utterance, self._recogniser.sound):
                return
            if utterance.is_nothing or self._is_early_yes(utterance, self._open.listen):
                # Possibly not meant for the line, or a yes before the prompt's end: it does not interrupt the prompt,
                # and the caller may yet say more.
                self._answer_at_ms = max(self._now_ms + FURTHER_SPEECH_MS, self._prompt_ends_ms)
            else:
                self._answer(sid, n)
        elif self._recogniser.speaking:
            if not self._speech_reported:
                self._speech_reported = True
                self._line.registry.begin_utterance(sid, n)
        elif self._speech_reported:
            self._speech_reported = False
            self._line.registry.discard_utterance(sid, n)
        elif self._answer_at_ms is not None and self._now_ms >= self._answer_at_ms:
            self._answer(sid, n)

    def _is_early_yes(self, utterance: Utterance, listen: Listen) -> bool:
        """True for a yes before the prompt's end: callers say 对 after each line that is read back, but the yes that
        counts is to all of it."""
        return is_bare_yes(utterance, listen) and self._prompt_ends_ms - self._now_ms > PROMPT_END_TOLERANCE_MS

    def _answer(self, sid: str, turn_number: int) -> None:
        self._answered = True
        self._line.redirect_to_turn(sid, turn_number)
