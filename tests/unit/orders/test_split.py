"""Supply is split into whole cartons, and at every level the parts add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.supply.split import Policy, Recipient, allocate, owed_after, split

weights = st.lists(st.integers(0, 50), min_size=1, max_size=40)
parties = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(0, 30)), min_size=1, max_size=60
).map(lambda rows: [Recipient(number, *row) for number, row in enumerate(rows)])


def test_the_largest_remainders_get_the_odd_cartons() -> None:
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(7, [5, 3, 1]) == [4, 2, 1]


def test_what_one_may_not_have_goes_to_the_others() -> None:
    assert split(10, [8, 1, 1], max_parts=4) == [4, 3, 3]
    assert split(20, [1, 1, 1], max_parts=4) == [4, 4, 4]


def test_nothing_is_split_by_negative_figures() -> None:
    with pytest.raises(ValueError, match="zero and more"):
        split(5, [1, -1])


def test_a_county_gets_its_share_before_its_retailers_do() -> None:
    one_big = [
        Recipient(1, "A", "x", 3),
        Recipient(2, "B", "y", 1),
        Recipient(3, "B", "z", 1),
        Recipient(4, "B", "z", 1),
    ]
    assert allocate(9, one_big, "proportional") == {1: 5, 2: 1, 3: 2, 4: 1}
    assert allocate(8, one_big, "equal") == {1: 2, 2: 2, 3: 2, 4: 2}


def test_what_a_full_group_cannot_take_goes_to_the_others() -> None:
    parties = [Recipient(1, "A", "x", 9), Recipient(2, "B", "y", 1), Recipient(3, "B", "z", 1)]
    assert allocate(12, parties, "proportional", max_cartons=5) == {1: 5, 2: 4, 3: 3}


def test_by_sales_of_which_there_are_none_all_retailers_are_equal_whatever_their_county() -> None:
    parties = [Recipient(1, "A", "x", 0), Recipient(2, "B", "y", 0), Recipient(3, "B", "y", 0)]
    assert allocate(9, parties, "proportional") == {1: 3, 2: 3, 3: 3}


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
def test_every_level_adds_up_to_the_one_above(total: int, parties: list[Recipient]) -> None:
    for policy in POLICIES:
        given = allocate(total, parties, policy)
        assert sum(given.values()) == total
        assert set(given) == {party.retailer_id for party in parties}
        counties = sums(given, parties, lambda party: party.county)
        assert counties == shares(total, parties, policy, lambda party: party.county)
        for county, amount in counties.items():
            own = [party for party in parties if party.county == county]
            assert sums(given, own, lambda party: party.manager) == shares(amount, own, policy, lambda p: p.manager)


@given(st.integers(0, 500), parties, st.integers(0, 30))
def test_with_a_most_for_each_all_of_it_is_given_that_can_be(total: int, parties: list[Recipient], most: int) -> None:
    for policy in POLICIES:
        given = allocate(total, parties, policy, most)
        takers = [party for party in parties if policy == "equal" or party.weight] or parties
        assert sum(given.values()) == min(total, most * len(takers))
        assert all(0 <= cartons <= most for cartons in given.values())


@given(st.integers(0, 5000), parties)
def test_two_of_one_manager_who_weigh_the_same_are_at_most_a_carton_apart(total: int, parties: list[Recipient]) -> None:
    for policy in POLICIES:
        given = allocate(total, parties, policy)
        equal: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        for party in parties:
            weight = 1 if policy == "equal" else party.weight
            equal[party.county, party.manager, weight].append(given[party.retailer_id])
        assert all(max(cartons) - min(cartons) <= 1 for cartons in equal.values())


def test_the_odd_carton_goes_to_somebody_else_each_time() -> None:
    shops = [Recipient(number, "A", "x", 1) for number in range(3)]
    weeks = [[*given.values()] for given in over_the_weeks(shops, [10] * 6, "equal")]
    assert weeks == [[4, 3, 3], [3, 4, 3], [3, 3, 4]] * 2


def test_who_had_a_carton_more_comes_last_whatever_county_and_manager() -> None:
    shops = [Recipient(1, "A", "x", 1), Recipient(2, "A", "y", 1), Recipient(3, "B", "z", 1), Recipient(4, "B", "z", 1)]
    given = list(over_the_weeks(shops, [1] * 8, "equal"))
    assert [next(number for number, cartons in week.items() if cartons) for week in given] == [1, 3, 2, 4] * 2


@given(st.lists(st.integers(0, 200), min_size=1, max_size=20), parties)
def test_over_the_weeks_equals_get_the_same_to_within_two_cartons(totals: list[int], parties: list[Recipient]) -> None:
    given = list(over_the_weeks(parties, totals, "equal"))
    sums = [sum(week[party.retailer_id] for week in given) for party in parties]
    assert max(sums) - min(sums) <= 2


@given(st.lists(st.integers(0, 200), min_size=1, max_size=20), parties)
def test_over_the_weeks_everybody_gets_its_exact_share_to_within_two_cartons(
    totals: list[int], parties: list[Recipient]
) -> None:
    given = list(over_the_weeks(parties, totals, "proportional"))
    weights = [party.weight for party in parties] if any(party.weight for party in parties) else [1] * len(parties)
    for party, weight in zip(parties, weights, strict=True):
        exact = Fraction(sum(totals) * weight, sum(weights))
        assert abs(sum(week[party.retailer_id] for week in given) - exact) < 2


@given(st.integers(0, 500), parties, st.integers(0, 30))
def test_what_is_owed_after_a_split_adds_up_to_nothing(total: int, parties: list[Recipient], most: int) -> None:
    for policy in POLICIES:
        owed = owed_after(total, parties, policy, allocate(total, parties, policy, most), most)
        # A share is rounded to a millionth.
        assert abs(sum(owed.values())) <= 3 * len(parties)


def over_the_weeks(parties: list[Recipient], totals: Sequence[int], policy: Policy) -> Iterator[dict[int, int]]:
    """What is given in each of several weeks, each beginning with what is owed from the weeks before."""
    for total in totals:
        given = allocate(total, parties, policy)
        assert sum(given.values()) == total
        owed = owed_after(total, parties, policy, given)
        parties = [replace(party, owed=owed[party.retailer_id]) for party in parties]
        yield given


POLICIES: tuple[Policy, ...] = ("equal", "proportional")


def sums(given: dict[int, int], parties: list[Recipient], of: Callable[[Recipient], str]) -> dict[str, int]:
    """The cartons granted to the retailers of each group together."""
    totals: dict[str, int] = defaultdict(int)
    for party in parties:
        totals[of(party)] += given[party.retailer_id]
    return dict(sorted(totals.items()))


def shares(total: int, parties: list[Recipient], policy: Policy, of: Callable[[Recipient], str]) -> dict[str, int]:
    """The share of each group, by the weight of its members."""
    equal = policy == "equal" or not any(party.weight for party in parties)
    weights: dict[str, int] = defaultdict(int)
    for party in parties:
        weights[of(party)] += 1 if equal else party.weight
    names = sorted(weights)
    return dict(zip(names, split(total, [weights[name] for name in names]), strict=True))
