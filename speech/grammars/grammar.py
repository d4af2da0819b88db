"""Sentences for the recogniser: Vosk's "grammar" is not a grammar but the training text of a small bigram language
model, so it is given whole sentences, generated from the phrase source in proportion to how often they are said."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from brand_catalog.catalog import SpokenName
from brand_catalog.matching import reading
from speech.grammars.vocabulary import Vocabulary
from speech.language.phrases import Act, PhraseFileError, Phrases, Template
from speech.language.quantities import Quantities
from speech.language.weighted_cycle import WeightedCycle, falling_weights

# The number of generated sentences of each kind for every name.
_ORDERS_PER_NAME: Final = 3
_OTHERS_PER_NAME: Final = 1
_PER_NAME: Final = _ORDERS_PER_NAME + _OTHERS_PER_NAME
# Weights of no and yes: a name is followed by a second sentence, a name is in a sentence with several names.
_ANOTHER: Final = (0.5, 0.5)
_SEVERAL: Final = (0.7, 0.3)
# The first wording of a command is repeated this often; later ones less, but at least twice.
_COMMAND_WEIGHT: Final = 16
# One name in so many has a sentence that reduces its line, and as many one that adds to it.
_NAMES_A_REDUCTION: Final = 3
# The same without a name, in so many sentences each.
_AMOUNTS_A_REDUCTION: Final = 8
# So many sentences have a price, and as many a name with one.
_PRICED_NAMES: Final = 60
_KINDS_OF_OTHERS: Final = ("add_number_first", "change", "change", "remove", "remove", "ask", "ask", "mention")
# Of a template with more wordings than this, only so many are generated.
_MAX_WORDINGS: Final = 120


class GrammarWriter:
    """Generates sentences in the vocabulary of one model, with the names of one catalogue."""

    def __init__(
        self, phrases: Phrases, quantities: Quantities, vocabulary: Vocabulary, names: Sequence[SpokenName]
    ) -> None:
        self._phrases = phrases
        self._vocabulary = vocabulary
        self._names = names
        self._amounts, self._amount_weights = quantities.distribution()
        self._prices_said = phrases.price_words["also_said"]
        self._with_one: dict[str, list[list[Template]]] = {}
        self._with_several: list[Template] = []
        for template in phrases.templates:
            if phrases.names_in(template) > 1:
                self._with_several.append(template)
                continue
            rows = self._with_one.setdefault(template.act.kind, [])
            if rows and template.act != rows[0][0].act:
                # Other questions about a spec are rarer than "is there any": together they have one place in the cycle.
                rows[-1].append(template)
            else:
                rows.append([template])

    def orders(self, names: Sequence[SpokenName]) -> list[str]:
        """Sentences that contain every one of the names: mostly orders, then changes, removals and questions."""
        cycle = WeightedCycle()
        sentences: list[str] = []
        for place, name in enumerate(names):
            about = self._with_name[name]
            sentences += about
            other = names[(place + len(names) // 2) % len(names)]
            if cycle.choose("several", _SEVERAL):
                template = self._with_several[cycle.choose("wording", falling_weights(len(self._with_several)))]
                sentences.append(self._generate(template, itertools.cycle((name, other)), cycle))
            if cycle.choose("another", _ANOTHER):
                first, second = (cycle.choose(which, _uniform(_PER_NAME)) for which in ("first", "second"))
                sentences.append(f"{about[first]} {self._with_name[other][second]}")
        return sentences

    @cached_property
    def _with_name(self) -> dict[SpokenName, tuple[str, ...]]:
        """The sentences with one name, by name: generated for the whole catalogue at once, so that the words before and
        after a name are evenly spread over all names, and the same in every grammar the name is in."""
        cycle = WeightedCycle()
        return {name: tuple(self._generate_with(name, cycle)) for name in self._names}

    def reductions(self, names: Sequence[SpokenName]) -> list[str]:
        """Sentences that take a quantity off a line or add to it (红塔山减两条), with some of the names in turn."""
        cycle = WeightedCycle()
        return [
            self._generate(self._template("more" if place % 2 else "reduce", cycle), iter((name,)), cycle)
            for place, name in enumerate(names)
            if place % _NAMES_A_REDUCTION < 2
        ]

    def _generate_with(self, name: SpokenName, cycle: WeightedCycle) -> Iterator[str]:
        for _ in range(_ORDERS_PER_NAME):
            yield self._generate(self._template("add", cycle), iter((name,)), cycle)
        for _ in range(_OTHERS_PER_NAME):
            kind = _KINDS_OF_OTHERS[cycle.choose("kind", _uniform(len(_KINDS_OF_OTHERS)))]
            yield self._generate(self._template(kind, cycle), iter((name,)), cycle)

    def _template(self, kind: str, cycle: WeightedCycle) -> Template:
        rows = self._with_one[kind]
        row = rows[cycle.choose(kind, falling_weights(len(rows)))]
        return row[cycle.choose((kind, "row"), _uniform(len(row)))] if len(row) > 1 else row[0]

    def amounts(self, count: int) -> list[str]:
        """Sentences with a quantity and no name."""
        cycle = WeightedCycle()
        kinds = ("amount", "amount", "amount", "change_last")
        made = (self._template(kinds[cycle.choose("kind", _uniform(len(kinds)))], cycle) for _ in range(count))
        sentences = [self._generate(template, iter(()), cycle) for template in made]
        less = (
            self._template(kind, cycle)
            for _ in range(count // _AMOUNTS_A_REDUCTION)
            for kind in ("reduce_last", "more_last")
        )
        return sentences + [self._generate(template, iter(()), cycle) for template in less]

    def prices(self, names: Sequence[SpokenName]) -> list[str]:
        """Sentences with a price, alone and of some of the names in turn."""
        cycle = WeightedCycle()
        of_names = names[:: max(1, len(names) // _PRICED_NAMES)]
        made = [self._generate(self._template("of_price", cycle), iter(()), cycle) for _ in range(_PRICED_NAMES)]
        return made + [self._generate(self._template("add_priced", cycle), iter((n,)), cycle) for n in of_names]

    def commands(self, wanted: Callable[[Act], bool]) -> list[str]:
        """Every wording of the wanted commands and choices, the usual ones more often."""
        cycle = WeightedCycle()
        sentences: list[str] = []
        for template in self._phrases.templates:
            if template.act.kind in ("command", "choice") and wanted(template.act):
                plain = list(dict.fromkeys(self._phrases.all_texts(template.expression, optional=False)))
                for rank, text in enumerate(plain if len(plain) <= _MAX_WORDINGS else ()):
                    sentence = " ".join(self._vocabulary.words(text))
                    sentences += [sentence] * max(2, _COMMAND_WEIGHT // (1 + rank))
                for _ in range(min(len(plain), _MAX_WORDINGS)):
                    parts = self._phrases.sample(template.expression, cycle.choose, _no_slots)
                    sentences.append(" ".join(self._vocabulary.words("".join(parts))))
        return sentences

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """Every wording of yes and no, each once, so that the grammar favours none."""
        texts = [
            text
            for template in self._phrases.templates
            if template.act.kind == "command" and template.act.name in ("yes", "no")
            for text in self._phrases.all_texts(template.expression, optional=False)
        ]
        return tuple(dict.fromkeys(" ".join(self._vocabulary.words(text)) for text in texts))

    def texts(self, texts: Iterable[str], times: int) -> list[str]:
        """The texts in the model's words, each repeated `times` times."""
        return [" ".join(self._vocabulary.words(text)) for text in texts for _ in range(times)]

    def sentences(self, wording: Iterable[str | SpokenName]) -> list[str]:
        """A wording in the model's words, and again with the other spelling of its names if they have one."""
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
        """One word for every syllable the model can recognise."""
        return self._vocabulary.syllable_words()

    def _name_words(self, name: SpokenName, cycle: WeightedCycle) -> tuple[str, ...]:
        """A name in the model's words; if the model may know a character by another reading, the two spellings
        alternate."""
        said = reading(name)
        ways = (self._vocabulary.words(name.text, said), self._vocabulary.other_words(name.text, said))
        return ways[1] if ways[1] is not None and cycle.choose(name, _uniform(2)) else ways[0]

    def _generate(self, template: Template, names: Iterator[SpokenName], cycle: WeightedCycle) -> str:
        words: dict[str, tuple[str, ...]] = {}

        def fill(slot: str, role: str) -> str:
            if slot == "price":
                return self._prices_said[cycle.choose("price", _uniform(len(self._prices_said)))]
            if slot == "quantity":
                return self._amounts[cycle.choose("quantity", self._amount_weights)]
            name = next(names)
            words[name.text] = self._name_words(name, cycle)
            return name.text

        sentence: list[str] = []
        for part in self._phrases.sample(template.expression, cycle.choose, fill):
            sentence += words.get(part) or self._vocabulary.words(part)
        return " ".join(sentence)


def _uniform(count: int) -> tuple[float, ...]:
    return (1.0,) * count


def _no_slots(slot: str, role: str) -> str:
    raise PhraseFileError(f"A command has the slot {slot}; only what is in the section `say` may have slots.")
