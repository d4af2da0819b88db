"""Understanding at a step: the one place where speech, typed text and keys become an `Utterance`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.matching import NameIndex
from brand_catalog.sounds import sounds
from speech.grammars.confusables import Confusables, balanced_wordings
from speech.grammars.grammar import GrammarWriter
from speech.grammars.vocabulary import Vocabulary, vocabulary_of
from speech.hypotheses import UNKNOWN_WORD, Hypothesis
from speech.language.keypad import read_keys
from speech.language.numerals import figures_in_words
from speech.language.parsing import KEPT_OF_TEXT, Parse, Parser
from speech.language.phrases import Act, load_phrases
from speech.language.prices import Prices
from speech.language.prior import prior_of
from speech.language.quantities import Quantities
from speech.language.semantics import Meaning, assemble
from speech.listening import Choice, Digits, Items, Listen, QuantityOf, YesNo, implied_spec
from speech.utterance import NOTHING, Item, Price, Utterance

# The weight of the recogniser's log-likelihood: its frames are not independent, so it is overconfident.
SCORE_WEIGHT: Final = 0.5
# The distance behind the best alternative of what a pass did not find: Vosk keeps what is within 4.
MISSING_PENALTY: Final = 5.0
# The weights of the first and the second pass.
PASS_WEIGHTS: Final = (0.8, 1.2)
# Typed text whose parse has more distortion than this a syllable is not understood.
_MAX_TEXT_DISTORTION: Final = 0.9
_FIGURES: Final = re.compile(r"(\d+)(?:\.(\d+))?(条?)")
# The number of best interpretations that enter the second pass with the confusables of their parts.
_MAX_WITH_CONFUSABLES: Final = 3
# The number of alternatives that are parsed with near names.
_MAX_NEAR_PARSES: Final = 4
# The number of alternatives in which lines beside talk are searched.
_MAX_BESIDE_TALK: Final = 2
# The number of wordings made from the confusables of one interpretation's parts.
_MAX_WORDINGS: Final = 60
_SCOPES_KEPT: Final = 64
# The numbers of sentences without a name, beside the sentences with one.
_OPTION_SENTENCES: Final = 20
_AMOUNT_SENTENCES: Final = 200
_UNKNOWN_SENTENCES: Final = 60


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One meaning an utterance may have, and its best evidence in one pass.

    `behind` is the log-likelihood of the pass's best alternative above this one's; `cost` the cost of the parse;
    `prior` the meaning's log-prior for this retailer; `evidence` the log-evidence from all three, and `posterior` its
    posterior among all interpretations.
    """

    meaning: Meaning
    hypothesis: Hypothesis
    parse: Parse
    behind: float
    cost: float
    prior: float = 0.0
    evidence: float = 0.0
    posterior: float = 0.0

    @property
    def wording(self) -> list[str | SpokenName]:
        """The wording of the parts, with the words of the talk beside them as they were recognised."""
        parts = self.parse.parts
        wording = [word for part in parts for word in part.wording]
        if not self.parse.talk:
            return wording
        words = [sound.char for sound in self.hypothesis.sounds]
        return [*words[: parts[0].start], *wording, *words[parts[-1].end :]]


@dataclass(frozen=True, slots=True)
class _Scope:
    """The permitted input: lines or none, of any spec of the catalogue; the options of a choice by their phrases. It
    says nothing of the retailer, so that all callers share its grammar and its parser."""

    lines: bool
    options: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, listen: Listen) -> _Scope:
        match listen:
            case Digits():
                return cls(False)
            case Choice():
                return cls(listen.or_items, tuple(option.phrases for option in listen.options))
            case YesNo():
                return cls(listen.or_items)
            case Items() | QuantityOf():
                return cls(True)

    def wants(self, act: Act) -> bool:
        """True if templates of this act are permitted."""
        if act.kind == "command":
            return True
        return bool(self.options) if act.kind == "choice" else self.lines


class Understanding:
    """Understanding for one catalogue version. Build it once and keep it: it keeps the grammar and the parser of each
    kind of step, which all callers share."""

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary | None = None) -> None:
        self.catalog = catalog
        self._phrases = load_phrases()
        self._spoken_names = (*catalog.spoken_names, *_other_brands(self._phrases.other_brands, catalog))
        self._quantities = Quantities(self._phrases.quantity_words)
        self._prices = Prices(self._phrases.price_words["units"], self._quantities)
        self._confusables = Confusables(self._phrases, self._quantities)
        self._writer: GrammarWriter | None = None
        if vocabulary is not None:
            self._writer = GrammarWriter(self._phrases, self._quantities, vocabulary, tuple(self._spoken_names))
        self._fillers = self._phrases.fillers()
        self._by_code = {spec.short_code: barcode for barcode, spec in catalog.specs.items()}
        self._parser = lru_cache(maxsize=_SCOPES_KEPT)(self._build_parser)
        self._sentences = lru_cache(maxsize=_SCOPES_KEPT)(self._build_sentences)

    @cached_property
    def _names(self) -> NameIndex:
        """The names of the catalogue; built for the first words to be understood, as keys need none."""
        return NameIndex(self._spoken_names)

    def grammar(self, listen: Listen) -> tuple[str, ...]:
        """The sentences for the recogniser at this step, the same for every caller."""
        return self._sentences(_Scope.of(listen))

    def interpret(
        self, listen: Listen, hypotheses: Sequence[Hypothesis], kept: frozenset[str] = frozenset()
    ) -> list[Interpretation]:
        """Every meaning the alternatives may have, the likeliest first. Syllables in `kept` are never skipped."""
        parser = self._parser(_Scope.of(listen))
        prior = prior_of(listen)
        usual = {barcode: place for place, barcode in enumerate(_usual(listen))}

        def resolve(name: SpokenName, price: Price | None) -> tuple[str, ...]:
            if price is not None:
                name = self._of_price(name, price)
            return _resolved(name, prior.orderable, usual) if name.barcodes else ()

        best: dict[tuple[object, ...], Interpretation] = {}
        top = max((hypothesis.score for hypothesis in hypotheses), default=0.0)
        for hypothesis, parses in _parses(parser, hypotheses, kept):
            behind = top - hypothesis.score
            for parse in parses:
                meaning, misfit = assemble(parse.parts, resolve)
                if not prior.ordered and any(item.action == "reduce" for item in meaning.items):
                    continue  # nothing is ordered that could be reduced: 金沙江五条 is not 金时代减五条
                cost = parse.cost + misfit
                likely = prior.of(meaning)
                evidence = likely - SCORE_WEIGHT * behind - cost
                known = best.get(meaning.key)
                if known is None or evidence > known.evidence:
                    best[meaning.key] = Interpretation(meaning, hypothesis, parse, behind, cost, likely, evidence)
        return _with_posteriors(best.values())

    def of_speech(self, listen: Listen, hypotheses: Sequence[Hypothesis]) -> Utterance:
        """The likeliest meaning of the alternatives, without the further passes of `decide_utterance`."""
        found = self.interpret(listen, hypotheses)
        return self.utterance(listen, found[0], found[0].posterior) if found else NOTHING

    def of_text(self, listen: Listen, text: str) -> Utterance:
        """The meaning of typed text, parsed as if recognised with certainty; figures count as numbers."""
        said = _FIGURES.sub(_in_words, text)
        found = self.interpret(listen, [Hypothesis(said, 0.0)], KEPT_OF_TEXT)
        if not found or found[0].parse.distortion > _MAX_TEXT_DISTORTION * max(1, len(sounds(said))):
            return replace(NOTHING, text=text)
        return replace(self.utterance(listen, found[0], found[0].posterior), text=text)

    def of_keys(self, listen: Listen, keys: str) -> Utterance:
        """The meaning of pressed keys at this step, as `keypad` defines it."""
        return read_keys(listen, keys, self._by_code)

    def is_complete(self, listen: Listen, hypotheses: Sequence[Hypothesis]) -> bool:
        """True if the likeliest meaning of the alternatives so far is a complete answer, so that a short silence ends
        it: every line has its quantity, or it is a command, and no syllable is skipped."""
        found = self.interpret(listen, hypotheses)
        if not found or found[0].parse.skipped or found[0].parse.talk:
            return False
        meaning = found[0].meaning
        if any(item.quantity is None and item.action in ("add", "change") for item in meaning.items):
            return False
        if any(not item.barcodes for item in meaning.items):
            return bool(implied_spec(listen))
        return True

    def second_pass_sentences(self, listen: Listen, interpretations: Sequence[Interpretation]) -> list[str]:
        """The sentences of the second pass: the interpretations in the model's words, and for the best of them the same
        with their names, numbers, openings and endings replaced by confusables."""
        if self._writer is None:
            return []
        found: dict[str, None] = {}
        for place, interpretation in enumerate(interpretations):
            wording = interpretation.wording
            ways = [wording]
            if place < _MAX_WITH_CONFUSABLES:
                ways = balanced_wordings(self._confusables.places(wording, self._names.confusables), _MAX_WORDINGS)
            for way in ways:
                for sentence in self._writer.sentences(way):
                    found[sentence] = None
        asks_yes_or_no = isinstance(listen, YesNo) or (isinstance(listen, Choice) and not listen.or_items)
        if asks_yes_or_no and any(is_bare_answer(i.meaning) for i in interpretations):
            # A yes has to be told from a no, whichever of the two the first pass found.
            found |= dict.fromkeys(self._writer.answers)
        return list(found)

    def garbage_model(self) -> list[str]:
        """The garbage model: a grammar of bare syllables, every one the model has a word for."""
        return [] if self._writer is None else self._writer.syllables()

    def utterance(
        self, listen: Listen, interpretation: Interpretation, confidence: float, confirm: bool = False
    ) -> Utterance:
        """The interpretation as an utterance for the conversation: a bare quantity belongs to the spec asked about or
        just spoken of, "the last option" is the last of those offered."""
        meaning = interpretation.meaning
        items, choice = meaning.items, meaning.choice
        if barcode := implied_spec(listen):
            items = tuple(replace(item, barcodes=(barcode,)) if _is_amount(item, listen) else item for item in items)
        if choice is not None and isinstance(listen, Choice):
            choice = len(listen.options) - 1 if choice < 0 else choice
        return Utterance(
            items=items,
            command=meaning.command,
            price=meaning.price,
            choice=choice,
            text=interpretation.hypothesis.text.replace(UNKNOWN_WORD, "").replace(" ", ""),
            confidence=round(confidence, 3),
            confirm=confirm,
            incomplete=bool(items) and (interpretation.parse.talk > 0 or interpretation.parse.skipped > 0),
        )

    def _of_price(self, name: SpokenName, price: Price) -> SpokenName:
        """The name for those specs of its brand that have this retail price."""
        specs = self.catalog.specs
        brands = {specs[barcode].brand for barcode in name.barcodes}
        of_brand = [barcode for barcode, spec in specs.items() if spec.brand in brands]
        return replace(
            name,
            barcodes=tuple(b for b in of_brand if specs[b].retail_fen == price.pack_fen * specs[b].packs_per_carton),
        )

    def _build_parser(self, scope: _Scope) -> Parser:
        names = self._names if scope.lines else NameIndex(())
        automaton = self._phrases.automaton(scope.wants, scope.options)
        return Parser(automaton, names, self._quantities, self._fillers, self._prices)

    def _build_sentences(self, scope: _Scope) -> tuple[str, ...]:
        if self._writer is None:
            return ()
        sentences = self._writer.commands(scope.wants)
        sentences += self._writer.texts((phrase for phrases in scope.options for phrase in phrases), _OPTION_SENTENCES)
        if scope.lines:
            sentences += self._writer.orders(tuple(self._spoken_names))
            sentences += self._writer.reductions(tuple(self.catalog.spoken_names))
            sentences += self._writer.amounts(_AMOUNT_SENTENCES)
            sentences += self._writer.prices(tuple(self.catalog.spoken_names))
        return (*sentences, *[UNKNOWN_WORD] * _UNKNOWN_SENTENCES)


def build_understanding(catalog: Catalog, model: Any | None = None) -> Understanding:
    """The understanding of a catalogue with the vocabulary of a speech model, or without one for keys and typed text
    only. UnsayableError if a spoken name cannot be written in the model's words."""
    if model is None:
        return Understanding(catalog)
    return Understanding(catalog, vocabulary_of(model))


def is_bare_answer(said: Meaning | Utterance) -> bool:
    """True for a yes or a no and nothing else."""
    return said.command in ("yes", "no") and not said.items


def _in_words(figures: re.Match[str]) -> str:
    """Typed figures as they are said: 12条 is 十二条, 1.5条 is 一条半."""
    whole, decimals, unit = figures.groups()
    if decimals and decimals.rstrip("0") == "5" and unit:
        return f"{figures_in_words(whole)}{unit}半"
    return figures_in_words(whole) + (f"点{figures_in_words(decimals)}" if decimals else "") + unit


def _is_amount(item: Item, listen: Listen) -> bool:
    """True if a line without a brand gives a quantity of the spec spoken of: every such line after the question "how
    many", otherwise only an addition."""
    return item.is_amount and (isinstance(listen, QuantityOf) or item.action == "add")


def _parses(
    parser: Parser, hypotheses: Sequence[Hypothesis], kept: frozenset[str]
) -> Iterator[tuple[Hypothesis, list[Parse]]]:
    """The alternatives with their parses. Near names and stray syllables are only searched in alternatives likelier
    than the first that has an exact parse: below it a worse parse of worse evidence cannot win. Lines beside talk are
    only searched in the best alternatives, if none of them has an exact parse."""
    near = 0
    exact = False
    ranked = sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)
    for hypothesis in ranked:
        parses = parser.parse_exact(hypothesis.sounds)
        exact = exact or bool(parses)
        if not parses and not exact and near < _MAX_NEAR_PARSES:
            parses = parser.parse_near(hypothesis.sounds, kept)
            near += 1
        yield hypothesis, parses
    if not exact:
        for hypothesis in ranked[:_MAX_BESIDE_TALK]:
            yield hypothesis, parser.parse_beside_talk(hypothesis.sounds)


def _other_brands(brands: Iterable[str], catalog: Catalog) -> list[SpokenName]:
    """The names of the brands that the catalogue does not have."""
    texts = [text for spec in catalog.specs.values() for text in (spec.name, spec.brand)]
    known = {name.text for name in catalog.spoken_names}
    return [
        SpokenName(brand, (), "brand")
        for brand in brands
        if brand not in known and not any(brand in text for text in texts)
    ]


def _usual(listen: Listen) -> tuple[str, ...]:
    return () if isinstance(listen, Digits) else listen.usual


def _resolved(name: SpokenName, orderable: frozenset[str], usual: dict[str, int]) -> tuple[str, ...]:
    """The specs a name means to this caller: of several the only one it usually buys, orderable now or not, or else the
    orderable ones."""
    if len(name.barcodes) == 1:
        return name.barcodes
    barcodes = tuple(b for b in name.barcodes if b in orderable) or name.barcodes
    bought = [b for b in barcodes if b in usual] or [b for b in name.barcodes if b in usual]
    if len(bought) == 1:
        return (bought[0],)
    if bought:
        return tuple(sorted(barcodes, key=lambda b: usual.get(b, len(usual))))
    return barcodes


def combine_passes(first: Sequence[Interpretation], second: Sequence[Interpretation]) -> list[Interpretation]:
    """The interpretations of two passes over the same speech as one ranking; one that a pass did not find ranks behind
    everything it found. The second pass, whose grammar favours none of them, counts for more."""
    passes = [
        (weight, {found.meaning.key: found for found in interpretations})
        for weight, interpretations in zip(PASS_WEIGHTS, (first, second), strict=True)
    ]
    combined = []
    for key in dict.fromkeys(key for _, by_key in reversed(passes) for key in by_key):
        found = [by_key[key] for _, by_key in reversed(passes) if key in by_key]
        behind = sum(weight * (by_key[key].behind if key in by_key else MISSING_PENALTY) for weight, by_key in passes)
        cost = min(interpretation.cost for interpretation in found)
        evidence = found[0].prior - SCORE_WEIGHT * behind - cost
        combined.append(replace(found[0], behind=behind, cost=cost, evidence=evidence))
    return _with_posteriors(combined)


def _with_posteriors(found: Iterable[Interpretation]) -> list[Interpretation]:
    ranked = sorted(found, key=lambda i: -i.evidence)
    if not ranked:
        return []
    top = ranked[0].evidence
    weights = [math.exp(i.evidence - top) for i in ranked]
    total = sum(weights)
    return [
        replace(interpretation, posterior=weight / total)
        for interpretation, weight in zip(ranked, weights, strict=True)
    ]
