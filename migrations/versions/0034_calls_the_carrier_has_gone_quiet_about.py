"""Calls the carrier has gone quiet about: when each was last heard of, and an index of those that are open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    # Without a value the start of the call counts, so that processes of the version before may go on writing calls.
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("seen_at", UtcDateTime(), nullable=True))
    op.create_index("ix_calls_open", "calls", ["started_at"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)


def downgrade() -> None:
    op.drop_index("ix_calls_open", "calls")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("seen_at")
