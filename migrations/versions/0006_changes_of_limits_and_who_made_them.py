"""Changes of limits and who made them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('limit_batches',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('why', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_limit_batches'))
    )
    with op.batch_alter_table('limit_batches', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_limit_batches_business_day'), ['business_day'], unique=False)

    op.create_table('limit_changes',
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('before_packs', sa.Integer(), nullable=True),
    sa.Column('after_packs', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['limit_batches.id'], name=op.f('fk_limit_changes_batch_id_limit_batches')),
    sa.PrimaryKeyConstraint('batch_id', 'retailer_id', 'cycle_start', 'barcode', name=op.f('pk_limit_changes'))
    )


def downgrade() -> None:
    op.drop_table('limit_changes')
    with op.batch_alter_table('limit_batches', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_limit_batches_business_day'))

    op.drop_table('limit_batches')
