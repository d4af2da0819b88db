"""Supply and limits changed by two persons after the lock; remainders that go round; published allocations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("limit_batches", sa.Column("approved_by", sa.String(40)))
    op.create_table(
        "late_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("supply", sa.JSON(), nullable=False),
        sa.Column("limit_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("requested_by", sa.String(40), nullable=False),
        sa.Column("decided_at", UtcDateTime()),
        sa.Column("decided_by", sa.String(40)),
        sa.Column("decision_note", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_changes")),
    )
    op.create_index("ix_late_changes_state", "late_changes", ["state", "id"])
    op.create_table(
        "late_change_limits",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Integer(), nullable=False),
        sa.Column("cycle_start", sa.Date(), nullable=False),
        sa.Column("barcode", sa.String(13), nullable=False),
        sa.Column("before_packs", sa.Integer()),
        sa.Column("after_packs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"], ["late_changes.id"], name=op.f("fk_late_change_limits_change_id_late_changes")
        ),
        sa.PrimaryKeyConstraint(
            "change_id", "retailer_id", "cycle_start", "barcode", name=op.f("pk_late_change_limits")
        ),
    )
    op.create_table(
        "remainders",
        sa.Column("barcode", sa.String(13), nullable=False),
        sa.Column("order_weekday", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("owed", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["barcode"], ["brand_specs.barcode"], name=op.f("fk_remainders_barcode_brand_specs")
        ),
        sa.PrimaryKeyConstraint("barcode", "order_weekday", "business_day", name=op.f("pk_remainders")),
    )
    op.create_table(
        "published_allocations",
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("business_day", name=op.f("pk_published_allocations")),
    )


def downgrade() -> None:
    for table in ("published_allocations", "remainders", "late_change_limits"):
        op.drop_table(table)
    op.drop_index("ix_late_changes_state", "late_changes")
    op.drop_table("late_changes")
    op.drop_column("limit_batches", "approved_by")
