"""The recogniser's sentences: no brand is favoured by chance."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from brand_catalog.catalog import SpokenName
from speech.grammars.grammar import GrammarWriter
from speech.grammars.vocabulary import Vocabulary
from speech.language.phrases import load_phrases
from speech.language.quantities import Quantities
from speech.language.weighted_cycle import WeightedCycle, falling_weights

# Names of one character that is in no phrase, so that each is a word of its own.
NAMES = tuple(SpokenName(text, (str(number),), "spec") for number, text in enumerate("鹤鹰鹏鹃鸥鸽鸭鹅雁雀燕鹊"))


def writer() -> GrammarWriter:
    phrases = load_phrases()
    return GrammarWriter(phrases, Quantities(phrases.quantity_words), Vocabulary(lambda word: len(word) == 1), NAMES)


@settings(deadline=None)
@given(weights=st.lists(st.integers(1, 20), min_size=1, max_size=12), times=st.integers(1, 300))
def test_every_option_gets_its_share_of_turns_to_within_a_few(weights: list[int], times: int) -> None:
    turns = WeightedCycle()
    taken = Counter(turns.choose("here", weights) for _ in range(times))
    for option, weight in enumerate(weights):
        assert abs(taken[option] - times * weight / sum(weights)) <= len(weights)


def test_turns_at_one_place_are_not_disturbed_by_those_at_another() -> None:
    alone, beside = WeightedCycle(), WeightedCycle()
    for _ in range(20):
        beside.choose("there", (1.0, 3.0))
        assert alone.choose("here", (2.0, 1.0)) == beside.choose("here", (2.0, 1.0))


def test_the_usual_wording_is_likelier_and_none_is_left_out() -> None:
    weights = falling_weights(9)
    assert list(weights) == sorted(weights, reverse=True)
    assert weights[-1] > 0.5 / 9
    assert abs(sum(weights) - 1) < 1e-9


def test_the_same_catalogue_is_listened_for_in_the_same_way() -> None:
    assert writer().orders(NAMES) == writer().orders(NAMES)


def test_every_name_is_there_about_as_often_as_every_other() -> None:
    words = Counter(word for sentence in writer().orders(NAMES) for word in sentence.split())
    often = [words[name.text] for name in NAMES]
    assert min(often) >= 4
    assert max(often) <= 3 * min(often)


def test_a_retailers_names_are_said_as_they_are_in_the_whole_catalogue() -> None:
    some = writer()
    few = [sentence for sentence in some.orders(NAMES[:3]) if NAMES[0].text in sentence]
    assert set(few[:4]) <= set(some.orders(NAMES))
