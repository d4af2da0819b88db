"""Semantics: from the parts of a parse to the caller's intention, which is lines, a command or a choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from brand_catalog.catalog import SpokenName
from speech.parsing import Part
from speech.utterance import Action, Asked, Command, Item, Quantity

Resolve = Callable[[SpokenName], tuple[str, ...]]
"""Returns the specs a spoken name stands for to this caller, the likeliest first."""

# The cost of parts that do not fit together: a number too many, two commands in one utterance.
_MISFIT = 2.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """The lines, command and choice an utterance asks for; two parses with equal meanings count as one."""

    items: tuple[Item, ...] = ()
    command: Command | None = None
    choice: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The identity of a meaning, without the caller's words and the kind of question about a spec: of two questions
        about the same spec the better parse counts."""
        return tuple((i.action, i.barcodes, i.quantity) for i in self.items), self.command, self.choice


def assemble(parts: tuple[Part, ...], resolve: Resolve) -> tuple[Meaning, float]:
    """The meaning of a parse, and the cost of parts that do not fit together."""
    lines = _Lines(resolve)
    command: Command | None = None
    choice: int | None = None
    cost = 0.0
    for part in parts:
        if command == "done" and part.act.kind != "command":
            cost += _MISFIT  # a caller who has said that this is all does not go on
        match part.act.kind:
            case "command":
                if command is not None and command != part.act.name:
                    cost += _MISFIT
                command = _command(part.act.name)
            case "choice":
                choice = -1 if part.act.name == "last" else int(part.act.name) - 1
            case "mention":
                lines.add("add", part.names, None)
            case "amount" | "change_last":
                correction = part.act.kind == "change_last" or command == "no"
                cost += lines.add_amount(part.quantity, correction)
                if correction and command == "no":
                    command = None
            case "swap":
                lines.add("remove", part.names_off, None)
                lines.add("add", part.names, part.quantity)
            case "remove":
                if any(role == "not" for role, _ in part.slots):
                    cost += _MISFIT  # 别来五条… is said far less often than 先来五条…
                lines.add("remove", part.names, None)
            case "ask":
                lines.add("ask", part.names, None, _asked(part.act.name))
            case "add" | "add_number_first" | "change":
                # "不对，红塔山要三条" corrects a line, whichever template it matches.
                correction = part.act.kind == "change" or command == "no"
                lines.add("change" if correction else "add", part.names, part.quantity)
                if command == "no":
                    # The usual corrections are templates of their own; 不要 here is mostly 我要 misrecognised.
                    cost += _MISFIT
                    command = None
    return Meaning(tuple(lines.items), command, choice), cost


class _Lines:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.items: list[Item] = []
        self._leading_quantity: Quantity | None = None

    def add(
        self,
        action: Action,
        names: tuple[SpokenName, ...],
        quantity: Quantity | None,
        asked: Asked = "is_there",
    ) -> None:
        if action == "add" and quantity is None and self._leading_quantity is not None:
            quantity, self._leading_quantity = self._leading_quantity, None
            self.items.pop()
        self.items += [Item(action, self._resolve(name), quantity, name.text, asked) for name in names]

    def add_amount(self, quantity: Quantity | None, correction: bool) -> float:
        """Assign a quantity said without a name: to the names still without one; as a correction to the last line; at
        the beginning to the name that follows. Return its cost."""
        waiting = [i for i, item in enumerate(self.items) if item.quantity is None and item.action == "add"]
        if waiting:
            for i in waiting:
                self.items[i] = replace(self.items[i], quantity=quantity, action="change" if correction else "add")
            return 0.0
        if correction and self.items:
            self.items[-1] = replace(self.items[-1], quantity=quantity)
            return 0.0
        stray = bool(self.items)
        self.items.append(Item("change" if correction else "add", (), quantity))
        self._leading_quantity = None if stray or correction else quantity
        return _MISFIT if stray else 0.0


def _command(name: str) -> Command:
    return name  # type: ignore[return-value]  # the phrase file's names are checked when it is read


def _asked(name: str) -> Asked:
    return name  # type: ignore[return-value]  # checked when the phrase file is read
