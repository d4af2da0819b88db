"""An operator at a simulated telephone."""

from __future__ import annotations

from simulator.events import Event
from simulator.live_call import LiveCall
from simulator.pace import Steps


class OperatorCallee:
    """An operator: presses these keys, one at each prompt that takes keys, talks for a while with the connected caller,
    and hangs up."""

    def __init__(self, keys: str = "1", talks_ms: int = 10_000) -> None:
        self._keys = keys
        self._talks_ms = talks_ms

    def hear(self, event: Event) -> None:
        """Ignore the event: this operator reacts to prompts for keys only."""

    def steps(self, call: LiveCall) -> Steps[None]:
        """Play one call, from its answer on."""
        for key in self._keys:
            while not (call.ended or (call.collecting_keys and not call.saying)):
                yield
            call.press(key)
            while call.collecting_keys and not call.ended:
                yield
        while call.bridge is None and not call.ended:
            yield
        yield from call.wait_ms(0 if call.ended else self._talks_ms)
        call.hang_up()
