"""What callers said, as it sounded"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('turn_recordings',
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sound', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['call_sid'], ['calls.sid'], name=op.f('fk_turn_recordings_call_sid_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('call_sid', 'n', name=op.f('pk_turn_recordings'))
    )
    with op.batch_alter_table('turn_recordings') as batch_op:
        batch_op.create_index(op.f('ix_turn_recordings_at'), ['at'], unique=False)


def downgrade() -> None:
    op.drop_table('turn_recordings')
