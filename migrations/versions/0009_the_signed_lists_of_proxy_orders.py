"""The signed lists of proxy orders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('proxy_entries',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('packs', sa.JSON(), nullable=False),
    sa.Column('retailer_signed', sa.String(length=40), nullable=False),
    sa.Column('department_head_signed', sa.String(length=40), nullable=False),
    sa.Column('deputy_manager_signed', sa.String(length=40), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('listed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('listed_by', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_proxy_entries_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_proxy_entries'))
    )


def downgrade() -> None:
    op.drop_table('proxy_entries')