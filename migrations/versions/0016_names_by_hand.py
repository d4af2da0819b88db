"""Spoken names given and taken by hand, and what each change of the catalogue changed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('hand_names',
    sa.Column('text', sa.String(length=80), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('added', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('text', 'barcode', name=op.f('pk_hand_names'))
    )
    with op.batch_alter_table('catalog_versions') as batch_op:
        batch_op.add_column(sa.Column('by', sa.String(length=40), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('changes', sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('catalog_versions') as batch_op:
        batch_op.drop_column('changes')
        batch_op.drop_column('by')
    op.drop_table('hand_names')
