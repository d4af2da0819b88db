"""The table of supervision: who took which call over, listened to it, or whispered to its operator."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ivr.models import Call
from ivr.operators.models import RingAttempt
from orders.staff.models import StaffRow
from storage import Base, UtcDateTime

SupervisionKind = Literal["take_over", "listen", "whisper"]


class Supervision(Base):
    """One member of staff who supervises a call. A takeover is over at once; `taken_from` is the operator who had the
    call, None for the automatic line. Listening goes on until `listens_until`, which the open page puts off. Whispering
    is a call of its own to `address`: `own_call_key` is known once the carrier has placed it, `attempt_id` is the call
    of the operator who hears it, `joined_at` is the time the caller was sent to a talk that can be joined, and
    `operator_in_at` the time the operator followed."""

    __tablename__ = "supervisions"
    __table_args__ = (
        Index("ix_supervisions_call_key", "call_key"),
        Index("ix_supervisions_begun_at", "begun_at"),
        Index(
            "ix_supervisions_open",
            "kind",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))
    kind: Mapped[SupervisionKind] = mapped_column(String(10))
    taken_from: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    listens_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(64), default="")
    own_call_key: Mapped[str | None] = mapped_column(String(64))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey(RingAttempt.id, ondelete="CASCADE"))
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    operator_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
