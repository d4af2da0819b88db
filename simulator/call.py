"""One call as Twilio runs it, advanced 20 ms at a time; the caller presses keys, speaks and hangs up from outside.

Nothing here knows scripts or a command line: the caller scripts, the web phone and the tests all use this.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Literal

from simulator.account import Account
from simulator.bridge import Connection
from simulator.events import (
    CallerFinished,
    CallerSpoke,
    CallPlaced,
    DebuggerAlert,
    Ended,
    Event,
    KeyPressed,
    Listener,
    PartnerSpoke,
    Said,
    SpeakingStopped,
    StreamChanged,
    Updated,
)
from simulator.instructions import ApplicationFailed, CallUpdate, HungUp, Redirected
from simulator.media import MediaStream
from simulator.media_faults import MediaFault
from simulator.mulaw import FRAME_MS, SILENCE, length_ms
from simulator.pace import REAL_TIME, Metronome, Pace, Steps
from simulator.speaking_time import part_said
from simulator.telephone import KEY_MS, Telephone
from simulator.webhook_client import new_sid
from simulator.webhooks import CallWebhooks

APOLOGY = "We're sorry, an application error has occurred. Goodbye."

Program = Callable[["SimulatedCall"], Steps[None]]


class SimulatedCall:
    """A call between a telephone and the application.

    The far side is the application at `voice_url`; the near side calls `press`, `speak` and `hang_up`. These, and
    `update`, may be called from any thread. Every event is passed to `listener`, in order.
    """

    def __init__(
        self,
        account: Account,
        program: Program,
        *,
        caller: str,
        called: str,
        voice_url: str,
        fallback_url: str = "",
        status_url: str = "",
        status_events: Collection[str] = ("completed",),
        direction: Literal["inbound", "outbound-api"] = "inbound",
        pace: Pace = REAL_TIME,
        listener: Listener = lambda event: None,
    ) -> None:
        self.account = account
        self.sid = new_sid("CA")
        self.caller = caller
        self.called = called
        self.voice_url = voice_url
        self.webhooks = CallWebhooks(self, voice_url, fallback_url, status_url, status_events)
        self.direction = direction
        self.status = "ringing"
        self.answered_by = ""
        self.started_at = time.time()
        self.now_ms = 0
        self.streams: list[MediaStream] = []
        self.media_faults: frozenset[MediaFault] = frozenset()
        self.recorder: Callable[[bytes], None] | None = None
        self.collecting_keys = False
        # A short gap between two questions, which is not the end of the line's speech.
        self.in_prompt_gap = False
        self.ended = False
        self.picked_up = False
        self.bridge: Connection | None = None
        self.on_partner_audio: Callable[[bytes], None] | None = None
        # The partner's sound that is yet to be heard here; more than a second of it is late, and lost.
        self._partner_sound: deque[bytes] = deque(maxlen=1_000 // FRAME_MS)

        self._program = program(self)
        self._pace = pace
        self._metronome = Metronome(pace)
        self._listener = listener
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._companions: list[Steps[None]] = []
        self._interruption: Redirected | HungUp | None = None
        self._ended_by: Literal["line", "caller", "failure"] = "line"
        self._telephone = Telephone()
        self._keys: deque[str] = deque()
        self._prompt: tuple[str, int] | None = None
        self._reply_due = False
        self._thread: threading.Thread | None = None
        account.calls[self.sid] = self

    # The caller's side: from any thread.

    def press(self, keys: str, every_ms: int | None = None) -> None:
        """Press keys one after the other, at the pace of a practised thumb or one every so many milliseconds."""
        self._inbox.put(lambda: self._telephone.key(keys, every_ms or KEY_MS))

    def speak(self, mulaw: bytes, words: str = "") -> None:
        """Say this sound, 8 kHz mu-law, now or after the sound still being said. `words` is for the transcript."""
        self._inbox.put(lambda: self._start_speech(mulaw, words))

    def send_live_audio(self, mulaw: bytes) -> None:
        """Send live microphone sound, 8 kHz mu-law, a few frames at a time."""
        self._inbox.put(lambda: self._telephone.add_live_audio(mulaw))

    def pick_up(self) -> None:
        """Answer a call the application placed."""
        self._inbox.put(lambda: setattr(self, "picked_up", True))

    def hang_up(self) -> None:
        """Hang up; a call from the application that is not answered yet is declined as busy."""
        self._inbox.put(lambda: self._interrupt(HungUp(), "caller"))

    def emit_from_thread(self, event: Event) -> None:
        """Report an event to the listener from another call's thread."""
        self._inbox.put(lambda: self.emit(event))

    def hear_partner(self, frame: bytes) -> None:
        """Take 20 ms of the bridge's other side, from its thread."""
        self._partner_sound.append(frame)

    def run_soon(self, action: Callable[[], None]) -> None:
        """Have the call's own thread do this between two ticks."""
        self._inbox.put(action)

    def update(self, change: CallUpdate) -> None:
        """Change the live call as the REST interface does: its current verb is interrupted."""
        self._inbox.put(lambda: self._update(change))

    # The visible state.

    @property
    def saying(self) -> bool:
        """The line is speaking."""
        return self._prompt is not None

    @property
    def speaking(self) -> bool:
        """The caller is speaking or pressing keys."""
        return self._telephone.busy

    @property
    def awaits_caller(self) -> bool:
        """True if it is the caller's turn: the line has finished speaking, and waits."""
        busy = self.saying or self.in_prompt_gap or self.webhooks.fetching
        return not (busy or self.ended or self.status != "in-progress")

    @property
    def duration_seconds(self) -> int:
        """The length of the call so far, in seconds of call time."""
        return self.now_ms // 1000

    # Running the call.

    def accompany(self, companion: Steps[None]) -> None:
        """Let a companion, such as a caller's script, act once every 20 ms of call time. Before `run` only."""
        self._companions.append(companion)

    def start(self) -> None:
        """Run the call in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name=f"call {self.sid}", daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of a call that was started."""
        if self._thread is not None:
            self._thread.join(timeout)

    def run(self) -> None:
        """Run the call to its end."""
        self.emit(CallPlaced(self.now_ms, self.sid, self.caller, self.called))
        over = False
        while not over:
            self._take_inbox()
            if self._wait_for_application():
                continue
            self._carry_frame()
            over = self._advance_program()
            for companion in list(self._companions):
                if next(companion, StopIteration) is StopIteration:
                    self._companions.remove(companion)
            self.webhooks.collect_answers()
            self._metronome.wait(
                streaming=any(stream.state in ("open", "connecting") for stream in self.streams),
                prompting=self.saying and not self.speaking and not self._reply_due,
                reply_due=self._reply_due,
            )
        self._finish()

    def _wait_for_application(self) -> bool:
        """True while call time stands still for the application: faster than real time, during a request or a stream's
        opening, and where sound is acknowledged, until a stream's far end has caught up."""
        if self._pace.is_real_time or self._interruption is not None:
            return False
        thinking = self.webhooks.fetching is not None and not self.webhooks.fetching.done()
        behind = self._pace.acknowledged and any(stream.is_behind(self.now_ms) for stream in self.streams)
        if thinking or behind or any(stream.is_connecting for stream in self.streams):
            time.sleep(0.001)
            return True
        return False

    def _take_inbox(self) -> None:
        while True:
            try:
                self._inbox.get_nowait()()
            except queue.Empty:
                return

    def _carry_frame(self) -> None:
        """Carry 20 ms of sound and keys, both ways."""
        if self._telephone.fell_silent():
            self._reply_due = True
            self.emit(CallerFinished(self.now_ms))
        self._press_due_key()
        frame = self._telephone.frame()
        heard = self._partner_sound.popleft() if self._partner_sound else SILENCE
        for stream in self.streams:
            for event in stream.pass_frame(frame, self.now_ms, heard):
                self.emit(event)
            if self._pace.acknowledged:
                stream.ask_to_acknowledge(self.now_ms)
        self.streams = [stream for stream in self.streams if stream.state in ("open", "connecting")]
        if self.recorder is not None:
            self.recorder(frame)
        if self.bridge is not None and self._telephone.sounds:
            self.bridge.pass_on(self, frame)
        self.now_ms += FRAME_MS

    def _press_due_key(self) -> None:
        key = self._telephone.due_key(self.now_ms)
        if key is None:
            return
        bidirectional = [stream for stream in self.streams if stream.parameters.bidirectional]
        for stream in bidirectional:
            stream.send_key(key)
        if self.collecting_keys:
            self._keys.append(key)
        self.emit(KeyPressed(self.now_ms, key, taken=self.collecting_keys or bool(bidirectional)))

    def _advance_program(self) -> bool:
        try:
            if self._interruption is not None:
                interruption, self._interruption = self._interruption, None
                self.webhooks.fetching = None
                self._program.throw(interruption)
            else:
                next(self._program)
        except StopIteration:
            return True
        except HungUp:
            return True
        except ApplicationFailed as failure:
            self.report(failure.code, str(failure))
            self._ended_by = "failure"
            self.emit(Said(self.now_ms, APOLOGY, 0))
            self.emit(SpeakingStopped(self.now_ms, APOLOGY, cut_short=False))
            return True
        return False

    def _finish(self) -> None:
        self.stop_saying()
        self.ended = True
        if self.status in ("queued", "ringing", "in-progress"):
            self.status = "completed"
        for stream in self.streams:
            stream.stop()
            self.emit(StreamChanged(self.now_ms, "stopped", stream.parameters.name, "the call is over"))
        self.streams = []
        duration = self.duration_seconds
        self.webhooks.progress("completed", {"CallDuration": str(duration), "Duration": str(-(-duration // 60))})
        self.webhooks.close()
        self.emit(Ended(self.now_ms, self._ended_by, self.status))
        for companion in self._companions:
            next(companion, None)

    # Changes from outside, applied between two ticks.

    def _start_speech(self, mulaw: bytes, words: str) -> None:
        self._telephone.say(mulaw)
        self.emit(CallerSpoke(self.now_ms, words, length_ms(mulaw)))
        if self.bridge is not None and words:
            for other in self.bridge.hearers(self):
                other.emit_from_thread(PartnerSpoke(self.now_ms, words))

    def _interrupt(self, interruption: Redirected | HungUp, by: Literal["line", "caller"]) -> None:
        if not self.ended and not isinstance(self._interruption, HungUp):
            self._interruption = interruption
            self._ended_by = by if isinstance(interruption, HungUp) else self._ended_by
            if isinstance(interruption, HungUp):
                gone = "no-answer" if self.direction == "inbound" else "busy"
                unanswered = "canceled" if by == "line" else gone
                self.status = "completed" if self.status == "in-progress" else unanswered

    def _update(self, change: CallUpdate) -> None:
        self.emit(Updated(self.now_ms, "ended" if change.completed else change.url or "new instructions"))
        if change.completed:
            self._interrupt(HungUp(), "line")
        else:
            self._interrupt(Redirected(change), "line")

    # For the verbs.

    def emit(self, event: Event) -> None:
        """Report an event to the listener."""
        self._listener(event)

    def report(self, code: int, message: str) -> None:
        """Report a mistake of the application."""
        self.emit(DebuggerAlert(self.now_ms, code, message))

    def params(self) -> dict[str, str]:
        """The parameters of every request about this call."""
        found_out = {"AnsweredBy": self.answered_by} if self.answered_by else {}
        return {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": self.called,
            "Caller": self.caller,
            "Direction": self.direction,
            "From": self.caller,
            "To": self.called,
        } | found_out

    def wait_ms(self, duration: float) -> Steps[None]:
        """Let this much call time pass."""
        until = self.now_ms + duration
        while self.now_ms < until:
            yield

    def say(self, text: str, duration_ms: int, stop: Callable[[], bool]) -> Steps[None]:
        """Speak for this long, or until `stop` returns true."""
        self.begin_saying(text, duration_ms)
        try:
            until = self.now_ms + duration_ms
            while self.now_ms < until and not stop():
                yield
        finally:
            self.stop_saying(cut_short=self.now_ms < until)

    def begin_saying(self, text: str, duration_ms: int) -> None:
        """Begin to speak; `stop_saying` ends it."""
        self._reply_due = False
        self._prompt = (text, self.now_ms)
        self.emit(Said(self.now_ms, text, duration_ms))

    def stop_saying(self, *, cut_short: bool = True) -> None:
        """End the current prompt, if any, and report how much of it was heard."""
        if self._prompt is not None:
            text, since = self._prompt
            self._prompt = None
            heard = part_said(text, self.now_ms - since) if cut_short else text
            self.emit(SpeakingStopped(self.now_ms, heard, cut_short))

    def discard_keys(self) -> None:
        """Discard the keys pressed so far."""
        self._keys.clear()

    def has_key(self) -> bool:
        """True if a pressed key has not been taken yet."""
        return bool(self._keys)

    def take_key(self) -> str | None:
        """The oldest key not taken yet, or None."""
        return self._keys.popleft() if self._keys else None
