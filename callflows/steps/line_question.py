"""The base class of the questions that lines leave open."""

from __future__ import annotations

from abc import abstractmethod

from callflows.state import Goto
from callflows.steps.step import Step
from callflows.turn_context import TurnContext


class LineQuestion(Step[Goto]):
    """A question about the oldest open line. Where it stays open because something else was said, it is asked in other
    words than in the reply before: in full and in short by turns."""

    outcomes = frozenset(Goto)

    def ask(self, turn: TurnContext) -> Goto | None:
        state = turn.state
        [question, *_] = state.open_questions
        in_short = state.asked == question and not state.asked_in_short
        state.asked, state.asked_in_short = question, in_short
        if in_short:
            self.ask_in_short(turn)
        else:
            self.ask_in_full(turn)
        return None

    @abstractmethod
    def ask_in_full(self, turn: TurnContext) -> None:
        """Say the question with all it is about."""

    def ask_in_short(self, turn: TurnContext) -> None:
        """Say the question once more, in other words."""
        self.reprompt(turn, 0)
