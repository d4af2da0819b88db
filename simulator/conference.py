"""A conference: calls that hear each other, and coaches whom one of them hears alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from simulator.bridge import BridgedCall


@dataclass(frozen=True, slots=True)
class Participant:
    """One call in a conference; `coaches` is the SID of the only call that hears it, empty if all do."""

    call: BridgedCall
    coaches: str
    starts: bool
    ends: bool


class Conference:
    """Calls that hear each other, each run by its own thread. It begins when one has joined that starts it, and is over
    when one has left that ends it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.over = False
        self._participants: list[Participant] = []
        self._lock = threading.Lock()

    @property
    def has_begun(self) -> bool:
        """True if the participants hear each other: there are two, and one of them has started it."""
        with self._lock:
            return len(self._participants) > 1 and any(one.starts for one in self._participants)

    def has(self, call_sid: str) -> bool:
        """True if this call takes part."""
        with self._lock:
            return any(one.call.sid == call_sid for one in self._participants)

    def join(self, participant: Participant) -> None:
        """Let a call take part."""
        with self._lock:
            self._participants.append(participant)

    def leave(self, call: BridgedCall) -> bool:
        """End a call's part; True if nobody is left."""
        with self._lock:
            gone = [one for one in self._participants if one.call is call]
            self._participants = [one for one in self._participants if one.call is not call]
            self.over = self.over or any(one.ends for one in gone)
            return not self._participants

    def end(self) -> None:
        """Nothing: that one call is no longer connected ends no conference by itself."""

    def hearers(self, call: BridgedCall) -> tuple[BridgedCall, ...]:
        """The calls that hear this one."""
        with self._lock:
            own = next((one for one in self._participants if one.call is call), None)
            if own is None or self.over:
                return ()
            others = [one.call for one in self._participants if one.call is not call]
            return tuple(one for one in others if own.coaches in ("", one.sid))

    def pass_on(self, call: BridgedCall, frame: bytes) -> None:
        """Play 20 ms of this call's sound to those who hear it."""
        for hearer in self.hearers(call):
            hearer.hear_partner(frame)
            if hearer.on_partner_audio is not None:
                hearer.on_partner_audio(frame)
