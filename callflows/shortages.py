"""The sentences about what cannot be ordered, or not in full: each reason has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from brand_catalog.spoken_names import spoken_forms
from callflows.turn_context import TurnContext

if TYPE_CHECKING:
    from orders.book.desk import CutReason, LineOutcome, SpecHeadroom
    from speech.utterance import Item


def can_order(turn: TurnContext, barcode: str) -> bool:
    """True if some of a spec is left for this retailer, or on its order already."""
    available = turn.available_specs.get(barcode)
    return (available is not None and available.left_packs > 0) or barcode in turn.ordered()


def telling_spec(turn: TurnContext, barcodes: Sequence[str]) -> str:
    """Of specs none of which can be ordered, the one whose reason is told and whose demand is recorded: one the
    retailer has its whole limit of, else one that is sold out, else one that others were allotted, else the first."""
    if len(barcodes) == 1:
        return barcodes[0]
    allotted = [turn.available_specs[barcode] for barcode in barcodes if barcode in turn.available_specs]
    if allotted:
        return min(allotted, key=lambda one: one.limit_left_packs > 0).spec.barcode
    supplied = turn.desk.supplied(barcodes)
    return next((barcode for barcode in barcodes if barcode in supplied), barcodes[0])


def name_of(turn: TurnContext, item: Item) -> str:
    """The name of a line's one spec; of several the name they share, or the caller's own word where they share none."""
    if len(item.barcodes) == 1:
        return turn.name(item.barcodes[0])
    stems = {turn.stem(barcode) for barcode in item.barcodes}
    return stems.pop() if len(stems) == 1 else item.said or turn.text("words.it")


def none_granted(turn: TurnContext, barcode: str, about: LineOutcome | SpecHeadroom, name: str = "") -> str:
    """The reason why nothing more of a spec can be had. `name` is that of a brand none of whose specs can be ordered; a
    limit is said of the spec itself."""
    spec = name or turn.name(barcode)
    match about.reason:
        case "limit":
            limit, has = (turn.quantity(barcode, packs) for packs in (about.limit_packs, about.has_packs))
            return turn.text("short.limit_reached", spec=turn.name(barcode), limit=limit, quantity=has)
        case "not_allotted":
            return turn.text("short.not_allotted", spec=spec)
        case "not_in_catalogue":
            return turn.text("short.not_in_catalogue", spec=spec)
        case "order_max":
            return turn.text("short.order_max_reached", spec=spec)
        case "band_max":
            return turn.text("short.band_max_reached", spec=spec)
        case _:
            return turn.text("short.none", spec=spec)


def some_granted(turn: TurnContext, barcode: str, packs: int, reason: CutReason | None) -> str:
    """The reason why no more than `packs` of a spec were granted."""
    spec, quantity = turn.name(barcode), turn.quantity(barcode, packs)
    match reason:
        case "limit":
            return turn.text("short.limit", spec=spec, quantity=quantity)
        case "order_max":
            return turn.text("short.order_max", spec=spec, quantity=quantity)
        case "band_max":
            return turn.text("short.band_max", spec=spec, quantity=quantity)
        case _:
            return turn.text("short.only", spec=spec, quantity=quantity)


def truly_none(turn: TurnContext, item: Item) -> str:
    """The answer to a caller who has heard that a spec cannot be had, and insists (AY 4.1.5.2 h); empty before."""
    if not set(item.barcodes).isdisjoint(turn.state.reported_out_of_stock):
        return turn.text("taken.truly_none")
    if not set(item.barcodes).isdisjoint(turn.state.reported_not_allotted):
        return turn.text("taken.truly_not_allotted", spec=name_of(turn, item))
    return ""


def withdrawn(turn: TurnContext, name: str) -> str:
    """The sentence about a spec that the catalogue had and has no more."""
    return turn.text("short.not_in_catalogue", spec=spoken_forms(name)[0])
