"""Sessions of retailers at their own page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column(
            "retailer_id", sa.Integer, sa.ForeignKey("retailers.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("pin_mark", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("draft_key", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("shop_sessions")
