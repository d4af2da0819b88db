"""The state of one simulated Twilio account: its calls, recordings, queues and the parties that answer its calls."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from simulator.bridge import Bridge
from simulator.pace import REAL_TIME, Pace
from simulator.webhook_client import new_sid

if TYPE_CHECKING:
    from simulator.call import SimulatedCall, Steps
    from simulator.events import Event, Listener

DEMO_ACCOUNT_SID = "ACde300000000000000000000000000000"
DEMO_AUTH_TOKEN = "demo-auth-token"

Outcome = Literal["answered", "no-answer", "busy", "failed", "machine"]


class Callee(Protocol):
    """The person at the telephone in one call: hears the call's events, and acts once every 20 ms of call time."""

    def hear(self, event: Event) -> None: ...
    def steps(self, call: SimulatedCall) -> Steps[None]: ...


@dataclass(frozen=True, slots=True)
class CalledParty:
    """The behaviour of a number that is called: it rings for `after_ms`, then talks for `talks_ms` if it answers. In a
    call placed through the REST interface `who` makes the person who answers; without it the party only listens."""

    outcome: Outcome = "no-answer"
    after_ms: int = 3_000
    talks_ms: int = 10_000
    make_callee: Callable[[], Callee] | None = None

    @property
    def picks_up(self) -> bool:
        """True if the ringing ends with an answer, by a person or a machine."""
        return self.outcome in ("answered", "machine")


@dataclass(frozen=True, slots=True)
class Recording:
    """A stored recording; it can be fetched from `ready_at` (monotonic seconds) on."""

    sid: str
    call_sid: str
    mulaw: bytes
    created_at: datetime
    ready_at: float


@dataclass(slots=True)
class WaitingQueue:
    """Calls waiting for an operator, first in, first out."""

    name: str
    sid: str = field(default_factory=lambda: new_sid("QU"))
    waiting: list[SimulatedCall] = field(default_factory=list)
    waits_ms: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, call: SimulatedCall) -> None:
        """Add the call at the end of the queue."""
        with self.lock:
            self.waiting.append(call)

    def leave(self, call: SimulatedCall) -> None:
        """Remove the call from the queue, if it still waits there."""
        with self.lock:
            if call in self.waiting:
                self.waiting.remove(call)

    def connect(self, call: SimulatedCall) -> Bridge | None:
        """Bridge this call with the first waiting one and return the bridge, or None if no call waits."""
        with self.lock:
            if not self.waiting:
                return None
            first = self.waiting.pop(0)
            call.bridge = first.bridge = Bridge(first, call)
            return call.bridge

    def average_wait_seconds(self) -> int:
        """The mean waiting time of the calls that left the queue, in whole seconds; 0 if none has left."""
        return round(statistics.mean(self.waits_ms) / 1000) if self.waits_ms else 0


class Account:
    """One simulated account, shared by its calls and the REST interface; safe from any thread.

    `api_base` is the address of the REST interface: recording addresses begin with it.
    """

    def __init__(
        self,
        api_base: str,
        sid: str = DEMO_ACCOUNT_SID,
        auth_token: str = DEMO_AUTH_TOKEN,
        parties: Mapping[str, CalledParty] | None = None,
    ) -> None:
        self.api_base = api_base
        self.sid = sid
        self.auth_token = auth_token
        self.parties = dict(parties or {})
        # Live answerers by number or "client:NAME": each takes the ringing call and returns a listener for its events.
        self.answerers: dict[str, Callable[[SimulatedCall], Listener]] = {}
        # The pace of the calls the application places.
        self.pace: Pace = REAL_TIME
        self.calls: dict[str, SimulatedCall] = {}
        self.recordings: dict[str, Recording] = {}
        self._queues: dict[str, WaitingQueue] = {}
        self._lock = threading.Lock()

    def store_recording(self, call_sid: str, mulaw: bytes, ready_at: float) -> Recording:
        """Store a recording; it can be fetched from the REST interface from `ready_at` (monotonic seconds) on."""
        recording = Recording(new_sid("RE"), call_sid, mulaw, datetime.now(UTC), ready_at)
        self.recordings[recording.sid] = recording
        return recording

    def recording_url(self, sid: str) -> str:
        """The address of a recording, without a file extension, as Twilio gives it."""
        return f"{self.api_base}/2010-04-01/Accounts/{self.sid}/Recordings/{sid}"

    def queue_by_sid(self, sid: str) -> WaitingQueue | None:
        """The queue with this SID, or None."""
        with self._lock:
            return next((queue for queue in self._queues.values() if queue.sid == sid), None)

    def delete_queue(self, queue: WaitingQueue) -> bool:
        """Delete the queue; False if a call waits in it."""
        with self._lock, queue.lock:
            if queue.waiting:
                return False
            self._queues.pop(queue.name, None)
            return True

    def join_queue(self, name: str, call: SimulatedCall) -> WaitingQueue:
        """Add the call to the queue of that name, which cannot be deleted meanwhile."""
        with self._lock:
            queue = self._queues.setdefault(name, WaitingQueue(name))
            queue.join(call)
            return queue

    def queue(self, name: str) -> WaitingQueue:
        """The queue of that name, created on first use."""
        with self._lock:
            return self._queues.setdefault(name, WaitingQueue(name))
