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

Reason = TransferReason | Literal["trouble"]


TicketState = Literal["waiting", "taken", "finished", "given_back", "left", "returned", "call_back"]


class Ticket(Base):
    """One call that waits for an operator, or has one. Before it was taken, the caller may have hung up ("left"), gone
    back to the automatic line ("returned") or asked for a callback ("call_back"). `queued_at` is the time of the last
    request from the queue, None outside of it; `held_at` is the time the operator put the caller on hold."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index(
            "uq_tickets_open",
            "call_sid",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_tickets_opened_at", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(ForeignKey(Call.sid, ondelete="CASCADE"))
    reason: Mapped[Reason] = mapped_column(String(20))
    state: Mapped[TicketState] = mapped_column(String(12), default="waiting")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_by: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


Reach = Literal["", "browser", "phone"]


Why = Literal["", "unanswered", "failed"]


class Duty(Base):
    """One operator's presence. `ready` is true if they may be dialled, and `reach` says where, once they have chosen;
    `why` is set if the line itself paused them, because a call was not answered or failed. `idle_since` is the end of
    their last call, or the time they became ready."""

    __tablename__ = "duties"

    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id, ondelete="CASCADE"), primary_key=True)
    ready: Mapped[bool] = mapped_column(default=False)
    reach: Mapped[Reach] = mapped_column(String(8), default="")
    why: Mapped[Why] = mapped_column(String(12), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    idle_since: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


OfferState = Literal["ringing", "accepted", "declined", "unanswered", "failed", "called_off", "over"]


class Offer(Base):
    """One operator dialled for one caller. `call_sid` is the operator's own call, known once the carrier has placed it;
    `by_hand` is true if the operator had taken the caller at the desk. The attempt is open until that call is over."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "uq_offers_ticket_open",
            "ticket_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "uq_offers_address_open",
            "address",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_offers_address", "address"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey(Ticket.id, ondelete="CASCADE"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    address: Mapped[str] = mapped_column(String(64))
    by_hand: Mapped[bool] = mapped_column(default=False)
    call_sid: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[OfferState] = mapped_column(String(12), default="ringing")
    rung_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


CallBackState = Literal["open", "rung", "reached"]


class CallBack(Base):
    """One callback request. "rung" means tried without success; `handled_by` is the operator who tried last."""

    __tablename__ = "call_backs"
    __table_args__ = (
        Index(
            "uq_call_backs_unreached",
            "call_sid",
            unique=True,
            sqlite_where=text("state <> 'reached'"),
            postgresql_where=text("state <> 'reached'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(ForeignKey(Call.sid, ondelete="CASCADE"))
    phone: Mapped[str] = mapped_column(String(64))
    customer_code: Mapped[str] = mapped_column(String(12), default="")
    reason: Mapped[Reason] = mapped_column(String(20))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[CallBackState] = mapped_column(String(8), default="open")
    tries: Mapped[int] = mapped_column(default=0)
    handled_by: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
