"""A flow: a table of steps, each with the targets of its outcomes. One with gaps raises ValueError when made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from callflows.replies import HangUp, Transfer
from callflows.steps.step import Step

Target = str | Transfer | HangUp
"""The name of the next step, or the end of the automatic call."""


@dataclass(frozen=True)
class FlowRow:
    """One step and the target of each of its outcomes."""

    step: Step[Any]
    then: Mapping[StrEnum, Target]


class Flow:
    """All steps of a call from the first on."""

    def __init__(self, first: str, rows: Iterable[FlowRow]) -> None:
        self.first = first
        self.rows = tuple(rows)
        self._rows = {row.step.name: row for row in self.rows}
        problems = list(self._problems())
        if problems:
            raise ValueError("The flow does not hold together: " + "; ".join(problems) + ".")

    def step(self, name: str) -> Step[Any]:
        """The step of that name; KeyError if there is none."""
        return self._rows[name].step

    def after(self, name: str, outcome: StrEnum) -> Target:
        """The target of an outcome of a step."""
        return self._rows[name].then[outcome]

    def _problems(self) -> Iterator[str]:
        if self.first not in self._rows:
            yield f"it begins with {self.first!r}, which is no step of it"
        if len(self._rows) < len(self.rows):
            yield "two steps have one name"
        for name, row in self._rows.items():
            for outcome in row.step.outcomes ^ set(row.then):
                yield f"{name} {'never ends in' if outcome in row.then else 'has no row for'} {outcome!r}"
            for target in row.then.values():
                if isinstance(target, str) and target not in self._rows:
                    yield f"{name} leads to {target!r}, which is no step of it"
