"""Each call knows if its carrier names the key that ended a caller's keys; without it a lone # is a key like any other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("names_finish_key", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("names_finish_key", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("names_finish_key")
