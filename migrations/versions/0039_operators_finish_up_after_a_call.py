"""The time until which an operator finishes up the call whose caller has hung up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("operator_presence") as presence:
        presence.add_column(sa.Column("wrap_up_until", storage.UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("operator_presence") as presence:
        presence.drop_column("wrap_up_until")
