"""The base class of every step: a question, what may be heard after it, and the outcomes it can have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from callflows.replies import DEFAULT_SILENCE_MS, TransferReason
from callflows.turn_context import TurnContext
from speech.listening import Listen
from speech.utterance import Command, Utterance

Outcome = TypeVar("Outcome", bound=StrEnum)

# A caller who keys is looking something up, or typing.
KEYING_SILENCE_MS = 12_000


@dataclass(frozen=True, slots=True)
class NoMatch:
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
    reprompts: ClassVar[tuple[str, ...]] = ("short", "coach", "keys")
    transfer_reason: TransferReason = "stuck"
    # The answers that decide something here: a doubtful one is asked for again.
    decisive: ClassVar[frozenset[Command]] = frozenset()
    silence_ms: ClassVar[int] = DEFAULT_SILENCE_MS

    @abstractmethod
    def ask(self, turn: TurnContext) -> Outcome | None:
        """Say the question; return an outcome where there is nothing to ask."""

    @abstractmethod
    def listen(self, turn: TurnContext) -> Listen:
        """Return what may be heard after the question."""

    @abstractmethod
    def hear(self, turn: TurnContext, heard: Utterance) -> Outcome | NoMatch | None:
        """Take an answer that is neither silence nor nonsense nor one of the commands every step obeys."""

    def hear_out(self, turn: TurnContext) -> bool:
        """True if a yes counts only once all that is said has been heard."""
        return False

    def fill(self, turn: TurnContext) -> dict[str, str]:
        """The values for the placeholders in this step's reprompts."""
        return {}

    def give_up(self, turn: TurnContext, *, silent: bool) -> Outcome | None:
        """The outcome after the last reprompt, for a caller who was silent or was not understood; None is an
        operator."""
        return None

    def reprompt(self, turn: TurnContext, index: int) -> None:
        """Say one reprompt, counted from 0. A caller who has only keys always hears the key menu: nothing shorter would
        say what to press."""
        name = self.reprompts[index] if turn.state.speech_enabled else self.reprompts[-1]
        turn.say(f"{self.name}.{name}", **self.fill(turn))

    def wait_ms(self, turn: TurnContext) -> int:
        """The longest silence of the caller, in milliseconds."""
        return self.silence_ms if turn.state.speech_enabled else max(self.silence_ms, KEYING_SILENCE_MS)
