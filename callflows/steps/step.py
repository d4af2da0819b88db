"""The base class of every step: a question, what may be heard after it, and the outcomes it can have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from callflows.replies import TransferReason
from callflows.turn_context import Turn
from speech.listening import Listen
from speech.utterance import Utterance

Outcome = TypeVar("Outcome", bound=StrEnum)

DEFAULT_SILENCE_MS = 6_000
# A caller who keys is looking something up, or typing.
KEYING_SILENCE_MS = 12_000


@dataclass(frozen=True, slots=True)
class Missed:
    """The step could make nothing of what it heard, as if it had been nonsense. `explained` means that the step has
    already said why, so that the line need not apologise for not hearing."""

    explained: bool = False


class Step(ABC, Generic[Outcome]):
    """One step of a call.

    `ask` says its question, or ends the step at once with an outcome. `hear` takes an answer: an outcome ends the
    step, None asks again, no match leads to the next reprompt. A step keeps no data: all is in the call's state.
    """

    name: ClassVar[str]
    outcomes: ClassVar[frozenset[StrEnum]]
    # The reprompts for a caller who stays silent or is not understood, one a turn; after the last, an operator.
    rungs: ClassVar[tuple[str, ...]] = ("short", "coach", "keys")
    stuck: TransferReason = "stuck"
    silence_ms: ClassVar[int] = DEFAULT_SILENCE_MS

    @abstractmethod
    def ask(self, turn: Turn) -> Outcome | None:
        """Say the question; return an outcome where there is nothing to ask."""

    @abstractmethod
    def listen(self, turn: Turn) -> Listen:
        """Return what may be heard after the question."""

    @abstractmethod
    def hear(self, turn: Turn, heard: Utterance) -> Outcome | Missed | None:
        """Take an answer that is neither silence nor nonsense nor one of the commands every step obeys."""

    def hear_out(self, turn: Turn) -> bool:
        """True if a yes counts only once all that is said has been heard."""
        return False

    def fill(self, turn: Turn) -> dict[str, str]:
        """The values for the placeholders in this step's reprompts."""
        return {}

    def give_up(self, turn: Turn) -> Outcome | None:
        """The outcome after the last reprompt; None is an operator."""
        return None

    def climb(self, turn: Turn, rung: int) -> None:
        """Say one reprompt, counted from 0. A caller who has only keys always hears the key menu: nothing shorter would
        say what to press."""
        name = self.rungs[rung] if turn.state.ear else self.rungs[-1]
        turn.say(f"{self.name}.{name}", **self.fill(turn))

    def wait_ms(self, turn: Turn) -> int:
        """The longest silence of the caller, in milliseconds."""
        return self.silence_ms if turn.state.ear else max(self.silence_ms, KEYING_SILENCE_MS)
