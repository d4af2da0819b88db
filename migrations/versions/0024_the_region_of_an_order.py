"""The region that was chosen for a supplementary order"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("region", sa.String(length=20), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("orders", "region")
