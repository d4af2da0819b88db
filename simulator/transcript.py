"""The printed transcript of a call: time, side and words, and how long the line took to reply."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulator.events import (
    CallerFinished,
    CallerSpoke,
    CallPlaced,
    Connected,
    DebuggerAlert,
    Dialled,
    Disconnected,
    Ended,
    Event,
    Fetched,
    KeyPressed,
    LeftQueue,
    PartnerSpoke,
    Queued,
    Recorded,
    Said,
    SpeakingStopped,
    StreamChanged,
    Updated,
    VerbBegan,
)


class Transcript:
    """Prints a call line by line. `verbose` adds the verbs carried out and the requests made.

    Times are call time; `+0.84 s` before the line's words is the wall-clock time since the caller had finished.
    """

    def __init__(self, write: Callable[[str], None], *, verbose: bool = False) -> None:
        self._write = write
        self._verbose = verbose
        self._keys: list[str] = []
        self._keys_at_ms = 0
        self._acted_at: float | None = None

    def hear(self, event: Event) -> None:
        """Print the event, if it has a line in the transcript."""
        if isinstance(event, KeyPressed):
            self._keys_at_ms = self._keys_at_ms if self._keys else event.at_ms
            self._keys.append(event.key if event.taken else f"({event.key})")
            self._acted_at = time.monotonic()
            return
        if isinstance(event, CallerFinished):
            self._acted_at = time.monotonic()
        text = self._text(event)
        if text:
            self._flush_keys()
            self._line(event.at_ms, text)

    def _flush_keys(self) -> None:
        if self._keys:
            keys, self._keys = self._keys, []
            self._line(self._keys_at_ms, f"caller  keys {''.join(keys)}")

    def _line(self, at_ms: int, text: str) -> None:
        self._write(f"{at_ms / 1000:7.2f} s  {text}")

    def _text(self, event: Event) -> str:
        match event:
            case CallPlaced():
                return f"caller  {event.caller} calls {event.called} ({event.call_sid})"
            case Said():
                return f"line    {self._latency()}{event.text}"
            case SpeakingStopped(cut_short=True):
                return f"line    … breaks off after «{event.heard}»"
            case CallerSpoke():
                return f"caller  says «{event.words or 'a recording'}» ({event.duration_ms / 1000:.1f} s)"
            case Queued():
                return f"line    puts the caller into the queue {event.queue}"
            case LeftQueue():
                return f"line    the caller leaves the queue {event.queue}: {event.result}"
            case Dialled():
                return f"line    calls {event.number}: {event.outcome}"
            case Connected():
                return "line    connects the caller with an operator"
            case Disconnected():
                return "line    the operator has left"
            case PartnerSpoke():
                return f"operator says «{event.words}»"
            case DebuggerAlert():
                return f"ERROR   {event.code}: {event.message}"
            case Ended():
                who = {
                    "line": "the line hangs up",
                    "caller": "the caller hangs up",
                    "failure": "the application failed",
                }
                return f"end     {who[event.by]} ({event.status})"
            case StreamChanged() if self._verbose or event.state == "failed":
                return f"stream  {event.state} {event.detail}".rstrip()
            case VerbBegan() if self._verbose:
                attributes = "".join(f' {name}="{value}"' for name, value in event.attributes.items())
                return f"  twiml <{event.name}{attributes}>"
            case Fetched() if self._verbose:
                return f"  http  {event.method} {event.url} → {event.status or 'no answer'} in {event.took_ms} ms"
            case Updated() if self._verbose:
                return f"  rest  the call receives {event.what}"
            case Recorded() if self._verbose:
                return f"  rest  stores recording {event.recording_sid} ({event.duration_ms / 1000:.1f} s)"
        return ""

    def _latency(self) -> str:
        if self._acted_at is None:
            return ""
        latency = time.monotonic() - self._acted_at
        self._acted_at = None
        return f"[+{latency:.2f} s] "
