"""Operators dialled without the database: where it cannot be read or written, a caller still reaches a person.

The fixed numbers of the settings are dialled from the caller's own call, one after another, until somebody takes it by
pressing a key. All that has to be known stands in the addresses the carrier reports to, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

import structlog

from callflows.prompts import Prompts, load_prompts
from ivr.instructions import DialNumber, EndCall, EnterQueue, Instruction, Nothing, WhisperDirectly
from ivr.operators.callback_calls import YES_KEY

log = structlog.get_logger(__name__)


class DirectDial:
    """The fixed numbers of operators, for callers the database cannot serve."""

    def __init__(self, numbers: Collection[str]) -> None:
        self._numbers = tuple(numbers)
        prompts: Prompts = load_prompts()
        self._failure_operator = prompts.text("line.failure_operator")
        self._failure_later = prompts.text("line.failure_later")
        self._nobody = prompts.text("line.no_operator_free")
        self._please_wait = prompts.text("line.please_wait")
        self._thanks = prompts.text("goodbye.thanks")
        self._whisper = (prompts.text("operator.without_system"), prompts.text("operator.accept"))

    def connect(self, call_key: str) -> Instruction:
        """Connect a caller who can be neither served nor queued. Without fixed numbers, ask for a call later."""
        if not self._numbers:
            log.error("a caller reaches nobody: OPERATOR_NUMBERS is not set", call=call_key)
            return EndCall((self._failure_later,))
        log.warning("a caller is connected to an operator without the database", call=call_key)
        return self._dial(call_key, 0, (self._failure_operator,))

    def wait_or_connect(self, call_key: str) -> Instruction:
        """Connect the caller; without fixed numbers let them wait in the queue for a while, as the database may be back
        in a moment."""
        return self.connect(call_key) if self._numbers else EnterQueue(call_key, (self._please_wait,))

    def over(self, call_key: str, tried: int, *, talked: bool) -> Instruction:
        """The operator has hung up, or, unless they `talked`, has not taken the call: the next one is dialled."""
        if talked:
            return EndCall((self._thanks,))
        return self._dial(call_key, tried, (self._please_wait,))

    def answered(self) -> Instruction:
        """The operator has answered, or their machine has."""
        return WhisperDirectly(2 * self._whisper)

    def key_pressed(self, key: str) -> Instruction:
        """The operator pressed a key after the whisper: the two are connected if it is a yes."""
        return Nothing() if key == YES_KEY else EndCall()

    def _dial(self, call_key: str, tried: int, sentences: tuple[str, ...]) -> Instruction:
        if tried >= len(self._numbers):
            return EndCall((self._nobody,))
        # Callers begin at different numbers, so that not all of them ring the same telephone.
        number = self._numbers[(crc32(call_key.encode()) + tried) % len(self._numbers)]
        return DialNumber(sentences, number, tried + 1)
