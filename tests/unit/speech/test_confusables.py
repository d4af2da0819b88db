"""The confusables of a wording: texts that sound similar, none of them favoured over the others."""

from __future__ import annotations

from collections import Counter

import pytest

from brand_catalog.catalog import SpokenName
from speech.grammars.confusables import Confusables, balanced_wordings
from speech.language.phrases import load_phrases
from speech.language.quantities import Quantities

PHRASES = load_phrases()
CONFUSABLES = Confusables(PHRASES, Quantities(PHRASES.quantity_words))
NAME, OTHER = (SpokenName(text, (text,), "spec") for text in ("玉溪软", "玉溪硬"))


def no_confusables(_name: SpokenName) -> tuple[SpokenName, ...]:
    return ()


@pytest.mark.parametrize(
    ("wording", "place", "confusable"),
    [
        (("不", "要", "十五条", NAME), 0, "我要"),
        (("别", "来", "十五条", NAME), 0, "先来"),
        (("还", "有", NAME, "吧"), 2, "吗"),
        ((NAME, "九十五条"), 1, "六十五条"),
        ((NAME, "四条"), 1, "十条"),
        ((NAME, "一百三条"), 1, "一百零三条"),
    ],
)
def test_what_a_telephone_hardly_tells_apart_is_compared_again(
    wording: tuple[str | SpokenName, ...], place: int, confusable: str
) -> None:
    places = CONFUSABLES.places(wording, no_confusables)
    assert confusable in places[place]
    assert places[place][0] != confusable


def test_the_names_a_name_may_have_been_heard_for_stand_in_its_place() -> None:
    assert CONFUSABLES.places((NAME, "五条"), lambda _name: (OTHER,))[0] == (NAME, OTHER)


def test_a_wording_without_a_slot_stays_as_it_is() -> None:
    assert balanced_wordings(CONFUSABLES.places(tuple("没有了"), no_confusables), 60) == [["没有了"]]


def test_nothing_that_may_have_been_said_is_expected_more_than_the_rest() -> None:
    places: list[tuple[str | SpokenName, ...]] = [("不要", "我要"), (NAME, OTHER), ("五条", "九条", "六条")]
    ways = balanced_wordings(places, 60)
    assert ways[0] == ["不要", NAME, "五条"]
    assert len(ways) == 60
    for place, alternatives in enumerate(places):
        often = Counter(way[place] for way in ways)
        assert set(often) == set(alternatives)
        assert max(often.values()) - min(often.values()) <= 1
