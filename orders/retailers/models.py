"""Tables of the retailers and their registered telephone numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, validates

from orders.retailers.initials import first_letters
from storage import Base, UtcDateTime

RetailerStatus = Literal["active", "suspended"]
NAME_MAX_CHARS = 80


Cycle = Literal["weekly", "fortnightly", "monthly"]


class RetailerRow(Base):
    """One retailer. `order_weekday` counts from Monday = 0; `cycle_week` is its week of a fortnightly (0 or 1) or
    monthly (1 to 4) cycle. `initials` are the first letters of its name, and follow it."""

    __tablename__ = "retailers"
    # Those due on a day are found by the few plans whose day it is.
    __table_args__ = (Index("ix_retailers_plan", "cycle", "order_weekday", "cycle_week", "status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_code: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARS))
    initials: Mapped[str] = mapped_column(String(NAME_MAX_CHARS), default="", server_default="")
    status: Mapped[RetailerStatus] = mapped_column(String(10), default="active")
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    cycle: Mapped[Cycle] = mapped_column(String(12), default="weekly")
    order_weekday: Mapped[int]
    cycle_week: Mapped[int] = mapped_column(default=0)
    county: Mapped[str] = mapped_column(String(40), default="")
    region: Mapped[str] = mapped_column(String(20), default="")
    manager: Mapped[str] = mapped_column(String(40), default="")
    route: Mapped[str] = mapped_column(String(40), default="")
    grade: Mapped[int] = mapped_column(default=1)
    balance_fen: Mapped[int] = mapped_column(default=0)

    @validates("name")
    def _keep_initials(self, _key: str, name: str) -> str:
        self.initials = first_letters(name)[:NAME_MAX_CHARS]
        return name


class RetailerNote(Base):
    """The note about a retailer for whoever talks to it next, and who wrote it; an empty text is no note."""

    __tablename__ = "retailer_notes"

    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(String(200))
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    written_by: Mapped[str] = mapped_column(String(40))


class RetailerPhone(Base):
    """A number a retailer registered, as the carrier writes it; when a caller from it keys the PIN is the department's
    rule."""

    __tablename__ = "retailer_phones"

    phone: Mapped[str] = mapped_column(String(32), primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), index=True)


class ShopSession(Base):
    """One browser in which a retailer is signed in at its own page. Only the token's hash is stored; `pin_mark` is made
    of the PIN it signed in with, so that a new PIN ends it. `draft_key` is the key of the order being made there."""

    __tablename__ = "shop_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id", ondelete="CASCADE"), index=True)
    pin_mark: Mapped[str] = mapped_column(String(64))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    draft_key: Mapped[str] = mapped_column(String(64), default="")
