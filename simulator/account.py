"""What the stand-in keeps for one Twilio account: its calls, recordings and queues, and who answers when rung."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from simulator.bridge import Bridge
from simulator.pace import REAL_TIME, Pace
from simulator.webhooks import new_sid

if TYPE_CHECKING:
    from simulator.call import SimulatedCall, Steps
    from simulator.events import Event, Listener

DEMO_ACCOUNT_SID = "ACde300000000000000000000000000000"
DEMO_AUTH_TOKEN = "demo-auth-token"

Outcome = Literal["answered", "no-answer", "busy", "failed", "machine"]


class Person(Protocol):
    """Somebody at a telephone in one call: hears what happens, and does something 20 ms of call time at a time."""

    def hear(self, event: Event) -> None: ...
    def steps(self, call: SimulatedCall) -> Steps[None]: ...


@dataclass(frozen=True, slots=True)
class Party:
    """How a number behaves when it is rung: `after_ms` of ringing, then `talks_ms` of talk where it answers. Where
    the application rings it by the REST interface, `who` picks up; nobody in particular only listens."""

    outcome: Outcome = "no-answer"
    after_ms: int = 3_000
    talks_ms: int = 10_000
    who: Callable[[], Person] | None = None

    @property
    def picks_up(self) -> bool:
        """Whether the ringing ends with somebody, or something, there."""
        return self.outcome in ("answered", "machine")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it is kept; `ready_at` is the moment it can be fetched."""

    sid: str
    call_sid: str
    mulaw: bytes
    made: datetime
    ready_at: float


@dataclass(slots=True)
class WaitingQueue:
    """Calls waiting for a person, first come first."""

    name: str
    sid: str = field(default_factory=lambda: new_sid("QU"))
    waiting: list[SimulatedCall] = field(default_factory=list)
    waits_ms: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, call: SimulatedCall) -> None:
        """Wait behind those who wait already."""
        with self.lock:
            self.waiting.append(call)

    def leave(self, call: SimulatedCall) -> None:
        """Wait no longer, if the call still does."""
        with self.lock:
            if call in self.waiting:
                self.waiting.remove(call)

    def connect(self, call: SimulatedCall) -> Bridge | None:
        """Connect this call with the first who waits; None where nobody does."""
        with self.lock:
            if not self.waiting:
                return None
            first = self.waiting.pop(0)
            call.bridge = first.bridge = Bridge(first, call)
            return call.bridge

    def average_wait_seconds(self) -> int:
        """How long those who left the queue had waited."""
        return round(statistics.mean(self.waits_ms) / 1000) if self.waits_ms else 0


class Account:
    """One account of the stand-in, shared by its calls and by the REST interface; safe from any thread.

    `api_base` is where the REST interface is reached: recording addresses begin with it.
    """

    def __init__(
        self,
        api_base: str,
        sid: str = DEMO_ACCOUNT_SID,
        auth_token: str = DEMO_AUTH_TOKEN,
        parties: Mapping[str, Party] | None = None,
    ) -> None:
        self.api_base = api_base
        self.sid = sid
        self.auth_token = auth_token
        self.parties = dict(parties or {})
        # Who is really there, where a number or "client:NAME" is rung: gets the call, and gives its listener.
        self.answerers: dict[str, Callable[[SimulatedCall], Listener]] = {}
        # How fast the calls run that the application places.
        self.pace: Pace = REAL_TIME
        self.calls: dict[str, SimulatedCall] = {}
        self.recordings: dict[str, Recording] = {}
        self._queues: dict[str, WaitingQueue] = {}
        self._lock = threading.Lock()

    def keep_recording(self, call_sid: str, mulaw: bytes, ready_at: float) -> Recording:
        """File a recording; it can be fetched from the REST interface once `ready_at` (monotonic seconds) has come."""
        recording = Recording(new_sid("RE"), call_sid, mulaw, datetime.now(UTC), ready_at)
        self.recordings[recording.sid] = recording
        return recording

    def recording_url(self, sid: str) -> str:
        """Where a recording is fetched; Twilio gives it without an ending."""
        return f"{self.api_base}/2010-04-01/Accounts/{self.sid}/Recordings/{sid}"

    def queue_of_sid(self, sid: str) -> WaitingQueue | None:
        """The queue of that id."""
        with self._lock:
            return next((queue for queue in self._queues.values() if queue.sid == sid), None)

    def delete_queue(self, queue: WaitingQueue) -> bool:
        """Do away with a queue; False where somebody waits in it."""
        with self._lock, queue.lock:
            if queue.waiting:
                return False
            self._queues.pop(queue.name, None)
            return True

    def join_queue(self, name: str, call: SimulatedCall) -> WaitingQueue:
        """Let the call wait in the queue of that name, which is not done away with meanwhile."""
        with self._lock:
            queue = self._queues.setdefault(name, WaitingQueue(name))
            queue.join(call)
            return queue

    def queue(self, name: str) -> WaitingQueue:
        """The queue of that name, made when first asked for."""
        with self._lock:
            return self._queues.setdefault(name, WaitingQueue(name))
