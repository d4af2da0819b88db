"""Tables of calls handed over to operators: tickets, presence, ring attempts, callbacks."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from callflows.replies import TransferReason
from ivr.models import Call
from orders.staff.models import StaffRow
from storage import Base, UtcDateTime

TicketReason = TransferReason | Literal["failure"]
TicketState = Literal["waiting", "taken", "finished", "given_back", "abandoned", "returned", "callback"]


class Ticket(Base):
    """One call that waits for an operator, or has one. Before it was taken, the caller may have hung up ("abandoned"),
    gone back to the automatic line ("returned") or asked for a callback ("callback"). `queued_at` is the time of the
    last round in the queue, None outside of it; `held_at` is the time the operator put the caller on hold.
    `answered_at` is the time an operator first talked to the caller, also if the ticket was put back since."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index(
            "uq_tickets_open",
            "call_key",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_tickets_opened_at", "opened_at"),
        Index("ix_tickets_call_key", "call_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"))
    reason: Mapped[TicketReason] = mapped_column(String(20))
    state: Mapped[TicketState] = mapped_column(String(12), default="waiting")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_by: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


Device = Literal["", "browser", "phone"]
PauseReason = Literal["", "unanswered", "failed"]


class Presence(Base):
    """One operator's presence. `ready` is true if they may be dialled, and `device` says where, once they have chosen;
    `pause_reason` is set if the line itself paused them, because a call was not answered or failed. `idle_since` is the
    end of their last call, or the time they became ready. Until `wrap_up_until` they are in wrap-up: their caller has
    hung up, and the next one is not rung for them yet."""

    __tablename__ = "operator_presence"

    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id, ondelete="CASCADE"), primary_key=True)
    ready: Mapped[bool] = mapped_column(default=False)
    device: Mapped[Device] = mapped_column(String(8), default="")
    pause_reason: Mapped[PauseReason] = mapped_column(String(12), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    idle_since: Mapped[datetime] = mapped_column(UtcDateTime)
    wrap_up_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


RingState = Literal["ringing", "accepted", "declined", "unanswered", "failed", "cancelled", "over"]


class RingAttempt(Base):
    """One operator dialled for one caller. `operator_call_key` is the operator's own call, known once the carrier has
    placed it; the attempt is open until that call is over. `taken_at_desk` is true if the operator had taken the caller
    at the desk. `answered_at` is the time they were connected, None where they never were."""

    __tablename__ = "ring_attempts"
    __table_args__ = (
        Index(
            "uq_ring_attempts_ticket_open",
            "ticket_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_ring_attempts_address_open",
            "address",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_ring_attempts_address", "address"),
        Index("ix_ring_attempts_dialled_at", "dialled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey(Ticket.id, ondelete="CASCADE"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    address: Mapped[str] = mapped_column(String(64))
    taken_at_desk: Mapped[bool] = mapped_column(default=False)
    operator_call_key: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[RingState] = mapped_column(String(12), default="ringing")
    dialled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


CallbackState = Literal["open", "attempted", "reached"]


class Callback(Base):
    """One callback request. "attempted" means tried without success; `handled_by` is the operator who tried last."""

    __tablename__ = "callbacks"
    __table_args__ = (
        Index(
            "uq_callbacks_unreached",
            "call_key",
            unique=True,
            sqlite_where=text("state <> 'reached'"),
            postgresql_where=text("state <> 'reached'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"))
    phone: Mapped[str] = mapped_column(String(64))
    customer_code: Mapped[str] = mapped_column(String(12), default="")
    reason: Mapped[TicketReason] = mapped_column(String(20))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[CallbackState] = mapped_column(String(10), default="open")
    attempts: Mapped[int] = mapped_column(default=0)
    handled_by: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
