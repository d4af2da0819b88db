"""The day end on a page: who entered the bank's answer and by which rule, requests to reopen a day, and indexes of what
is on hold or waits for its audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

COLUMNS = (("answered_at", UtcDateTime), ("answered_by", sa.String(40)), ("rule", sa.String(8)))
OPEN, ON_HOLD = sa.text("state = 'requested'"), sa.text("on_hold")
TO_AUDIT = sa.text("to_audit AND audited_at IS NULL")


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("settlement_batches", sa.Column(name, kind))
    op.create_table(
        "reopening_requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("business_day", sa.Date, nullable=False),
        sa.Column("orders", sa.JSON, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("requested_by", sa.String(40), nullable=False),
        sa.Column("decided_at", UtcDateTime),
        sa.Column("decided_by", sa.String(40)),
    )
    op.create_index(
        "uq_reopening_requests_open",
        "reopening_requests",
        ["business_day"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index("ix_orders_on_hold", "orders", ["business_day"], sqlite_where=ON_HOLD, postgresql_where=ON_HOLD)
    op.create_index(
        "ix_web_orders_to_audit", "web_orders", ["business_day"], sqlite_where=TO_AUDIT, postgresql_where=TO_AUDIT
    )


def downgrade() -> None:
    op.drop_index("ix_web_orders_to_audit", "web_orders")
    op.drop_index("ix_orders_on_hold", "orders")
    op.drop_table("reopening_requests")
    for name, _kind in COLUMNS:
        op.drop_column("settlement_batches", name)
