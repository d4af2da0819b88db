"""Two calls that hear each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.events import Connected, Disconnected

if TYPE_CHECKING:
    from simulator.call import SimulatedCall, Steps


class Bridge:
    """Between two calls, each led by a thread of its own, until one of them leaves it."""

    def __init__(self, first: SimulatedCall, second: SimulatedCall) -> None:
        self._sides = (first, second)
        self.over = False

    def other(self, call: SimulatedCall) -> SimulatedCall:
        """Whom this call talks with."""
        return self._sides[call is self._sides[0]]

    def pass_on(self, call: SimulatedCall, frame: bytes) -> None:
        """Let the other side hear 20 ms of this one."""
        if not self.over and (overhears := self.other(call).overhears) is not None:
            overhears(frame)

    def end(self) -> None:
        """Part the two."""
        self.over = True


def talk(call: SimulatedCall, bridge: Bridge, most_ms: int) -> Steps[int]:
    """Talk until one side leaves, or for `most_ms`; how long it was, in milliseconds."""
    began = call.now_ms
    call.tell(Connected(began, bridge.other(call).sid))
    try:
        while not bridge.over and call.now_ms - began < most_ms:
            yield
    finally:
        bridge.end()
        call.bridge = None
        call.tell(Disconnected(call.now_ms))
    return call.now_ms - began
