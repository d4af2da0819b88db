"""The dialler and the ringing of operators share the calls the carrier places in a second."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "next_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_next_call")),
    )


def downgrade() -> None:
    op.drop_table("next_call")
