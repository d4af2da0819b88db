"""The values the desk returns: plain, and safe to keep after the transaction that made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from brand_catalog.catalog import Spec
from orders.book.models import OrderKind, OrderRow, OrderState
from orders.money import amount_fen
from orders.retailers.models import RetailerRow, RetailerStatus

IneligibilityReason = Literal["suspended", "closed", "not_order_day", "not_supplementary", "already_ordered"]
CutReason = Literal["out_of_stock", "not_allotted", "limit", "not_in_catalogue", "order_max", "band_max", "stock"]
"""The reasons why less was granted than requested: none in stock today; none of it allotted to this retailer; its limit
is used up; the catalogue does not have it; the department's bound on an order, or on a price band; only some left."""

RefusalReason = Literal[
    "suspended",
    "closed",
    "not_order_day",
    "not_supplementary",
    "already_ordered",
    "no_draft",
    "empty",
    "order_min",
    "holds_lost",
]


class DeskRefusal(Exception):
    """The desk refuses, for a `reason` the caller can be given. What was done before stays done."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Retailer:
    """One retailer, as the conversation knows it."""

    id: int
    customer_code: str
    name: str
    status: RetailerStatus
    region: str


@dataclass(frozen=True, slots=True)
class PinCheck:
    """The answer to a PIN. Nothing in it tells an unknown code from a wrong PIN."""

    ok: bool
    has_to_wait: bool
    retailer: Retailer | None = None


@dataclass(frozen=True, slots=True)
class Hotline:
    """The line that was called: its number and name, the kind of order it takes, and the seat that answers.
    `regions` are the regions the caller chooses between, by key and name; empty where it asks for none. With
    `serves_missed` it takes the supplementary orders of retailers that missed their call as well."""

    number: str
    name: str
    kind: OrderKind
    seat: str
    regions: tuple[tuple[str, str], ...] = ()
    id: int | None = None
    serves_missed: bool = False


@dataclass(frozen=True, slots=True)
class AvailableSpec:
    """A spec this retailer may order today, the packs left of it under its limit and in stock, and the limit of its
    cycle."""

    spec: Spec
    limit_left_packs: int
    stock_left_packs: int
    is_new: bool
    is_key: bool
    limit_packs: int = 0

    @property
    def left_packs(self) -> int:
        return min(self.limit_left_packs, self.stock_left_packs)


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of an order."""

    barcode: str
    name: str
    requested_packs: int
    granted_packs: int
    packs_per_carton: int
    price_fen: int

    @property
    def cartons(self) -> Fraction:
        return Fraction(self.granted_packs, self.packs_per_carton)

    @property
    def amount_fen(self) -> int:
        return amount_fen(self.price_fen, self.granted_packs, self.packs_per_carton)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order at this moment: a draft with its holds, or one that was saved under its `number`. `region` is the one
    the caller chose on a hotline for several, empty elsewhere."""

    number: str | None
    state: OrderState
    kind: OrderKind
    business_day: date
    lines: tuple[LineView, ...]
    region: str = ""

    @property
    def total_packs(self) -> int:
        return sum(line.granted_packs for line in self.lines)

    @property
    def cartons(self) -> Fraction:
        return sum((line.cartons for line in self.lines), Fraction(0))

    @property
    def amount_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines)

    def line(self, barcode: str) -> LineView | None:
        return next((line for line in self.lines if line.barcode == barcode), None)


@dataclass(frozen=True, slots=True)
class MissedRemedy:
    """The remedy still due to a retailer that missed its call (TR 3.3): it rings the supplementary hotline
    `number` on `day`, from `opens_at` on where that is still to come, or it is visited then."""

    kind: Literal["supplementary", "visit"]
    day: date
    number: str = ""
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Eligibility:
    """A retailer's eligibility to order now by this hotline, with its order and its draft of the day. `opens_at` is
    when the line next takes an order of this retailer, where it does not now; `remedy` is what is done where it is not
    due now because it missed its call."""

    may_order: bool
    reason: IneligibilityReason | None
    next_order_day: date | None
    opens_at: datetime | None
    ordered: OrderView | None
    draft: OrderView | None
    balance_fen: int
    remedy: MissedRemedy | None = None


@dataclass(frozen=True, slots=True)
class SpecHeadroom:
    """The further packs an order could be granted of a spec, in whole cartons, and the reason why not more; with the
    retailer's limit and what it has of it, by all its orders of the cycle."""

    packs: int
    reason: CutReason
    limit_packs: int = 0
    has_packs: int = 0


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """The outcome of one request; `line` is the whole line after it, None where nothing is on it. Of a request that was
    cut, `limit_packs` is the retailer's limit and `has_packs` what it had of it, by all its orders of the cycle."""

    barcode: str
    line: LineView | None
    requested_packs: int
    granted_packs: int
    reason: CutReason | None
    substitute: Spec | None
    limit_packs: int = 0
    has_packs: int = 0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A saved order; `already` where it had been saved before."""

    order: OrderView
    already: bool


def retailer_view(row: RetailerRow) -> Retailer:
    return Retailer(row.id, row.customer_code, row.name, row.status, row.region)


def order_view(order: OrderRow) -> OrderView:
    return OrderView(
        number=order.number,
        state=order.state,
        kind=order.kind,
        business_day=order.business_day,
        region=order.region,
        lines=tuple(
            LineView(
                barcode=line.barcode,
                name=line.spec_name,
                requested_packs=line.requested_packs,
                granted_packs=line.granted_packs,
                packs_per_carton=line.packs_per_carton,
                price_fen=line.price_fen,
            )
            for line in order.lines
        ),
    )
