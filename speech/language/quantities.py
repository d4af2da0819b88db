"""Quantities as they are said: a number with a unit, halves, and vague ones that have to be asked about.

The words are data (`phrases.zh.yaml`, section `quantities`); the numbers come from `numerals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from brand_catalog.sounds import Sound, SoundTrie, Spotted, syllables
from speech.language.numerals import LARGEST_LISTED, digit_words, number_words, range_words, words_after
from speech.utterance import Quantity, Unit

# The cost of a number without its unit, which is less credible than one with it.
NO_UNIT = 0.9
# The distribution of ordered numbers, for generated sentences: mostly small and round ones.
_USUAL_NUMBERS: Final = (
    *range(1, 11),
    1,
    2,
    3,
    5,
    10,
    5,
    10,
    2,
    3,
    12,
    15,
    18,
    20,
    20,
    25,
    30,
    35,
    40,
    50,
    60,
    80,
    100,
)


# Larger numbers than those listed are put together: thousands, ten thousands, and the rest.
_SIZES: Final = (1_000, 10_000)
# The share of halves, packs, hundreds and vague quantities together.
_ALSO_SAID_SHARE: Final = 0.12
# The share of the first of a number's two commonest forms.
_FIRST_FORM: Final = 0.88


@dataclass(frozen=True, slots=True)
class _Ending:
    """The words after a number: its unit, with `extra_half` for half a unit more and `vague` for "about"."""

    unit: Unit
    extra_half: bool = False
    vague: bool = False


class Quantities:
    """Every quantity that can be said: to find in recognised sounds, and to generate for sentences."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self._units: dict[str, Unit] = dict(words["units"])
        self._numbers: SoundTrie[int] = SoundTrie()
        for number in range(1, LARGEST_LISTED + 1):
            for form in (*number_words(number), *digit_words(number)):
                self._add_number(form, number)
        for number in range(LARGEST_LISTED + 1, 10_000):
            for form in digit_words(number):
                self._add_number(form, number)
        for word, tens in words["tens"].items():
            for ones in range(10):
                self._add_number(word + (number_words(ones)[-1] if ones else ""), tens + ones)
        self._heads: dict[int, SoundTrie[int]] = {size: SoundTrie() for size in _SIZES}
        self._rests: dict[int, SoundTrie[int]] = {size: SoundTrie() for size in _SIZES}
        for size in _SIZES:
            for number in range(size, 10 * size, size):
                for form in number_words(number):
                    self._heads[size].add(form, syllables_of_number(form), number)
            for rest in (*range(1, LARGEST_LISTED + 1), *range(size // 10, size, size // 10)):
                for form in words_after(rest, size):
                    self._rests[size].add(form, syllables_of_number(form), rest)
        self._endings: SoundTrie[_Ending] = SoundTrie()
        for word, unit in self._units.items():
            self._add_ending(word, _Ending(unit))
            if unit in ("carton", "case"):
                self._add_ending(f"{word}半", _Ending(unit, extra_half=True))
            for about in words["about_after"]:
                self._add_ending(f"{about}{word}", _Ending(unit, vague=True))
            for about in words["about_after_unit"]:
                self._add_ending(f"{word}{about}", _Ending(unit, vague=True))
        self._loose_packs: SoundTrie[int] = SoundTrie()
        for word in (word for word, unit in self._units.items() if unit == "pack"):
            for number in range(1, 10):
                for form in number_words(number):
                    text = f"{words['and_packs']}{form}{word}"
                    self._loose_packs.add(text, syllables(text), number)
        self._whole: SoundTrie[Quantity] = SoundTrie()
        for text, halves in words["bare"].items():
            self._add_whole(text, Quantity(halves))
        vague = dict(words["vague"])
        for text, lowest in words["ranges"].items():
            vague |= range_words(text, lowest)
        self._also_said: Sequence[str] = words["also_said"]
        for word, unit in self._units.items():
            for half in words["half"]:
                self._add_whole(f"{half}{word}", Quantity(1, unit))
            for text, about in vague.items():
                self._add_whole(f"{text}{word}", Quantity(2 * about, unit, vague=True))
        for text in words["vague_alone"]:
            self._add_whole(text, Quantity(2, vague=True))

    def _add_number(self, form: str, number: int) -> None:
        self._numbers.add(form, syllables_of_number(form), number)

    def _add_ending(self, text: str, ending: _Ending) -> None:
        self._endings.add(text, syllables(text), ending)

    def _add_whole(self, text: str, quantity: Quantity) -> None:
        self._whole.add(text, syllables(text), quantity)

    def spot(self, heard: Sequence[Sound], start: int) -> list[Spotted[Quantity]]:
        """Every quantity found in `heard` that begins at `start`, shorter readings beside longer ones."""
        found = list(self._whole.spot(heard, start))
        for number in self.spot_numbers(heard, start):
            found.append(Spotted(number.end, number.cost + NO_UNIT, Quantity(2 * number.value)))
            for ending in self._endings.spot(heard, number.end):
                how = ending.value
                halves = 2 * number.value + how.extra_half
                said = Quantity(halves, how.unit, how.vague)
                cost = number.cost + ending.cost
                found.append(Spotted(ending.end, cost, said))
                if how == _Ending("carton"):
                    found += [
                        Spotted(rest.end, cost + rest.cost, replace(said, loose_packs=rest.value))
                        for rest in self._loose_packs.spot(heard, ending.end)
                    ]
        return found

    def spot_numbers(self, heard: Sequence[Sound], start: int) -> list[Spotted[int]]:
        """Every whole number found in `heard` that begins at `start`, without its unit."""
        return [*self._numbers.spot(heard, start), *self._large_numbers(heard, start)]

    def _large_numbers(self, heard: Sequence[Sound], start: int) -> list[Spotted[int]]:
        """The numbers from 1,000 on: thousands or ten thousands, and what follows them."""
        found: list[Spotted[int]] = []
        for size, heads in self._heads.items():
            for head in heads.spot(heard, start):
                rests = self._rests[size].spot(heard, head.end)
                if size == max(_SIZES):
                    rests += [rest for rest in self._large_numbers(heard, head.end) if rest.value < size]
                found += [head, *(Spotted(r.end, head.cost + r.cost, head.value + r.value) for r in rests)]
        return found

    def say(self, quantity: Quantity) -> str:
        """The quantity in its most usual words."""
        word = next(word for word, unit in self._units.items() if unit == quantity.unit)
        if quantity.halves == 1:
            return f"半{word}"
        number, half = divmod(quantity.halves, 2)
        return number_words(number)[0] + word + ("半" if half else "")

    def distribution(self) -> tuple[list[str], list[float]]:
        """The quantities as they are likely to be said, and the share of each."""
        carton, case = (next(w for w, unit in self._units.items() if unit == wanted) for wanted in ("carton", "case"))
        shares = {f"半{carton}": 0.02, "俩": 0.015, "仨": 0.015}
        shares |= {f"{number}{case}": 0.015 for number in ("一", "两", "半", "三")}
        for numbers, share in ((_USUAL_NUMBERS, 0.69), (range(1, 131), 0.2)):
            for number in numbers:
                first, *other = number_words(number)[:2]
                for form, part in ((first, _FIRST_FORM), (other[0], 1.0 - _FIRST_FORM)) if other else ((first, 1.0),):
                    said = f"{form}{carton}"
                    shares[said] = shares.get(said, 0.0) + share * part / len(numbers)
        for said in self._also_said:
            shares[said] = shares.get(said, 0.0) + _ALSO_SAID_SHARE / len(self._also_said)
        return list(shares), list(shares.values())


def syllables_of_number(form: str) -> tuple[str, ...]:
    """The number's syllables, 一 and the hundreds in their own tones whatever characters are next to them."""
    return tuple(syllable for char in form for syllable in syllables(char))
