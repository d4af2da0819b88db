"""Numbers and quantities as callers say them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brand_catalog.sounds import sounds
from speech.language.numerals import LARGEST, LARGEST_LISTED, digit_words, figures_in_words, number_words
from speech.language.phrases import load_phrases
from speech.language.quantities import Quantities
from speech.utterance import Quantity, Unit

QUANTITIES = Quantities(load_phrases().quantity_words)


def understood(text: str) -> set[Quantity]:
    """The possible quantities of the whole text, at the lowest cost."""
    heard = sounds(text)
    whole = [found for found in QUANTITIES.spot(heard, 0) if found.end == len(heard)]
    lowest = min((found.cost for found in whole), default=0.0)
    return {found.value for found in whole if found.cost == lowest}


@pytest.mark.parametrize(("word", "unit"), [("条", "carton"), ("件", "case"), ("盒", "pack"), ("箱", "unclear")])
def test_every_number_is_understood_in_every_spoken_form(word: str, unit: Unit) -> None:
    for number in range(1, LARGEST_LISTED + 1):
        for form in (*number_words(number), *digit_words(number)):
            assert understood(form + word) == {Quantity(2 * number, unit)}, form


@settings(max_examples=500)
@given(st.integers(LARGEST_LISTED + 1, LARGEST))
@example(1_000)
@example(1_005)
@example(1_500)
@example(20_002)
@example(15_000)
@example(99_999)
def test_a_number_far_over_any_limit_is_understood_whole(number: int) -> None:
    for form in number_words(number):
        assert understood(f"{form}条") == {Quantity(2 * number)}, form


@pytest.mark.parametrize(
    ("number", "forms"),
    [
        (1, {"一"}),
        (2, {"两", "二"}),
        (12, {"十二", "一十二"}),
        (35, {"三十五"}),
        (101, {"一百零一"}),
        (110, {"一百一十", "一百一"}),
        (120, {"一百二十", "一百二"}),
        (115, {"一百一十五", "一百十五"}),
        (202, {"二百零二", "两百零二"}),
        (1_500, {"一千五百", "一千五"}),
        (2_050, {"两千零五十", "二千零五十"}),
        (30_000, {"三万"}),
        (15_000, {"一万五千", "一万五"}),
        (9_999, {"九千九百九十九"}),
    ],
)
def test_a_number_has_the_forms_people_use(number: int, forms: set[str]) -> None:
    assert set(number_words(number)) == forms


@settings(deadline=None)
@given(st.integers(1, LARGEST), st.integers(1, LARGEST))
def test_no_two_numbers_sound_the_same(one: int, other: int) -> None:
    assert one == other or not set(number_words(one)) & set(number_words(other))


@pytest.mark.parametrize("number", [0, -1, LARGEST + 1])
def test_a_number_nobody_orders_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="takes 1 to 99,999"):
        number_words(number)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("半条", Quantity(1, "carton")),
        ("半件", Quantity(1, "case")),
        ("一条半", Quantity(3, "carton")),
        ("两件半", Quantity(5, "case")),
        ("俩", Quantity(4)),
        ("仨", Quantity(6)),
    ],
)
def test_halves_and_short_words_are_quantities(text: str, quantity: Quantity) -> None:
    assert understood(text) == {quantity}


@pytest.mark.parametrize(
    "text", ["几条", "好几条", "十来条", "十几条", "两三条", "三五条", "一百多条", "七八条", "几十条"]
)
def test_about_so_many_is_vague_and_has_to_be_asked(text: str) -> None:
    (quantity,) = understood(text)
    assert quantity.vague
    assert quantity.packs(10, 50) is None


@pytest.mark.parametrize(
    ("figures", "words"), [("5", "五"), ("35", "三十五"), ("120", "一百二十"), ("0", "零"), ("410", "四百一十")]
)
def test_typed_figures_are_read_as_numbers(figures: str, words: str) -> None:
    assert figures_in_words(figures) == words


def test_a_typed_code_is_read_figure_by_figure() -> None:
    assert figures_in_words("410502100012") == "四一零五零二一零零零一二"


@pytest.mark.parametrize(
    "text",
    [
        "三四十条", "二三十条", "七八十条", "一二百条", "两三百条", "十五六条", "二十五六条", "百把条", "百八十条",
        "百十来条", "上百条", "二十条左右", "五条上下", "三五条", "好几十条",
    ],
)  # fmt: skip
def test_a_range_is_never_one_of_its_ends(text: str) -> None:
    (quantity,) = understood(text)
    assert quantity.packs(10, 50) is None


def test_packs_beside_cartons_are_counted() -> None:
    (quantity,) = understood("一条零两包")
    assert quantity.packs(10, 50) == 12
    assert quantity.packs(20, 50) == 22
