"""The order desk's tables: retailers, hotlines, supply, limits, orders, demand, missed calls and day-end steps."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from orders.book.models import Channel, OrderKind
from storage import Base, UtcDateTime

Admits = Literal["due", "missed", "visit"]
"""The retailers that may order: those that are due, those that missed their call and were told to ring the
supplementary hotline, or those that are visited because they missed it."""

MissedCallers = Literal["tell", "serve"]
"""The service of a line for regular orders to a retailer that missed its call: tell it the number of the supplementary
hotline, or take its supplementary order at once."""


class HotlineRow(Base):
    """One number that may be called: the regions the caller chooses between, its hours in minutes from
    midnight, and whether it admits retailers that are due or those that missed their call (TR 3.3)."""

    __tablename__ = "hotlines"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[OrderKind] = mapped_column(String(14))
    seat: Mapped[str] = mapped_column(String(10))
    regions: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    opens: Mapped[int] = mapped_column(default=0)
    closes: Mapped[int] = mapped_column(default=24 * 60)
    admits: Mapped[Admits] = mapped_column(String(10), default="due")
    missed_callers: Mapped[MissedCallers] = mapped_column(String(10), default="tell")


class ChannelWindow(Base):
    """The hours in which a channel other than the telephone takes orders for a business day, in minutes from that day's
    midnight: -300 is 19:00 the evening before."""

    __tablename__ = "channel_windows"

    channel: Mapped[Channel] = mapped_column(String(10), primary_key=True)
    opens: Mapped[int]
    closes: Mapped[int]


class CalendarDay(Base):
    """A day declared open or closed, whatever the public holidays say."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_open: Mapped[bool]
    note: Mapped[str] = mapped_column(String(80), default="")


class SignInCounter(Base):
    """Failed sign-ins counted by `key`: a retailer, a calling number, a staff login, an address, one of them at its
    usual place, or overall. `counted_from` is the time of the last one, or the start of the window of those overall."""

    __tablename__ = "sign_in_counters"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int]
    counted_from: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    waits_until: Mapped[datetime | None] = mapped_column("locked_until", UtcDateTime)


class KnownOrigin(Base):
    """A telephone number that an account was signed in from with its PIN, and when last."""

    __tablename__ = "known_origins"

    account: Mapped[str] = mapped_column(String(80), primary_key=True)
    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


AlarmKind = Literal["retailer", "caller", "overall", "staff", "address"]
"""The subjects of an alarm: a customer code, a calling number, all codes together, a login, a network address."""


class SignInAlarm(Base):
    """One alarm about guessed PINs or passwords, until a person has seen to it."""

    __tablename__ = "sign_in_alarms"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[AlarmKind] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(80))
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int]
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    settled_by: Mapped[str | None] = mapped_column(String(40))


Subject = Literal[
    "supply",
    "limits",
    "department_rule",
    "hotline",
    "channel_hours",
    "outbound_hours",
    "calendar_day",
    "retailer",
    "sender",
    "order_source",
    "substitutes",
    "allocation",
    "staff",
    "export",
    "call",
]

REASON_MAX_CHARS = 200
NOTE_MAX_CHARS = 200


class SettingChange(Base):
    """One change of a setting. `name` identifies it within its subject: a barcode, a rule, a number, a channel, a day,
    a customer code; without `before` it is new, without `after` it is gone."""

    __tablename__ = "setting_changes"
    __table_args__ = (Index("ix_setting_changes_name", "subject", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    by: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(REASON_MAX_CHARS))
    subject: Mapped[Subject] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    business_day: Mapped[date | None]
    # A missing value is the database's NULL, not the JSON word.
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class DepartmentRule(Base):
    """One number the department has set; a rule without a row has the program's default."""

    __tablename__ = "department_rules"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int]
