"""Orders are delivered and received on a day; a requested change says by which channel, in which call, from what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

COUNTED_BEFORE = "state IN ('confirmed', 'settled', 'handed_over')"
COUNTED = "state IN ('confirmed', 'settled', 'handed_over', 'delivered', 'received')"


def upgrade() -> None:
    op.add_column("orders", sa.Column("delivered_on", sa.Date(), nullable=True))
    op.add_column("orders", sa.Column("received_on", sa.Date(), nullable=True))
    op.add_column("orders", sa.Column("not_delivered_on", sa.Date(), nullable=True))
    op.add_column("orders", sa.Column("delivery_problem", sa.String(length=200), nullable=False, server_default=""))
    _count(COUNTED)
    op.add_column("order_changes", sa.Column("lines_before", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("order_changes", sa.Column("channel", sa.String(length=10), nullable=False, server_default="operator"))
    op.add_column("order_changes", sa.Column("call_key", sa.String(length=64), nullable=True))
    op.add_column("order_changes", sa.Column("decision_note", sa.String(length=200), nullable=False, server_default=""))
    op.create_index(op.f("ix_order_changes_state"), "order_changes", ["state"])


def downgrade() -> None:
    op.drop_index(op.f("ix_order_changes_state"), "order_changes")
    op.execute("UPDATE order_changes SET state = 'refused' WHERE state = 'withdrawn'")
    with op.batch_alter_table("order_changes") as changes:
        for column in ("decision_note", "call_key", "channel", "lines_before"):
            changes.drop_column(column)
    op.execute("UPDATE orders SET state = 'handed_over' WHERE state IN ('delivered', 'received')")
    _count(COUNTED_BEFORE)
    with op.batch_alter_table("orders") as orders:
        for column in ("delivery_problem", "not_delivered_on", "received_on", "delivered_on"):
            orders.drop_column(column)


def _count(states: str) -> None:
    """Count these states for the one regular order a day."""
    op.drop_index("uq_orders_counted", "orders")
    op.create_index(
        "uq_orders_counted",
        "orders",
        ["retailer_id", "business_day", "kind"],
        unique=True,
        sqlite_where=sa.text(states),
        postgresql_where=sa.text(states),
    )
