"""Recordings are recognised outside the carrier's request, in a queue; a call keeps its state before the last turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recorded_turns",
        sa.Column("call_key", sa.String(length=64), nullable=False),
        sa.Column("turn_number", sa.Integer(), nullable=False),
        sa.Column("recording_id", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_silent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_key"], ["calls.call_key"], name=op.f("fk_recorded_turns_call_key_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_key", "turn_number", name=op.f("pk_recorded_turns")),
    )
    op.add_column("calls", sa.Column("turn_before", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("turn_before")
    op.drop_table("recorded_turns")
