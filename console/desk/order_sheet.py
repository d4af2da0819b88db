"""The order sheet: what a retailer may have, what is on the order, and the lines an operator puts there.

Everything goes through the same desk as a call's turns, so the same rules, limits and holds apply. A page sends back
what it showed; if the order has changed since, nothing is done, and the differences are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from brand_catalog.catalog import Spec
from callflows.state import CallState
from callflows.steps.read_back import ReadBack
from callflows.turn_context import TurnContext
from console.desk.shop_facts import ShopFacts, shop_facts
from console.numbers import parse_whole
from orders.book.desk import (
    Desk,
    DeskRefusal,
    Eligibility,
    Hotline,
    LineOutcome,
    LineRequest,
    LineView,
    OrderView,
    Retailer,
)
from orders.channels.order_rows import CARTONS_MAX


class SheetRefusal(Exception):
    """A refused request; the reason is a key of `texts.refusals`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SpecOption:
    """One spec on today's supply: what is left of it, and what the retailer had of it in its last order."""

    barcode: str
    packs_per_carton: int
    limit_left_packs: int
    stock_left_packs: int
    last_packs: int
    mark: Literal["", "new", "key"]

    def for_page(self) -> dict[str, str | int]:
        """The values for the page's search, quantities in whole cartons."""
        return {
            "limit": self.limit_left_packs // self.packs_per_carton,
            "stock": self.stock_left_packs // self.packs_per_carton,
            "left": min(self.limit_left_packs, self.stock_left_packs) // self.packs_per_carton,
            "last": self.last_packs // self.packs_per_carton,
            "mark": self.mark,
        }


@dataclass(frozen=True, slots=True)
class SuggestedLine:
    """A line suggested for the order: the packs wanted, and the packs this retailer can have now; None if the spec is
    not on today's supply."""

    barcode: str
    name: str
    packs: int
    packs_per_carton: int
    left_packs: int | None


@dataclass(frozen=True, slots=True)
class OrderSheet:
    """Everything the order sheet shows. `failed_web_lines` are the lines of the retailer's failed
    web order."""

    key: str
    hotline: Hotline
    eligibility: Eligibility
    order: OrderView | None
    options: tuple[SpecOption, ...]
    last_order_lines: tuple[SuggestedLine, ...]
    failed_web_lines: tuple[SuggestedLine, ...]
    read_back: tuple[str, ...]
    version: str
    catalog_version: str
    facts: ShopFacts

    @property
    def is_open(self) -> bool:
        """True if the order is a draft, so that lines may be added."""
        return self.order is not None and self.order.state == "draft"

    def options_for_page(self) -> dict[str, dict[str, str | int]]:
        """What the retailer may have of today's specs, by barcode, for the page's search; empty if the sheet is not
        open."""
        return {option.barcode: option.for_page() for option in self.options} if self.is_open else {}

    def option(self, barcode: str) -> SpecOption | None:
        """The spec with this barcode and what is left of it, or None if it is not on today's supply."""
        return next((option for option in self.options if option.barcode == barcode), None)

    @property
    def shortfall_fen(self) -> int:
        """The amount to be deposited before delivery, in fen."""
        return max(0, self.order.amount_fen - self.eligibility.balance_fen) if self.order is not None else 0


def build_sheet(
    desk: Desk,
    key: str,
    retailer: Retailer,
    hotline: Hotline,
    saved: OrderView | None = None,
    failed_web_packs: Mapping[str, int] | None = None,
) -> OrderSheet:
    """The current sheet. `saved` is the order of this key if it is no draft any more; `failed_web_packs`
    are the packs by barcode of the failed web order."""
    order = desk.draft(key).view() or saved
    last = latest = desk.last_order(retailer)
    if last is not None and saved is not None and last.number == saved.number:
        last = None
    last_packs = {line.barcode: line.granted_packs for line in last.lines} if last is not None else {}
    options = tuple(
        SpecOption(
            barcode=available.spec.barcode,
            packs_per_carton=available.spec.packs_per_carton,
            limit_left_packs=available.limit_left_packs,
            stock_left_packs=available.stock_left_packs,
            last_packs=last_packs.get(available.spec.barcode, 0),
            mark="new" if available.is_new else "key" if available.is_key else "",
        )
        # What cannot be had is entered as well: its demand is kept, and a substitute named.
        for available in desk.specs_on_supply(retailer)
    )
    left = {option.barcode: min(option.limit_left_packs, option.stock_left_packs) for option in options}
    specs = desk.catalog.specs
    return OrderSheet(
        key=key,
        hotline=hotline,
        eligibility=desk.eligibility(retailer, hotline),
        order=order,
        options=options,
        last_order_lines=tuple(
            SuggestedLine(line.barcode, line.name, line.granted_packs, line.packs_per_carton, left.get(line.barcode))
            for line in (last.lines if last is not None else ())
        ),
        failed_web_lines=tuple(
            SuggestedLine(barcode, specs[barcode].name, packs, specs[barcode].packs_per_carton, left.get(barcode))
            for barcode, packs in (failed_web_packs or {}).items()
            if barcode in specs
        ),
        read_back=read_back(desk, key, retailer, hotline) if order is not None and order.state == "draft" else (),
        version=order_version(order),
        catalog_version=desk.catalog.version,
        facts=shop_facts(desk.session, retailer.id, latest.business_day if latest is not None else None),
    )


def enter_line(desk: Desk, key: str, barcode: str, wanted: str) -> LineOutcome | None:
    """Set a line in cartons: "5" sets five, "+5" adds five, "0" removes the line. Raise SheetRefusal if refused."""
    more, figures = wanted.startswith("+"), wanted.removeprefix("+").strip()
    cartons = parse_whole(figures, CARTONS_MAX)
    if cartons is None:
        raise SheetRefusal("not_a_number")
    spec = desk.catalog.specs.get(barcode)
    if spec is None:
        raise SheetRefusal("unknown_spec")
    packs = cartons * spec.packs_per_carton
    draft = desk.draft(key)
    try:
        if packs == 0:
            if not draft.remove(barcode):
                raise SheetRefusal("not_on_the_order")
            return None
        return draft.set_line(barcode, packs, "add" if more else "set")
    except DeskRefusal as refusal:
        raise SheetRefusal(refusal.reason) from refusal


def add_suggested_lines(desk: Desk, key: str, lines: Sequence[SuggestedLine]) -> list[LineOutcome]:
    """Add the lines that are not on the order yet, in one go; those that are stay as the caller wanted them. Raise
    SheetRefusal if refused."""
    draft = desk.draft(key)
    order = draft.view()
    if order is None:
        raise SheetRefusal("no_draft")
    new = [LineRequest(line.barcode, line.packs, "set") for line in lines if order.line(line.barcode) is None]
    try:
        return draft.set_lines(new)
    except DeskRefusal as refusal:
        raise SheetRefusal(refusal.reason) from refusal


def order_version(order: OrderView | None) -> str:
    """The state and lines of an order as text; a page sends it back with each change, to detect a stale page."""
    if order is None:
        return "-"
    return ",".join([order.state, *(f"{line.barcode}:{line.granted_packs}" for line in order.lines)])


@dataclass(frozen=True, slots=True)
class LineDifference:
    """One line that has changed since the page was shown; None for a quantity where the line is not on the order."""

    name: str
    before_packs: int | None
    now_packs: int | None
    packs_per_carton: int


def differences(shown: str, order: OrderView | None, specs: Mapping[str, Spec]) -> list[LineDifference]:
    """The lines that differ between what the page showed and the current order."""
    before: dict[str, int] = {}
    for part in shown.split(",")[1:]:
        barcode, _, packs = part.partition(":")
        if (number := parse_whole(packs)) is not None:
            before[barcode] = number
    now: dict[str, LineView] = {line.barcode: line for line in order.lines} if order is not None else {}
    changed = []
    for barcode in dict.fromkeys((*before, *now)):
        line = now.get(barcode)
        granted = line.granted_packs if line is not None else None
        # The catalogue has the name and the carton size of a line that is gone.
        about = line or specs.get(barcode)
        if granted != before.get(barcode) and about is not None:
            changed.append(LineDifference(about.name, before.get(barcode), granted, about.packs_per_carton))
    return changed


def read_back(desk: Desk, key: str, retailer: Retailer, hotline: Hotline) -> tuple[str, ...]:
    """The sentences in which a call reads the order back to the caller (AY 4.1.7)."""
    state = CallState(
        key, "", hotline.number, speech_enabled=True, customer_code=retailer.customer_code, signed_in=True
    )
    turn = TurnContext(state, desk)
    ReadBack().ask(turn)
    return tuple(turn.sentences)
