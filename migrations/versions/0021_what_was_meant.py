"""What was really meant in a turn: names learned, and test cases"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('turn_meanings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.String(length=200), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=True),
    sa.Column('expect', sa.JSON(), nullable=True),
    sa.Column('sound', sa.LargeBinary(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('taken_back_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_back_by', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['call_sid'], ['calls.sid'], name=op.f('fk_turn_meanings_call_sid_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_turn_meanings'))
    )
    with op.batch_alter_table('turn_meanings') as batch_op:
        batch_op.create_index(op.f('ix_turn_meanings_call_sid'), ['call_sid'], unique=False)


def downgrade() -> None:
    op.drop_table('turn_meanings')
