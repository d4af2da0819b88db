"""Callers are told that they are recorded: on in a new installation, off where there was one, which decides for itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("recording_told_in", sa.Integer(), nullable=True))
    # An installation that has been set up has hotlines.
    op.execute(
        "INSERT INTO department_rules (name, value) SELECT 'recording_notice', 0 WHERE EXISTS (SELECT 1 FROM hotlines)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM department_rules WHERE name = 'recording_notice'")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("recording_told_in")
