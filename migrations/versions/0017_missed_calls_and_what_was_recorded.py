"""What was recorded of missed calls"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('missed_call_notes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('missed_call_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('remedy', sa.String(length=20), nullable=False),
    sa.Column('remedy_day', sa.Date(), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['missed_call_id'], ['missed_calls.id'], name=op.f('fk_missed_call_notes_missed_call_id_missed_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_missed_call_notes'))
    )
    op.create_index(op.f('ix_missed_call_notes_missed_call_id'), 'missed_call_notes', ['missed_call_id'], unique=False)


def downgrade() -> None:
    op.drop_table('missed_call_notes')
