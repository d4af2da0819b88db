"""Tables of the staff's attendance, monthly assessments, morning meetings and trainings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orders.staff.models import Role, StaffRow
from storage import Base, UtcDateTime


class SeatDay(Base):
    """One person's day at a seat: the first and the last moment they were seen there, and the seconds between, without
    breaks longer than a seat is kept."""

    __tablename__ = "seat_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id, ondelete="CASCADE"), primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seconds: Mapped[int] = mapped_column(default=0)


AssessmentState = Literal["draft", "submitted", "sent_back", "approved"]
AssessmentStepKind = Literal["drafted", "submitted", "signed", "sent_back"]
REMARKS_MAX, COMMENT_MAX, SCORE_MAX = 1_000, 200, 100


class Assessment(Base):
    """One person's assessment of one month (its first day), written by `author_id`. `waits_for` is whose signature is
    next: "assessed" for the assessed person, else a role; None while it is with its author and when all have signed.
    `figures` are those it was submitted with; empty before."""

    __tablename__ = "assessments"
    __table_args__ = (UniqueConstraint("staff_id", "month"), Index("ix_assessments_month", "month"))

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))
    month: Mapped[date]
    author_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))
    score: Mapped[int | None]
    remarks: Mapped[str] = mapped_column(String(REMARKS_MAX), default="")
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[AssessmentState] = mapped_column(String(10), default="draft")
    waits_for: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AssessmentStep(Base):
    """One step taken on an assessment, appended and never changed; of one that was submitted with its score and
    remarks."""

    __tablename__ = "assessment_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessments.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))
    role: Mapped[Role] = mapped_column(String(10))
    step: Mapped[AssessmentStepKind] = mapped_column(String(10))
    comment: Mapped[str] = mapped_column(String(COMMENT_MAX), default="")
    score: Mapped[int | None]
    remarks: Mapped[str] = mapped_column(String(REMARKS_MAX), default="")


MeetingKind = Literal["morning", "training"]
TOPIC_MAX, LED_BY_MAX, TEXT_MAX, RESULT_MAX = 80, 40, 5_000, 40


class Meeting(Base):
    """The minutes of one morning meeting (AY 4.1.3), or the record of one training: who led it, and what was said."""

    __tablename__ = "meetings"
    __table_args__ = (Index("ix_meetings_day", "day", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[MeetingKind] = mapped_column(String(10))
    day: Mapped[date]
    topic: Mapped[str] = mapped_column(String(TOPIC_MAX), default="")
    led_by: Mapped[str] = mapped_column(String(LED_BY_MAX))
    text: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int] = mapped_column(ForeignKey(StaffRow.id))


class MeetingPerson(Base):
    """One person of a meeting: present, or not and then to read the minutes. `result` is that of a training."""

    __tablename__ = "meeting_people"

    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id, ondelete="CASCADE"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(StaffRow.id, ondelete="CASCADE"), primary_key=True)
    present: Mapped[bool]
    result: Mapped[str] = mapped_column(String(RESULT_MAX), default="")
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
