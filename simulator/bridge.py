"""A bridge: two calls that hear each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.events import Connected, Disconnected

if TYPE_CHECKING:
    from simulator.call import SimulatedCall, Steps


class Bridge:
    """Connects two calls, each run by its own thread, until one of them leaves."""

    def __init__(self, first: SimulatedCall, second: SimulatedCall) -> None:
        self._sides = (first, second)
        self.over = False

    def other(self, call: SimulatedCall) -> SimulatedCall:
        """The call on the other side."""
        return self._sides[call is self._sides[0]]

    def pass_on(self, call: SimulatedCall, frame: bytes) -> None:
        """Play 20 ms of this call's sound to the other side."""
        if not self.over and (overhears := self.other(call).on_partner_audio) is not None:
            overhears(frame)

    def end(self) -> None:
        """Disconnect the two calls."""
        self.over = True


def talk(call: SimulatedCall, bridge: Bridge, most_ms: int) -> Steps[int]:
    """Stay connected until one side leaves, at most for `most_ms`; returns the milliseconds of talk."""
    began = call.now_ms
    call.emit(Connected(began, bridge.other(call).sid))
    try:
        while not bridge.over and call.now_ms - began < most_ms:
            yield
    finally:
        bridge.end()
        call.bridge = None
        call.emit(Disconnected(call.now_ms))
    return call.now_ms - began
