"""What the figures need: when a caller was answered, how often an order was changed, and the need of past days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

SAVED_BY_STAFF = sa.text("saved_by IS NOT NULL")
BEGUN = sa.text("event IN ('opened', 'resumed')")
LINES = "FROM order_lines WHERE order_lines.order_id = orders.id"
# Parts of a fen round half up, as `orders.money.amount_fen` does.
AMOUNT = "(CAST(2 AS BIGINT) * price_fen * granted_packs + packs_per_carton) / (2 * packs_per_carton)"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("answered_at", UtcDateTime()))
    op.add_column("ring_attempts", sa.Column("answered_at", UtcDateTime()))
    op.add_column("orders", sa.Column("events", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "need_days",
        sa.Column("business_day", sa.Date(), primary_key=True),
        sa.Column("stamp", sa.String(400), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("retailers", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "ix_orders_sums",
        "orders",
        ["business_day", "state", "channel", "total_packs", "amount_fen", "events", "retailer_id"],
    )
    op.create_index(
        "ix_orders_saved_by",
        "orders",
        ["business_day", "saved_by", "state", "total_packs"],
        sqlite_where=SAVED_BY_STAFF,
        postgresql_where=SAVED_BY_STAFF,
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at", "ended_at", "call_key"])
    op.create_index("ix_ring_attempts_dialled_at", "ring_attempts", ["dialled_at"])
    op.create_index("ix_order_history_begun", "order_history", ["at"], sqlite_where=BEGUN, postgresql_where=BEGUN)
    op.execute("UPDATE tickets SET answered_at = taken_at WHERE taken_at IS NOT NULL")
    # Drafts have the sums of their lines from here on, and those that were never saved too.
    op.execute(
        f"UPDATE orders SET total_packs = (SELECT COALESCE(SUM(granted_packs), 0) {LINES}),"
        f" amount_fen = (SELECT COALESCE(SUM({AMOUNT}), 0) {LINES}) WHERE state IN ('draft', 'lapsed')"
    )


def downgrade() -> None:
    op.drop_index("ix_order_history_begun", "order_history")
    op.drop_index("ix_ring_attempts_dialled_at", "ring_attempts")
    op.drop_index("ix_calls_started_at", "calls")
    op.drop_index("ix_orders_saved_by", "orders")
    op.drop_index("ix_orders_sums", "orders")
    op.drop_table("need_days")
    op.drop_column("orders", "events")
    op.drop_column("ring_attempts", "answered_at")
    op.drop_column("tickets", "answered_at")
