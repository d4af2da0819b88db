"""The retailer and the flow of a call as columns, to look calls up by, and the scans of signed proxy lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("customer_code", sa.String(12), nullable=False, server_default=""))
        calls.add_column(sa.Column("flow", sa.String(20), nullable=False, server_default="ordering"))
    fields = {
        "sqlite": ("json_extract(state, '$.customer_code')", "json_extract(state, '$.flow')"),
        "postgresql": ("state ->> 'customer_code'", "state ->> 'flow'"),
    }
    code, flow = fields[op.get_bind().dialect.name]
    op.execute(f"UPDATE calls SET customer_code = coalesce({code}, ''), flow = coalesce({flow}, 'ordering')")
    op.create_index("ix_calls_customer_code", "calls", ["customer_code", "started_at"])
    op.create_index("ix_tickets_call_key", "tickets", ["call_key"])
    op.create_table(
        "retailer_notes",
        sa.Column("retailer_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["retailer_id"],
            ["retailers.id"],
            name=op.f("fk_retailer_notes_retailer_id_retailers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("retailer_id", name=op.f("pk_retailer_notes")),
    )
    op.create_table(
        "proxy_scans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("file_name", sa.String(120), nullable=False),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_by", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proxy_scans")),
    )
    op.create_index("ix_proxy_scans_day", "proxy_scans", ["business_day"])


def downgrade() -> None:
    op.drop_table("proxy_scans")
    op.drop_table("retailer_notes")
    op.drop_index("ix_tickets_call_key", "tickets")
    op.drop_index("ix_calls_customer_code", "calls")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("flow")
        calls.drop_column("customer_code")
