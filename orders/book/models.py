"""Tables of the order book: orders and their lines, demand, history, requested changes, substitutes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage import Base, UtcDateTime

OrderKind = Literal["regular", "supplementary"]


OrderState = Literal["draft", "confirmed", "settled", "handed_over", "delivered", "received", "cancelled", "lapsed"]


Channel = Literal["phone", "outbound", "operator", "web", "mobile", "proxy", "visit"]


COUNTED_STATES = ("confirmed", "settled", "handed_over", "delivered", "received")
"""The states of an order that counts: saved, and not cancelled."""


HANDED_OVER_STATES = ("handed_over", "delivered", "received")
"""The states of an order from its hand-over to delivery on."""


# Kept as text, because an index condition takes no parameters.
_COUNTED = text("state IN ('confirmed', 'settled', 'handed_over', 'delivered', 'received')")
_BEGUN = text("event IN ('opened', 'resumed')")
_RESUMED = text("event = 'resumed'")


class Substitute(Base):
    """A spec offered instead of one that is out; the lowest `position` is offered first."""

    __tablename__ = "substitutes"

    barcode: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    instead: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class OrderRow(Base):
    """One order, from its first line on. While `holds_active`, its lines are reserved in supply and limits until
    `hold_expires_at`; a draft that lost its holds keeps its lines. `cycle_start` is the cycle whose limits it uses.
    `total_packs` and `amount_fen` are the sums of its lines, of a draft too; `events` is the number of its events."""

    __tablename__ = "orders"
    __table_args__ = (
        # TR 3.4: one regular order a day, whatever happens at the same time.
        Index(
            "uq_orders_counted",
            "retailer_id",
            "business_day",
            "kind",
            unique=True,
            sqlite_where=_COUNTED,
            postgresql_where=_COUNTED,
        ),
        Index("ix_orders_retailer_day", "retailer_id", "business_day"),
        Index("ix_orders_day_state", "business_day", "state"),
        Index(
            "ix_orders_saved_by",
            *("business_day", "saved_by", "state", "total_packs"),
            sqlite_where=text("saved_by IS NOT NULL"),
            postgresql_where=text("saved_by IS NOT NULL"),
        ),
        # All that the reports add up of an order, so that a month of them is read from the index alone.
        Index(
            "ix_orders_sums",
            *("business_day", "state", "channel", "total_packs", "amount_fen", "events", "retailer_id"),
        ),
        Index(
            "ix_orders_expiring",
            "hold_expires_at",
            sqlite_where=text("holds_active"),
            postgresql_where=text("holds_active"),
        ),
        Index("ix_orders_on_hold", "business_day", sqlite_where=text("on_hold"), postgresql_where=text("on_hold")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(String(20), unique=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    business_day: Mapped[date]
    cycle_start: Mapped[date]
    kind: Mapped[OrderKind] = mapped_column(String(14))
    state: Mapped[OrderState] = mapped_column(String(12), default="draft")
    channel: Mapped[Channel] = mapped_column(String(10))
    hotline_id: Mapped[int | None] = mapped_column(ForeignKey("hotlines.id"))
    # The region the caller chose on a hotline for several (TR 3.3); empty where none was asked for.
    region: Mapped[str] = mapped_column(String(20), default="")
    call_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The member of staff who saved it; None for a call, a web or a mobile order, which the retailer saves itself.
    saved_by: Mapped[str | None] = mapped_column(String(40))
    abandoned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holds_active: Mapped[bool] = mapped_column(default=False)
    hold_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Not paid by the bank: it waits, and is not handed over (the settlement's rule).
    on_hold: Mapped[bool] = mapped_column(default=False)
    handed_over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # As the delivery system reports them; the day and the reason of the latest failed attempt, until one succeeds.
    delivered_on: Mapped[date | None]
    received_on: Mapped[date | None]
    not_delivered_on: Mapped[date | None]
    delivery_problem: Mapped[str] = mapped_column(String(200), default="")
    total_packs: Mapped[int] = mapped_column(default=0)
    amount_fen: Mapped[int] = mapped_column(default=0)
    events: Mapped[int] = mapped_column(default=0, server_default="0")

    lines: Mapped[list[OrderLineRow]] = relationship(
        order_by="OrderLineRow.id", cascade="all, delete-orphan", passive_deletes=True
    )


class OrderLineRow(Base):
    """One line: the packs requested in all, the packs granted, and the price a carton at which it was read back."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "barcode"),
        CheckConstraint("granted_packs >= 0 AND granted_packs <= requested_packs", name="granted_of_requested"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    barcode: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), index=True)
    spec_name: Mapped[str] = mapped_column(String(80))
    packs_per_carton: Mapped[int]
    price_fen: Mapped[int]
    requested_packs: Mapped[int]
    granted_packs: Mapped[int]


NAME_MAX_CHARS = 80
"""The longest name of a spec."""


class DemandRecord(Base):
    """A retailer's demand, met or not, one row per order and spec (AY 4.1.6, AS 4.2.2 a). A brand that the catalogue
    does not have is recorded without a barcode, by its `name` as it was said; the quantity may be 0. `reason` is None
    where it was met in full; `withdrawn` marks what the retailer itself removed again."""

    __tablename__ = "demand_records"
    __table_args__ = (
        UniqueConstraint("order_id", "barcode", "name"),
        Index("ix_demand_records_day", "business_day", "barcode"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    business_day: Mapped[date]
    barcode: Mapped[str] = mapped_column(String(13))
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARS), default="")
    requested_packs: Mapped[int]
    granted_packs: Mapped[int]
    reason: Mapped[str | None] = mapped_column(String(20))
    withdrawn: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderHistory(Base):
    """One event of an order, appended and never changed."""

    __tablename__ = "order_history"
    # The calls in which orders were begun, for the outcomes of calls.
    __table_args__ = (
        Index("ix_order_history_begun", "at", sqlite_where=_BEGUN, postgresql_where=_BEGUN),
        Index("ix_order_history_resumed", "at", "order_id", sqlite_where=_RESUMED, postgresql_where=_RESUMED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


ChangeState = Literal["requested", "approved", "refused", "withdrawn"]


class OrderChange(Base):
    """A change of a saved order, requested by one person and decided by another. `lines` are packs by barcode, the
    order as it should be; without any the order is to be cancelled. `lines_before` are the same as it was when the
    change was requested. An order has one open request at most: a later one takes the place of an earlier one, which
    is then withdrawn. `channel` is the way by which it was requested, `call_key` the call in which, if in one, and
    `decision_note` what the decider says of it."""

    __tablename__ = "order_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    lines: Mapped[dict[str, int]] = mapped_column(JSON)
    lines_before: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    channel: Mapped[Channel] = mapped_column(String(10), default="operator")
    call_key: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[ChangeState] = mapped_column(String(10), default="requested", index=True)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[str] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decision_note: Mapped[str] = mapped_column(String(200), default="")
