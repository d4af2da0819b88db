"""A bridge: two calls that hear each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.events import Connected, Disconnected, Event
from simulator.pace import Steps


class BridgedCall(Protocol):
    """A call as its bridge uses it. `on_partner_audio` receives the sound of the other side, 20 ms at a time; None if
    nobody listens."""

    sid: str
    now_ms: int
    bridge: Connection | None
    on_partner_audio: Callable[[bytes], None] | None

    def emit(self, event: Event) -> None: ...
    def emit_from_thread(self, event: Event) -> None: ...
    def hear_partner(self, frame: bytes) -> None: ...


class Connection(Protocol):
    """Calls that are connected: each is heard by some of the others."""

    over: bool

    def hearers(self, call: BridgedCall) -> tuple[BridgedCall, ...]: ...
    def pass_on(self, call: BridgedCall, frame: bytes) -> None: ...
    def end(self) -> None: ...


class AudioBridge:
    """Connects two calls, each run by its own thread, until one of them leaves."""

    def __init__(self, first: BridgedCall, second: BridgedCall) -> None:
        self._sides = (first, second)
        self.over = False

    def other(self, call: BridgedCall) -> BridgedCall:
        """The call on the other side."""
        return self._sides[call is self._sides[0]]

    def hearers(self, call: BridgedCall) -> tuple[BridgedCall, ...]:
        """The call on the other side."""
        return () if self.over else (self.other(call),)

    def pass_on(self, call: BridgedCall, frame: bytes) -> None:
        """Play 20 ms of this call's sound to the other side."""
        if self.over:
            return
        self.other(call).hear_partner(frame)
        if (play := self.other(call).on_partner_audio) is not None:
            play(frame)

    def end(self) -> None:
        """Disconnect the two calls."""
        self.over = True


def talk(call: BridgedCall, bridge: Connection, most_ms: int) -> Steps[int]:
    """Stay connected until it is over, at most for `most_ms`; returns the milliseconds of talk."""
    began = call.now_ms
    call.emit(Connected(began, ",".join(other.sid for other in bridge.hearers(call))))
    try:
        while not bridge.over and call.now_ms - began < most_ms:
            yield
    finally:
        bridge.end()
        call.bridge = None
        call.emit(Disconnected(call.now_ms))
    return call.now_ms - began
