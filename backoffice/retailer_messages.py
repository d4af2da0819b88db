"""The answers about one retailer: its orders and where they stand, its limits, its balance, the news of the day."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from backoffice.order_messages import Barcode, Fen, Packs
from orders.book.models import ChangeState, OrderKind, OrderState
from orders.book.views import IneligibilityReason

Day = Annotated[str, Field(description="A day, as 2026-11-23.")]
Moment = Annotated[str, Field(description="A moment with its offset, as 2026-11-23T12:00:00+08:00.")]


class OrderLine(BaseModel):
    """One line of a saved order."""

    barcode: Barcode
    name: str
    requested_packs: Packs
    granted_packs: Packs
    amount_fen: Fen


class SavedOrder(BaseModel):
    """One saved order and where it stands: `on_hold` where the bank could not debit it, `change` the state of the last
    request to change it."""

    number: str
    business_day: Day
    kind: OrderKind
    state: OrderState
    state_zh: Annotated[str, Field(description="The state in Chinese.")]
    on_hold: bool
    handed_over_on: Day | None
    delivered_on: Day | None
    received_on: Day | None
    not_delivered_on: Day | None
    delivery_problem: str
    change: ChangeState | None
    lines: list[OrderLine]
    total_packs: Packs
    amount_fen: Fen


class SavedOrders(BaseModel):
    """The latest orders of a retailer, the latest first."""

    orders: list[SavedOrder]


class SpecLimit(BaseModel):
    """One spec of the day of which this retailer was allotted some. `left_packs` is what it can order now: what is
    left of its limit, and in stock."""

    barcode: Barcode
    name: str
    price_fen: Annotated[int, Field(description="The wholesale price of a carton, in fen.")]
    packs_per_carton: int
    limit_packs: Packs
    limit_left_packs: Packs
    left_packs: Packs
    is_new: bool
    is_key: bool


class Limits(BaseModel):
    """The retailer's limits of one day, and whether it may order now; `reason` where not, `opens_at` when next."""

    business_day: Day
    may_order: bool
    reason: IneligibilityReason | None
    reason_zh: str
    opens_at: Moment | None
    closes_at: Moment
    specs: list[SpecLimit]


class Balance(BaseModel):
    """The balance of the retailer's account, the amount of its orders that are not settled yet, and what is short."""

    balance_fen: Fen
    unsettled_fen: Fen
    shortfall_fen: Fen


class NewsSpec(BaseModel):
    """One spec in the news."""

    barcode: Barcode
    name: str


class News(BaseModel):
    """The news of a day for this retailer."""

    business_day: Day
    messages: list[str]
    new_specs: list[NewsSpec]
    key_specs: list[NewsSpec]
