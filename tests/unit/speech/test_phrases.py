"""The phrase source: every generated sentence is understood as it was generated."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brand_catalog.catalog import SpokenName
from brand_catalog.matching import NameIndex
from brand_catalog.sounds import sounds
from speech.language.parsing import Parser
from speech.language.phrases import Act, PhraseFileError, Phrases, Template, load_phrases
from speech.language.prices import Prices
from speech.language.quantities import Quantities
from speech.utterance import Asked, Quantity

PHRASES = load_phrases()
QUANTITIES = Quantities(PHRASES.quantity_words)
# Names that have nothing in common with each other or with everyday words.
NAMES = tuple(
    SpokenName(text, (str(number),), "spec")
    for number, text in enumerate(
        ("红塔山硬经典", "芙蓉王软蓝", "黄鹤楼峡谷", "炫赫门", "白沙硬和气生财", "云烟大重九")
    )
)
PRICES = Prices(PHRASES.price_words["units"], QUANTITIES)
PARSER = Parser(PHRASES.automaton(lambda act: True), NameIndex(NAMES), QUANTITIES, PHRASES.fillers(), PRICES)
PRICES_SAID = ("十", "二十", "三十五", "两百", "一百五十")
NUMBERS = (1, 2, 3, 5, 10, 12, 20, 35, 100)


def generated(template: Template, seed: int) -> tuple[str, list[SpokenName], list[Quantity]]:
    """A sentence generated from the template, with the values of its slots."""
    rng = random.Random(seed)
    names: list[SpokenName] = []
    quantities: list[Quantity] = []

    def fill(slot: str, _role: str) -> str:
        if slot == "name":
            names.append(rng.choice([name for name in NAMES if name not in names]))
            return names[-1].text
        if slot == "price":
            return f"{rng.choice(PRICES_SAID)}块"
        quantities.append(Quantity(2 * rng.choice(NUMBERS), rng.choice(("carton", "case"))))
        return QUANTITIES.say(quantities[-1])

    def choose(_where: Hashable, weights: Sequence[float]) -> int:
        return rng.choices(range(len(weights)), weights)[0]

    return "".join(PHRASES.sample(template.expression, choose, fill)), names, quantities


@pytest.mark.parametrize(
    "template", PHRASES.templates, ids=lambda template: f"{template.act.kind} {template.text[:40]}"
)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_generated_sentence_can_be_read_as_what_it_was_generated_for(template: Template, seed: int) -> None:
    text, names, quantities = generated(template, seed)
    for parse in PARSER.parse_exact(sounds(text)):
        for part in parse.parts:
            filled = [value for _, value in part.slots]
            if (
                part.act == template.act
                and [value for value in filled if isinstance(value, SpokenName)] == names
                and [value for value in filled if isinstance(value, Quantity)] == quantities
            ):
                return
    pytest.fail(f"「{text}」 is not read as {template.act}: {PARSER.parse_exact(sounds(text))[:2]}")


def test_every_command_of_the_file_is_one_the_conversation_knows() -> None:
    assert {act.name for act in (template.act for template in PHRASES.templates) if act.kind == "command"} == {
        "done", "yes", "no", "repeat", "operator", "usual", "what_is_there", "last_order", "how_much_left", "balance",
        "price", "help", "track", "read_all", "cancel", "later",
    }  # fmt: skip


def test_everything_that_may_be_asked_of_a_spec_is_something_the_conversation_answers() -> None:
    asked = {template.act.name for template in PHRASES.templates if template.act.kind == "ask"}
    assert asked == set(get_args(Asked))


def test_a_template_that_cannot_be_read_is_named() -> None:
    data = {
        "quantities": {}, "rules": {}, "filler": "嗯", "option": "{option}", "command": {}, "choice": {},
        "other_brands": [], "say": {"add": ["[我要{name}"]},
    }  # fmt: skip
    with pytest.raises(PhraseFileError, match=r"我要"):
        Phrases(data)


def test_the_options_of_a_choice_are_heard_by_their_own_words() -> None:
    automaton = PHRASES.automaton(lambda act: act.kind == "choice", [("硬经典", "经典"), ("新时代",)])
    parser = Parser(automaton, NameIndex(()), QUANTITIES, PHRASES.fillers())
    assert parser.parse_exact(sounds("经典"))[0].parts[0].act == Act("choice", "1")
    assert parser.parse_exact(sounds("新时代吧"))[0].parts[0].act == Act("choice", "2")
    assert parser.parse_exact(sounds("第二种"))[0].parts[0].act == Act("choice", "2")
