"""An index of the calls that are heard just now, which every line process looks through for lost streams."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

IS_HEARD = sa.text("stream_heartbeat_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_calls_stream_heartbeat_at",
        "calls",
        ["stream_heartbeat_at"],
        sqlite_where=IS_HEARD,
        postgresql_where=IS_HEARD,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_stream_heartbeat_at", "calls")
