"""What happens in a call, as it happens: the transcript, the caller scripts and the web phone all listen to these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at_ms` milliseconds of call time after the caller rang."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Rang(Event):
    """The call was placed."""

    call_sid: str
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Said(Event):
    """The line begins to say something that takes `lasts_ms`. `text` is empty where it is sound without words."""

    text: str
    lasts_ms: int


@dataclass(frozen=True, slots=True)
class SayingStopped(Event):
    """The line stopped speaking: `heard` of what it was saying reached the caller, all of it unless `cut_short`."""

    heard: str
    cut_short: bool


@dataclass(frozen=True, slots=True)
class CallerSpoke(Event):
    """The caller begins to speak for `lasts_ms`; `words` is what a reader should know of it."""

    words: str
    lasts_ms: int


@dataclass(frozen=True, slots=True)
class CallerFinished(Event):
    """The last of what the caller was saying has been sent."""


@dataclass(frozen=True, slots=True)
class KeyPressed(Event):
    """The caller pressed a key; `taken` is False where nothing on the line was listening for keys."""

    key: str
    taken: bool


@dataclass(frozen=True, slots=True)
class VerbBegan(Event):
    """The line began to carry out one verb of its instructions."""

    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fetched(Event):
    """A request was made to the application; `status` is 0 where it could not be reached."""

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
    """The line kept a recording of the caller."""

    recording_sid: str
    lasts_ms: int


@dataclass(frozen=True, slots=True)
class Updated(Event):
    """The application changed the call through the REST interface."""

    what: str


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """The call was put into a queue to wait for a person."""

    queue: str


@dataclass(frozen=True, slots=True)
class LeftQueue(Event):
    """The call left its queue."""

    queue: str
    result: str


@dataclass(frozen=True, slots=True)
class Dialled(Event):
    """Another party was rung; `outcome` is a Twilio DialCallStatus."""

    number: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Incoming(Event):
    """The application rings this telephone: it may be answered or declined."""

    call_sid: str
    caller: str


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """The call and another one, `call_sid`, hear each other."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """They do no longer."""


@dataclass(frozen=True, slots=True)
class OtherSpoke(Event):
    """Who is on the other side of a bridge says something; `words` is what a reader should know of it."""

    words: str


@dataclass(frozen=True, slots=True)
class Problem(Event):
    """Twilio would put this into its debugger under `code`: the application answered something it must not."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The call is over; `by` says who ended it, `status` is the final CallStatus."""

    by: Literal["line", "caller", "failure"]
    status: str = field(default="completed")


Listener = Callable[[Event], None]
"""Called for each event in the order they happen, from the thread that drives the call."""
