"""Visits to retailers that missed their call; what a line does for such a retailer when it rings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("missed_call_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=14), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["missed_call_id"], ["missed_calls.id"], name=op.f("fk_visits_missed_call_id_missed_calls"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_visits_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    with op.batch_alter_table("visits") as visits:
        visits.create_index(op.f("ix_visits_missed_call_id"), ["missed_call_id"], unique=False)
        visits.create_index(op.f("ix_visits_order_id"), ["order_id"], unique=False)
    with op.batch_alter_table("hotlines") as hotlines:
        hotlines.add_column(sa.Column("missed_callers", sa.String(length=10), nullable=False, server_default="tell"))
    with op.batch_alter_table("hotlines") as hotlines:
        hotlines.alter_column("missed_callers", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("hotlines") as hotlines:
        hotlines.drop_column("missed_callers")
    op.drop_table("visits")
