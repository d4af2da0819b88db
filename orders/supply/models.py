"""Tables of supply and limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime


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
    max_cartons: Mapped[int | None]


class Limit(Base):
    """The quantity one retailer may have of one spec in the cycle that began on `cycle_start`, in packs. The columns
    are in the order of the key's use: by retailer and cycle, then by spec."""

    __tablename__ = "limits"
    __table_args__ = (
        CheckConstraint("held_packs >= 0 AND used_packs >= 0", name="not_negative"),
        CheckConstraint("held_packs + used_packs <= limit_packs", name="not_exceeded"),
        # What a cycle's limits add up to by spec is read from it alone.
        Index("ix_limits_cycle_start", "cycle_start", "barcode", "limit_packs"),
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
    """One change of limits: its author, time, reason, source and counts; `approved_by` is the second person of a change
    that was made after the lock."""

    __tablename__ = "limit_batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    approved_by: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(200))
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


LateChangeState = Literal["requested", "approved", "refused", "withdrawn"]


class LateChange(Base):
    """A change of a day's supply and limits requested after they were locked, decided by a second person, and kept.

    `supply` has one entry for each spec whose supply changes: `barcode`, `before` and `cartons` (in cartons; `before`
    is None where there was none), `basis`, `most` and `introduce` (see `SpecSupply`). The limits are
    `LateChangeLimit`s."""

    __tablename__ = "late_changes"
    __table_args__ = (Index("ix_late_changes_state", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date]
    supply: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    limit_count: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(200))
    state: Mapped[LateChangeState] = mapped_column(String(10))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[str] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decision_note: Mapped[str] = mapped_column(String(200), default="")


class LateChangeLimit(Base):
    """One limit of a late change, in packs: as it was when the change was requested (None where there was none), and as
    it is to be."""

    __tablename__ = "late_change_limits"

    change_id: Mapped[int] = mapped_column(ForeignKey("late_changes.id"), primary_key=True)
    retailer_id: Mapped[int] = mapped_column(primary_key=True)
    cycle_start: Mapped[date] = mapped_column(primary_key=True)
    barcode: Mapped[str] = mapped_column(String(13), primary_key=True)
    before_packs: Mapped[int | None]
    after_packs: Mapped[int]


class RemainderRow(Base):
    """What the retailers of one order weekday are still owed of a spec, or had too much of, after the split of a day.

    `owed` is in millionths of a carton by the retailer's id: the exact share of all splits so far less the cartons they
    gave. The next split gives its remainder first to whoever is owed most."""

    __tablename__ = "remainders"

    barcode: Mapped[str] = mapped_column(ForeignKey("brand_specs.barcode"), primary_key=True)
    order_weekday: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date] = mapped_column(primary_key=True)
    owed: Mapped[dict[str, int]] = mapped_column(JSON)


class PublishedAllocation(Base):
    """A day's allocation as it was published, for anybody to read (AY 5.2.3): `rows` are `orders.supply.shares.Share`s,
    and stay as they are until the day is published again."""

    __tablename__ = "published_allocations"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
