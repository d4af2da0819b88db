"""The state of one simulated Twilio account: its calls, recordings, queues and the parties that answer its calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from simulator.bridge import BridgedCall
from simulator.carrier_habits import CarrierHabits
from simulator.conference import Conference, Participant
from simulator.events import Listener
from simulator.live_call import Callee, LiveCall
from simulator.pace import REAL_TIME, Pace
from simulator.waiting_queue import WaitingQueue
from simulator.webhook_client import new_sid

DEMO_ACCOUNT_SID = "ACde300000000000000000000000000000"
DEMO_AUTH_TOKEN = "demo-auth-token"

Outcome = Literal["answered", "no-answer", "busy", "failed", "machine"]
Verdict = Literal["human", "machine", "unknown"]

CALL_EVERY_S = 1.0
"""Calls asked for by the REST interface are placed one a second; the others wait, queued.
https://www.twilio.com/docs/api/errors/22005"""


@dataclass(frozen=True, slots=True)
class CalledParty:
    """The behaviour of a number that is called: it rings for `after_ms`, then talks for `talks_ms` if it answers. In a
    call placed through the REST interface `make_callee` makes the person who answers; without it the party only
    listens. `verdict` is what is detected of who answered, if it is not the truth, `verdict_after_ms` when, if it is
    not the usual time."""

    outcome: Outcome = "no-answer"
    after_ms: int = 3_000
    talks_ms: int = 10_000
    make_callee: Callable[[], Callee] | None = None
    verdict: Verdict | None = None
    verdict_after_ms: int | None = None

    @property
    def picks_up(self) -> bool:
        """True if the ringing ends with an answer, by a person or a machine."""
        return self.outcome in ("answered", "machine")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording; it can be fetched from `ready_at` (monotonic seconds) on, unless it is `absent`: a silent one is not
    stored. https://www.twilio.com/docs/api/errors/16102"""

    sid: str
    call_sid: str
    mulaw: bytes
    created_at: datetime
    ready_at: float
    absent: bool = False

    @property
    def is_ready(self) -> bool:
        """True if it can be fetched."""
        return not self.absent and self.ready_at <= time.monotonic()

    @property
    def status(self) -> str:
        """The status that the REST interface gives it."""
        if self.ready_at > time.monotonic():
            return "processing"
        return "absent" if self.absent else "completed"


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A telephone number of the account, as it is set up: the webhooks for calls and for their status."""

    number: str
    voice_url: str
    status_url: str
    method: str = "POST"


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
        self.answerers: dict[str, Callable[[LiveCall], Listener]] = {}
        # The pace of the calls the application places.
        self.pace: Pace = REAL_TIME
        self.habits = CarrierHabits()
        self._refused = 0
        self._next_call_at = 0.0
        self.calls: dict[str, LiveCall] = {}
        self.recordings: dict[str, Recording] = {}
        self.numbers: list[OwnedNumber] = []
        self._queues: dict[str, WaitingQueue] = {}
        self._conferences: dict[str, Conference] = {}
        self._lock = threading.Lock()

    def refuses_request(self) -> bool:
        """True if this request of the REST interface is one too many."""
        with self._lock:
            self._refused += self._refused < self.habits.requests_refused + 1
            return self._refused <= self.habits.requests_refused

    def queue_time_ms(self) -> int:
        """The time that a call asked for now waits until it is placed, in milliseconds."""
        with self._lock:
            now = time.monotonic()
            placed_at = max(now, self._next_call_at)
            self._next_call_at = placed_at + CALL_EVERY_S
            return round((placed_at - now) * 1000)

    def store_recording(self, call_sid: str, mulaw: bytes, *, silent: bool = False) -> Recording:
        """Store a recording, which can be fetched from the REST interface after a while; a silent one is absent."""
        ready_at = time.monotonic() + self.habits.recordings_ready_after_ms / 1000
        absent = silent or self.habits.recordings_silent
        recording = Recording(new_sid("RE"), call_sid, mulaw, datetime.now(UTC), ready_at, absent)
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

    def join_queue(self, name: str, call: BridgedCall) -> WaitingQueue:
        """Add the call to the queue of that name, which cannot be deleted meanwhile."""
        with self._lock:
            queue = self._queues.setdefault(name, WaitingQueue(name))
            queue.join(call)
            return queue

    def join_conference(self, name: str, participant: Participant) -> Conference:
        """Add the call to the conference of that name, which is a new one if there is none, or it is over."""
        with self._lock:
            found = self._conferences.get(name)
            if found is None or found.over:
                found = self._conferences[name] = Conference(name)
            found.join(participant)
            return found

    def conference(self, name: str) -> Conference | None:
        """The conference of that name that is going on, or None."""
        with self._lock:
            found = self._conferences.get(name)
            return None if found is None or found.over else found

    def leave_conference(self, conference: Conference, call: BridgedCall) -> None:
        """End the call's part in the conference; it is gone with the last one."""
        with self._lock:
            if conference.leave(call) and self._conferences.get(conference.name) is conference:
                del self._conferences[conference.name]

    def queue(self, name: str) -> WaitingQueue | None:
        """The queue of that name, or None: a call that waits makes it, a call that dials it does not."""
        with self._lock:
            return self._queues.get(name)
