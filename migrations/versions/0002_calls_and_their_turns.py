"""The calls of the line, their turns, and what its ear heard"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calls',
    sa.Column('sid', sa.String(length=64), nullable=False),
    sa.Column('caller', sa.String(length=64), nullable=False),
    sa.Column('called', sa.String(length=64), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_status', sa.String(length=32), nullable=True),
    sa.Column('turn', sa.Integer(), nullable=False),
    sa.Column('state', sa.JSON(), nullable=False),
    sa.Column('reply', sa.JSON(), nullable=False),
    sa.Column('ear_starts', sa.Integer(), nullable=False),
    sa.Column('ear_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ear_stream', sa.String(length=64), nullable=True),
    sa.Column('ear_alive_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('sid', name=op.f('pk_calls'))
    )
    op.create_table('heard',
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('utterance', sa.JSON(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['call_sid'], ['calls.sid'], name=op.f('fk_heard_call_sid_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('call_sid', 'n', name=op.f('pk_heard'))
    )
    op.create_table('turns',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('heard', sa.JSON(), nullable=False),
    sa.Column('reply', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['call_sid'], ['calls.sid'], name=op.f('fk_turns_call_sid_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_turns')),
    sa.UniqueConstraint('call_sid', 'n', name='uq_turns_call_sid_n')
    )


def downgrade() -> None:
    op.drop_table('turns')
    op.drop_table('heard')
    op.drop_table('calls')
