"""Prices as they are said: a number with a word for yuan."""

from __future__ import annotations

from collections.abc import Sequence

from brand_catalog.sounds import Sound, SoundTrie, Spotted, syllables
from speech.language.quantities import Quantities
from speech.utterance import Bound, Price


class Prices:
    """The prices that can be said, to find in recognised sounds; `units` are the words for yuan."""

    def __init__(self, units: Sequence[str], quantities: Quantities) -> None:
        self._quantities = quantities
        self._units: SoundTrie[str] = SoundTrie()
        for word in units:
            self._units.add(word, syllables(word), word)

    def spot(self, heard: Sequence[Sound], start: int) -> list[Spotted[Price]]:
        """Every price found in `heard` that begins at `start`."""
        return [
            Spotted(unit.end, number.cost + unit.cost, Price(number.value))
            for number in self._quantities.spot_numbers(heard, start)
            for unit in self._units.spot(heard, number.end)
        ]


def price_said(price: Price | None, words: str) -> Price:
    """The price of a part with these words around it, which say what it bounds and what it is the price of."""
    if price is None:
        return Price(bound="cheaper" if "便宜" in words or "低档" in words else "dearer")
    bound: Bound = "about"
    if any(word in words for word in ("以下", "以内", "往下")):
        bound = "most"
    elif any(word in words for word in ("以上", "往上")):
        bound = "least"
    if "包" in words or "盒" in words:
        return Price(price.yuan, bound, "pack")
    return Price(price.yuan, bound, "carton" if "条" in words else "unsaid")
