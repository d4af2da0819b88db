"""Operators on duty, whom they are rung for, and callers to be called back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('duties',
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('ready', sa.Boolean(), nullable=False),
    sa.Column('reach', sa.String(length=8), nullable=False),
    sa.Column('why', sa.String(length=12), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('idle_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_duties_staff_id_staff'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_duties'))
    )
    op.create_table('offers',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('by_hand', sa.Boolean(), nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('rung_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_offers_staff_id_staff')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_offers_ticket_id_tickets'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offers'))
    )
    with op.batch_alter_table('offers') as batch_op:
        batch_op.create_index('ix_offers_address', ['address'], unique=False)
        for column in ('ticket_id', 'address'):
            batch_op.create_index(f"uq_offers_{column.removesuffix('_id')}_open", [column], unique=True,
                sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('call_backs',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_sid', sa.String(length=64), nullable=False),
    sa.Column('phone', sa.String(length=64), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('handled_by', sa.Integer(), nullable=True),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['call_sid'], ['calls.sid'], name=op.f('fk_call_backs_call_sid_calls'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['handled_by'], ['staff.id'], name=op.f('fk_call_backs_handled_by_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_call_backs'))
    )
    with op.batch_alter_table('call_backs') as batch_op:
        batch_op.create_index('uq_call_backs_unreached', ['call_sid'], unique=True,
            sqlite_where=sa.text("state <> 'reached'"), postgresql_where=sa.text("state <> 'reached'"))
    with op.batch_alter_table('tickets') as batch_op:
        batch_op.add_column(sa.Column('queued_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('held_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('tickets') as batch_op:
        batch_op.drop_column('held_at')
        batch_op.drop_column('queued_at')
    op.drop_table('call_backs')
    op.drop_table('offers')
    op.drop_table('duties')
