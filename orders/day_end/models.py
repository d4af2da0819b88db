"""The tables of the day end: settlement batches with the bank's answers, reopened days and requests for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime

SettlementResult = Literal["paid", "failed"]
FailureRule = Literal["hold", "cut", "cancel"]
"""The rule for an order the bank did not pay: it is put on hold, cut to what is available, or cancelled."""


class SettlementBatch(Base):
    """One file of amounts sent to the bank; `rule` is what was done with what the bank's answer says is not paid."""

    __tablename__ = "settlement_batches"
    __table_args__ = (UniqueConstraint("business_day", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date]
    number: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(40))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[str | None] = mapped_column(String(40))
    rule: Mapped[FailureRule | None] = mapped_column(String(8))


class SettlementLine(Base):
    """One order's amount in a batch, and the bank's answer to it."""

    __tablename__ = "settlement_lines"

    batch_id: Mapped[int] = mapped_column(ForeignKey("settlement_batches.id"), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, index=True)
    amount_fen: Mapped[int]
    result: Mapped[SettlementResult | None] = mapped_column(String(8))
    available_fen: Mapped[int | None]
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DayReopening(Base):
    """The reopening of a closed day, by two people, for a reason."""

    __tablename__ = "day_reopenings"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    second_person: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(200))


RequestState = Literal["requested", "agreed", "refused", "withdrawn"]

_OPEN = text("state = 'requested'")


class ReopeningRequest(Base):
    """A request of one person to reopen a closed day, which another agrees to or refuses. `orders` are the numbers of
    the orders on hold that are to be settled then. A day has one open request at most."""

    __tablename__ = "reopening_requests"
    __table_args__ = (
        Index("uq_reopening_requests_open", "business_day", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date]
    orders: Mapped[list[str]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[RequestState] = mapped_column(String(10), default="requested")
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requested_by: Mapped[str] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(40))


DayStep = Literal["balances", "audit", "settlement", "hand_over", "notice", "close"]


class DayStepDone(Base):
    """One day-end step that was done: when, by whom and with what result."""

    __tablename__ = "day_steps"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[DayStep] = mapped_column(String(12), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
