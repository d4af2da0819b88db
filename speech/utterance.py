"""The meaning of a caller's turn, spoken or keyed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["carton", "pack", "case", "unclear"]
Action = Literal["add", "reduce", "change", "remove", "ask"]
Asked = Literal["is_there", "price", "how_much_left"]
Command = Literal[
    "done",
    "yes",
    "no",
    "repeat",
    "operator",
    "usual",
    "what_is_there",
    "last_order",
    "how_much_left",
    "balance",
    "price",
    "help",
    "all_but",
    "track",
    "read_all",
    "cancel",
    "later",
    "of_price",
]
Bound = Literal["about", "most", "least", "cheaper", "dearer"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as it was said. `halves` is twice the number, so that 半件 stays whole; `unit` is "unclear" for 箱,
    which means 50 cartons to some and 250 to others; `vague` marks 十来条 and 几条, which have to be asked about;
    `loose_packs` are the packs of 一条零两包."""

    halves: int
    unit: Unit = "carton"
    vague: bool = False
    loose_packs: int = 0

    def packs(self, packs_per_carton: int, cartons_per_case: int) -> int | None:
        """The quantity in packs, or None if it has to be asked: vague, unclear, or not a whole number of packs."""
        if self.vague or self.unit == "unclear":
            return None
        per_unit = {"pack": 1, "carton": packs_per_carton, "case": packs_per_carton * cartons_per_case}[self.unit]
        doubled = self.halves * per_unit
        return doubled // 2 + self.loose_packs if doubled % 2 == 0 else None


@dataclass(frozen=True, slots=True)
class Price:
    """A retail price as it was said, in yuan: "about" so much (二十块的), at most or at least so much, or cheaper or
    dearer than what was spoken of (便宜点的), for which `yuan` is 0. `per` is what it is the price of; callers mostly
    leave that out."""

    yuan: int = 0
    bound: Bound = "about"
    per: Literal["pack", "carton", "unsaid"] = "unsaid"

    @property
    def pack_fen(self) -> int:
        """The price of a pack in fen, of ten to a carton. Where it was left out, from a hundred on it is a carton's."""
        per_carton = self.per == "carton" or (self.per == "unsaid" and self.yuan >= CARTON_YUAN_FROM)
        return self.yuan * (10 if per_carton else 100)


# 两百块的 is 200 yuan a carton, 四十块的 is 40 a pack: hardly a carton is cheaper than this, and hardly a pack dearer.
CARTON_YUAN_FROM = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One line as recognised. The action "reduce" takes `quantity` off what is ordered, "change" sets it.
    `barcodes` are the specs it may be, likeliest first: one is settled, of several the
    caller is asked which, none is a quantity said without a brand. `quantity` is None if none was said. `said` is the
    name as the caller said it. `asked` is the question of an "ask": availability, price, or the quantity left.
    `other_quantities` are those nearly as likely as `quantity` (六条 or 九条), likeliest first: if there are any, the
    caller is asked which. `not_carried` marks a brand that is in no catalogue; `barcodes` is then empty. `more` says
    that it comes on top of what is ordered (再来五条); a line that is just said again does not. `in_all` says that the
    quantity is all that is wanted (只要五条): it takes the place of what is ordered."""

    action: Action
    barcodes: tuple[str, ...]
    quantity: Quantity | None = None
    said: str = ""
    asked: Asked = "is_there"
    other_quantities: tuple[Quantity, ...] = ()
    not_carried: bool = False
    more: bool = False
    in_all: bool = False

    @property
    def is_amount(self) -> bool:
        """True if the line names no brand, so that its quantity is of a spec spoken of before."""
        return not self.barcodes and not self.not_carried

    @property
    def takes_off(self) -> bool:
        """True if the line takes a quantity, or all of a spec, off what is ordered."""
        return self.action in ("remove", "reduce")


@dataclass(frozen=True, slots=True)
class Utterance:
    """The meaning of one turn.

    A turn may carry lines and a command at once ("红塔山五条，就这些"; "不对，红塔山要三条").
    `digits` are the digits of a code, best candidate first. `choice` is the 0-based place of the option chosen.
    An utterance with nothing in it was not meant for the line: it must change nothing. `confidence` in 0..1 is
    that in the whole; `confirm` asks the conversation to repeat the lines as a question before it accepts them, or to
    ask again before it acts on a bare command. `incomplete` says that a part of what was said beside the lines was
    not understood. `continues` says that the caller had not finished when the utterance before was returned: this one
    holds both parts, and `continuation` the later one alone. `others` are the other readings, likeliest first, in
    words: for the review of the turn. `early` says that a key was pressed, or a yes typed, during a prompt that had to
    be heard to its end.
    """

    items: tuple[Item, ...] = ()
    command: Command | None = None
    digits: tuple[str, ...] = ()
    choice: int | None = None
    # The price of the command "of_price".
    price: Price | None = None
    text: str = ""
    confidence: float = 1.0
    confirm: bool = False
    incomplete: bool = False
    keyed: bool = False
    early: bool = False
    continues: bool = False
    continuation: Utterance | None = None
    others: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_nothing(self) -> bool:
        return not (self.items or self.command or self.digits or self.choice is not None)


NOTHING = Utterance(confidence=0.0)
