"""The tables of the day end: settlement batches with the bank's answers, changes of saved orders, reopened days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime

SettlementResult = Literal["paid", "failed"]


class SettlementBatch(Base):
    """One file of amounts sent to the bank."""

    __tablename__ = "settlement_batches"
    __table_args__ = (UniqueConstraint("business_day", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date]
    number: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(40))


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


DayStep = Literal["balances", "audit", "settlement", "hand_over", "notice", "close"]


class DayStepDone(Base):
    """One day-end step that was done: when, by whom and with what result."""

    __tablename__ = "day_steps"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    step: Mapped[DayStep] = mapped_column(String(12), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
