"""The prior: how likely a meaning is before it is heard, from what this retailer may order, usually orders, and has
ordered in this call.

The list is evidence and no limit: a spec outside of it is recognised too, if it fits the sound clearly better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from speech.language.semantics import Meaning
from speech.listening import Digits, Listen, SpecHistory, implied_spec
from speech.utterance import Item, Quantity

# The log-odds of a spec the retailer may not order now against one it may, and of one it usually orders against the
# others it may. Callers name what they may not order once in twenty lines (docs/hearing.md).
OFF_LIST: Final = -1.5
USUAL: Final = 0.5
# The same of a change or removal, for a spec that is not in the order although others are.
NOT_ORDERED: Final = -0.5
# The log-odds of a reduction against an addition, of a spec that is in the order and of any other: nobody reduces what
# was not ordered, and 减 and 少 are what is left of many a word in noise.
REDUCED: Final = -0.5
REDUCED_NOT_ORDERED: Final = -4.0
# The share of lines whose quantity is one that the retailer ordered of this spec before.
_SHARE_REPEATED: Final = 0.5
# Quantities in cartons as retailers order them: the usual ones, and the share of all others.
_USUAL_CARTONS: Final[Mapping[int, float]] = {
    1: 0.08,
    2: 0.1,
    3: 0.08,
    4: 0.05,
    5: 0.17,
    6: 0.04,
    8: 0.04,
    10: 0.14,
    15: 0.04,
    20: 0.06,
    25: 0.02,
    30: 0.03,
    40: 0.02,
    50: 0.03,
    60: 0.01,
    80: 0.01,
    100: 0.02,
}
_OTHER_CARTONS: Final = 0.06
_OTHERS: Final = 100
# The weight of the quantity's log-probability: lists and habits are known, numbers only in the mean.
QUANTITY_WEIGHT: Final = 0.25
# The weight of a quantity above the limit: most callers know about how much they may have.
ABOVE_LIMIT: Final = -0.3


@dataclass(frozen=True, slots=True)
class Prior:
    """The prior of one retailer at one step. `orderable` is empty where nothing is known of the retailer; `about` is
    the spec to which a quantity without a name refers, or empty."""

    orderable: frozenset[str]
    usual: frozenset[str]
    ordered: frozenset[str]
    history: Mapping[str, SpecHistory]
    about: str = ""

    def of(self, meaning: Meaning) -> float:
        """The log-prior of a meaning, up to a constant that is the same for all meanings of an utterance."""
        return sum(self._of_item(item) for item in meaning.items)

    def _of_item(self, item: Item) -> float:
        known = 0.0
        if self.orderable and item.barcodes:
            if self.usual.intersection(item.barcodes):
                known = USUAL
            elif not self.orderable.intersection(item.barcodes):
                known = OFF_LIST
        if item.action == "reduce":
            others = item.barcodes and not self.ordered.intersection(item.barcodes)
            return known + (REDUCED_NOT_ORDERED if others else REDUCED)
        if item.action in ("change", "remove") and self.ordered and item.barcodes:
            known += 0.0 if self.ordered.intersection(item.barcodes) else NOT_ORDERED
        if item.quantity is None or item.action not in ("add", "change"):
            return known
        barcodes = item.barcodes or (self.about,)
        history = self.history.get(barcodes[0]) if len(barcodes) == 1 else None
        return known + QUANTITY_WEIGHT * _of_quantity(item.quantity, history)


def prior_of(listen: Listen) -> Prior:
    """The prior of the retailer that is listened to."""
    if isinstance(listen, Digits):
        return Prior(frozenset(), frozenset(), frozenset(), {})
    history = {of_spec.barcode: of_spec for of_spec in listen.history}
    return Prior(
        frozenset(listen.barcodes), frozenset(listen.usual), frozenset(listen.ordered), history, implied_spec(listen)
    )


@lru_cache(maxsize=4096)
def _of_quantity(quantity: Quantity, history: SpecHistory | None) -> float:
    """The log-probability of a quantity, relative to that of the commonest one."""
    if quantity.vague or quantity.unit == "unclear":
        return math.log(_USUAL_CARTONS[10] / _USUAL_CARTONS[5])
    halves = quantity.halves * (50 if quantity.unit == "case" else 1)
    cartons = halves / 2 if quantity.unit != "pack" else quantity.halves / 20
    usual = _USUAL_CARTONS.get(int(cartons), _OTHER_CARTONS / _OTHERS) if cartons == int(cartons) else 0.004
    if history is None or not history.cartons:
        return math.log(usual / _USUAL_CARTONS[5])
    repeated = history.cartons.count(cartons) / len(history.cartons)
    share = _SHARE_REPEATED * repeated + (1 - _SHARE_REPEATED) * usual
    above = ABOVE_LIMIT / QUANTITY_WEIGHT if history.limit is not None and cartons > history.limit else 0.0
    return math.log(share / _USUAL_CARTONS[5]) + above
