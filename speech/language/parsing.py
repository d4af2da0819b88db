"""Parsing recognised sounds in every way the templates allow, each parse with its cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from brand_catalog.catalog import SpokenName
from brand_catalog.matching import NameIndex
from brand_catalog.sounds import UNKNOWN, Sound, SoundTrie, Spotted, match_cost, syllables
from speech.language.phrases import Act, Automaton, Label
from speech.language.prices import Prices
from speech.language.quantities import Quantities
from speech.utterance import Price, Quantity

# The cost of each kind of part by itself: of two parses the one with fewer and fuller parts is right.
PART_COST: Final = {
    "add": 2.0,
    "add_number_first": 3.0,
    "change": 2.5,
    "remove": 2.0,
    "reduce": 2.0,
    "more": 2.0,
    "add_priced": 2.0,
    "of_price": 2.0,
    "swap": 2.5,
    "ask": 2.0,
    "command": 2.0,
    "choice": 2.0,
    "mention": 3.5,
    "amount": 3.5,
    "change_last": 3.0,
    "reduce_last": 3.0,
    "more_last": 3.5,
}
FILLER: Final = 0.3
# The factor for template words and numbers recognised as other words, which are less credible than names that were: the
# recogniser has all of them in its vocabulary and chose another, as between 九十条 and 就十条.
ALTERED: Final = 3.0
UNKNOWN_STRETCH: Final = 0.5
SKIPPED: Final = 4.0
# Talk before or after a line that is whole: 喂，那个啥，我刚吃完饭，给我来七条软牡丹.
TALK: Final = 6.0
TALK_SYLLABLE: Final = 0.3
# A part that costs no more than this was recognised word for word.
_PLAIN: Final = 7.0
MIN_TALK: Final = 3
# Syllables that turn a quantity into another one where they are left out. Of recognised speech they may be noise.
KEPT_OF_TEXT: Final = frozenset("零一二两三四五六七八九十百千万亿廿卅半少减")
# Of two ways to cut a stretch into names, the one with fewer and longer names is right.
NAME: Final = 3.0

_BEAM = 24
_BEAM_NEAR = 8
_MAX_PARSES = 6
_MAX_BESIDE_TALK = 3
# Parses that cost more than the best of the same words plus this are dropped.
_SLACK = 3.0

_Value = SpokenName | Quantity | Price
Slot = tuple[str, _Value]
"""A filled slot: its role ("", "off", "not", "instead", "but") and what filled it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One matched template: its act and the values of its slots."""

    act: Act
    slots: tuple[Slot, ...]
    start: int
    end: int
    # The part's wording: runs of characters as the template has them, names, quantities as recognised.
    wording: tuple[str | SpokenName, ...] = field(default=(), compare=False)

    @property
    def names(self) -> tuple[SpokenName, ...]:
        """The names, without those that are removed or excepted."""
        return tuple(v for role, v in self.slots if isinstance(v, SpokenName) and role not in ("off", "but"))

    @property
    def names_off(self) -> tuple[SpokenName, ...]:
        """The names that are removed in favour of others."""
        return tuple(value for role, value in self.slots if isinstance(value, SpokenName) and role == "off")

    @property
    def names_excepted(self) -> tuple[SpokenName, ...]:
        """The names after 除了."""
        return tuple(value for role, value in self.slots if isinstance(value, SpokenName) and role == "but")

    @property
    def is_correction(self) -> bool:
        """True if the name is said to be the right one: 不对，是玉溪五条."""
        return any(role == "instead" for role, _ in self.slots)

    @property
    def words(self) -> str:
        """The template's words around its slots."""
        # What fills a slot is a word of its own there: 十多条 says nothing of more.
        return "".join(one for one in self.wording if isinstance(one, str) and len(one) == 1)

    @property
    def quantity(self) -> Quantity | None:
        """The quantity, without one the caller takes back; None if there is none."""
        return next((v for role, v in self.slots if isinstance(v, Quantity) and role != "not"), None)

    @property
    def price(self) -> Price | None:
        """The price; None if there is none."""
        return next((value for _, value in self.slots if isinstance(value, Price)), None)


@dataclass(frozen=True, slots=True)
class Parse:
    """One way to parse the whole utterance. `skipped` counts the syllables that nothing accounts for, `talk` those
    before and after the lines that are taken for talk beside them."""

    cost: float
    parts: tuple[Part, ...]
    skipped: int = 0
    talk: int = 0

    @property
    def distortion(self) -> float:
        """The part of the cost due to distortion: sounds that had to be altered or skipped."""
        expected = sum(
            PART_COST[part.act.kind] + NAME * sum(isinstance(value, SpokenName) for _, value in part.slots)
            for part in self.parts
        )
        return max(0.0, self.cost - expected - (TALK + TALK_SYLLABLE * self.talk if self.talk else 0.0))


_Values = tuple[_Value, ...]
_Wording = tuple[str | SpokenName, ...]
_Levels = list[dict[tuple[int, _Values], "_Partial"]]
_Partial = tuple[float, tuple[Label, ...], _Values, int, _Wording]
_Edge = tuple[int, float, int, Part | None]


class Parser:
    """A parser for the templates of one set of acts over one set of names."""

    def __init__(
        self,
        automaton: Automaton,
        names: NameIndex,
        quantities: Quantities,
        fillers: Iterable[str],
        prices: Prices | None = None,
    ) -> None:
        self._automaton = automaton
        self._prices = prices or Prices((), quantities)
        self._names = names
        self._quantities = quantities
        self._fillers: SoundTrie[str] = SoundTrie()
        for text in fillers:
            self._fillers.add(text, syllables(text), text)
        self._edges_of = lru_cache(maxsize=4096)(self._edges)

    def confusable_names(self, name: SpokenName) -> tuple[SpokenName, ...]:
        """The names that may have been said where this one was recognised."""
        return self._names.confusables(name)

    def parse_exact(self, heard: tuple[Sound, ...]) -> list[Parse]:
        """The parses that account for all sounds, the cheapest first."""
        return self._search(heard, None)

    def parse_near(self, heard: tuple[Sound, ...], kept: frozenset[str] = frozenset()) -> list[Parse]:
        """The parses, the cheapest first, with near names and with stray syllables skipped at a cost, but none of those
        in `kept`. This takes about twenty times as long."""
        return self._search(heard, self._names.spot_near(heard), kept)

    def parse_beside_talk(self, heard: tuple[Sound, ...]) -> list[Parse]:
        """The cheapest parses of a stretch that is nothing but whole lines, with a name and a quantity each, where the
        rest of the utterance is talk that has nothing of an order in it."""
        plain = [not self._speaks_of_order(heard[place:]) for place in range(len(heard))]
        found: list[Parse] = []
        for start in range(len(heard)):
            best: list[Parse | None] = [None] * (len(heard) + 1)
            best[start] = Parse(TALK, ())
            for place in range(start, len(heard)):
                before = best[place]
                if before is None or heard[place] is UNKNOWN:
                    continue
                for end, cost, skipped, part in self._edges_of(heard[place:]):
                    if skipped or (part is not None and (part.act.kind not in ("add", "change") or not part.names)):
                        continue
                    here = () if part is None else (replace(part, start=place + part.start, end=place + part.end),)
                    whole = Parse(before.cost + cost, before.parts + here)
                    known = best[place + end]
                    if known is None or whole.cost < known.cost:
                        best[place + end] = whole
            for end in range(start + 1, len(heard) + 1):
                parse, talk = best[end], start + len(heard) - end
                if parse is not None and parse.parts and talk >= MIN_TALK and all(plain[:start] + plain[end:]):
                    found.append(replace(parse, cost=parse.cost + TALK_SYLLABLE * talk, talk=talk))
        return sorted(found, key=lambda parse: parse.cost)[:_MAX_BESIDE_TALK]

    def _speaks_of_order(self, heard: tuple[Sound, ...]) -> bool:
        """True if a line, a name, a quantity or a no begins here."""
        return heard[0] is not UNKNOWN and any(
            part is not None and cost <= _PLAIN and (part.act.kind != "command" or part.act.name == "no")
            for _, cost, _, part in self._edges_of(heard)
        )

    def _search(
        self,
        heard: tuple[Sound, ...],
        near: dict[int, list[Spotted[SpokenName]]] | None,
        kept: frozenset[str] = frozenset(),
    ) -> list[Parse]:
        best: list[list[Parse]] = [[] for _ in range(len(heard) + 1)]
        best[0] = [Parse(0.0, ())]
        for place in range(len(heard)):
            if not best[place]:
                continue
            if near is None:
                edges: Sequence[_Edge] = self._edges_of(heard[place:])
            else:
                ahead = {
                    at - place: [Spotted(f.end - place, f.cost, f.value) for f in found]
                    for at, found in near.items()
                    if at >= place
                }
                edges = self._edges(heard[place:], ahead, kept)
            for end, cost, skipped, part in edges:
                target = best[place + end]
                here = () if part is None else (replace(part, start=place + part.start, end=place + part.end),)
                for before in best[place]:
                    target.append(Parse(before.cost + cost, before.parts + here, before.skipped + skipped))
                if len(target) > 2 * _MAX_PARSES:
                    best[place + end] = _cheapest(target)
        found = _cheapest([parse for parse in best[-1] if parse.parts])
        return [parse for parse in found if parse.cost <= found[0].cost + _SLACK]

    def _edges(
        self,
        heard: tuple[Sound, ...],
        near: dict[int, list[Spotted[SpokenName]]] | None = None,
        kept: frozenset[str] = frozenset(),
    ) -> list[_Edge]:
        """All edges from the beginning of `heard`: a part, a filler, something to skip."""
        edges: list[_Edge] = [(f.end, ALTERED * f.cost + FILLER, 0, None) for f in self._fillers.spot(heard, 0)]
        if heard[0] is UNKNOWN:
            edges.append((1, UNKNOWN_STRETCH, 0, None))
            return edges
        if near is not None and heard[0].char not in kept:
            edges.append((1, SKIPPED, 1, None))
        parts: dict[tuple[int, Act, tuple[Slot, ...]], tuple[float, int, _Wording]] = {}
        levels: _Levels = [{} for _ in range(len(heard) + 1)]
        levels[0][(self._automaton.start, ())] = (0.0, (), (), 0, ())
        for place in range(len(heard) + 1):
            level = levels[place]
            if not level:
                continue
            beam = _BEAM if near is None else _BEAM_NEAR
            if len(level) > beam:
                level = dict(sorted(level.items(), key=lambda item: item[1][0])[:beam])
            fillers = self._fillers.spot(heard, place)
            names: list[Spotted[SpokenName]] | None = None
            quantities: list[Spotted[Quantity]] | None = None
            for (number, values), (cost, path, _, skipped, said) in level.items():
                node = self._automaton.node(number)
                if node.ends and path:
                    for act, roles in self._automaton.acts(path):
                        slots = tuple(zip(roles, values, strict=True))
                        total = cost + PART_COST[act.kind]
                        key = (place, act, slots)
                        if key not in parts or total < parts[key][0]:
                            parts[key] = (total, skipped, said)
                if place == len(heard):
                    continue
                here = heard[place]
                if here is UNKNOWN:
                    self._step(levels, place + 1, number, (cost + UNKNOWN_STRETCH, path, values, skipped, said))
                    continue
                for key_sound in here.folded:
                    for char, syllable, target in node.chars.get(key_sound, ()):
                        step = match_cost(here, char, syllable)
                        if step is not None:
                            partial = (cost + ALTERED * step, (*path, ("char", char)), values, skipped, (*said, char))
                            self._step(levels, place + 1, target, partial)
                if node.name is not None:
                    if names is None:
                        names = self._names.spot(heard, place) + (near or {}).get(place, [])
                    for name in names:
                        partial = (
                            cost + NAME + name.cost,
                            (*path, ("name", "")),
                            (*values, name.value),
                            skipped,
                            (*said, name.value),
                        )
                        self._step(levels, name.end, node.name, partial)
                if node.quantity is not None:
                    if quantities is None:
                        quantities = self._quantities.spot(heard, place)
                    for found in quantities:
                        words = "".join(sound.char for sound in heard[place : found.end])
                        filled = (*values, found.value)
                        partial = (
                            cost + ALTERED * found.cost,
                            (*path, ("quantity", "")),
                            filled,
                            skipped,
                            (*said, words),
                        )
                        self._step(levels, found.end, node.quantity, partial)
                if node.price is not None:
                    for price in self._prices.spot(heard, place):
                        words = "".join(sound.char for sound in heard[place : price.end])
                        spent = cost + ALTERED * price.cost
                        partial = (spent, (*path, ("price", "")), (*values, price.value), skipped, (*said, words))
                        self._step(levels, price.end, node.price, partial)
                if path:
                    for filler in fillers:
                        partial = (cost + FILLER + ALTERED * filler.cost, path, values, skipped, said)
                        self._step(levels, filler.end, number, partial)
                    if near is not None and here.char not in kept:
                        self._step(levels, place + 1, number, (cost + SKIPPED, path, values, skipped + 1, said))
        edges += [
            (end, cost, skipped, Part(act, slots, 0, end, said))
            for (end, act, slots), (cost, skipped, said) in parts.items()
        ]
        return edges

    @staticmethod
    def _step(levels: _Levels, place: int, node: int, partial: _Partial) -> None:
        key = (node, partial[2])
        known = levels[place].get(key)
        if known is None or partial[0] < known[0]:
            levels[place][key] = partial


def _cheapest(parses: list[Parse]) -> list[Parse]:
    """The cheapest few parses, each combination of parts once."""
    # One search creates every part once, so equal parts are identical.
    kept: dict[tuple[int, ...], Parse] = {}
    for parse in sorted(parses, key=lambda parse: parse.cost):
        kept.setdefault(tuple(map(id, parse.parts)), parse)
        if len(kept) == _MAX_PARSES:
            break
    return list(kept.values())
