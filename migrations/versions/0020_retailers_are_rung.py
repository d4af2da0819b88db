"""Retailers that are due are rung: the windows, the day's state, who dials, every attempt, and who wants to be let alone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

_UNDER_WAY = sa.text('ended_at IS NULL')


def upgrade() -> None:
    op.create_table('outbound_windows',
    sa.Column('batch', sa.String(length=40), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('closes', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('batch', name=op.f('pk_outbound_windows'))
    )
    op.create_table('outbound_days',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('running', sa.Boolean(), nullable=False),
    sa.Column('changed_by', sa.String(length=40), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('business_day', name=op.f('pk_outbound_days'))
    )
    op.create_table('outbound_lease',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('holder', sa.String(length=80), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbound_lease'))
    )
    op.create_table('outbound_attempts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=32), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('phone', sa.String(length=32), nullable=False),
    sa.Column('line', sa.String(length=32), nullable=False),
    sa.Column('rung_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=True),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(length=12), nullable=True),
    sa.Column('detail', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_outbound_attempts_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbound_attempts')),
    sa.UniqueConstraint('call_sid', name=op.f('uq_outbound_attempts_call_sid')),
    sa.UniqueConstraint('key', name=op.f('uq_outbound_attempts_key'))
    )
    op.create_index('ix_outbound_attempts_day', 'outbound_attempts', ['business_day', 'retailer_id'], unique=False)
    op.create_index('uq_outbound_attempts_under_way', 'outbound_attempts', ['retailer_id'], unique=True,
                    sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY)
    op.create_table('outbound_not_today',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_outbound_not_today_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_outbound_not_today'))
    )


def downgrade() -> None:
    for table in ('outbound_not_today', 'outbound_attempts', 'outbound_lease', 'outbound_days', 'outbound_windows'):
        op.drop_table(table)
