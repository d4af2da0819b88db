"""What the desk answers: plain values, safe to keep after the transaction that made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

from brand_catalog.catalog import Spec
from orders.models import OrderKind, OrderState, RetailerStatus

StandingReason = Literal["suspended", "closed", "not_order_day", "not_supplementary", "already_ordered"]
CutReason = Literal["not_offered", "out_of_stock", "limit", "order_max", "stock"]
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
    """The desk will not do it, for a `reason` the caller can be told. What was done before stays done."""

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
class SignIn:
    """The answer to a PIN. Neither field tells an unknown code from a wrong PIN."""

    ok: bool
    locked: bool
    retailer: Retailer | None = None


@dataclass(frozen=True, slots=True)
class Hotline:
    """The line that was called: whose it is, which seat answers, through which flow it leads, and what it takes.
    `regions` are the regions it asks to choose between, by key and name; empty where it asks for none."""

    number: str
    name: str
    kind: OrderKind
    seat: str
    flow: str = "ordering"
    regions: tuple[tuple[str, str], ...] = ()
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A spec this retailer may order today, and how much of it is left to it and in all."""

    spec: Spec
    limit_left_packs: int
    stock_left_packs: int
    is_new: bool
    is_key: bool

    @property
    def left_packs(self) -> int:
        return min(self.limit_left_packs, self.stock_left_packs)


@dataclass(frozen=True, slots=True)
class Band:
    """One price band: its number, the retail prices a carton in it, and how many specs of it are there today."""

    band: int
    lowest_fen: int
    highest_fen: int
    count: int


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
    """An order as it stands: a draft with its holds, or one that was saved under its `number`. `region` is what the
    caller chose on a hotline for several, empty elsewhere."""

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
class Standing:
    """Whether a retailer may order now by this hotline, and what there is of it already. `opens_at` is when the line
    next takes an order of this retailer, where it does not now."""

    may_order: bool
    reason: StandingReason | None
    next_order_day: date | None
    opens_at: datetime | None
    ordered: OrderView | None
    draft: OrderView | None
    balance_fen: int


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of one request. `available_packs` is what could have been had of it, own line included; `line` the
    whole line after it, None where nothing is on it."""

    barcode: str
    line: LineView | None
    requested_packs: int
    granted_packs: int
    reason: CutReason | None
    available_packs: int
    substitute: Spec | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A saved order; `already` where it had been saved before."""

    order: OrderView
    already: bool


def amount_fen(price_fen: int, packs: int, packs_per_carton: int) -> int:
    """What `packs` cost at `price_fen` a carton; parts of a fen (only broken cartons have them) round half up."""
    exact = Decimal(price_fen * packs) / packs_per_carton
    return int(exact.to_integral_value(rounding=ROUND_HALF_UP))
