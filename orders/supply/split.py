"""The split of supply: city to county, county to customer manager, manager to retailer (AY 4.1.1).

Only whole cartons are given, by the method of the largest remainder, so that at every level the parts add up to what
was split. All of it is arithmetic: the same figures split the same way give the same parts, so that anybody can check
an allocation (AY 5.2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Policy = Literal["equal", "proportional"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One retailer among those a spec is split over. `weight` is the basis of a proportional split: its grade, its past
    sales, whatever the policy says."""

    retailer_id: int
    county: str
    manager: str
    weight: int


def split(total: int, weights: Sequence[int], max_parts: int | Sequence[int] | None = None) -> list[int]:
    """`total` in whole parts, in proportion to `weights`, none above `max_parts`, which is one bound or one for each.

    The parts add up to `total`, or to as much of it as fits under `max_parts`. Of two equal remainders the earlier one
    is rounded up. Where all weights are zero the parts are equal. ValueError for anything negative.
    """
    bounds = (
        [total if max_parts is None else max_parts] * len(weights)
        if not isinstance(max_parts, Sequence)
        else list(max_parts)
    )
    if total < 0 or any(weight < 0 for weight in weights) or any(bound < 0 for bound in bounds):
        raise ValueError("Only amounts, weights and bounds of zero and more can be split.")
    parts = [0] * len(weights)
    if not any(weights):
        weights = [1] * len(weights)
    open_places = [place for place, weight in enumerate(weights) if weight]
    left = total
    while left and open_places:
        shares = _largest_remainder(left, [weights[place] for place in open_places])
        for place, share in zip(open_places, shares, strict=True):
            given = min(share, bounds[place] - parts[place])
            parts[place] += given
            left -= given
        still_open = [place for place in open_places if parts[place] < bounds[place]]
        if len(still_open) == len(open_places):
            break
        open_places = still_open
    return parts


def allocate(
    total: int, parties: Sequence[Recipient], policy: Policy, max_cartons: int | None = None
) -> dict[int, int]:
    """Cartons per retailer: `total` is split over the counties, each county's part over its managers, each manager's
    over its retailers. A group has the sum of its members' weights, one each where the policy is equal, and takes no
    more than its members may have together; what one group cannot take goes to the others. Where all weights are zero,
    as when a spec without sales yet is split by sales, all are equal."""
    equal = policy == "equal" or not any(party.weight for party in parties)
    weigh: Callable[[Recipient], int] = (lambda party: 1) if equal else (lambda party: party.weight)
    given: dict[int, int] = {}
    for county_total, county in _over_groups(total, parties, weigh, max_cartons, lambda party: party.county):
        for manager_total, own in _over_groups(county_total, county, weigh, max_cartons, lambda party: party.manager):
            parts = split(manager_total, [weigh(party) for party in own], max_cartons)
            given.update({party.retailer_id: part for party, part in zip(own, parts, strict=True)})
    return given


def _over_groups(
    total: int,
    parties: Sequence[Recipient],
    weigh: Callable[[Recipient], int],
    max_cartons: int | None,
    group_of: Callable[[Recipient], str],
) -> list[tuple[int, list[Recipient]]]:
    groups: dict[str, list[Recipient]] = {}
    for party in parties:
        groups.setdefault(group_of(party), []).append(party)
    ordered = [groups[name] for name in sorted(groups)]
    # Weight zero gets nothing.
    bounds = (
        None if max_cartons is None else [max_cartons * sum(1 for party in group if weigh(party)) for group in ordered]
    )
    parts = split(total, [sum(map(weigh, group)) for group in ordered], bounds)
    return list(zip(parts, ordered, strict=True))


def _largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: total * weights[place] % whole, reverse=True)
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts
