"""The phrase source (`phrases.zh.yaml`) compiled: sentences for the recogniser's grammar, an automaton for the parser.

The templates are in hassil's syntax, read by hassil's own parser; the automaton is ours, because recognised text has no
word boundaries, is full of homophones, and has to be parsed in every possible way, not in the first that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from hassil.expression import Alternative, Expression, ListReference, RuleReference, Sequence, TextChunk
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError

from brand_catalog.sounds import fold, is_spoken, syllables
from speech.language.weighted_cycle import Choose, falling_weights

PHRASE_FILE: Final = Path(__file__).parents[1] / "phrases.zh.yaml"

# The shares of generated sentences in which an optional part is left out, and said.
_OPTIONAL_SHARES: Final = (0.72, 0.28)

Label = tuple[str, str]
"""The input of an arc: ("char", 要), ("name", role), ("quantity", role) or ("price", role)."""


class PhraseFileError(ValueError):
    """The phrase file has a template that cannot be compiled; the message names it."""


@dataclass(frozen=True, slots=True)
class Act:
    """The meaning of a template: `kind` is a section of the file, `name` the command, the place of the option, or the
    question."""

    kind: str
    name: str = ""


@dataclass(frozen=True)
class Template:
    """One template: its act and the ways it may be said."""

    act: Act
    text: str
    expression: Expression


@dataclass
class _State:
    arcs: list[tuple[Label, int]] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Node:
    """One state of the parser inside its templates. `chars` are keyed by folded sound: each a character that may
    follow, its syllable, and the next node."""

    chars: Mapping[str, tuple[tuple[str, str, int], ...]]
    name: int | None
    quantity: int | None
    price: int | None
    ends: bool


class Automaton:
    """All templates of a set of acts in parallel. Nodes are sets of template states, built when first reached."""

    def __init__(self, templates: Iterable[Template], rules: Mapping[str, Expression]) -> None:
        self._rules = rules
        self._states: list[_State] = []
        self._accepts: dict[int, Act] = {}
        start = self._new()
        for template in templates:
            first = self._new()
            self._states[start].silent.append(first)
            self._accepts[self._build(template.expression, first)] = template.act
        self._sets: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self.start = self._number(self._closure({start}))
        self._nodes: dict[int, Node] = {}
        self._acts: dict[tuple[Label, ...], tuple[tuple[Act, tuple[str, ...]], ...]] = {}

    def node(self, number: int) -> Node:
        """The node of this number."""
        if number not in self._nodes:
            self._nodes[number] = self._node(self._sets[number])
        return self._nodes[number]

    def acts(self, path: tuple[Label, ...]) -> tuple[tuple[Act, tuple[str, ...]], ...]:
        """The acts a complete path may stand for, each with the role of every slot in order. The path's labels carry no
        roles (("name", "")), the result does."""
        if path not in self._acts:
            self._acts[path] = tuple(self._trace(path))
        return self._acts[path]

    def _new(self) -> int:
        self._states.append(_State())
        return len(self._states) - 1

    def _build(self, expression: Expression, at: int) -> int:
        match expression:
            case TextChunk():
                for char in expression.text:
                    if is_spoken(char):
                        at = self._arc(at, ("char", char))
                return at
            case ListReference():
                role = "" if expression.slot_name == expression.list_name else expression.slot_name
                return self._arc(at, (expression.list_name, role))
            case RuleReference():
                return self._build(self._rules[expression.rule_name], at)
            case Alternative():
                end = self._new()
                for item in expression.items:
                    self._states[self._build(item, at)].silent.append(end)
                return end
            case Sequence():
                for item in expression.items:
                    at = self._build(item, at)
                return at
        raise PhraseFileError(f"{type(expression).__name__} has no place in a template of the phrase file")

    def _arc(self, at: int, label: Label) -> int:
        end = self._new()
        self._states[at].arcs.append((label, end))
        return end

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        reached = set(states)
        waiting = list(reached)
        while waiting:
            for state in self._states[waiting.pop()].silent:
                if state not in reached:
                    reached.add(state)
                    waiting.append(state)
        return frozenset(s for s in reached if self._states[s].arcs or s in self._accepts)

    def _number(self, states: frozenset[int]) -> int:
        if states not in self._numbers:
            self._numbers[states] = len(self._sets)
            self._sets.append(states)
        return self._numbers[states]

    def _node(self, states: frozenset[int]) -> Node:
        by_label: dict[Label, set[int]] = {}
        for state in states:
            for (kind, what), target in self._states[state].arcs:
                by_label.setdefault((kind, what if kind == "char" else ""), set()).add(target)
        targets = {label: self._number(self._closure(to)) for label, to in by_label.items()}
        chars: dict[str, list[tuple[str, str, int]]] = {}
        for (kind, char), target in targets.items():
            if kind == "char":
                syllable = syllables(char)[0]
                chars.setdefault(fold(syllable), []).append((char, syllable, target))
        return Node(
            chars={key: tuple(found) for key, found in chars.items()},
            name=targets.get(("name", "")),
            quantity=targets.get(("quantity", "")),
            price=targets.get(("price", "")),
            ends=any(state in self._accepts for state in states),
        )

    def _trace(self, path: tuple[Label, ...]) -> Iterable[tuple[Act, tuple[str, ...]]]:
        at: dict[int, set[tuple[str, ...]]] = {state: {()} for state in self._sets[self.start]}
        for kind, what in path:
            onward: dict[int, set[tuple[str, ...]]] = {}
            for state, roles in at.items():
                for (arc_kind, arc_what), target in self._states[state].arcs:
                    if arc_kind != kind or (kind == "char" and arc_what != what):
                        continue
                    extended = roles if kind == "char" else {(*before, arc_what) for before in roles}
                    for reached in self._closure({target}):
                        onward.setdefault(reached, set()).update(extended)
            at = onward
        found = {(self._accepts[s], r) for s, roles in at.items() if s in self._accepts for r in roles}
        return sorted(found, key=lambda meaning: (meaning[0].kind, meaning[0].name, meaning[1]))


class Phrases:
    """The phrase file: the words of quantities, the templates by act, and sentences generated from them."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.quantity_words: Mapping[str, Any] = data["quantities"]
        self.price_words: Mapping[str, list[str]] = data.get("prices", {"units": [], "also_said": []})
        self.rules = {name: _parsed(text) for name, text in data["rules"].items()}
        self.filler = _parsed(data["filler"])
        self.other_brands: tuple[str, ...] = tuple(data["other_brands"])
        self.option = _parsed(data["option"])
        self.templates = tuple(Template(act, text, _parsed(text)) for act, texts in _sections(data) for text in texts)

    def automaton(self, wanted: Callable[[Act], bool], options: Iterable[Iterable[str]] = ()) -> Automaton:
        """The automaton of the templates whose act is wanted, and of the phrases for the options of a choice."""
        templates = [template for template in self.templates if wanted(template.act)]
        templates += [
            Template(Act("choice", str(place)), phrase, _with_option(self.option, phrase))
            for place, phrases in enumerate(options, 1)
            for phrase in phrases
        ]
        return Automaton(templates, self.rules)

    def names_in(self, template: Template) -> int:
        """The largest number of names a template takes."""
        return self._names_in(template.expression)

    def _names_in(self, expression: Expression) -> int:
        match expression:
            case ListReference():
                return int(expression.list_name == "name")
            case RuleReference():
                return self._names_in(self.rules[expression.rule_name])
            case Alternative():
                return max(self._names_in(item) for item in expression.items)
            case Sequence():
                return sum(self._names_in(item) for item in expression.items)
        return 0

    def openings_and_endings(self) -> tuple[list[str], list[str]]:
        """The texts that may stand before the first slot of an utterance and after its last, without optional parts."""
        openings, endings = [""], self.all_texts(self.rules["tail"])
        for template in self.templates:
            items = template.expression.items if isinstance(template.expression, Sequence) else [template.expression]
            slots = [place for place, item in enumerate(items) if self._has_slot(item)]
            if slots:
                openings += self.all_texts(Sequence(items=items[: slots[0]]), optional=False)
                endings += self.all_texts(Sequence(items=items[slots[-1] + 1 :]), optional=False)
        return openings, endings

    def _has_slot(self, expression: Expression) -> bool:
        match expression:
            case ListReference():
                return True
            case RuleReference():
                return self._has_slot(self.rules[expression.rule_name])
            case Sequence() | Alternative():
                return any(self._has_slot(item) for item in expression.items)
        return False

    def fillers(self) -> tuple[str, ...]:
        """The filler sounds between words."""
        return tuple(self.all_texts(self.filler))

    def all_texts(self, expression: Expression, optional: bool = True) -> list[str]:
        """All texts of an expression without slots; without its optional parts if `optional` is false."""
        match expression:
            case TextChunk():
                return ["".join(char for char in expression.text if is_spoken(char))]
            case RuleReference():
                return self.all_texts(self.rules[expression.rule_name], optional)
            case Alternative():
                if expression.is_optional and not optional:
                    return [""]
                return [text for item in expression.items for text in self.all_texts(item, optional)]
            case Sequence():
                texts = [""]
                for item in expression.items:
                    texts = [before + after for before in texts for after in self.all_texts(item, optional)]
                return texts
        raise PhraseFileError(f"{type(expression).__name__} cannot be listed: it has a slot")

    def sample(self, expression: Expression, choose: Choose, slots: Callable[[str, str], str]) -> list[str]:
        """One sentence in parts: runs of plain words and the slots' texts; `slots(list, role)` fills a slot."""
        match expression:
            case TextChunk():
                text = "".join(char for char in expression.text if is_spoken(char))
                return [text] if text else []
            case ListReference():
                role = "" if expression.slot_name == expression.list_name else expression.slot_name
                return [slots(expression.list_name, role)]
            case RuleReference():
                return self.sample(self.rules[expression.rule_name], choose, slots)
            case Alternative():
                items = [item for item in expression.items if not _is_empty(item)]
                if expression.is_optional and not choose(("said", id(expression)), _OPTIONAL_SHARES):
                    return []
                return self.sample(items[choose(id(expression), falling_weights(len(items)))], choose, slots)
            case Sequence():
                return [part for item in expression.items for part in self.sample(item, choose, slots)]
        raise PhraseFileError(f"{type(expression).__name__} has no place in a template of the phrase file")


@cache
def load_phrases() -> Phrases:
    """The phrases of the phrase file, loaded once."""
    return Phrases(yaml.safe_load(PHRASE_FILE.read_text(encoding="utf-8")))


def _sections(data: Mapping[str, Any]) -> Iterable[tuple[Act, list[str]]]:
    for kind, texts in data["say"].items():
        if isinstance(texts, Mapping):
            yield from ((Act(kind, name), some) for name, some in texts.items())
        else:
            yield Act(kind), texts
    for name, texts in data["command"].items():
        yield Act("command", name), texts
    for place, texts in data["choice"].items():
        yield Act("choice", str(place)), texts


def _with_option(expression: Expression, phrase: str) -> Expression:
    """The template with an option's phrase in place of {option}."""
    match expression:
        case ListReference(list_name="option"):
            return TextChunk(phrase)
        case Sequence() | Alternative():
            return replace(expression, items=[_with_option(item, phrase) for item in expression.items])
    return expression


def _parsed(text: str) -> Expression:
    try:
        return parse_sentence(text).expression
    except ParseError as wrong:
        raise PhraseFileError(f"The phrase file has a template that cannot be read: {text} ({wrong})") from wrong


def _is_empty(expression: Expression) -> bool:
    return isinstance(expression, TextChunk) and not expression.text.strip()
