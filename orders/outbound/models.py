"""Outbound calls to the retailers that are due (TR 3.1.2), as stored: the day's state, the lease, every attempt."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.models import NOTE_MAX_CHARS
from orders.retailers.models import RetailerRow
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
    "cancelled",
    "lost",
]
"""The outcome of one attempt. "answered" is a call in which nothing was ordered; "cancelled" was ringing when outbound
calling was stopped; "lost" may never have been placed."""

ALL_BATCHES = ""
"""The batch whose window applies to every batch without one of its own."""

_UNDER_WAY = text("ended_at IS NULL")


class OutboundWindow(Base):
    """The hours in which a batch's retailers are called, in minutes from midnight. A batch is a route (TR 3.1.1)."""

    __tablename__ = "outbound_windows"

    batch: Mapped[str] = mapped_column(String(40), primary_key=True)
    opens: Mapped[int]
    closes: Mapped[int]


class OutboundDay(Base):
    """The state of a day's outbound calling: running or not, and who changed it last. No row: never started."""

    __tablename__ = "outbound_days"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    running: Mapped[bool]
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboundLease(Base):
    """The lease of the one dialler that may place calls, until it expires: one row, with `id` 1."""

    __tablename__ = "outbound_lease"

    id: Mapped[int] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboundAttempt(Base):
    """One call to a retailer. It is stored before the carrier is asked, under a `key` that the call itself carries, so
    that no crash in between can cause a second call. `polled_at` is when the carrier was last asked for the call's
    status."""

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
    from_number: Mapped[str] = mapped_column(String(32))
    dialled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    call_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    polled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[AttemptOutcome | None] = mapped_column(String(12))
    detail: Mapped[str] = mapped_column(String(200), default="")


class OutboundOptOut(Base):
    """A retailer that asked not to be called on this day, and who recorded it."""

    __tablename__ = "outbound_opt_outs"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey(RetailerRow.id, ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))


class MissedCall(Base):
    """A retailer that was not reached on its order day. With the remedy "supplementary" it may order by the
    supplementary hotline on `remedy_day` (TR 3.3)."""

    __tablename__ = "missed_calls"
    __table_args__ = (
        UniqueConstraint("retailer_id", "missed_on"),
        Index("ix_missed_calls_missed_on", "missed_on"),
        Index("ix_missed_calls_remedy_day", "remedy_day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"))
    missed_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(40))
    remedy: Mapped[str] = mapped_column(String(20))
    remedy_day: Mapped[date]


Remedy = Literal["supplementary", "visit", "next_cycle"]


class MissedCallNote(Base):
    """One record made of a missed call, appended and never changed."""

    __tablename__ = "missed_call_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    missed_call_id: Mapped[int] = mapped_column(ForeignKey("missed_calls.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(40))
    remedy: Mapped[Remedy] = mapped_column(String(20))
    remedy_day: Mapped[date]
    note: Mapped[str] = mapped_column(String(NOTE_MAX_CHARS), default="")


VisitOutcome = Literal["ordered", "nothing_wanted", "not_met"]


class VisitRow(Base):
    """One visit to a retailer that missed its call, recorded by the customer manager: its outcome, and the order that
    was placed, if any; appended and never changed."""

    __tablename__ = "visits"

    id: Mapped[int] = mapped_column(primary_key=True)
    missed_call_id: Mapped[int] = mapped_column(ForeignKey("missed_calls.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[VisitOutcome] = mapped_column(String(14))
    note: Mapped[str] = mapped_column(String(NOTE_MAX_CHARS), default="")
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
