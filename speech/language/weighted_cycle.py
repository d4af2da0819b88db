"""A deterministic weighted cycle: each option is chosen in proportion to its weight, evenly spread."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from heapq import heapify, heapreplace

Choose = Callable[[Hashable, Sequence[float]], int]
"""Chooses one of several options by their weights for a named decision; returns the option's index."""


class WeightedCycle:
    """A weighted cycle for each decision; the same sequence of calls always gives the same choices."""

    def __init__(self) -> None:
        self._due: dict[Hashable, list[tuple[float, int]]] = {}

    def choose(self, where: Hashable, weights: Sequence[float]) -> int:
        """The index of the next option of the decision `where`; its weights must be the same each time."""
        due = self._due.get(where)
        if due is None:
            due = self._due[where] = [(0.5 / weight, option) for option, weight in enumerate(weights)]
            heapify(due)
        when, option = due[0]
        heapreplace(due, (when + 1.0 / weights[option], option))
        return option


def falling_weights(count: int) -> tuple[float, ...]:
    """Weights that fall as 1/rank, the first option being the most usual; a third of the total is shared equally."""
    total = sum(1 / place for place in range(1, count + 1))
    return tuple(2 / 3 / place / total + 1 / 3 / count for place in range(1, count + 1))
