"""A queue in which calls wait for an operator."""

from __future__ import annotations

import statistics
import threading

from simulator.bridge import AudioBridge, BridgedCall
from simulator.webhook_client import new_sid


class WaitingQueue:
    """Calls waiting for an operator, first in, first out; safe from any thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sid = new_sid("QU")
        self.waiting: list[BridgedCall] = []
        self.waits_ms: list[int] = []
        self.lock = threading.Lock()

    def join(self, call: BridgedCall) -> None:
        """Add the call at the end of the queue."""
        with self.lock:
            self.waiting.append(call)

    def leave(self, call: BridgedCall) -> None:
        """Remove the call from the queue, if it still waits there."""
        with self.lock:
            if call in self.waiting:
                self.waiting.remove(call)

    def connect(self, call: BridgedCall) -> AudioBridge | None:
        """Bridge this call with the first waiting one and return the bridge, or None if no call waits."""
        with self.lock:
            if not self.waiting:
                return None
            first = self.waiting.pop(0)
            call.bridge = first.bridge = AudioBridge(first, call)
            return call.bridge

    def average_wait_seconds(self) -> int:
        """The mean waiting time of the calls that left the queue, in whole seconds; 0 if none has left."""
        return round(statistics.mean(self.waits_ms) / 1000) if self.waits_ms else 0
