"""The split of supply: city to county, county to customer manager, manager to retailer (AY 4.1.1).

Only whole cartons are given, by the method of the largest remainder, so that at every level the parts add up to what
was split. What cannot be split evenly goes round: each retailer's exact share less what it was given is owed to it, and
counts with the remainders of the next split, so that whoever had a carton more last time comes last this time. All of
it is arithmetic: the same figures split the same way give the same parts, so that anybody can check an allocation (AY
5.2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Policy = Literal["equal", "proportional"]

OWED_PER_CARTON = 1_000_000
"""What is owed is counted in millionths of a carton."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One retailer among those a spec is split over. `weight` is the basis of a proportional split: its grade, its past
    sales, whatever the policy says. `owed` is what earlier splits left it short of, in millionths of a carton; it is
    negative where they gave it more than its share. `room` is the most cartons it can take, None without a bound of its
    own."""

    retailer_id: int
    county: str
    manager: str
    weight: int
    owed: int = 0
    room: int | None = None


def split(
    total: int,
    weights: Sequence[int],
    max_parts: int | Sequence[int] | None = None,
    owed: Sequence[int] | None = None,
) -> list[int]:
    """`total` in whole parts, in proportion to `weights`, none above `max_parts`, which is one bound or one for each.

    The parts add up to `total`, or to as much of it as fits under `max_parts`. The largest remainders are rounded up,
    each with what is `owed` there (millionths of a part); of two equal ones the earlier. Where all weights are zero the
    parts are equal. ValueError for a negative total, weight or bound.
    """
    bounds = (
        [total if max_parts is None else max_parts] * len(weights)
        if not isinstance(max_parts, Sequence)
        else list(max_parts)
    )
    claims = [0] * len(weights) if owed is None else owed
    if total < 0 or any(weight < 0 for weight in weights) or any(bound < 0 for bound in bounds):
        raise ValueError("Only amounts, weights and bounds of zero and more can be split.")
    parts = [0] * len(weights)
    if not any(weights):
        weights = [1] * len(weights)
    open_places = [place for place, weight in enumerate(weights) if weight]
    left = total
    while left and open_places:
        shares = _largest_remainder(
            left, [weights[place] for place in open_places], [claims[place] for place in open_places]
        )
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
    over its retailers. A group has the sum of its members' weights, one each where the policy is equal, and is owed
    what they are owed together; it takes no more than its members may have, and what one group cannot take goes to the
    others. Where all weights are zero, as when a spec without sales yet is split by sales, all are equal."""
    weigh = _weighing(parties, policy)
    bounds = {party.retailer_id: _bound(party, total, max_cartons) for party in parties}
    return _down_the_levels(total, parties, weigh, bounds, split)


def owed_after(
    total: int,
    parties: Sequence[Recipient],
    policy: Policy,
    given: Mapping[int, int],
    max_cartons: int | None = None,
) -> dict[int, int]:
    """What each retailer is owed after `allocate` has given these cartons, in millionths of a carton: what it was owed
    before, and its exact share of `total` less what it was given. No share is more than the retailer may have."""
    weigh = _weighing(parties, policy)
    bounds = {party.retailer_id: _bound(party, total, max_cartons) * OWED_PER_CARTON for party in parties}
    shares = _down_the_levels(total * OWED_PER_CARTON, parties, weigh, bounds, _exact_shares)
    return {
        party.retailer_id: party.owed + shares[party.retailer_id] - given[party.retailer_id] * OWED_PER_CARTON
        for party in parties
    }


def _down_the_levels(
    total: int,
    parties: Sequence[Recipient],
    weigh: Callable[[Recipient], int],
    bounds: Mapping[int, int],
    divide: Callable[[int, Sequence[int], Sequence[int], Sequence[int]], list[int]],
) -> dict[int, int]:
    """Each retailer's part of `total`, divided over counties, managers and retailers in turn by
    `divide(total, weights, bounds, owed)`."""
    parts: dict[int, int] = {}
    levels: tuple[Callable[[Recipient], object], ...] = (
        lambda party: party.county,
        lambda party: party.manager,
        lambda party: party.retailer_id,
    )

    def go_down(total: int, members: Sequence[Recipient], level: int) -> None:
        groups: dict[object, list[Recipient]] = {}
        for party in members:
            groups.setdefault(levels[level](party), []).append(party)
        # Retailers are in the order of their codes, groups by name.
        ordered = (
            list(groups.values()) if level == len(levels) - 1 else [groups[name] for name in sorted(groups, key=str)]
        )
        # Weight zero gets nothing.
        weighty = [[party for party in group if weigh(party)] for group in ordered]
        shares = divide(
            total,
            [sum(map(weigh, group)) for group in weighty],
            [sum(bounds[party.retailer_id] for party in group) for group in weighty],
            [sum(party.owed for party in group) for group in weighty],
        )
        for share, group in zip(shares, ordered, strict=True):
            if level == len(levels) - 1:
                parts[group[0].retailer_id] = share
            else:
                go_down(share, group, level + 1)

    go_down(total, parties, 0)
    return parts


def _weighing(parties: Sequence[Recipient], policy: Policy) -> Callable[[Recipient], int]:
    equal = policy == "equal" or not any(party.weight for party in parties)
    return (lambda party: 1) if equal else (lambda party: party.weight)


def _bound(party: Recipient, total: int, max_cartons: int | None) -> int:
    return min(bound for bound in (total, max_cartons, party.room) if bound is not None)


def _largest_remainder(total: int, weights: Sequence[int], owed: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    claims = [
        total * weight % whole * OWED_PER_CARTON + claim * whole for weight, claim in zip(weights, owed, strict=True)
    ]
    by_claim = sorted(range(len(weights)), key=claims.__getitem__, reverse=True)
    for place in by_claim[: total - sum(parts)]:
        parts[place] += 1
    return parts


def _exact_shares(total: int, weights: Sequence[int], bounds: Sequence[int], _owed: Sequence[int]) -> list[int]:
    """`total` in proportion to the weights; what is over a bound goes to the others, as in `split`."""
    shares = [0] * len(weights)
    open_places = [place for place, weight in enumerate(weights) if weight]
    left = total
    while open_places:
        whole = sum(weights[place] for place in open_places)
        full = [place for place in open_places if left * weights[place] >= bounds[place] * whole]
        if not full:
            for place in open_places:
                shares[place] = left * weights[place] // whole
            break
        for place in full:
            shares[place] = bounds[place]
        left -= sum(bounds[place] for place in full)
        open_places = [place for place in open_places if shares[place] < bounds[place]]
    return shares
