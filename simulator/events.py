"""The events of a call, as they happen: the transcript, the caller scripts and the web phone all listen to these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at_ms` milliseconds of call time after the call was placed."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallPlaced(Event):
    """The call was placed."""

    call_sid: str
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Said(Event):
    """The line begins to say something that takes `duration_ms`. `text` is empty if it is sound without words."""

    text: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class SpeakingStopped(Event):
    """The line stopped speaking: the caller heard `heard` of its prompt, all of it unless `cut_short`."""

    heard: str
    cut_short: bool


@dataclass(frozen=True, slots=True)
class CallerSpoke(Event):
    """The caller begins to speak for `duration_ms`; `words` is the text for the transcript."""

    words: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CallerFinished(Event):
    """The last of the caller's speech has been sent."""


@dataclass(frozen=True, slots=True)
class KeyPressed(Event):
    """The caller pressed a key; `taken` is False if the line was not listening for keys."""

    key: str
    taken: bool


@dataclass(frozen=True, slots=True)
class VerbBegan(Event):
    """The line began to carry out one verb of its instructions."""

    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fetched(Event):
    """A request was made to the application; `status` is 0 if it could not be reached."""

    method: str
    url: str
    params: Mapping[str, str]
    status: int
    took_ms: int
    body: str


@dataclass(frozen=True, slots=True)
class StreamChanged(Event):
    """A media stream started, stopped or failed."""

    state: Literal["started", "stopped", "failed"]
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Recorded(Event):
    """The line stored a recording of the caller."""

    recording_sid: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Updated(Event):
    """The application changed the call through the REST interface."""

    what: str


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """The call was put into a queue to wait for an operator."""

    queue: str


@dataclass(frozen=True, slots=True)
class LeftQueue(Event):
    """The call left its queue."""

    queue: str
    result: str


@dataclass(frozen=True, slots=True)
class Dialled(Event):
    """Another party was called; `outcome` is a Twilio DialCallStatus."""

    number: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Registered(Event):
    """This telephone can be called from now on."""


@dataclass(frozen=True, slots=True)
class Incoming(Event):
    """The application calls this telephone: it may be answered or declined."""

    call_sid: str
    caller: str


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """The call and another one, `call_sid`, hear each other."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """The two calls are no longer connected."""


@dataclass(frozen=True, slots=True)
class PartnerSpoke(Event):
    """The other side of a bridge says something; `words` is the text for the transcript."""

    words: str


@dataclass(frozen=True, slots=True)
class DebuggerAlert(Event):
    """The application's answer broke a rule: Twilio would show this in its debugger under `code`."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The call is over; `by` is the side that ended it, `status` is the final CallStatus."""

    by: Literal["line", "caller", "failure"]
    status: str = "completed"


Listener = Callable[[Event], None]
"""Called for each event, in order, from the thread that runs the call."""
