"""Failed web orders worked off by telephone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('web_follow_ups',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('taken_by', sa.Integer(), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=40), nullable=True),
    sa.Column('result', sa.String(length=12), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_web_follow_ups_retailer_id_retailers'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['taken_by'], ['staff.id'], name=op.f('fk_web_follow_ups_taken_by_staff')),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_web_follow_ups'))
    )


def downgrade() -> None:
    op.drop_table('web_follow_ups')
