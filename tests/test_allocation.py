"""Supply is split into whole cartons, and at every level the parts add up."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.allocation import Party, allocate, split

weights = st.lists(st.integers(0, 50), min_size=1, max_size=40)
parties = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(0, 30)), min_size=1, max_size=60
).map(lambda rows: [Party(number, *row) for number, row in enumerate(rows)])


def test_the_largest_remainders_get_the_odd_cartons() -> None:
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(7, [5, 3, 1]) == [4, 2, 1]


def test_what_one_may_not_have_goes_to_the_others() -> None:
    assert split(10, [8, 1, 1], most=4) == [4, 3, 3]
    assert split(20, [1, 1, 1], most=4) == [4, 4, 4]


def test_nothing_is_split_by_negative_figures() -> None:
    with pytest.raises(ValueError, match="zero and more"):
        split(5, [1, -1])


def test_a_county_gets_its_share_before_its_retailers_do() -> None:
    one_big = [Party(1, "A", "x", 3), Party(2, "B", "y", 1), Party(3, "B", "z", 1), Party(4, "B", "z", 1)]
    assert allocate(9, one_big, "proportional") == {1: 5, 2: 1, 3: 2, 4: 1}
    assert allocate(8, one_big, "equal") == {1: 2, 2: 2, 3: 2, 4: 2}


@given(st.integers(0, 5000), weights, st.one_of(st.none(), st.integers(0, 200)))
def test_the_parts_add_up_and_none_exceeds_its_bound(total: int, weights: list[int], most: int | None) -> None:
    parts = split(total, weights, most)
    takers = sum(1 for weight in weights if weight) or len(weights)
    assert sum(parts) == (total if most is None else min(total, takers * most))
    assert all(part >= 0 and (most is None or part <= most) for part in parts)


@given(st.integers(0, 5000), weights)
def test_nobody_is_a_carton_away_from_its_fair_share(total: int, weights: list[int]) -> None:
    if not any(weights):
        return
    for part, weight in zip(split(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@given(st.integers(0, 5000), weights)
def test_who_weighs_more_never_gets_less(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    ranked = sorted(zip(weights, parts, strict=True))
    assert all(a[1] <= b[1] for a, b in pairwise(ranked) if a[0] < b[0])


@given(st.integers(0, 5000), parties)
def test_every_level_adds_up_to_the_one_above(total: int, parties: list[Party]) -> None:
    for policy in ("equal", "proportional"):
        given = allocate(total, parties, policy)
        assert sum(given.values()) == total
        assert set(given) == {party.retailer_id for party in parties}
        counties: dict[str, int] = defaultdict(int)
        for party in parties:
            counties[party.county] += given[party.retailer_id]
        names = sorted(counties)
        weigh = {name: sum(1 if policy == "equal" else p.weight for p in parties if p.county == name) for name in names}
        assert [counties[name] for name in names] == split(total, [weigh[name] for name in names])
