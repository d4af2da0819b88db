"""Who sits where"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('seats',
    sa.Column('seat', sa.String(length=10), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_seats_staff_id_staff'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('seat', name=op.f('pk_seats')),
    sa.UniqueConstraint('staff_id', name=op.f('uq_seats_staff_id'))
    )


def downgrade() -> None:
    op.drop_table('seats')
