"""Sessions of retailers at their own page; attendance, assessments, morning meetings and trainings of the staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TABLES = ("meeting_people", "meetings", "assessment_steps", "assessments", "seat_days", "shop_sessions")


def staff(name: str, **options: str) -> sa.Column:
    return sa.Column(name, sa.Integer, sa.ForeignKey("staff.id", **options), nullable=False)


def upgrade() -> None:
    op.create_table(
        "shop_sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column(
            "retailer_id", sa.Integer, sa.ForeignKey("retailers.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("pin_mark", sa.String(64), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False, index=True),
        sa.Column("draft_key", sa.String(64), nullable=False),
    )
    op.create_table(
        "seat_days",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("staff_id", sa.Integer, sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
    )
    op.create_table(
        "assessments",
        sa.Column("id", sa.Integer, primary_key=True),
        staff("staff_id"),
        sa.Column("month", sa.Date, nullable=False),
        staff("author_id"),
        sa.Column("score", sa.Integer),
        sa.Column("remarks", sa.String(1000), nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("waits_for", sa.String(10)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("staff_id", "month"),
    )
    op.create_index("ix_assessments_month", "assessments", ["month"])
    op.create_table(
        "assessment_steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assessment_id", sa.Integer, sa.ForeignKey("assessments.id"), nullable=False, index=True),
        sa.Column("at", MOMENT, nullable=False),
        staff("by_id"),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("step", sa.String(10), nullable=False),
        sa.Column("comment", sa.String(200), nullable=False),
        sa.Column("score", sa.Integer),
        sa.Column("remarks", sa.String(1000), nullable=False),
    )
    op.create_table(
        "meetings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("topic", sa.String(80), nullable=False),
        sa.Column("led_by", sa.String(40), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        staff("recorded_by"),
    )
    op.create_index("ix_meetings_day", "meetings", ["day", "kind"])
    op.create_table(
        "meeting_people",
        sa.Column("meeting_id", sa.Integer, sa.ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("staff_id", sa.Integer, sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("present", sa.Boolean, nullable=False),
        sa.Column("result", sa.String(40), nullable=False),
        sa.Column("read_at", MOMENT),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
