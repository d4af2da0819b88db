"""Writing texts in words of the recogniser's model; Vosk drops any other word without an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from brand_catalog.catalog import SpokenName
from brand_catalog.matching import reading
from brand_catalog.sounds import is_spoken, readings, syllables
from speech.engine import has_word

LONGEST_WORD = 5

KnowsWord = Callable[[str], bool]


class UnsayableError(ValueError):
    """A text that cannot be written in the model's words, so it can never be recognised."""

    def __init__(self, text: str, syllable: str) -> None:
        super().__init__(f"The speech model has no word that sounds like {syllable}, so 「{text}」 cannot be heard.")
        self.text = text
        self.syllable = syllable


class Vocabulary:
    """The vocabulary of one model; `knows` says whether it has a word."""

    def __init__(self, knows: KnowsWord) -> None:
        self._knows = lru_cache(maxsize=None)(knows)
        self._words = lru_cache(maxsize=16384)(self._segment)

    def words(self, text: str, reading: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The text in as few of the model's words as possible, with a homophone for a character it lacks;
        UnsayableError if there is none. `reading` is the text's reading if it is not the usual one."""
        return self._words("".join(char for char in text if is_spoken(char)), reading)

    def unsayable_reason(self, name: SpokenName) -> str | None:
        """The reason why a spoken name can never be recognised, or None if it can."""
        try:
            self.words(name.text, reading(name))
        except UnsayableError as error:
            return str(error)
        return None

    def other_words(self, text: str, reading: tuple[str, ...]) -> tuple[str, ...] | None:
        """The text with a homophone in place of each single character whose usual reading is not the one wanted here
        (重 in 大重九), since the model may know either; None if there is no such character."""
        words = self.words(text, reading)
        other: list[str] = []
        place = 0
        for word in words:
            wanted = reading[place : place + len(word)]
            if len(word) == 1 and readings(word)[0] != wanted[0]:
                word = self._homophone(wanted[0], word) or word
            other.append(word)
            place += len(word)
        return tuple(other) if tuple(other) != words else None

    def syllable_words(self) -> list[str]:
        """One character for every syllable the model can recognise."""
        found = (self._homophone(syllable, "") for syllable in _common_characters())
        return [char for char in found if char is not None]

    def _segment(self, text: str, reading: tuple[str, ...] | None) -> tuple[str, ...]:
        said = reading or syllables(text)
        best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ()), *([None] * len(text))]
        for start in range(len(text)):
            before = best[start]
            if before is None:
                continue
            for end in range(start + 1, min(len(text), start + LONGEST_WORD) + 1):
                word: str | None = text[start:end]
                price = 1.0
                if not self._knows(text[start:end]):
                    word = self._homophone(said[start], text[start]) if end == start + 1 else None
                    price = 1.5
                if word is None:
                    continue
                known = best[end]
                if known is None or before[0] + price < known[0]:
                    best[end] = (before[0] + price, (*before[1], word))
            if best[start + 1] is None and not any(best[start + 1 :]):
                raise UnsayableError(text, said[start])
        whole = best[-1]
        assert whole is not None
        return whole[1]

    @lru_cache(maxsize=4096)  # noqa: B019  one vocabulary lives as long as its model
    def _homophone(self, syllable: str, instead_of: str) -> str | None:
        return next((c for c in _common_characters().get(syllable, ()) if c != instead_of and self._knows(c)), None)


def vocabulary_of(model: Any) -> Vocabulary:
    """The vocabulary of a speech model."""
    return Vocabulary(lambda word: has_word(model, word))


@cache
def _common_characters() -> dict[str, tuple[str, ...]]:
    """The everyday characters by their usual reading, those with one reading first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for area in range(0xB0, 0xF8):
        for place in range(0xA1, 0xFF):
            try:
                char = bytes((area, place)).decode("gb2312")
            except UnicodeDecodeError:
                continue
            said = readings(char)
            rare = area >= 0xD8  # the second level of GB 2312: characters of rarer use
            found.setdefault(said[0], []).append((rare * 10 + len(said), char))
    return {syllable: tuple(char for _, char in sorted(chars, key=lambda c: c[0])) for syllable, chars in found.items()}
