"""Somebody who picks up and does what is asked, by keys: for a demo in which the line rings its retailers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulator.call import SimulatedCall, Steps
from simulator.events import Event, Said

THINKS_MS = 800
"""How long somebody needs between a question and the key."""


class ObligingPerson:
    """Presses what `answers` has for what the line has just said: pairs of a pattern and the keys, the first that
    fits. What fits none is listened to."""

    def __init__(self, answers: Sequence[tuple[str, str]]) -> None:
        self._answers = [(re.compile(pattern), keys) for pattern, keys in answers]
        self._heard = ""

    def hear(self, event: Event) -> None:
        """Take notice of what the line says."""
        if isinstance(event, Said):
            self._heard += event.text

    def steps(self, call: SimulatedCall) -> Steps[None]:
        """Answer one question after the other, to the end of the call."""
        while not call.ended:
            if call.quiet and not call.speaking and self._heard:
                yield from call.wait_ms(THINKS_MS)
                found = next((keys for pattern, keys in self._answers if pattern.search(self._heard)), None)
                self._heard = ""
                if found is not None:
                    call.press(found)
            yield


class Operator:
    """Presses these keys, one whenever the line asks for one; then talks for a while with whoever is put through, and
    hangs up."""

    def __init__(self, keys: str = "1", talks_ms: int = 10_000) -> None:
        self._keys = keys
        self._talks_ms = talks_ms

    def hear(self, event: Event) -> None:
        """Nothing the line says makes a difference."""

    def steps(self, call: SimulatedCall) -> Steps[None]:
        """One call, from picking up on."""
        for key in self._keys:
            while not (call.ended or (call.wants_keys and not call.saying)):
                yield
            call.press(key)
            while call.wants_keys and not call.ended:
                yield
        while call.bridge is None and not call.ended:
            yield
        yield from call.wait_ms(0 if call.ended else self._talks_ms)
        call.hang_up()
