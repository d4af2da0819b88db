"""Called parties who answer and press keys, for a demo in which the line calls its retailers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulator.events import Event, Said
from simulator.live_call import LiveCall
from simulator.pace import Steps

RESPONSE_DELAY_MS = 800
"""Milliseconds between the end of a question and the key."""


class ScriptedCallee:
    """Answers what the line says by keys: `answers` are pairs of a pattern and its keys, the first match counts.
    Without a match no key is pressed."""

    def __init__(self, answers: Sequence[tuple[str, str]]) -> None:
        self._answers = [(re.compile(pattern), keys) for pattern, keys in answers]
        self._heard = ""

    def hear(self, event: Event) -> None:
        """Remember what the line says."""
        if isinstance(event, Said):
            self._heard += event.text

    def steps(self, call: LiveCall) -> Steps[None]:
        """Answer one question after the other, to the end of the call."""
        while not call.ended:
            if call.awaits_caller and not call.speaking and self._heard:
                yield from call.wait_ms(RESPONSE_DELAY_MS)
                found = next((keys for pattern, keys in self._answers if pattern.search(self._heard)), None)
                self._heard = ""
                if found is not None:
                    call.press(found)
            yield
