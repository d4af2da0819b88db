"""One call as Twilio runs it, advanced 20 ms at a time; the caller presses keys, speaks and hangs up from outside.

Nothing here knows scripts or a command line: the caller scripts, the web phone and the tests all use this.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from urllib.parse import urljoin

from simulator.account import Account
from simulator.bridge import Connection
from simulator.events import (
    CallerFinished,
    CallerSpoke,
    CallPlaced,
    DebuggerAlert,
    Ended,
    Event,
    Fetched,
    KeyPressed,
    Listener,
    PartnerSpoke,
    Said,
    SpeakingStopped,
    StreamChanged,
    Updated,
)
from simulator.instructions import ApplicationFailed, CallUpdate, HungUp, Page, Redirected
from simulator.media import MediaStream
from simulator.media_faults import MediaFault
from simulator.mulaw import FRAME_MS, SILENCE, length_ms
from simulator.pace import REAL_TIME, Metronome, Pace, Steps
from simulator.speaking_time import part_said
from simulator.telephone import KEY_MS, Telephone
from simulator.twiml_parser import TwimlError, read_twiml
from simulator.webhook_client import NOT_REACHED, Answer, WebhookClient, new_sid

RETRIEVAL_FAILURE = 11200
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
        self.fallback_url = fallback_url
        self.status_url = status_url
        self.status_events = frozenset(status_events)
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
        self.page_url = voice_url

        self._program = program(self)
        self._pace = pace
        self._metronome = Metronome(pace)
        self._listener = listener
        self._webhooks = WebhookClient(account.auth_token)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._companions: list[Steps[None]] = []
        self._fetching: Future[Answer] | None = None
        self._background: list[Future[Answer]] = []
        self._interruption: Redirected | HungUp | None = None
        self._ended_by: Literal["line", "caller", "failure"] = "line"
        self._telephone = Telephone()
        self._keys: deque[str] = deque()
        self._prompt: tuple[str, int] | None = None
        self._reply_due = False
        self._sequence = 0
        self._reports: deque[Mapping[str, str]] = deque()
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
        busy = self.saying or self.in_prompt_gap or self._fetching
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
            self._collect_background()
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
        thinking = self._fetching is not None and not self._fetching.done()
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
                self._fetching = None
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
        self.progress("completed", {"CallDuration": str(duration), "Duration": str(-(-duration // 60))})
        while self._background:
            self._collect_background()
            time.sleep(0.001)
        self._webhooks.close()
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

    def progress(self, event: str, more: Mapping[str, str] | None = None) -> None:
        """Send the application a status callback for this event, if it subscribed to it."""
        if self.status_url and event in self.status_events:
            facts = {
                "SequenceNumber": str(self._sequence),
                "CallbackSource": "call-progress-events",
                "Timestamp": format_datetime(datetime.now(UTC)),
            }
            self._sequence += 1
            self._report_progress(self.params() | facts | dict(more or {}))

    def _report_progress(self, report: Mapping[str, str]) -> None:
        """Report it now, or after another one, or at the end, as the carrier does."""
        habits = self.account.habits.status_callbacks
        if "out_of_order" in habits and len(self._reports) % 2:
            self._reports.insert(len(self._reports) - 1, report)
        else:
            self._reports.append(report)
        held = "late" in habits or ("out_of_order" in habits and len(self._reports) % 2)
        if self.ended or not held:
            self._send_reports()

    def _send_reports(self) -> None:
        times = 2 if "doubled" in self.account.habits.status_callbacks else 1
        while self._reports:
            report = self._reports.popleft()
            for _time in range(times):
                self.notify(self.status_url, report)

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

    def absolute(self, url: str) -> str:
        """The address resolved against the current document's."""
        return urljoin(self.page_url, url)

    def fetch_page(self, url: str, method: str = "POST", params: Mapping[str, str] | None = None) -> Steps[Page]:
        """Fetch the next document from the application, or the one at the fallback address if that fails. Raises
        ApplicationFailed if neither can be carried out."""
        target = self.absolute(url) if url else self.page_url
        try:
            return (yield from self._fetch_page(target, method, params))
        except ApplicationFailed as failure:
            if not self.fallback_url:
                raise
            found_out = {"ErrorCode": str(failure.code), "ErrorUrl": target}
            try:
                page = yield from self._fetch_page(self.fallback_url, "POST", found_out)
            except ApplicationFailed:
                raise failure from None
            self.report(failure.code, str(failure))
            return page

    def _fetch_page(self, target: str, method: str, params: Mapping[str, str] | None) -> Steps[Page]:
        answer = yield from self._await(self._webhooks.fetch(method, target, self.params() | dict(params or {})))
        self._emit_fetched(answer)
        if answer.status == NOT_REACHED:
            raise ApplicationFailed(RETRIEVAL_FAILURE, f"{method} {target}: {answer.failure}")
        if answer.status >= 400:
            raise ApplicationFailed(RETRIEVAL_FAILURE, f"{method} {target} answered {answer.status}")
        return self.read_page(target, answer.body, answer.content_type)

    def read_page(self, url: str, body: bytes, content_type: str = "text/xml") -> Page:
        """Parse a document and report its flaws. Raises ApplicationFailed if it is not one."""
        try:
            document = read_twiml(body, content_type)
        except TwimlError as error:
            raise ApplicationFailed(error.code, f"{url}: {error}") from error
        for warning in document.warnings:
            self.report(warning.code, f"{url}: {warning.message}")
        self.page_url = url
        return Page(url, document.verbs)

    def notify(self, url: str, params: Mapping[str, str], method: str = "POST") -> None:
        """Send the application a request without waiting for its answer."""
        self._background.append(self._webhooks.fetch(method, self.absolute(url), self.params() | dict(params)))

    def _await(self, answer: Future[Answer]) -> Steps[Answer]:
        self._fetching = answer
        try:
            while not answer.done():
                yield
        finally:
            self._fetching = None
        return answer.result()

    def _collect_background(self) -> None:
        for future in [future for future in self._background if future.done()]:
            self._background.remove(future)
            answer = future.result()
            self._emit_fetched(answer)
            if answer.status == NOT_REACHED or answer.status >= 400:
                what = answer.failure or f"answered {answer.status}"
                self.report(RETRIEVAL_FAILURE, f"{answer.method} {answer.url}: {what}")

    def _emit_fetched(self, answer: Answer) -> None:
        body = answer.body.decode("utf-8", "replace")
        event = Fetched(self.now_ms, answer.method, answer.url, answer.params, answer.status, answer.took_ms, body)
        self.emit(event)
