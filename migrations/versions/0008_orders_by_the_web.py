"""Orders by the web"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('channel_tokens',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_channel_tokens')),
    sa.UniqueConstraint('name', name=op.f('uq_channel_tokens_name')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_channel_tokens_token_hash'))
    )
    op.create_table('web_orders',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('sender', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('wanted', sa.JSON(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=True),
    sa.Column('order_id', sa.Integer(), nullable=True),
    sa.Column('answer', sa.JSON(), nullable=False),
    sa.Column('to_audit', sa.Boolean(), nullable=False),
    sa.Column('audited_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('audited_by', sa.String(length=40), nullable=True),
    sa.Column('audit_note', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_web_orders_order_id_orders')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_web_orders')),
    sa.UniqueConstraint('sender', 'key', name=op.f('uq_web_orders_sender'))
    )
    with op.batch_alter_table('web_orders', schema=None) as batch_op:
        batch_op.create_index('ix_web_orders_day', ['business_day', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_web_orders_order_id'), ['order_id'], unique=False)

    # AY 4.2.4, 4.1.8: mobile orders from 19:00 the day before to 12:00; the day's signed list by 14:00.
    for channel, opens, closes in (("mobile", -5 * 60, 12 * 60), ("proxy", 0, 14 * 60)):
        op.execute(
            "INSERT INTO channel_windows (channel, opens, closes) "
            f"SELECT '{channel}', {opens}, {closes} "
            f"WHERE NOT EXISTS (SELECT 1 FROM channel_windows WHERE channel = '{channel}')"
        )


def downgrade() -> None:
    with op.batch_alter_table('web_orders', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_web_orders_order_id'))
        batch_op.drop_index('ix_web_orders_day')

    op.drop_table('web_orders')
    op.drop_table('channel_tokens')