"""Media streams: a call's sound comes in frame by frame, and what is recognised is stored for the open turn.

The carrier's adapter brings the frames. On any fault only the stream ends: the call goes on by keys, and its next reply
asks for another stream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from clock import Clock
from ivr import metrics
from ivr.carrier import Carrier, CarrierError
from ivr.streams.jitter_buffer import Frame, JitterBuffer
from ivr.streams.stream_registry import PROMPT_END_TOLERANCE_MS, OpenTurn, StreamRegistry, is_bare_yes
from ivr.turns.calls import STREAM_LOST_AFTER, Calls, TurnRequest
from speech.language.keypad import key_pause_s
from speech.listening import Listen
from speech.sound.audio import FRAME_BYTES, FRAME_MS
from speech.utterance import Utterance

POLL_EVERY_MS = 200
HEARTBEAT_EVERY_S = 2.0
# Longer than that: a stream that is served has a heartbeat between any two looks for lost ones.
RECOVER_EVERY_S = 3.0
# After an early yes, the caller may say more for this long before the turn is answered.
FURTHER_SPEECH_MS = 1_500
# The carrier reports the keys of a caller who presses no more of them after a pause; this is its way to do so.
KEYS_REPORTED_WITHIN_MS = 1_500

log = structlog.get_logger(__name__)


class StreamingRecogniser(Protocol):
    """The recogniser of one call: it is set to listen, fed with sound, and returns what was said."""

    @property
    def speaking(self) -> bool: ...
    @property
    def sound(self) -> bytes: ...
    @property
    def since_key_ms(self) -> int | None: ...
    def listen(self, listen: Listen | None) -> None: ...
    def feed(self, mulaw: bytes) -> Utterance | None: ...


class StreamsFull(RuntimeError):
    """This worker serves as many streams as it may."""


class NotInProgress(LookupError):
    """The call of a stream is not one that is in progress here."""


class Heartbeats:
    """Records the heartbeats of this worker's streams, all at once and in a thread of its own, as recognition may take
    its time."""

    def __init__(self, registry: StreamRegistry) -> None:
        self._registry = registry
        self._streams: set[str] = set()
        self._changed = threading.Condition()
        self._recording = False

    def add(self, stream: str) -> None:
        """Record heartbeats of the stream from now on."""
        with self._changed:
            self._streams.add(stream)
            if not self._recording:
                # Started with the first stream: a thread does not survive the fork that makes a worker.
                self._recording = True
                threading.Thread(target=self._record, name="heartbeats", daemon=True).start()

    def discard(self, stream: str) -> None:
        """Record no more heartbeats of the stream."""
        with self._changed:
            self._streams.discard(stream)
            self._changed.notify()

    def _record(self) -> None:
        while True:
            with self._changed:
                if not self._streams:
                    self._recording = False
                    return
                streams = frozenset(self._streams)
                self._changed.wait_for(lambda: not self._streams, timeout=HEARTBEAT_EVERY_S)
            try:
                self._registry.record_heartbeats(streams)
            except SQLAlchemyError as error:
                log.warning("media streams could not be kept alive", streams=len(streams), exc_info=error)


class MediaStreams:
    """The media streams of one worker, for all its calls."""

    def __init__(
        self,
        streams_max: int,
        registry: StreamRegistry,
        calls: Calls,
        carrier: Carrier,
        new_recogniser: Callable[[], StreamingRecogniser | None],
        clock: Clock,
    ) -> None:
        self._slots = threading.BoundedSemaphore(streams_max)
        self._open_count = 0
        self._counting = threading.Lock()
        self._registry = registry
        self._calls = calls
        self._carrier = carrier
        self._new_recogniser = new_recogniser
        self._clock = clock
        self._heartbeats = Heartbeats(registry)
        # The carrier is asked outside the stream's own thread: sound keeps coming while it answers.
        self._commands = ThreadPoolExecutor(max_workers=8, thread_name_prefix="carrier")
        self._stopped = threading.Event()

    @property
    def registry(self) -> StreamRegistry:
        """The stream registry that streams and turns share."""
        return self._registry

    @property
    def open_count(self) -> int:
        """The number of streams open in this process."""
        return self._open_count

    def open(self, call_key: str, stream: str) -> CallListener:
        """Open a stream of this call and return its listener, which the caller closes. Raises StreamsFull if this
        worker has no slot left, and NotInProgress if the call is not in progress here."""
        if not self._slots.acquire(blocking=False):
            metrics.STREAMS_REFUSED.inc()
            raise StreamsFull
        try:
            if not self._registry.register(call_key, stream):
                raise NotInProgress("the call is not one that is going on here")
            try:
                recogniser = self._new_recogniser()
            except BaseException:
                self._registry.unregister(call_key, stream)
                raise
        except BaseException:
            self._slots.release()
            raise
        self._heartbeats.add(stream)
        metrics.STREAMS.inc()
        with self._counting:
            self._open_count += 1
        self._commands.submit(self._warm_up)
        return CallListener(self, call_key, stream, recogniser, self._clock)

    def close(self, call_key: str, stream: str) -> None:
        """Close a stream that was opened."""
        self._heartbeats.discard(stream)
        self._slots.release()
        metrics.STREAMS.dec()
        with self._counting:
            self._open_count -= 1
        self._registry.unregister(call_key, stream)

    def answer(self, call_key: str, turn_number: int, since: float | None = None) -> None:
        """Answer a turn by its pending utterance, recognised at `since` (`time.perf_counter`), or now. The call is
        redirected, and meanwhile the turn is taken, unless the redirect takes it at once, so that the carrier finds the
        reply made, or waits for it. Changes nothing if the turn is over."""
        since = time.perf_counter() if since is None else since
        # Redirected to a turn that others have taken, the call would play its current prompt over the caller's answer.
        if not self._registry.is_turn_open(call_key, turn_number):
            return
        redirected = self._commands.submit(self._redirect, call_key, turn_number)
        redirected.add_done_callback(lambda _: metrics.REPLY_SECONDS.observe(time.perf_counter() - since))
        if self._carrier.redirects_at_once:
            return
        try:
            self._calls.take_turn(call_key, TurnRequest(turn_number))
        except Exception as error:
            # The redirected call takes the turn itself, and a failure there has an answer.
            log.error("a turn could not be taken by its stream", call=call_key, turn=turn_number, exc_info=error)

    def hand_over(self, call_key: str) -> None:
        """Leave a call whose stream was closed to another process: its caller hears the current prompt again, which
        opens a new stream there."""
        if (turn_number := self._registry.turn_number(call_key)) is not None:
            self._redirect(call_key, turn_number)

    def recover_streams(self, *, only_worker: bool) -> None:
        """Recover, from now on and until `stop`, the streams that went down with a worker, on this machine or another:
        their callers hear the current prompt again, which opens new streams. Returns at once. The only worker knows
        that no other has any and recovers those of an earlier one at once; otherwise they are given time for a
        heartbeat."""
        if only_worker:
            self._redirect_all(self._registry.claim_lost(timedelta()))
        threading.Thread(target=self._keep_recovering, name="stream-recovery", daemon=True).start()

    def stop(self) -> None:
        """Recover no more streams: this process ends."""
        self._stopped.set()

    def recover_silent(self, silent_before: Mapping[str, datetime]) -> dict[str, datetime]:
        """Recover the streams that were silent before and have had no heartbeat since; return all that are silent now.

        One look is not enough: machines' clocks differ, and after a long wait for the database all streams are late."""
        silent = self._registry.silent_streams(STREAM_LOST_AFTER)
        lost = [call_key for call_key, heartbeat in silent.items() if silent_before.get(call_key) == heartbeat]
        if lost:
            self._redirect_all(self._registry.claim_lost(STREAM_LOST_AFTER, lost))
        return silent

    def _keep_recovering(self) -> None:
        silent: dict[str, datetime] = {}
        while not self._stopped.wait(RECOVER_EVERY_S):
            try:
                silent = self.recover_silent(silent)
            except SQLAlchemyError as error:
                log.warning("lost streams could not be recovered", exc_info=error)

    def _redirect_all(self, lost: Sequence[tuple[str, int]]) -> None:
        for call_key, turn_number in lost:
            log.info("a stream is recovered", call=call_key, turn=turn_number)
            self._commands.submit(self._redirect, call_key, turn_number)

    def _warm_up(self) -> None:
        try:
            self._carrier.warm_up()
        except CarrierError as error:
            log.warning("the carrier could not be reached before it is needed", reason=str(error))

    def _redirect(self, call_key: str, turn_number: int) -> None:
        try:
            self._carrier.redirect_to_turn(call_key, turn_number)
        except CarrierError as error:
            log.warning("a reply waits for its turn's time-out", call=call_key, turn=turn_number, reason=str(error))


class CallListener:
    """Recognition for one call. Its methods block for the database and for decoding, and are called one at a time. Its
    clock is the caller's sound; where none comes, it goes on by the wall."""

    def __init__(
        self,
        streams: MediaStreams,
        call_key: str,
        stream: str,
        recogniser: StreamingRecogniser | None,
        clock: Clock,
    ) -> None:
        self._streams = streams
        self._call_key = call_key
        self._stream = stream
        self._recogniser = recogniser
        self._clock = clock
        self._buffer = JitterBuffer()
        self._fed_at = clock()
        self._closed = False
        self._now_ms = 0
        self._open: OpenTurn | None = None
        self._poll_at_ms = 0
        # The start of speech is recorded once, and a turn is answered once.
        self._speech_reported = False
        self._answered = False
        self._prompt_ends_ms = 0
        self._answer_at_ms: int | None = None
        self._key_at_ms: int | None = None
        # The turn whose prompt's end the carrier knows, and that end.
        self._known_end: tuple[int, int] | None = None

    @property
    def speaking(self) -> bool:
        """True while the caller is speaking, pauses for breath included. May be read while the listener is fed."""
        return self._recogniser is not None and self._recogniser.speaking

    def key_pressed(self) -> None:
        """Take note that the carrier has reported a key now: its tone need not be in the sound. May be called while the
        listener is fed."""
        self._key_at_ms = self._now_ms

    def prompt_ends(self, turn_number: int, in_ms: int) -> None:
        """Take note that the carrier knows when this turn's prompt ends: so many milliseconds from now. May be called
        while the listener is fed."""
        self._known_end = turn_number, self._now_ms + in_ms
        if self._open is not None and self._open.turn_number == turn_number:
            self._prompt_ends_ms = self._known_end[1]

    def feed(self, frames: Sequence[Frame]) -> bool:
        """Listen to the next frames; to be called with none at least every 100 ms while none come. False once there is
        nothing more to listen for: the call has ended, another stream has taken over, or nothing can be recognised."""
        if self._recogniser is None:
            return False
        with bound_contextvars(call=self._call_key, turn=self._open.turn_number if self._open else 0):
            return self._feed(self._recogniser, frames)

    def _feed(self, recogniser: StreamingRecogniser, frames: Sequence[Frame]) -> bool:
        sound = self._buffer.put(frames) if frames else self._buffer.idle(self._idle_ms())
        busy_s = heard_ms = 0.0
        for piece in sound:
            heard_ms += (piece_ms := len(piece) * FRAME_MS // FRAME_BYTES)
            self._now_ms += piece_ms
            if self._now_ms >= self._poll_at_ms and not self._poll(recogniser):
                return False
            begun = time.perf_counter()
            utterance = recogniser.feed(piece)
            busy_s += (recognised := time.perf_counter()) - begun
            self._process(recogniser, utterance, recognised)
        metrics.RECOGNISER_BUSY.inc(busy_s)
        metrics.RECOGNISER_SOUND.inc(heard_ms / 1000)
        if frames:
            # Only now: while a frame was being recognised, others could come and wait.
            self._fed_at = self._clock()
        return True

    def close(self) -> None:
        """End the stream; the call's next reply asks for another one if the call is still there."""
        if not self._closed:
            self._closed = True
            self._streams.close(self._call_key, self._stream)

    def _idle_ms(self) -> float:
        return (self._clock() - self._fed_at) / timedelta(milliseconds=1)

    def _poll(self, recogniser: StreamingRecogniser) -> bool:
        self._poll_at_ms = self._now_ms + POLL_EVERY_MS
        now = self._streams.registry.poll(self._call_key, self._stream, self._open)
        if self._open is None or now.turn_number != self._open.turn_number:
            self._speech_reported = self._answered = False
            self._answer_at_ms = None
            known = self._known_end
            if known is not None and known[0] == now.turn_number:
                self._prompt_ends_ms = known[1]
            else:
                self._prompt_ends_ms = self._now_ms + now.prompt_ms
            recogniser.listen(now.listen)
        self._open = now
        return now.is_current

    def _process(self, recogniser: StreamingRecogniser, utterance: Utterance | None, since: float) -> None:
        if self._open is None or self._open.listen is None or self._answered:
            return
        registry, turn = self._streams.registry, self._open.turn_number
        if utterance is not None:
            self._speech_reported = False
            if not registry.store_utterance(self._call_key, turn, utterance, recogniser.sound):
                return
            if utterance.is_nothing:
                # Possibly not meant for the line. The carrier's own time-out takes the turn: a redirect would throw
                # away the keys pressed so far, and some lines carry no tones by which they could be known.
                return
            if not utterance.continues and self._is_early_yes(utterance, self._open.listen):
                # It does not interrupt the prompt, and the caller may yet say more.
                self._answer_at_ms = max(self._now_ms + FURTHER_SPEECH_MS, self._prompt_ends_ms)
            else:
                self._answer_at_ms = self._now_ms
            self._answer_if_due(recogniser, self._open, since)
        elif recogniser.speaking:
            if not self._speech_reported:
                self._speech_reported = True
                registry.begin_utterance(self._call_key, turn, self._stream)
        elif self._speech_reported:
            self._speech_reported = False
            registry.discard_utterance(self._call_key, turn)
        else:
            self._answer_if_due(recogniser, self._open, since)

    def _answer_if_due(self, recogniser: StreamingRecogniser, turn: OpenTurn, since: float) -> None:
        """Answer the turn unless keys are being pressed: they would be lost, and they count for more than speech, such
        as a code read aloud while it is keyed."""
        if self._answer_at_ms is None or self._now_ms < self._answer_at_ms or turn.listen is None:
            return
        since_keys = [recogniser.since_key_ms, None if self._key_at_ms is None else self._now_ms - self._key_at_ms]
        since_key_ms = min((each for each in since_keys if each is not None), default=None)
        if since_key_ms is None or since_key_ms > key_pause_s(turn.listen) * 1000 + KEYS_REPORTED_WITHIN_MS:
            self._answer(turn.turn_number, since)

    def _is_early_yes(self, utterance: Utterance, listen: Listen) -> bool:
        """True for a yes before the prompt's end: callers say 对 after each line that is read back, but the yes that
        counts is to all of it."""
        return is_bare_yes(utterance, listen) and self._prompt_ends_ms - self._now_ms > PROMPT_END_TOLERANCE_MS

    def _answer(self, turn_number: int, since: float) -> None:
        self._answered = True
        self._streams.answer(self._call_key, turn_number, since)
        self._poll_at_ms = self._now_ms
