"""The retail prices by which a caller chooses: ranges that do not overlap, and the range a caller asks for itself."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from callflows import speaking
from callflows.state import Goto, PriceRange
from callflows.turn_context import TurnContext
from speech.utterance import Price

if TYPE_CHECKING:
    from orders.book.desk import AvailableSpec

# The retail prices of a pack, in yuan, at which a new range begins: how shops sort their shelves.
STEPS_YUAN = (10, 20, 30, 50)
# 二十块的 is this much more or less, in percent, or as much as the second where nothing is that near.
NEAR_PERCENT = (5, 20)
_HIGHEST_FEN = 10**9


def ranges(turn: TurnContext) -> tuple[PriceRange, ...]:
    """The ranges in which something is left for this retailer, the dearest first: lowest and highest price of a pack,
    in fen, of what there is in each."""
    found: dict[int, list[int]] = {}
    for one in _left(turn):
        fen = _pack_fen(one)
        found.setdefault(bisect_right(STEPS_YUAN, fen / 100), []).append(fen)
    return tuple((min(prices), max(prices)) for _, prices in sorted(found.items(), reverse=True))


def specs_in(turn: TurnContext, prices: PriceRange) -> list[str]:
    """The specs in this range of which something is left, the dearest first."""
    within = [one for one in _left(turn) if prices[0] <= _pack_fen(one) <= prices[1]]
    return [one.spec.barcode for one in sorted(within, key=lambda one: -one.spec.retail_fen)]


def said(turn: TurnContext, prices: PriceRange) -> str:
    """A range as the shop knows it: by the price of a pack and of a carton."""
    lowest, highest = prices
    if lowest == highest:
        return turn.text("choose_band.one_price", pack=speaking.money(lowest), carton=speaking.money(10 * lowest))
    return turn.text(
        "choose_band.price",
        lowest=speaking.money(lowest),
        highest=speaking.money(highest),
        lowest_carton=speaking.money(10 * lowest),
        highest_carton=speaking.money(10 * highest),
    )


def open_range(turn: TurnContext, place: int) -> None:
    """Have the specs of this range read out next, from the first page on."""
    turn.state.band, turn.state.page, turn.state.page_read = place, 0, False
    turn.state.return_to = Goto.SPECS


def open_price(turn: TurnContext, price: Price) -> None:
    """Have the specs of the price that the caller asks for read out next; where there is none, the ranges there are."""
    wanted = _range_of(turn, price)
    if wanted is None:
        turn.say("choose_band.none_of_price")
        turn.state.return_to = Goto.BANDS
        return
    turn.state.price_ranges = (wanted,)
    open_range(turn, 0)


def _range_of(turn: TurnContext, price: Price) -> PriceRange | None:
    there = sorted(_pack_fen(one) for one in _left(turn))
    match price.bound:
        case "most":
            return _narrowed(there, 0, price.pack_fen)
        case "least":
            return _narrowed(there, price.pack_fen, _HIGHEST_FEN)
        case "about":
            near = (price.pack_fen * percent // 100 for percent in NEAR_PERCENT)
            tried = (_narrowed(there, price.pack_fen - more, price.pack_fen + more) for more in near)
            return next(filter(None, tried), None)
        case "cheaper" | "dearer":
            return _beside(turn, price.bound == "cheaper")


def _beside(turn: TurnContext, cheaper: bool) -> PriceRange | None:
    """The next cheaper or dearer range: than the one being read out, or than the spec spoken of last; where nothing was
    spoken of, the cheapest or dearest there is."""
    every = ranges(turn)
    barcode = turn.state.mentioned_barcode or turn.state.last_barcode
    if turn.state.return_to is Goto.SPECS and turn.state.price_ranges:
        lowest, highest = turn.state.price_ranges[turn.state.band]
    elif barcode:
        spec = turn.spec(barcode)
        lowest = highest = spec.retail_fen // spec.packs_per_carton
    else:
        return every[-1 if cheaper else 0] if every else None
    if cheaper:
        return next((one for one in every if one[1] < lowest), None)
    return next((one for one in reversed(every) if one[0] > highest), None)


def _narrowed(there: Iterable[int], lowest: int, highest: int) -> PriceRange | None:
    within = [fen for fen in there if lowest <= fen <= highest]
    return (within[0], within[-1]) if within else None


def _left(turn: TurnContext) -> list[AvailableSpec]:
    return [one for one in turn.available_specs.values() if one.left_packs > 0]


def _pack_fen(one: AvailableSpec) -> int:
    """The retail price of a pack in fen; of a fraction of a fen no caller hears."""
    return one.spec.retail_fen // one.spec.packs_per_carton
