"""Finding spoken names in recognised text by sound: exact ones everywhere, near ones where nothing else fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from brand_catalog.catalog import SpokenName
from brand_catalog.sounds import Sound, SoundTrie, Spotted, distance, fold, is_spoken, syllables

# The cost of a near name: this for being near at all, and this for each syllable of difference.
NEAR = 1.5
NEAR_PER_SYLLABLE = 3.0
# Names shorter than this are not matched by nearness: too much sounds like them.
MIN_NEAR_SYLLABLES = 3
MAX_NEAR_SYLLABLES = 12
# Confusables of a name for the second pass: at most so many that sound like it, and so many longer ones containing it.
MAX_CONFUSABLES = 8
CONFUSABLE_DISTANCE = 1.3
MAX_LONGER_NAMES = 30
# The most near names considered at any one place.
MAX_NEAR = 6


@dataclass(frozen=True, slots=True)
class Match:
    """A name that sounds like a text, and its distance: 0 the same, 1 one syllable entirely different."""

    name: SpokenName
    distance: float


def reading(name: SpokenName) -> tuple[str, ...]:
    """The name's toned syllables: those the catalogue gives for it, else the usual reading."""
    if name.pinyin:
        return tuple(name.pinyin.split())
    return syllables(name.text)


class NameIndex:
    """The spoken names of a catalogue by their sound."""

    def __init__(self, names: Iterable[SpokenName]) -> None:
        self.names = tuple(names)
        self._readings = tuple(reading(name) for name in self.names)
        self._trie: SoundTrie[SpokenName] = SoundTrie()
        self._codes: dict[str, str] = {}
        self._confusables: dict[SpokenName, tuple[SpokenName, ...]] = {}
        by_length: dict[int, list[int]] = {}
        for i, (name, said) in enumerate(zip(self.names, self._readings, strict=True)):
            text = "".join(char for char in name.text if is_spoken(char))
            if len(text) == len(said) and text:
                self._trie.add(text, said, name)
                by_length.setdefault(len(said), []).append(i)
        self._by_length = {
            length: (np.array(places), [self._code(self._readings[i]) for i in places])
            for length, places in by_length.items()
        }

    def spot(self, heard: Sequence[Sound], start: int) -> list[Spotted[SpokenName]]:
        """Every name found in `heard` that begins at `start`."""
        return self._trie.spot(heard, start)

    def spot_near(self, heard: Sequence[Sound]) -> dict[int, list[Spotted[SpokenName]]]:
        """Names of three syllables and more that sound like some part of `heard`, by the place where they begin: at
        most one syllable in three differs, or one is too many or missing."""
        said = tuple(sound.readings[0] if sound.readings else "" for sound in heard)
        found: dict[int, list[Spotted[SpokenName]]] = {}
        for length in range(MIN_NEAR_SYLLABLES - 1, MAX_NEAR_SYLLABLES + 2):
            stretches = [(at, at + length) for at in range(len(said) - length + 1)]
            stretches = [(a, b) for a, b in stretches if all(said[a:b])]
            if not stretches:
                continue
            codes = [self._code(said[a:b]) for a, b in stretches]
            for target in (length - 1, length, length + 1):
                if target < MIN_NEAR_SYLLABLES or target not in self._by_length:
                    continue
                allowed = max(1, target // 3)
                places, names = self._by_length[target]
                far = cdist(codes, names, scorer=Levenshtein.distance, score_cutoff=allowed, dtype=np.uint8)
                for row, column in np.argwhere(far <= allowed):
                    start, end = stretches[row]
                    place = int(places[column])
                    cost = NEAR + NEAR_PER_SYLLABLE * distance(said[start:end], self._readings[place])
                    found.setdefault(start, []).append(Spotted(end, cost, self.names[place]))
        return {start: sorted(near, key=lambda spotted: spotted.cost)[:MAX_NEAR] for start, near in found.items()}

    def confusables(self, name: SpokenName) -> tuple[SpokenName, ...]:
        """The names that may have been said where `name` was recognised: those that sound much like it, and if it
        means several specs or begins other names (a brand alone), the longer names that say which."""
        if name not in self._confusables:
            self._confusables[name] = self._find_confusables(name)
        return self._confusables[name]

    def _find_confusables(self, name: SpokenName) -> tuple[SpokenName, ...]:
        said = reading(name)
        code = self._code(said)
        allowed = min(2, max(1, len(said) // 2))
        near: list[tuple[float, int]] = []
        for length in range(len(said) - allowed, len(said) + allowed + 1):
            if length in self._by_length:
                places, names = self._by_length[length]
                edits = cdist([code], names, scorer=Levenshtein.distance, score_cutoff=allowed, dtype=np.uint8)[0]
                near += [(distance(said, self._readings[i]), int(i)) for i in places[edits <= allowed]]
        similar = [self.names[i] for far, i in sorted(near)[: MAX_CONFUSABLES + 1] if far <= CONFUSABLE_DISTANCE]
        longer = [
            other
            for other, other_said in zip(self.names, self._readings, strict=True)
            if (other_said[: len(said)] == said or other_said[-len(said) :] == said)
            or (len(name.barcodes) > 1 and other.kind == "spec" and other.barcodes[0] in name.barcodes)
        ]
        return tuple(dict.fromkeys(n for n in (*similar, *longer[:MAX_LONGER_NAMES]) if n != name))

    def nearest(self, text: str, limit: int = 5) -> list[Match]:
        """The names that sound most like `text`, the nearest first; shown as possible confusions."""
        said = syllables(text)
        code = self._code(said)
        rough: list[tuple[int, int]] = []
        for places, names in self._by_length.values():
            distances = cdist([code], names, scorer=Levenshtein.distance, dtype=np.uint8)[0]
            rough += [(int(edits), int(place)) for edits, place in zip(distances, places, strict=True)]
        rough.sort()
        matches = [Match(self.names[i], distance(said, self._readings[i])) for _, i in rough[: 4 * limit]]
        return sorted(matches, key=lambda match: match.distance)[:limit]

    def _code(self, said: Sequence[str]) -> str:
        """One letter for each folded syllable, so that string distance counts syllables."""
        return "".join(self._codes.setdefault(fold(s), chr(0x100 + len(self._codes))) for s in said)
