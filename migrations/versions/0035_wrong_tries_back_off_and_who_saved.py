"""Wrong tries back off and raise alarms; an order keeps who saved it; signing out ends all sessions of a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage

revision = "0035"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_counters") as counters:
        counters.create_index(op.f("ix_sign_in_counters_counted_from"), ["counted_from"])
    op.create_table(
        "known_origins",
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("seen_at", storage.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "origin", name=op.f("pk_known_origins")),
    )
    op.create_index(op.f("ix_known_origins_seen_at"), "known_origins", ["seen_at"])
    op.create_table(
        "sign_in_alarms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("raised_at", storage.UtcDateTime(), nullable=False),
        sa.Column("last_at", storage.UtcDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("settled_at", storage.UtcDateTime(), nullable=True),
        sa.Column("settled_by", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_alarms")),
    )
    op.create_index(op.f("ix_sign_in_alarms_settled_at"), "sign_in_alarms", ["settled_at"])
    # With a default of the database's, so that the version before this one can still make accounts.
    with op.batch_alter_table("staff") as staff:
        staff.add_column(sa.Column("session_number", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("saved_by", sa.String(40), nullable=True))
    # An installation that has retailers goes on as it was; a new one asks for the PIN before it saves.
    op.execute(
        "INSERT INTO department_rules (name, value)"
        " SELECT 'registered_number_pin', 2 WHERE EXISTS (SELECT 1 FROM retailers)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM department_rules WHERE name = 'registered_number_pin'")
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("saved_by")
    with op.batch_alter_table("staff") as staff:
        staff.drop_column("session_number")
    op.drop_table("sign_in_alarms")
    op.drop_table("known_origins")
    with op.batch_alter_table("sign_in_counters") as counters:
        counters.drop_index(op.f("ix_sign_in_counters_counted_from"))
