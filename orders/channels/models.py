"""The tables of web orders: the senders of each channel, and every order they sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from orders.book.models import Channel
from orders.models import NOTE_MAX_CHARS
from orders.staff.models import StaffRow
from storage import Base, UtcDateTime

WebState = Literal["saved", "cut", "failed"]


class ChannelToken(Base):
    """One sender of orders and the channel it sends for. Only the token's hash is stored."""

    __tablename__ = "channel_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    channel: Mapped[Channel] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OrderSource(Base):
    """Another system that orders come from by file. `sender` names it: its references are its own. Files are taken from
    `folder`, below the root the administrator has given, every `every_minutes` while `is_on`; a source without one has
    its files uploaded. `holder` is the process that takes files now, until `leased_until`; `problem` is why none could
    be taken at `looked_at`. `version` counts the changes."""

    __tablename__ = "order_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(String(40), unique=True)
    channel: Mapped[Channel] = mapped_column(String(10))
    folder: Mapped[str | None] = mapped_column(String(120), unique=True)
    every_minutes: Mapped[int]
    is_on: Mapped[bool]
    version: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_look_at: Mapped[datetime] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str] = mapped_column(String(20), default="")
    holder: Mapped[str] = mapped_column(String(80), default="")
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


_TO_AUDIT = text("to_audit AND audited_at IS NULL")


class WebOrderRow(Base):
    """One order as a channel sent it, once per `key` of its sender, and the answer it got. `requested_packs` are by
    barcode. With `to_audit` the cut has to be reviewed (AY 4.2.7)."""

    __tablename__ = "web_orders"
    __table_args__ = (
        UniqueConstraint("sender", "key"),
        Index("ix_web_orders_day", "business_day", "state"),
        Index("ix_web_orders_to_audit", "business_day", sqlite_where=_TO_AUDIT, postgresql_where=_TO_AUDIT),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(String(10))
    sender: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(80))
    customer_code: Mapped[str] = mapped_column(String(12))
    requested_packs: Mapped[dict[str, int]] = mapped_column(JSON)
    business_day: Mapped[date]
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[WebState] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(20))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    to_audit: Mapped[bool] = mapped_column(default=False)
    audited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    audited_by: Mapped[str | None] = mapped_column(String(40))
    audit_note: Mapped[str | None] = mapped_column(String(NOTE_MAX_CHARS))


class ProxyEntry(Base):
    """One retailer on the signed list of a day: packs by barcode, and the three signatures."""

    __tablename__ = "proxy_entries"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), primary_key=True)
    customer_code: Mapped[str] = mapped_column(String(12))
    packs: Mapped[dict[str, int]] = mapped_column(JSON)
    retailer_signed: Mapped[str] = mapped_column(String(40))
    department_head_signed: Mapped[str] = mapped_column(String(40))
    deputy_manager_signed: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(200))
    listed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    listed_by: Mapped[str] = mapped_column(String(40))


class ProxyScan(Base):
    """A scan of the signed list of a day, or of a sheet of it, as it was uploaded."""

    __tablename__ = "proxy_scans"
    __table_args__ = (Index("ix_proxy_scans_day", "business_day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_day: Mapped[date]
    file_name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(40))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kept_by: Mapped[str] = mapped_column(String(40))


FollowUpResult = Literal["declined", "not_reached", "other"]


class WebFollowUp(Base):
    """One retailer of a day's phone list, claimed by an operator or closed; an order that was saved ends it by itself,
    so `result` is for a retailer that has none."""

    __tablename__ = "web_follow_ups"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), primary_key=True)
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey(StaffRow.id))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(40))
    result: Mapped[FollowUpResult | None] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(NOTE_MAX_CHARS), default="")
