"""Confusables other than names: numbers, and the words an utterance opens and ends with, that sound like others.

我要 and 不要, 吧 and 吗, 六十 and 九十 differ in one consonant, which a telephone hardly carries. Where the first pass
recognised one of them, the second pass has to choose between both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from brand_catalog.catalog import SpokenName
from brand_catalog.sounds import distance, syllables
from speech.language.phrases import Phrases
from speech.language.quantities import Quantities

Wording = list[str | SpokenName]

# The largest distance of confusables: one syllable may differ, or be too many or missing.
_MAX_DISTANCE: Final = 1.0
_MAX_NUMBER_DISTANCE: Final = 0.8
# The most confusables considered for each part of the wording.
_MAX_CONFUSABLES: Final = 8


class Confusables:
    """The confusable numbers, openings and endings of the phrase source."""

    def __init__(self, phrases: Phrases, quantities: Quantities) -> None:
        openings, endings = phrases.openings_and_endings()
        self._openings = _SoundIndex(openings, _MAX_DISTANCE)
        self._endings = _SoundIndex(endings, _MAX_DISTANCE)
        self._quantities = _SoundIndex(quantities.distribution()[0], _MAX_NUMBER_DISTANCE)

    def places(
        self, wording: Sequence[str | SpokenName], confusable_names: Callable[[SpokenName], Sequence[SpokenName]]
    ) -> list[tuple[str | SpokenName, ...]]:
        """The wording as a sequence of places, each with the texts that may have been said there, the recognised one
        first."""
        places: list[tuple[str | SpokenName, ...]] = []
        runs = [(is_run, list(run)) for is_run, run in groupby(wording, _is_character)]
        for number, (is_run, run) in enumerate(runs):
            if not is_run:
                places += [
                    (word, *confusable_names(word))
                    if isinstance(word, SpokenName)
                    else (word, *self._quantities.near(word))
                    for word in run
                ]
                continue
            text = "".join(map(str, run))
            index = self._openings if number == 0 else self._endings if number == len(runs) - 1 else None
            places.append((text, *(index.near(text) if index is not None and len(runs) > 1 else ())))
        return places


def _is_character(word: str | SpokenName) -> bool:
    return isinstance(word, str) and len(word) == 1


def balanced_wordings(places: Sequence[tuple[str | SpokenName, ...]], count: int) -> list[Wording]:
    """Wordings in which every place has each of its alternatives equally often, independent of the other places, so
    that the grammar favours none. The first wording is the recognised one."""
    if all(len(place) == 1 for place in places):
        count = 1
    chance = random.Random(0)
    columns: list[list[str | SpokenName]] = []
    for place in places:
        column = list(place)
        while len(column) < count:
            column += chance.sample(place, len(place))
        columns.append(column[:count])
    return [list(row) for row in zip(*columns, strict=True)]


class _SoundIndex:
    """Texts that can be looked up by sound."""

    def __init__(self, texts: Iterable[str], max_distance: float) -> None:
        self._texts = [(text, syllables(text)) for text in dict.fromkeys(texts) if text]
        self._max_distance = max_distance
        self.near = lru_cache(maxsize=1024)(self._near)

    def _near(self, text: str) -> tuple[str, ...]:
        """The texts that sound like this one, the nearest first."""
        said = syllables(text)
        found = [
            (distance(said, other_said), place)
            for place, (other, other_said) in enumerate(self._texts)
            if other != text and abs(len(other_said) - len(said)) <= 1
        ]
        return tuple(
            self._texts[place][0] for far, place in sorted(found)[:_MAX_CONFUSABLES] if far <= self._max_distance
        )
