"""What retailers ask for beyond an order"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('feedback',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.String(length=500), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('waits_for', sa.String(length=10), nullable=True),
    sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('noted_by', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['noted_by'], ['staff.id'], name=op.f('fk_feedback_noted_by_staff')),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_feedback_retailer_id_retailers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feedback'))
    )
    op.create_index(op.f('ix_feedback_retailer_id'), 'feedback', ['retailer_id'], unique=False)
    op.create_index('ix_feedback_state', 'feedback', ['state', 'waits_for'], unique=False)
    op.create_table('feedback_steps',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('feedback_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('to', sa.String(length=10), nullable=True),
    sa.Column('text', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['staff.id'], name=op.f('fk_feedback_steps_by_id_staff')),
    sa.ForeignKeyConstraint(['feedback_id'], ['feedback.id'], name=op.f('fk_feedback_steps_feedback_id_feedback')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feedback_steps'))
    )
    op.create_index(op.f('ix_feedback_steps_feedback_id'), 'feedback_steps', ['feedback_id'], unique=False)


def downgrade() -> None:
    op.drop_table('feedback_steps')
    op.drop_table('feedback')
