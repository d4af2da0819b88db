"""What the figures of calls and of counties need: the orders that another call went on with are found among those of
years, and past days are kept with the need of each retailer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

RESUMED = sa.text("event = 'resumed'")


def upgrade() -> None:
    op.create_index(
        "ix_order_history_resumed",
        "order_history",
        ["at", "order_id"],
        sqlite_where=RESUMED,
        postgresql_where=RESUMED,
    )
    # Days kept without it are added up again from their orders when a report next asks for them.
    op.add_column("need_days", sa.Column("shops", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("need_days", "shops")
    op.drop_index("ix_order_history_resumed", "order_history")
