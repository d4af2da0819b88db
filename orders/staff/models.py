"""Tables of the staff, their seats, notices and feedback."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime

# AY 3, 4.1: 电话订货员, 电访班长, 内勤, 货源管理员, 主任; 客户经理 and 县级分公司内勤 for the retailers of their own.
Role = Literal["operator", "leader", "clerk", "manager", "director", "customer_manager", "county_clerk"]


ROLES: tuple[Role, ...] = get_args(Role)
ROLE_MAX_CHARS = 20
CITY_ROLES: frozenset[Role] = frozenset({"operator", "leader", "clerk", "manager", "director"})
"""The roles for which every retailer of the city is their business; the others see those of their own
(`orders.retailers.scope`)."""


Task = Literal[
    "take_calls",
    "see_day",
    "see_shops",
    "edit_catalog",
    "edit_supply",
    "edit_limits",
    "approve_supply",
    "hear_recordings",
    "reports",
    "area_reports",
    "edit_notices",
    "write_reports",
    "set_rules",
    "edit_retailers",
    "enter_lists",
    "audit_orders",
    "request_changes",
    "decide_changes",
    "end_day",
    "run_outbound",
    "record_visits",
    "export_retailers",
    "settle_alarms",
    "listen_in",
    "note_feedback",
    "export_orders",
    "export_shops",
    "manage_staff",
    "assess_staff",
]


PERMISSIONS: dict[Task, frozenset[Role]] = {
    "take_calls": frozenset({"operator", "leader", "clerk"}),
    "see_day": CITY_ROLES,
    # The pages of retailers and their orders, each role of its own ones.
    "see_shops": frozenset(ROLES),
    "edit_catalog": frozenset({"leader", "clerk", "manager", "director"}),
    "edit_supply": frozenset({"manager", "director"}),
    # Limits of single retailers; customer managers tune those of their own.
    "edit_limits": frozenset({"manager", "director", "customer_manager"}),
    # After 07:50 a second person approves what the supply manager changes (AY 4.1.1).
    "approve_supply": frozenset({"leader", "manager", "director"}),
    "hear_recordings": frozenset({"leader", "manager", "director"}),
    "reports": frozenset({"leader", "clerk", "manager", "director"}),
    # By county and customer manager, each role of its own retailers.
    "area_reports": frozenset(ROLES) - {"operator"},
    "edit_notices": frozenset({"leader", "manager", "director"}),
    "write_reports": frozenset({"operator", "leader", "clerk", "customer_manager", "county_clerk"}),
    "set_rules": frozenset({"leader", "manager", "director"}),
    "edit_retailers": frozenset({"clerk", "manager", "director"}),
    # AY 4.1.8: the customer manager brings the list, the county's clerk sends it in.
    "enter_lists": frozenset({"operator", "leader", "clerk", "customer_manager", "county_clerk"}),
    "audit_orders": frozenset({"leader", "clerk", "director"}),
    "request_changes": frozenset({"operator", "leader", "clerk", "director"}),
    "decide_changes": frozenset({"leader", "director"}),
    # AY 4.3: the leader settles and hands over, the clerk closes the day.
    "end_day": frozenset({"leader", "clerk", "director"}),
    "run_outbound": frozenset({"leader", "clerk", "director"}),
    # TR 3.3: the customer manager visits whoever was not reached.
    "record_visits": frozenset({"leader", "clerk", "manager", "director", "customer_manager", "county_clerk"}),
    # Every shop with its numbers and its balance: those who also import them.
    "export_retailers": frozenset({"clerk", "manager", "director"}),
    "settle_alarms": frozenset({"leader", "clerk", "manager", "director"}),
    # To calls going on, unheard by the caller, and to whisper to their operators.
    "listen_in": frozenset({"leader"}),
    "note_feedback": frozenset({"operator", "leader", "clerk", "customer_manager", "county_clerk"}),
    "export_orders": frozenset({"leader", "clerk", "manager", "director", "county_clerk"}),
    "export_shops": frozenset({"clerk", "manager", "director", "county_clerk"}),
    # Of the roles in MANAGED_ROLES.
    "manage_staff": frozenset({"leader", "director"}),
    # AY 4.6: assessments of those below, minutes of the morning meeting, records of trainings.
    "assess_staff": frozenset({"leader", "clerk", "director"}),
}
"""The roles that may do each task, at the console and by command."""

MANAGED_ROLES: dict[Role, frozenset[Role]] = {
    "leader": frozenset({"operator", "customer_manager"}),
    "director": frozenset(ROLES),
}
"""The roles whose accounts each role makes, changes, closes, reopens and gives new passwords. The leader manages none
that may do more than the leader: who resets a password could sign in with it."""


class StaffRow(Base):
    """One person who signs in at the console. `phone` is the number calls reach them at, if any; `seat` is the one
    callers hear; `closed_at` is the first run of retention that found the account closed. Sessions begun under an
    earlier `session_number` are over: signing out counts it up. With `must_change_password` the holder does nothing
    before they have chosen a password of their own. `manager` is the name the retailers of a customer manager carry,
    `county` their county; that of a customer manager may be empty, for any."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[Role] = mapped_column(String(ROLE_MAX_CHARS))
    seat: Mapped[str] = mapped_column(String(10), default="")
    phone: Mapped[str | None] = mapped_column(String(32))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_number: Mapped[int] = mapped_column(default=0)
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    county: Mapped[str] = mapped_column(String(40), default="", server_default="")
    manager: Mapped[str] = mapped_column(String(40), default="", server_default="")

    def is_allowed(self, task: Task) -> bool:
        """True if the account is active and its role allows the task."""
        return self.active and self.role in PERMISSIONS[task]


SEAT_MAX_CHARS = 10


class SeatRow(Base):
    """One seat that is taken, and when its holder was last seen there."""

    __tablename__ = "seats"

    seat: Mapped[str] = mapped_column(String(SEAT_MAX_CHARS), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id, ondelete="CASCADE"), unique=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


NoticeKind = Literal["promotion", "note", "shops"]


NOTICE_MAX_CHARS = 300


class Notice(Base):
    """One promotion, note, or message that the shops see as well, in force from `first` to `last`, both counted, until
    it is taken down."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(NOTICE_MAX_CHARS))
    first: Mapped[date]
    last: Mapped[date] = mapped_column(index=True)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    written_by: Mapped[str] = mapped_column(String(40))
    taken_down_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_down_by: Mapped[str | None] = mapped_column(String(40))


FeedbackKind = Literal["supply", "delivery", "quality", "service", "other"]


FeedbackState = Literal["met", "waiting", "answered"]


FeedbackStepKind = Literal["noted", "passed_up", "answered"]


TEXT_MAX = 500


class Feedback(Base):
    """One request of a retailer. `waits_for` is the role that has to answer; None where nothing is open."""

    __tablename__ = "feedback"
    __table_args__ = (Index("ix_feedback_state", "state", "waits_for"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"), index=True)
    kind: Mapped[FeedbackKind] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(TEXT_MAX))
    state: Mapped[FeedbackState] = mapped_column(String(10))
    waits_for: Mapped[Role | None] = mapped_column(String(ROLE_MAX_CHARS))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))


class FeedbackStep(Base):
    """One step taken on a request, appended and never changed. `to` is the role it was passed up to."""

    __tablename__ = "feedback_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))
    step: Mapped[FeedbackStepKind] = mapped_column(String(10))
    to: Mapped[Role | None] = mapped_column(String(ROLE_MAX_CHARS))
    text: Mapped[str] = mapped_column(String(TEXT_MAX), default="")
