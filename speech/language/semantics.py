"""Semantics: from the parts of a parse to the caller's intention, which is lines, a command or a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, get_args

from brand_catalog.catalog import SpokenName
from speech.language.parsing import Part
from speech.language.prices import price_said
from speech.utterance import Action, Asked, Command, Item, Price, Quantity, Unit

Resolve = Callable[[SpokenName, Price | None], tuple[str, ...]]
"""Returns the specs a spoken name stands for to this caller, the likeliest first; if a price is given, those of the
brand that have it."""

# The cost of parts that do not fit together: a number too many, two commands in one utterance.
_MISFIT: Final = 2.0
# The cost of a quantity taken back after the right one: 三条哦不要五条 is said more often than 三条不要五条.
_TAKEN_BACK_LATER: Final = 1.0
# The words that say that a quantity comes on top of what was said of the spec before.
_MORE: Final = ("再", "另加", "添", "补", "加", "多")
# The words that say that a quantity is all that is wanted of the spec.
_IN_ALL: Final = ("只要", "就要", "只来", "就来", "一共", "总共")
_ONE: Final = tuple(Quantity(2, unit) for unit in get_args(Unit))
_ACTIONS_OF_AMOUNTS: Final[Mapping[str, Action]] = {
    "amount": "add",
    "more_last": "add",
    "change_last": "change",
    "reduce_last": "reduce",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """The lines, command and choice an utterance asks for; two parses with equal meanings count as one."""

    items: tuple[Item, ...] = ()
    command: Command | None = None
    choice: int | None = None
    price: Price | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The identity of a meaning, without the caller's words and the kind of question about a spec: of two questions
        about the same spec the better parse counts."""
        lines = tuple((i.action, i.barcodes, i.quantity, i.other_quantities) for i in self.items)
        return lines, self.command, self.choice, self.price


def assemble(parts: tuple[Part, ...], resolve: Resolve) -> tuple[Meaning, float]:
    """The meaning of a parse, and the cost of parts that do not fit together."""
    lines = _Lines(resolve)
    action: Action
    command: Command | None = None
    choice: int | None = None
    price: Price | None = None
    cost = 0.0
    # True if the command is a no that may take back what was said before it; 不要 is mostly 我要 misrecognised.
    takes_back = False
    for part in parts:
        if command == "done" and part.act.kind != "command":
            cost += _MISFIT  # a caller who has said that this is all does not go on
        more = part.act.kind in ("more", "more_last") or any(word in part.words for word in _MORE)
        in_all = not more and any(word in part.words for word in _IN_ALL)
        match part.act.kind:
            case "command" if command == "of_price" and part.act.name == "what_is_there":
                pass  # 二十块的烟有哪些
            case "command":
                if command is not None and command != part.act.name:
                    cost += _MISFIT
                command = _command(part.act.name)
                takes_back = command == "no" and "要" not in part.words and "别" not in part.words
            case "choice":
                choice = -1 if part.act.name == "last" else int(part.act.name) - 1
            case "mention" if part.names_excepted:
                lines.all_but = True
            case "mention" if part.is_correction or (takes_back and lines.items):
                # "紫云烟五条，不对，是软玉溪"
                lines.correct(part.names, None)
                command, takes_back = None, False
            case "mention":
                lines.add("add", part.names, None)
            case "amount" | "more_last" | "change_last" | "reduce_last":
                action = _ACTIONS_OF_AMOUNTS[part.act.kind]
                if action == "add" and command == "no" and not more:
                    action = "change"
                cost += lines.add_amount(action, part.quantity, more=more, in_all=in_all)
                if command == "no" and (more or action != "add"):
                    command, takes_back = None, False
            case "reduce":
                if ("不" in part.words or "别" in part.words) and "了" not in part.words:
                    cost += _MISFIT  # 别来五条… is said far less often than 先来五条…
                if part.quantity in _ONE and ("都" in part.words or "也" in part.words):
                    lines.add("remove", part.names, None)  # 一条都不要
                else:
                    lines.add("reduce", part.names, part.quantity)
                if command == "no":
                    command, takes_back = None, False
            case "of_price":
                if command is not None:
                    cost += _MISFIT
                command, price = "of_price", price_said(part.price, part.words)
            case "add_priced":
                lines.add("add", part.names, part.quantity, price=price_said(part.price, part.words), more=more)
            case "swap":
                lines.add("remove", part.names_off, None)
                lines.add("add", part.names, part.quantity)
            case "remove":
                lines.add("remove", part.names, None)
            case "ask":
                lines.add("ask", part.names, None, _asked(part.act.name))
            case "change" if part.is_correction:
                lines.correct(part.names, part.quantity)
            case "add" | "add_number_first" | "more" | "change":
                # "不对，红塔山要三条" corrects a line, whichever template it matches.
                if command == "no" and not (takes_back and lines.items):
                    cost += _MISFIT  # the usual corrections are templates of their own
                if part.slots[-1][0] == "not":
                    cost += _TAKEN_BACK_LATER
                if takes_back and not more:
                    lines.correct(part.names, part.quantity)
                else:
                    sets = part.act.kind == "change" or (command == "no" and not more)
                    lines.add("change" if sets else "add", part.names, part.quantity, more=more, in_all=in_all)
                if command == "no":
                    command, takes_back = None, False
    if lines.all_but and not any(item.barcodes for item in lines.items):
        # 除了玉溪都要五条: nobody can tell which all are.
        return Meaning((), "all_but"), cost
    return Meaning(tuple(lines.items), command, choice, price if command == "of_price" else None), cost


class _Lines:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.items: list[Item] = []
        # True once specs were excepted: 除了玉溪.
        self.all_but = False
        self._leading_quantity: Quantity | None = None

    def add(
        self,
        action: Action,
        names: tuple[SpokenName, ...],
        quantity: Quantity | None,
        asked: Asked = "is_there",
        *,
        more: bool = False,
        in_all: bool = False,
        price: Price | None = None,
    ) -> None:
        """Add a line for each name. One that is said again is not added; with another quantity it has to be asked."""
        if action == "add" and quantity is None and self._leading_quantity is not None:
            quantity = self._leading_quantity
            self.items.pop()
        self._leading_quantity = None
        for name in names:
            barcodes = self._resolve(name, price)
            if price is not None and not barcodes and (of_brand := self._resolve(name, None)):
                # None of the brand has this price: what there is of it is said with its price, and nothing is ordered.
                self.items.append(Item("ask", of_brand, None, name.text, "price"))
                continue
            item = Item(
                action, barcodes, quantity, name.text, asked, not_carried=not barcodes, more=more, in_all=in_all
            )
            again = None if more or action != "add" or quantity is None else self._place_of(item)
            if again is None or self.items[again].barcodes != item.barcodes:
                self.items.append(item)
            elif self.items[again].quantity in (None, quantity):
                self.items[again] = replace(self.items[again], quantity=quantity)
            else:
                earlier = self.items[again]
                others = tuple(one for one in (earlier.quantity, *earlier.other_quantities) if one and one != quantity)
                self.items[again] = replace(earlier, quantity=quantity, other_quantities=others)

    def correct(self, names: tuple[SpokenName, ...], quantity: Quantity | None) -> None:
        """Put right what was said before: of a spec named before, its quantity; another spec takes the place of the one
        named last; with nothing said before, a line of the order is changed."""
        if not self.items:
            self.add("change", names, quantity)
            return
        said = [Item("add", self._resolve(name, None), quantity, name.text) for name in names]
        places = [self._place_of(item) for item in said]
        if None in places:
            wrong = self.items.pop()
            self.items += [replace(item, quantity=quantity or wrong.quantity) for item in said]
            return
        for place, item in zip(places, said, strict=True):
            assert place is not None
            before = self.items[place]
            common = tuple(barcode for barcode in before.barcodes if barcode in item.barcodes)
            self.items[place] = replace(
                before, barcodes=common, quantity=quantity or before.quantity, other_quantities=()
            )

    def add_amount(self, action: Action, quantity: Quantity | None, *, more: bool, in_all: bool) -> float:
        """Assign a quantity said without a name: to the names still without one; as a correction to the last line; at
        the beginning to the name that follows. Return its cost."""
        waiting = [i for i, item in enumerate(self.items) if item.quantity is None and item.action == "add"]
        if waiting:
            for i in waiting:
                self.items[i] = replace(self.items[i], action=action, quantity=quantity, more=more, in_all=in_all)
            return 0.0
        last = self.items[-1] if self.items else None
        if last is not None and last.action == "remove" and action == "add" and not more and quantity is not None:
            self.items[-1] = replace(last, action="reduce", quantity=quantity)  # 红塔山不要两条
            return _MISFIT
        if last is not None and action == "change":
            self.items[-1] = replace(last, quantity=quantity, other_quantities=())
            return 0.0
        if last is not None and last.barcodes and action == "reduce":
            self.items.append(Item(action, last.barcodes, quantity, last.said))
            return 0.0
        if last is not None and last.barcodes and last.action in ("add", "change") and quantity is not None:
            if more:
                self.items.append(replace(last, action="add", quantity=quantity, more=True))
                return 0.0
            if quantity != last.quantity:
                # 八条，呃，四条: which of them counts has to be asked.
                self.items[-1] = replace(last, other_quantities=(*last.other_quantities, quantity))
            return _MISFIT
        self.items.append(Item(action, (), quantity, more=more, in_all=in_all))
        self._leading_quantity = quantity if last is None and action == "add" and not more else None
        return _MISFIT if last is not None else 0.0

    def _place_of(self, item: Item) -> int | None:
        """The place of an earlier line that may be of the same spec, None if there is none."""
        for place in reversed(range(len(self.items))):
            before = self.items[place]
            if before.action in ("add", "change") and set(before.barcodes) & set(item.barcodes):
                return place
        return None


def _command(name: str) -> Command:
    return name  # type: ignore[return-value]  # the phrase file's names are checked when it is read


def _asked(name: str) -> Asked:
    return name  # type: ignore[return-value]  # checked when the phrase file is read
