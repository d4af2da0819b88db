"""The sound of characters: pinyin, the syllables an accent merges, and the distance between two syllables.

A syllable is written with its tone, "shan1"; 5 is the neutral tone. Folding maps a syllable to the class of syllables
that speakers of the southern and central dialects do not keep apart (zh/z, ch/c, sh/s, n/l, f/h, -ng/-n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from pypinyin import Style, lazy_pinyin, pinyin

# The cost of a match, rising to a syllable that only an accent makes the same. These costs rank the readings of one
# hypothesis; the recogniser's score decides between hypotheses.
SAME_SYLLABLE = 0.2
OTHER_READING = 1.5
OTHER_TONE = 1.0
ACCENT = 3.5

_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_FOLDED_INITIALS = {"zh": "z", "ch": "c", "sh": "s", "n": "l", "f": "h"}
_NEAR_INITIALS = {
    frozenset(pair)
    for pair in (
        *("bp", "dt", "gk", "jq", "qx", "jx", "zc", "sc", "zs", "jz", "qc", "xs"),
        *("mn", "lr", "ml", "hk", "wm", "wb"),
    )
}


def is_spoken(char: str) -> bool:
    """True if the character is read aloud: punctuation, spaces and symbols are not."""
    return "\u4e00" <= char <= "\u9fff" or char == "〇"


@lru_cache(maxsize=8192)
def syllables(text: str) -> tuple[str, ...]:
    """The usual reading of a text, one toned syllable for each Chinese character; anything else is left out."""
    spoken = "".join(char for char in text if is_spoken(char))
    return tuple(lazy_pinyin(spoken, style=Style.TONE3, neutral_tone_with_five=True)) if spoken else ()


@lru_cache(maxsize=8192)
def readings(char: str) -> tuple[str, ...]:
    """Every reading of one character, the usual one first."""
    usual = syllables(char)
    others = pinyin(char, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True)[0]
    return tuple(dict.fromkeys((*usual, *others)))


def toneless(syllable: str) -> str:
    """The syllable without its tone: "shan1" -> "shan"."""
    return syllable.rstrip("12345")


@lru_cache(maxsize=4096)
def split_syllable(syllable: str) -> tuple[str, str]:
    """Initial and final of a syllable, its tone left off; the initial is empty where there is none."""
    plain = toneless(syllable)
    for initial in _INITIALS:
        if plain.startswith(initial):
            return initial, plain[len(initial) :]
    return "", plain


@lru_cache(maxsize=4096)
def fold(syllable: str) -> str:
    """The class of syllables an accent does not distinguish."""
    initial, final = split_syllable(syllable)
    if final.endswith("ng"):
        final = final[:-1]
    return _FOLDED_INITIALS.get(initial, initial) + final


@lru_cache(maxsize=65536)
def syllable_distance(one: str, other: str) -> float:
    """The distance between two toned syllables by sound: 0 the same, about 1 nothing in common."""
    if one == other:
        return 0.0
    if toneless(one) == toneless(other):
        return 0.1
    if fold(one) == fold(other):
        return 0.25
    (initial, final), (other_initial, other_final) = split_syllable(fold(one)), split_syllable(fold(other))
    begin = end = 0.0
    if initial != other_initial:
        begin = 0.25 if frozenset((initial, other_initial)) in _NEAR_INITIALS else 0.5
    if final != other_final:
        end = 0.5 * _final_distance(final, other_final)
    return 0.25 + 0.75 * (begin + end)


def _final_distance(one: str, other: str) -> float:
    """The distance between two finals, 0 to 1: lower where they share their end or their beginning."""
    if one.endswith(other) or other.endswith(one):
        return 0.5
    if one[:1] == other[:1] or {one, other} == {"u", "o"}:
        return 0.6
    return 0.8 if one[-1:] == other[-1:] else 1.0


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The distance between two syllable sequences by sound: the cheapest alignment, where an extra or missing syllable
    costs 0.8."""
    gap = 0.8
    row = [gap * j for j in range(len(other) + 1)]
    for i, mine in enumerate(one, 1):
        above, row[0] = row[0], gap * i
        for j, theirs in enumerate(other, 1):
            here = min(above + syllable_distance(mine, theirs), row[j] + gap, row[j - 1] + gap)
            above, row[j] = row[j], here
    return row[-1]


@dataclass(frozen=True, slots=True)
class Sound:
    """One recognised character and its possible readings; `char` is empty for sound the recogniser had no word for."""

    char: str
    readings: tuple[str, ...]
    folded: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.char)


UNKNOWN = Sound("", ())


@lru_cache(maxsize=8192)
def sound(char: str) -> Sound:
    """The character with all its readings."""
    said = readings(char)
    return Sound(char, said, tuple(dict.fromkeys(fold(reading) for reading in said)))


def sounds(text: str) -> tuple[Sound, ...]:
    """The Chinese characters of a text as sounds; everything else is left out."""
    return tuple(sound(char) for char in text if is_spoken(char))


@lru_cache(maxsize=65536)
def match_cost(heard: Sound, char: str, syllable: str) -> float | None:
    """The cost of taking the recognised sound for `char` read as `syllable`; None if no accent allows it."""
    if heard.char == char:
        return 0.0
    costs = []
    for i, reading in enumerate(heard.readings):
        if reading == syllable:
            cost = SAME_SYLLABLE
        elif toneless(reading) == toneless(syllable):
            cost = OTHER_TONE
        elif fold(reading) == fold(syllable):
            cost = ACCENT
        else:
            continue
        costs.append(cost + (OTHER_READING if i else 0.0))
    return min(costs, default=None)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spotted(Generic[T]):
    """A text found in a sequence of sounds: it ends before `end`, at this cost."""

    end: int
    cost: float
    value: T


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, list[tuple[str, str, _Node[T]]]] = {}
        self.values: list[T] = []


class SoundTrie(Generic[T]):
    """Texts indexed by sound, each with a value; finds those that begin at a given place of a sequence of sounds."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, text: str, reading: Sequence[str], value: T) -> None:
        """Add `text`, read as `reading` (one toned syllable a character), under its sound."""
        node = self._root
        for char, syllable in zip(text, reading, strict=True):
            branches = node.children.setdefault(fold(syllable), [])
            for known, known_syllable, child in branches:
                if known == char and known_syllable == syllable:
                    node = child
                    break
            else:
                child = _Node()
                branches.append((char, syllable, child))
                node = child
        node.values.append(value)

    def spot(self, heard: Sequence[Sound], start: int) -> list[Spotted[T]]:
        """Every text found in `heard` that begins at `start`, the cheapest match for each value and end."""
        best: dict[tuple[int, int], Spotted[T]] = {}
        level: list[tuple[float, _Node[T]]] = [(0.0, self._root)]
        for place in range(start, len(heard)):
            here = heard[place]
            below = []
            for cost, node in level:
                for key in here.folded:
                    for char, syllable, child in node.children.get(key, ()):
                        step = match_cost(here, char, syllable)
                        if step is not None:
                            below.append((cost + step, child))
            if not below:
                break
            level = below
            for cost, node in level:
                for value in node.values:
                    key_of = (place + 1, id(value))
                    if key_of not in best or cost < best[key_of].cost:
                        best[key_of] = Spotted(place + 1, cost, value)
        return list(best.values())
