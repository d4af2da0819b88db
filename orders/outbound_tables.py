"""Ringing the retailers that are due (TR 3.1.2), as it is kept: the day's state, who dials, and every attempt."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.models import RetailerRow
from storage import Base, UtcDateTime

AttemptOutcome = Literal[
    "ordered",
    "operator",
    "declined",
    "wrong_person",
    "answered",
    "machine",
    "no_answer",
    "busy",
    "failed",
    "canceled",
    "lost",
]
"""What came of ringing once. "answered" is a call in which nothing was ordered; "canceled" rang when the ringing was
stopped; "lost" was perhaps never placed."""

EVERYBODY = ""
"""The batch whose window holds for every batch without one of its own."""

_UNDER_WAY = text("ended_at IS NULL")


class OutboundWindow(Base):
    """When the retailers of a batch are rung, in minutes from midnight. A batch is a route (TR 3.1.1)."""

    __tablename__ = "outbound_windows"

    batch: Mapped[str] = mapped_column(String(40), primary_key=True)
    opens: Mapped[int]
    closes: Mapped[int]


class OutboundDay(Base):
    """Whether the retailers of a day are being rung, and who said so last. Without a row nobody began."""

    __tablename__ = "outbound_days"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    running: Mapped[bool]
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboundLease(Base):
    """The one dialler that may ring, until its lease runs out: one row, with `id` 1."""

    __tablename__ = "outbound_lease"

    id: Mapped[int] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboundAttempt(Base):
    """One time a retailer was rung. It is written down before the carrier is asked, under a `key` that the call itself
    carries, so that no crash in between can ring anybody twice. `looked_at` is when the carrier was last asked what has
    become of it."""

    __tablename__ = "outbound_attempts"
    __table_args__ = (
        Index(
            "uq_outbound_attempts_under_way",
            "retailer_id",
            unique=True,
            sqlite_where=_UNDER_WAY,
            postgresql_where=_UNDER_WAY,
        ),
        Index("ix_outbound_attempts_day", "business_day", "retailer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    business_day: Mapped[date]
    retailer_id: Mapped[int] = mapped_column(ForeignKey(RetailerRow.id, ondelete="CASCADE"))
    phone: Mapped[str] = mapped_column(String(32))
    line: Mapped[str] = mapped_column(String(32))
    rung_at: Mapped[datetime] = mapped_column(UtcDateTime)
    call_sid: Mapped[str | None] = mapped_column(String(64), unique=True)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[AttemptOutcome | None] = mapped_column(String(12))
    detail: Mapped[str] = mapped_column(String(200), default="")


class NotToday(Base):
    """A retailer that asked not to be rung on this day, and who noted it."""

    __tablename__ = "outbound_not_today"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey(RetailerRow.id, ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
