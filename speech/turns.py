"""Choosing without luck: where a share of cases has to go one way, that share does, evenly spread."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from heapq import heapify, heapreplace

Choose = Callable[[Hashable, Sequence[float]], int]
"""Chooses one of several options by their weights, at a place in the making of a sentence; gives the option's place."""


class Turns:
    """Every option gets its turn as often as its weight says. Asked the same questions it gives the same answers."""

    def __init__(self) -> None:
        self._due: dict[Hashable, list[tuple[float, int]]] = {}

    def choose(self, where: Hashable, weights: Sequence[float]) -> int:
        """The place of the option whose turn it is `where` a choice is made; the weights are the same each time."""
        due = self._due.get(where)
        if due is None:
            due = self._due[where] = [(0.5 / weight, option) for option, weight in enumerate(weights)]
            heapify(due)
        when, option = due[0]
        heapreplace(due, (when + 1.0 / weights[option], option))
        return option


def falling(count: int) -> tuple[float, ...]:
    """Weights for options of which the first is the usual one, the second half as usual, and so on; a third of all
    goes to every option alike."""
    total = sum(1 / place for place in range(1, count + 1))
    return tuple(2 / 3 / place / total + 1 / 3 / count for place in range(1, count + 1))
