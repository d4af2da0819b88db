"""Tables of supply and limits."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
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
    """One change of limits: its author, time, reason, source and counts."""

    __tablename__ = "limit_batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
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
