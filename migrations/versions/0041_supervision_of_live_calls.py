"""Supervision of live calls: who took which call over, listened to it, or whispered to its operator; and the sound of
live calls, as it is listened to or kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_calls_caller", "calls", ["caller", "started_at"])
    op.create_table(
        "supervisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_key", sa.String(64), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("taken_from", sa.Integer(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listens_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("own_call_key", sa.String(64), nullable=True),
        sa.Column("attempt_id", sa.Integer(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operator_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_key"], ["calls.call_key"], name=op.f("fk_supervisions_call_key_calls"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_supervisions_staff_id_staff")),
        sa.ForeignKeyConstraint(["taken_from"], ["staff.id"], name=op.f("fk_supervisions_taken_from_staff")),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["ring_attempts.id"],
            name=op.f("fk_supervisions_attempt_id_ring_attempts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisions")),
    )
    op.create_index("ix_supervisions_call_key", "supervisions", ["call_key"])
    op.create_index("ix_supervisions_begun_at", "supervisions", ["begun_at"])
    op.create_index("ix_supervisions_open", "supervisions", ["kind"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
    op.create_table(
        "sound_forks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_key", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_key"], ["calls.call_key"], name=op.f("fk_sound_forks_call_key_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sound_forks")),
    )
    op.create_index(
        "uq_sound_forks_open", "sound_forks", ["call_key"], unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
    )
    op.create_table(
        "sound_parts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_key", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_key"], ["calls.call_key"], name=op.f("fk_sound_parts_call_key_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sound_parts")),
    )
    op.create_index("ix_sound_parts_call_key", "sound_parts", ["call_key", "id"])
    op.create_index("ix_sound_parts_began_at", "sound_parts", ["began_at"])


def downgrade() -> None:
    op.drop_table("sound_parts")
    op.drop_table("sound_forks")
    op.drop_table("supervisions")
    op.drop_index("ix_calls_caller", "calls")
