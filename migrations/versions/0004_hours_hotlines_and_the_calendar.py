"""Hours, hotlines and the calendar"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calendar_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('is_open', sa.Boolean(), nullable=False),
    sa.Column('note', sa.String(length=80), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_calendar_days'))
    )
    op.create_table('channel_windows',
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('closes', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('channel', name=op.f('pk_channel_windows'))
    )
    op.create_table('day_steps',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('step', sa.String(length=12), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('business_day', 'step', name=op.f('pk_day_steps'))
    )
    with op.batch_alter_table('hotlines', schema=None) as batch_op:
        batch_op.add_column(sa.Column('flow', sa.String(length=20), nullable=False, server_default='ordering'))
        batch_op.add_column(sa.Column('regions', sa.JSON(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('opens', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('closes', sa.Integer(), nullable=False, server_default='1440'))
        batch_op.add_column(sa.Column('admits', sa.String(length=10), nullable=False, server_default='due'))

    op.execute("UPDATE hotlines SET admits = 'missed' WHERE kind = 'supplementary'")
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('hotline_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_orders_hotline_id_hotlines'), 'hotlines', ['hotline_id'], ['id'])



def downgrade() -> None:
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_orders_hotline_id_hotlines'), type_='foreignkey')
        batch_op.drop_column('hotline_id')

    with op.batch_alter_table('hotlines', schema=None) as batch_op:
        batch_op.drop_column('admits')
        batch_op.drop_column('closes')
        batch_op.drop_column('opens')
        batch_op.drop_column('regions')
        batch_op.drop_column('flow')

    op.drop_table('day_steps')
    op.drop_table('channel_windows')
    op.drop_table('calendar_days')
