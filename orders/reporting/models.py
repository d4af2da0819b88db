"""Tables of the department's reports and of who signed them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orders.staff.models import ROLE_MAX_CHARS, Role
from storage import Base, UtcDateTime

ReportKind = Literal["diary", "weekly", "monthly"]


ReportState = Literal["draft", "submitted", "sent_back", "approved"]


ReportStepKind = Literal["drafted", "submitted", "signed", "sent_back"]


COMMENT_MAX = 200


class DepartmentReport(Base):
    """One author's report of one period. `waits_for` is the role that signs next; None while the report is with its
    author, and when all have signed. All have to sign by the end of `due_on`."""

    __tablename__ = "department_reports"
    __table_args__ = (
        UniqueConstraint("kind", "first", "author_id"),
        Index("ix_department_reports_state", "state", "due_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ReportKind] = mapped_column(String(8))
    first: Mapped[date]
    last: Mapped[date]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[ReportState] = mapped_column(String(10), default="draft")
    waits_for: Mapped[Role | None] = mapped_column(String(ROLE_MAX_CHARS))
    due_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReportStep(Base):
    """One step taken on a report, appended and never changed. `text` is the report as it was submitted."""

    __tablename__ = "report_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("department_reports.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[Role] = mapped_column(String(ROLE_MAX_CHARS))
    step: Mapped[ReportStepKind] = mapped_column(String(10))
    comment: Mapped[str] = mapped_column(String(COMMENT_MAX), default="")
    text: Mapped[str | None] = mapped_column(Text)


class NeedDay(Base):
    """The need of a past day, added up once from its orders and kept for the reports (`orders.reporting.need_days`).
    `stamp` says of which orders it was made, `needs` are its specs, `retailers` the sets of retailers of one spec after
    the other, and `shops` what each retailer asked for and lacks, None where it was added up before they were kept.
    Nothing but its orders is needed to make it again."""

    __tablename__ = "need_days"

    business_day: Mapped[date] = mapped_column(primary_key=True)
    stamp: Mapped[str] = mapped_column(String(400))
    needs: Mapped[dict[str, Any]] = mapped_column(JSON)
    retailers: Mapped[bytes] = mapped_column(LargeBinary)
    shops: Mapped[bytes | None] = mapped_column(LargeBinary)
