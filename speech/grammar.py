"""Sentences for the recogniser: Vosk's "grammar" is no grammar but the text of a small bigram language model, so what
it is given are whole sentences, made up from the phrase source so that what is said often is there often."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from brand_catalog.catalog import SpokenName
from brand_catalog.matching import reading
from speech.phrases import Act, PhraseFileError, Phrases, Template
from speech.quantities import Quantities
from speech.vocabulary import Vocabulary

UNKNOWN_WORD: Final = "[unk]"

# How many made-up sentences of each kind every name gets.
_ORDERS_PER_NAME: Final = 3
_OTHERS_PER_NAME: Final = 1
# How often a name is in a sentence that goes on with another one, and in one with several names.
_ANOTHER: Final = 0.5
_SEVERAL: Final = 0.3
# The first wording of a command is this often there; later ones less, but never less than twice.
_COMMAND_WEIGHT: Final = 16
_KINDS_OF_OTHERS: Final = ("add_number_first", "change", "change", "remove", "remove", "ask", "ask", "mention")
# Any number does: with the same one, the same turn is listened to in the same way.
_SEED: Final = 5


class GrammarWriter:
    """Writes sentences in the words of one model."""

    def __init__(self, phrases: Phrases, quantities: Quantities, vocabulary: Vocabulary) -> None:
        self._phrases = phrases
        self._quantities = quantities
        self._vocabulary = vocabulary
        self._about = lru_cache(maxsize=None)(self._sentences_about)
        self._with_one: dict[str, list[Template]] = {}
        self._with_several: list[Template] = []
        for template in phrases.templates:
            if phrases.names_in(template) < 2:
                self._with_one.setdefault(template.act.kind, []).append(template)
            else:
                self._with_several.append(template)

    def orders(self, names: Sequence[SpokenName]) -> list[str]:
        """Sentences with every one of the names in them: orders above all, then changes, removals and questions."""
        rng = random.Random(_SEED)
        sentences = [sentence for name in names for sentence in self._about(name)]
        for name in names:
            if rng.random() < _SEVERAL:
                sentences.append(" ".join(self._made_up(rng.choice(self._with_several), name, names, rng)))
            if rng.random() < _ANOTHER:
                sentences.append(f"{rng.choice(self._about(name))} {rng.choice(self._about(rng.choice(names)))}")
        return sentences

    def _sentences_about(self, name: SpokenName) -> tuple[str, ...]:
        """The sentences with this one name; the same ones in every grammar the name is in."""
        rng = random.Random(f"{_SEED} {name.text}")
        kinds = ["add"] * _ORDERS_PER_NAME + rng.sample(_KINDS_OF_OTHERS, _OTHERS_PER_NAME)
        made = (self._made_up(_early(self._with_one[kind], rng), name, (), rng) for kind in kinds)
        return tuple(" ".join(words) for words in made)

    def amounts(self, count: int) -> list[str]:
        """Sentences that give a quantity and no name."""
        rng = random.Random(_SEED)
        kinds = ("amount", "amount", "amount", "change_last")
        made = (self._made_up(_early(self._with_one[rng.choice(kinds)], rng), None, (), rng) for _ in range(count))
        return [" ".join(words) for words in made]

    def commands(self, wanted: Callable[[Act], bool]) -> list[str]:
        """Every wording of the commands and choices wanted, the usual ones more often."""
        rng = random.Random(_SEED)
        sentences: list[str] = []
        for template in self._phrases.templates:
            if template.act.kind in ("command", "choice") and wanted(template.act):
                plain = self._phrases.every(template.expression, optional=False)
                for rank, text in enumerate(dict.fromkeys(plain)):
                    sentence = " ".join(self._vocabulary.words(text))
                    sentences += [sentence] * max(2, _COMMAND_WEIGHT // (1 + rank))
                for _ in plain:
                    parts = self._phrases.sample(template.expression, rng, _no_slots)
                    sentences.append(" ".join(self._vocabulary.words("".join(parts))))
        return sentences

    def texts(self, texts: Iterable[str], times: int) -> list[str]:
        """Texts as they stand, each so many times."""
        return [" ".join(self._vocabulary.words(text)) for text in texts for _ in range(times)]

    def sentences(self, wording: Iterable[str | SpokenName]) -> list[str]:
        """A wording in the model's words, the other way of writing its names beside it."""
        ways: list[list[str]] = [[], []]
        run = ""
        for part in (*wording, ""):
            if isinstance(part, str) and part:
                run += part
                continue
            for way in ways:
                way += self._vocabulary.words(run)
            run = ""
            if isinstance(part, SpokenName):
                said = reading(part)
                usual = self._vocabulary.words(part.text, said)
                ways[0] += usual
                ways[1] += self._vocabulary.other_words(part.text, said) or usual
        return list(dict.fromkeys(" ".join(way) for way in ways if way))

    def syllables(self) -> list[str]:
        """One word for every syllable the model can hear."""
        return self._vocabulary.syllable_words()

    def name_words(self, name: SpokenName, rng: random.Random) -> tuple[str, ...]:
        """A name in the model's words; where the model may know a character by another reading, now one way and now
        the other."""
        said = reading(name)
        other = self._vocabulary.other_words(name.text, said)
        return other if other is not None and rng.random() < 0.5 else self._vocabulary.words(name.text, said)

    def _made_up(
        self, template: Template, name: SpokenName | None, names: Sequence[SpokenName], rng: random.Random
    ) -> list[str]:
        waiting = [] if name is None else [name]
        words: dict[str, tuple[str, ...]] = {}

        def fill(slot: str, role: str) -> str:
            if slot == "quantity":
                return self._quantities.sample(rng)
            chosen = waiting.pop() if waiting else rng.choice(names)
            words[chosen.text] = self.name_words(chosen, rng)
            return chosen.text

        sentence: list[str] = []
        for part in self._phrases.sample(template.expression, rng, fill):
            sentence += words.get(part) or self._vocabulary.words(part)
        return sentence


def _early(templates: Sequence[Template], rng: random.Random) -> Template:
    """One of the templates, the first the likeliest: what is said most is written first."""
    if rng.random() < 0.7:
        return templates[min(int(rng.paretovariate(0.6)) - 1, len(templates) - 1)]
    return rng.choice(templates)


def _no_slots(slot: str, role: str) -> str:
    raise PhraseFileError(f"A command has the slot {slot}; only what is in the section `say` may have slots.")
