"""The order desk's tables: retailers, hotlines, supply, limits, orders, demand, missed calls and day-end steps."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage import Base, UtcDateTime

RetailerStatus = Literal["active", "suspended"]
Cycle = Literal["weekly", "fortnightly", "monthly"]
OrderKind = Literal["regular", "supplementary"]
OrderState = Literal["draft", "confirmed", "settled", "handed_over", "cancelled", "lapsed"]
Channel = Literal["phone", "outbound", "operator", "web", "mobile", "proxy"]
Admits = Literal["due", "missed"]
DayStep = Literal["balances", "audit", "settlement", "hand_over", "notice", "close"]

STANDING_STATES = ("confirmed", "settled", "handed_over")
"""The states of an order that counts: saved, and not cancelled."""

# Kept as text, because an index condition takes no parameters.
_STANDS = text("state IN ('confirmed', 'settled', 'handed_over')")


class RetailerRow(Base):
    """One retailer. `order_weekday` counts from Monday = 0; `cycle_week` is its week of a fortnightly (0 or 1) or
    monthly (1 to 4) cycle."""

    __tablename__ = "retailers"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_code: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    status: Mapped[RetailerStatus] = mapped_column(String(10), default="active")
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    cycle: Mapped[Cycle] = mapped_column(String(12), default="weekly")
    order_weekday: Mapped[int]
    cycle_week: Mapped[int] = mapped_column(default=0)
    county: Mapped[str] = mapped_column(String(40), default="")
    region: Mapped[str] = mapped_column(String(20), default="")
    manager: Mapped[str] = mapped_column(String(40), default="")
    route: Mapped[str] = mapped_column(String(40), default="")
    grade: Mapped[int] = mapped_column(default=1)
    balance_fen: Mapped[int] = mapped_column(default=0)


class RetailerPhone(Base):
    """A number a retailer registered, as the carrier writes it; a caller from it needs no PIN."""

    __tablename__ = "retailer_phones"

    phone: Mapped[str] = mapped_column(String(32), primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), index=True)


class HotlineRow(Base):
    """One number that may be called: its flow, the regions the caller chooses between, its hours in minutes from
    midnight, and whether it admits retailers that are due or those that missed their call (TR 3.3)."""

    __tablename__ = "hotlines"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[OrderKind] = mapped_column(String(14))
    seat: Mapped[str] = mapped_column(String(10))
    flow: Mapped[str] = mapped_column(String(20), default="ordering")
    regions: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    opens: Mapped[int] = mapped_column(default=0)
    closes: Mapped[int] = mapped_column(default=24 * 60)
    admits: Mapped[Admits] = mapped_column(String(10), default="due")


class ChannelWindow(Base):
    """The hours in which a channel other than the telephone takes orders for a business day, in minutes from that day's
    midnight: -300 is 19:00 the evening before."""

    __tablename__ = "channel_windows"

    channel: Mapped[Channel] = mapped_column(String(10), primary_key=True)
    opens: Mapped[int]
    closes: Mapped[int]


class CalendarDay(Base):
    """A day declared open or closed, whatever the public holidays say."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_open: Mapped[bool]
    note: Mapped[str] = mapped_column(String(80), default="")


class DayStepDone(Base):
    """One day-end step that was done: when, by whom and with what result."""

    __tablename__ = "day_steps"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[DayStep] = mapped_column(String(12), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class MissedCall(Base):
    """A retailer that was not reached on its order day. With the remedy "supplementary" it may order by the
    supplementary hotline on `remedy_day` (TR 3.3)."""

    __tablename__ = "missed_calls"
    __table_args__ = (UniqueConstraint("retailer_id", "missed_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"))
    missed_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(40))
    remedy: Mapped[str] = mapped_column(String(20))
    remedy_day: Mapped[date]


class Supply(Base):
    """The supply of one spec on one business day, in packs. What is left is supplied - held - sold."""

    __tablename__ = "supply"
    __table_args__ = (
        CheckConstraint("held_packs >= 0 AND sold_packs >= 0", name="not_negative"),
        CheckConstraint("held_packs + sold_packs <= supplied_packs", name="not_oversold"),
    )

    business_day: Mapped[date] = mapped_column(primary_key=True)
    barcode: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    supplied_packs: Mapped[int]
    held_packs: Mapped[int] = mapped_column(default=0)
    sold_packs: Mapped[int] = mapped_column(default=0)
    is_new: Mapped[bool] = mapped_column(default=False)
    is_key: Mapped[bool] = mapped_column(default=False)
    # The basis of its split, and the most cartons one retailer may get of it (AY 4.1.1).
    basis: Mapped[str] = mapped_column(String(8), default="")
    most_cartons: Mapped[int | None]


class Limit(Base):
    """The quantity one retailer may have of one spec in the cycle that began on `cycle_start`, in packs. The columns
    are in the order of the key's use: by retailer and cycle, then by spec."""

    __tablename__ = "limits"
    __table_args__ = (
        CheckConstraint("held_packs >= 0 AND used_packs >= 0", name="not_negative"),
        CheckConstraint("held_packs + used_packs <= limit_packs", name="not_exceeded"),
    )

    # No foreign keys: there are a million and a half rows in a cycle, and neither retailers nor specs are ever deleted.
    retailer_id: Mapped[int] = mapped_column(primary_key=True)
    cycle_start: Mapped[date] = mapped_column(primary_key=True)
    barcode: Mapped[str] = mapped_column(String(13), primary_key=True)
    limit_packs: Mapped[int]
    held_packs: Mapped[int] = mapped_column(default=0)
    used_packs: Mapped[int] = mapped_column(default=0)
    # The batch that set it last, see LimitBatch; None where the department did not set it.
    batch_id: Mapped[int | None]


class LimitBatch(Base):
    """One change of limits: its author, time, reason, source and counts."""

    __tablename__ = "limit_batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    why: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(200))
    added: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]


class LimitChange(Base):
    """A limit that was replaced, and the batch it was from; appended and never changed."""

    __tablename__ = "limit_changes"

    batch_id: Mapped[int] = mapped_column(ForeignKey("limit_batches.id"), primary_key=True)
    retailer_id: Mapped[int] = mapped_column(primary_key=True)
    cycle_start: Mapped[date] = mapped_column(primary_key=True)
    barcode: Mapped[str] = mapped_column(String(13), primary_key=True)
    before_packs: Mapped[int | None]
    before_batch_id: Mapped[int | None]
    after_packs: Mapped[int]


class Substitute(Base):
    """A spec offered instead of one that is out; the lowest `position` is offered first."""

    __tablename__ = "substitutes"

    barcode: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    instead: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class OrderRow(Base):
    """One order, from its first line on. While `holding`, its lines are reserved in supply and limits until
    `hold_expires_at`; a draft that lost its holds keeps its lines. `cycle_start` is the cycle whose limits it uses."""

    __tablename__ = "orders"
    __table_args__ = (
        # TR 3.4: one regular order a day, whatever happens at the same time.
        Index(
            "uq_orders_standing",
            "retailer_id",
            "business_day",
            "kind",
            unique=True,
            sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        ),
        Index("ix_orders_retailer_day", "retailer_id", "business_day"),
        Index("ix_orders_day_state", "business_day", "state"),
        Index(
            "ix_orders_expiring",
            "hold_expires_at",
            sqlite_where=text("holding"),
            postgresql_where=text("holding"),
        ),
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
    abandoned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holding: Mapped[bool] = mapped_column(default=False)
    hold_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Not paid by the bank: it waits, and is not handed over (the settlement's rule).
    on_hold: Mapped[bool] = mapped_column(default=False)
    handed_over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    total_packs: Mapped[int] = mapped_column(default=0)
    amount_fen: Mapped[int] = mapped_column(default=0)

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


class DemandRecord(Base):
    """A retailer's demand, met or not, one row per order and spec (AY 4.1.6, AS 4.2.2 a). `reason` is None where it was
    met in full; `withdrawn` marks what the retailer itself removed again."""

    __tablename__ = "demand_records"
    __table_args__ = (
        UniqueConstraint("order_id", "barcode"),
        Index("ix_demand_records_day", "business_day", "barcode"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    business_day: Mapped[date]
    barcode: Mapped[str] = mapped_column(String(13))
    requested_packs: Mapped[int]
    granted_packs: Mapped[int]
    reason: Mapped[str | None] = mapped_column(String(20))
    withdrawn: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderHistory(Base):
    """One event of an order, appended and never changed."""

    __tablename__ = "order_history"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class SignInCounter(Base):
    """Failed sign-ins counted by `key`: a retailer, a calling number, a staff login, an address, or overall."""

    __tablename__ = "sign_in_counters"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int]
    counted_from: Mapped[datetime] = mapped_column(UtcDateTime)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
