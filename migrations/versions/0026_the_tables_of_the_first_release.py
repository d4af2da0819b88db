"""The tables of the first release: all of them, what may only be appended to, and the hours of the other channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = None
branch_labels = None
depends_on = None

# The history of orders, limits, settings, reports and requests: the database itself refuses to rewrite it (AY 5.2.3).
APPEND_ONLY = (
    "order_history",
    "limit_changes",
    "limit_batches",
    "setting_changes",
    "day_reopenings",
    "report_steps",
    "missed_call_notes",
    "feedback_steps",
)

# AY 4.2.4, 4.1.8: mobile orders from 19:00 the day before to 12:00; the day's signed list by 14:00.
CHANNEL_WINDOWS = (("mobile", -5 * 60, 12 * 60), ("proxy", 0, 14 * 60))


def upgrade() -> None:
    op.create_table('brand_specs',
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('brand', sa.String(length=40), nullable=False),
    sa.Column('maker', sa.String(length=40), nullable=False),
    sa.Column('price_class', sa.String(length=20), nullable=False),
    sa.Column('pack_barcode', sa.String(length=13), nullable=False),
    sa.Column('packs_per_carton', sa.Integer(), nullable=False),
    sa.Column('cartons_per_case', sa.Integer(), nullable=False),
    sa.Column('wholesale_fen', sa.Integer(), nullable=False),
    sa.Column('wholesale_estimated', sa.Boolean(), nullable=False),
    sa.Column('retail_fen', sa.Integer(), nullable=False),
    sa.Column('price_band', sa.Integer(), nullable=False),
    sa.Column('short_code', sa.String(length=4), nullable=False),
    sa.Column('pinyin', sa.String(length=120), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('listed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('barcode', name=op.f('pk_brand_specs')),
    sa.UniqueConstraint('name', name=op.f('uq_brand_specs_name')),
    sa.UniqueConstraint('short_code', name=op.f('uq_brand_specs_short_code'))
    )
    with op.batch_alter_table('brand_specs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_brand_specs_brand'), ['brand'], unique=False)

    op.create_table('calendar_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('is_open', sa.Boolean(), nullable=False),
    sa.Column('note', sa.String(length=80), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_calendar_days'))
    )
    op.create_table('calls',
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('caller', sa.String(length=64), nullable=False),
    sa.Column('called', sa.String(length=64), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('turn_number', sa.Integer(), nullable=False),
    sa.Column('state', sa.JSON(), nullable=False),
    sa.Column('reply', sa.JSON(), nullable=False),
    sa.Column('stream_starts', sa.Integer(), nullable=False),
    sa.Column('stream_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stream_id', sa.String(length=64), nullable=True),
    sa.Column('stream_heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('call_key', name=op.f('pk_calls'))
    )
    op.create_table('catalog_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=False),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(length=400), nullable=False),
    sa.Column('specs', sa.Integer(), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('changes', sa.JSON(none_as_null=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalog_versions'))
    )
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
    op.create_table('channel_windows',
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('closes', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('channel', name=op.f('pk_channel_windows'))
    )
    op.create_table('day_reopenings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('second_person', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_day_reopenings'))
    )
    with op.batch_alter_table('day_reopenings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_day_reopenings_business_day'), ['business_day'], unique=False)

    op.create_table('day_steps',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('step', sa.String(length=12), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('business_day', 'step', name=op.f('pk_day_steps'))
    )
    op.create_table('department_rules',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('value', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_department_rules'))
    )
    op.create_table('hotlines',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=14), nullable=False),
    sa.Column('seat', sa.String(length=10), nullable=False),
    sa.Column('regions', sa.JSON(), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('closes', sa.Integer(), nullable=False),
    sa.Column('admits', sa.String(length=10), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hotlines')),
    sa.UniqueConstraint('number', name=op.f('uq_hotlines_number'))
    )
    op.create_table('limit_batches',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('added', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_limit_batches'))
    )
    with op.batch_alter_table('limit_batches', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_limit_batches_business_day'), ['business_day'], unique=False)

    op.create_table('limits',
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('limit_packs', sa.Integer(), nullable=False),
    sa.Column('held_packs', sa.Integer(), nullable=False),
    sa.Column('used_packs', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('held_packs + used_packs <= limit_packs', name=op.f('ck_limits_not_exceeded')),
    sa.CheckConstraint('held_packs >= 0 AND used_packs >= 0', name=op.f('ck_limits_not_negative')),
    sa.PrimaryKeyConstraint('retailer_id', 'cycle_start', 'barcode', name=op.f('pk_limits'))
    )
    op.create_table('name_overrides',
    sa.Column('text', sa.String(length=80), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('added', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('text', 'barcode', name=op.f('pk_name_overrides'))
    )
    op.create_table('notices',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.String(length=300), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('last', sa.Date(), nullable=False),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('written_by', sa.String(length=40), nullable=False),
    sa.Column('taken_down_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_down_by', sa.String(length=40), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices'))
    )
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notices_last'), ['last'], unique=False)

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
    op.create_table('outbound_windows',
    sa.Column('batch', sa.String(length=40), nullable=False),
    sa.Column('opens', sa.Integer(), nullable=False),
    sa.Column('closes', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('batch', name=op.f('pk_outbound_windows'))
    )
    op.create_table('retailers',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('pin_hash', sa.String(length=200), nullable=True),
    sa.Column('cycle', sa.String(length=12), nullable=False),
    sa.Column('order_weekday', sa.Integer(), nullable=False),
    sa.Column('cycle_week', sa.Integer(), nullable=False),
    sa.Column('county', sa.String(length=40), nullable=False),
    sa.Column('region', sa.String(length=20), nullable=False),
    sa.Column('manager', sa.String(length=40), nullable=False),
    sa.Column('route', sa.String(length=40), nullable=False),
    sa.Column('grade', sa.Integer(), nullable=False),
    sa.Column('balance_fen', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retailers')),
    sa.UniqueConstraint('customer_code', name=op.f('uq_retailers_customer_code'))
    )
    op.create_table('setting_changes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('subject', sa.String(length=16), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=True),
    sa.Column('before', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('after', sa.JSON(none_as_null=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_setting_changes'))
    )
    with op.batch_alter_table('setting_changes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_setting_changes_at'), ['at'], unique=False)
        batch_op.create_index('ix_setting_changes_name', ['subject', 'name'], unique=False)

    op.create_table('settlement_batches',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_settlement_batches')),
    sa.UniqueConstraint('business_day', 'number', name=op.f('uq_settlement_batches_business_day'))
    )
    op.create_table('sign_in_counters',
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('counted_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_counters'))
    )
    op.create_table('spoken_names',
    sa.Column('text', sa.String(length=80), nullable=False),
    sa.Column('barcodes', sa.JSON(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('pinyin', sa.String(length=120), nullable=True),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('text', name=op.f('pk_spoken_names'))
    )
    op.create_table('staff',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('login', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('seat', sa.String(length=10), nullable=False),
    sa.Column('phone', sa.String(length=32), nullable=True),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff')),
    sa.UniqueConstraint('login', name=op.f('uq_staff_login'))
    )
    op.create_table('callbacks',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('phone', sa.String(length=64), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('handled_by', sa.Integer(), nullable=True),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_callbacks_call_key_calls'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['handled_by'], ['staff.id'], name=op.f('fk_callbacks_handled_by_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_callbacks'))
    )
    with op.batch_alter_table('callbacks', schema=None) as batch_op:
        batch_op.create_index('uq_callbacks_unreached', ['call_key'], unique=True, sqlite_where=sa.text("state <> 'reached'"), postgresql_where=sa.text("state <> 'reached'"))

    op.create_table('department_reports',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('last', sa.Date(), nullable=False),
    sa.Column('author_id', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('waits_for', sa.String(length=10), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['staff.id'], name=op.f('fk_department_reports_author_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_department_reports')),
    sa.UniqueConstraint('kind', 'first', 'author_id', name=op.f('uq_department_reports_kind'))
    )
    with op.batch_alter_table('department_reports', schema=None) as batch_op:
        batch_op.create_index('ix_department_reports_state', ['state', 'due_on'], unique=False)

    op.create_table('feedback',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.String(length=500), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('waits_for', sa.String(length=10), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['recorded_by'], ['staff.id'], name=op.f('fk_feedback_recorded_by_staff')),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_feedback_retailer_id_retailers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feedback'))
    )
    with op.batch_alter_table('feedback', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_feedback_retailer_id'), ['retailer_id'], unique=False)
        batch_op.create_index('ix_feedback_state', ['state', 'waits_for'], unique=False)

    op.create_table('limit_changes',
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('before_packs', sa.Integer(), nullable=True),
    sa.Column('before_batch_id', sa.Integer(), nullable=True),
    sa.Column('after_packs', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['limit_batches.id'], name=op.f('fk_limit_changes_batch_id_limit_batches')),
    sa.PrimaryKeyConstraint('batch_id', 'retailer_id', 'cycle_start', 'barcode', name=op.f('pk_limit_changes'))
    )
    op.create_table('missed_calls',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('missed_on', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('remedy', sa.String(length=20), nullable=False),
    sa.Column('remedy_day', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_missed_calls_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_missed_calls')),
    sa.UniqueConstraint('retailer_id', 'missed_on', name=op.f('uq_missed_calls_retailer_id'))
    )
    op.create_table('operator_presence',
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('ready', sa.Boolean(), nullable=False),
    sa.Column('device', sa.String(length=8), nullable=False),
    sa.Column('pause_reason', sa.String(length=12), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('idle_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_operator_presence_staff_id_staff'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_operator_presence'))
    )
    op.create_table('orders',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=True),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(length=14), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('hotline_id', sa.Integer(), nullable=True),
    sa.Column('region', sa.String(length=20), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('abandoned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('holds_active', sa.Boolean(), nullable=False),
    sa.Column('hold_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('on_hold', sa.Boolean(), nullable=False),
    sa.Column('handed_over_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('total_packs', sa.Integer(), nullable=False),
    sa.Column('amount_fen', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['hotline_id'], ['hotlines.id'], name=op.f('fk_orders_hotline_id_hotlines')),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_orders_retailer_id_retailers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_orders')),
    sa.UniqueConstraint('call_key', name=op.f('uq_orders_call_key')),
    sa.UniqueConstraint('number', name=op.f('uq_orders_number'))
    )
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.create_index('ix_orders_day_state', ['business_day', 'state'], unique=False)
        batch_op.create_index('ix_orders_expiring', ['hold_expires_at'], unique=False, sqlite_where=sa.text('holds_active'), postgresql_where=sa.text('holds_active'))
        batch_op.create_index('ix_orders_retailer_day', ['retailer_id', 'business_day'], unique=False)
        batch_op.create_index('uq_orders_counted', ['retailer_id', 'business_day', 'kind'], unique=True, sqlite_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"), postgresql_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"))

    op.create_table('outbound_attempts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=32), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('phone', sa.String(length=32), nullable=False),
    sa.Column('from_number', sa.String(length=32), nullable=False),
    sa.Column('dialled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=True),
    sa.Column('polled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(length=12), nullable=True),
    sa.Column('detail', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_outbound_attempts_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbound_attempts')),
    sa.UniqueConstraint('call_key', name=op.f('uq_outbound_attempts_call_key')),
    sa.UniqueConstraint('key', name=op.f('uq_outbound_attempts_key'))
    )
    with op.batch_alter_table('outbound_attempts', schema=None) as batch_op:
        batch_op.create_index('ix_outbound_attempts_day', ['business_day', 'retailer_id'], unique=False)
        batch_op.create_index('uq_outbound_attempts_under_way', ['retailer_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('outbound_opt_outs',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_outbound_opt_outs_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_outbound_opt_outs'))
    )
    op.create_table('pending_utterances',
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('turn_number', sa.Integer(), nullable=False),
    sa.Column('utterance', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_pending_utterances_call_key_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('call_key', 'turn_number', name=op.f('pk_pending_utterances'))
    )
    op.create_table('proxy_entries',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('packs', sa.JSON(), nullable=False),
    sa.Column('retailer_signed', sa.String(length=40), nullable=False),
    sa.Column('department_head_signed', sa.String(length=40), nullable=False),
    sa.Column('deputy_manager_signed', sa.String(length=40), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('listed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('listed_by', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_proxy_entries_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_proxy_entries'))
    )
    op.create_table('retailer_phones',
    sa.Column('phone', sa.String(length=32), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_retailer_phones_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('phone', name=op.f('pk_retailer_phones'))
    )
    with op.batch_alter_table('retailer_phones', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_retailer_phones_retailer_id'), ['retailer_id'], unique=False)

    op.create_table('seats',
    sa.Column('seat', sa.String(length=10), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_seats_staff_id_staff'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('seat', name=op.f('pk_seats')),
    sa.UniqueConstraint('staff_id', name=op.f('uq_seats_staff_id'))
    )
    op.create_table('substitutes',
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('instead', sa.String(length=13), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['barcode'], ['brand_specs.barcode'], name=op.f('fk_substitutes_barcode_brand_specs')),
    sa.ForeignKeyConstraint(['instead'], ['brand_specs.barcode'], name=op.f('fk_substitutes_instead_brand_specs')),
    sa.PrimaryKeyConstraint('barcode', 'instead', name=op.f('pk_substitutes'))
    )
    op.create_table('supply',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('supplied_packs', sa.Integer(), nullable=False),
    sa.Column('held_packs', sa.Integer(), nullable=False),
    sa.Column('sold_packs', sa.Integer(), nullable=False),
    sa.Column('is_new', sa.Boolean(), nullable=False),
    sa.Column('is_key', sa.Boolean(), nullable=False),
    sa.Column('basis', sa.String(length=8), nullable=False),
    sa.Column('max_cartons', sa.Integer(), nullable=True),
    sa.CheckConstraint('held_packs + sold_packs <= supplied_packs', name=op.f('ck_supply_not_oversold')),
    sa.CheckConstraint('held_packs >= 0 AND sold_packs >= 0', name=op.f('ck_supply_not_negative')),
    sa.ForeignKeyConstraint(['barcode'], ['brand_specs.barcode'], name=op.f('fk_supply_barcode_brand_specs')),
    sa.PrimaryKeyConstraint('business_day', 'barcode', name=op.f('pk_supply'))
    )
    op.create_table('tickets',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_by', sa.Integer(), nullable=True),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('held_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_tickets_call_key_calls'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['taken_by'], ['staff.id'], name=op.f('fk_tickets_taken_by_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tickets'))
    )
    with op.batch_alter_table('tickets', schema=None) as batch_op:
        batch_op.create_index('ix_tickets_opened_at', ['opened_at'], unique=False)
        batch_op.create_index('uq_tickets_open', ['call_key'], unique=True, sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))

    op.create_table('turn_labels',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('turn_number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.String(length=200), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=True),
    sa.Column('expect', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('sound', sa.LargeBinary(), nullable=True),
    sa.Column('labelled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('labelled_by', sa.String(length=40), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_by', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_turn_labels_call_key_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_turn_labels'))
    )
    with op.batch_alter_table('turn_labels', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_turn_labels_call_key'), ['call_key'], unique=False)

    op.create_table('turn_recordings',
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('turn_number', sa.Integer(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sound', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_turn_recordings_call_key_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('call_key', 'turn_number', name=op.f('pk_turn_recordings'))
    )
    with op.batch_alter_table('turn_recordings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_turn_recordings_recorded_at'), ['recorded_at'], unique=False)

    op.create_table('turns',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=False),
    sa.Column('turn_number', sa.Integer(), nullable=False),
    sa.Column('turn_input', sa.JSON(), nullable=False),
    sa.Column('reply', sa.JSON(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['call_key'], ['calls.call_key'], name=op.f('fk_turns_call_key_calls'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_turns')),
    sa.UniqueConstraint('call_key', 'turn_number', name='uq_turns_call_turn_number')
    )
    op.create_table('web_follow_ups',
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('claimed_by', sa.Integer(), nullable=True),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=40), nullable=True),
    sa.Column('result', sa.String(length=12), nullable=True),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['claimed_by'], ['staff.id'], name=op.f('fk_web_follow_ups_claimed_by_staff')),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_web_follow_ups_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('business_day', 'retailer_id', name=op.f('pk_web_follow_ups'))
    )
    op.create_table('demand_records',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('order_id', sa.Integer(), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('requested_packs', sa.Integer(), nullable=False),
    sa.Column('granted_packs', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=True),
    sa.Column('withdrawn', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_demand_records_order_id_orders'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_demand_records_retailer_id_retailers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demand_records')),
    sa.UniqueConstraint('order_id', 'barcode', name=op.f('uq_demand_records_order_id'))
    )
    with op.batch_alter_table('demand_records', schema=None) as batch_op:
        batch_op.create_index('ix_demand_records_day', ['business_day', 'barcode'], unique=False)

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
    with op.batch_alter_table('feedback_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_feedback_steps_feedback_id'), ['feedback_id'], unique=False)

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
    with op.batch_alter_table('missed_call_notes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_missed_call_notes_missed_call_id'), ['missed_call_id'], unique=False)

    op.create_table('order_changes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('order_id', sa.Integer(), nullable=False),
    sa.Column('lines', sa.JSON(), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('requested_by', sa.String(length=40), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_order_changes_order_id_orders')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_changes'))
    )
    with op.batch_alter_table('order_changes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_order_changes_order_id'), ['order_id'], unique=False)

    op.create_table('order_history',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('order_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('event', sa.String(length=20), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_order_history_order_id_orders'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_history'))
    )
    with op.batch_alter_table('order_history', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_order_history_order_id'), ['order_id'], unique=False)

    op.create_table('order_lines',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('order_id', sa.Integer(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('spec_name', sa.String(length=80), nullable=False),
    sa.Column('packs_per_carton', sa.Integer(), nullable=False),
    sa.Column('price_fen', sa.Integer(), nullable=False),
    sa.Column('requested_packs', sa.Integer(), nullable=False),
    sa.Column('granted_packs', sa.Integer(), nullable=False),
    sa.CheckConstraint('granted_packs >= 0 AND granted_packs <= requested_packs', name=op.f('ck_order_lines_granted_of_requested')),
    sa.ForeignKeyConstraint(['barcode'], ['brand_specs.barcode'], name=op.f('fk_order_lines_barcode_brand_specs')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_order_lines_order_id_orders'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_lines')),
    sa.UniqueConstraint('order_id', 'barcode', name=op.f('uq_order_lines_order_id'))
    )
    with op.batch_alter_table('order_lines', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_order_lines_barcode'), ['barcode'], unique=False)

    op.create_table('report_steps',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('report_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('comment', sa.String(length=200), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['staff.id'], name=op.f('fk_report_steps_by_id_staff')),
    sa.ForeignKeyConstraint(['report_id'], ['department_reports.id'], name=op.f('fk_report_steps_report_id_department_reports')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_steps'))
    )
    with op.batch_alter_table('report_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_report_steps_report_id'), ['report_id'], unique=False)

    op.create_table('ring_attempts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('taken_at_desk', sa.Boolean(), nullable=False),
    sa.Column('operator_call_key', sa.String(length=64), nullable=True),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('dialled_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_ring_attempts_staff_id_staff')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_ring_attempts_ticket_id_tickets'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ring_attempts'))
    )
    with op.batch_alter_table('ring_attempts', schema=None) as batch_op:
        batch_op.create_index('ix_ring_attempts_address', ['address'], unique=False)
        batch_op.create_index('uq_ring_attempts_address_open', ['address'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.create_index('uq_ring_attempts_ticket_open', ['ticket_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('settlement_lines',
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('order_id', sa.Integer(), nullable=False),
    sa.Column('amount_fen', sa.Integer(), nullable=False),
    sa.Column('result', sa.String(length=8), nullable=True),
    sa.Column('available_fen', sa.Integer(), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['settlement_batches.id'], name=op.f('fk_settlement_lines_batch_id_settlement_batches')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_settlement_lines_order_id_orders')),
    sa.PrimaryKeyConstraint('batch_id', 'order_id', name=op.f('pk_settlement_lines'))
    )
    with op.batch_alter_table('settlement_lines', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_settlement_lines_order_id'), ['order_id'], unique=False)

    op.create_table('web_orders',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('sender', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('customer_code', sa.String(length=12), nullable=False),
    sa.Column('requested_packs', sa.JSON(), nullable=False),
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

    _refuse_rewriting()
    windows = sa.table("channel_windows", sa.column("channel"), sa.column("opens"), sa.column("closes"))
    op.bulk_insert(windows, [{"channel": channel, "opens": opens, "closes": closes} for channel, opens, closes in CHANNEL_WINDOWS])


def _refuse_rewriting() -> None:
    """Triggers on every append-only table that make an UPDATE or DELETE fail."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_to_rewrite_history() RETURNS trigger AS $$"
            " BEGIN RAISE EXCEPTION 'history is only appended'; END $$ LANGUAGE plpgsql"
        )
        for table in APPEND_ONLY:
            op.execute(
                f"CREATE TRIGGER {table}_is_only_appended BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history()"
            )
        return
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'history is only appended'); END"
            )


def downgrade() -> None:
    with op.batch_alter_table('web_orders', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_web_orders_order_id'))
        batch_op.drop_index('ix_web_orders_day')

    op.drop_table('web_orders')
    with op.batch_alter_table('settlement_lines', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_settlement_lines_order_id'))

    op.drop_table('settlement_lines')
    with op.batch_alter_table('ring_attempts', schema=None) as batch_op:
        batch_op.drop_index('uq_ring_attempts_ticket_open', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index('uq_ring_attempts_address_open', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index('ix_ring_attempts_address')

    op.drop_table('ring_attempts')
    with op.batch_alter_table('report_steps', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_report_steps_report_id'))

    op.drop_table('report_steps')
    with op.batch_alter_table('order_lines', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_lines_barcode'))

    op.drop_table('order_lines')
    with op.batch_alter_table('order_history', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_history_order_id'))

    op.drop_table('order_history')
    with op.batch_alter_table('order_changes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_changes_order_id'))

    op.drop_table('order_changes')
    with op.batch_alter_table('missed_call_notes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_missed_call_notes_missed_call_id'))

    op.drop_table('missed_call_notes')
    with op.batch_alter_table('feedback_steps', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_feedback_steps_feedback_id'))

    op.drop_table('feedback_steps')
    with op.batch_alter_table('demand_records', schema=None) as batch_op:
        batch_op.drop_index('ix_demand_records_day')

    op.drop_table('demand_records')
    op.drop_table('web_follow_ups')
    op.drop_table('turns')
    with op.batch_alter_table('turn_recordings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_turn_recordings_recorded_at'))

    op.drop_table('turn_recordings')
    with op.batch_alter_table('turn_labels', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_turn_labels_call_key'))

    op.drop_table('turn_labels')
    with op.batch_alter_table('tickets', schema=None) as batch_op:
        batch_op.drop_index('uq_tickets_open', sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))
        batch_op.drop_index('ix_tickets_opened_at')

    op.drop_table('tickets')
    op.drop_table('supply')
    op.drop_table('substitutes')
    op.drop_table('seats')
    with op.batch_alter_table('retailer_phones', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_retailer_phones_retailer_id'))

    op.drop_table('retailer_phones')
    op.drop_table('proxy_entries')
    op.drop_table('pending_utterances')
    op.drop_table('outbound_opt_outs')
    with op.batch_alter_table('outbound_attempts', schema=None) as batch_op:
        batch_op.drop_index('uq_outbound_attempts_under_way', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index('ix_outbound_attempts_day')

    op.drop_table('outbound_attempts')
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_index('uq_orders_counted', sqlite_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"), postgresql_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"))
        batch_op.drop_index('ix_orders_retailer_day')
        batch_op.drop_index('ix_orders_expiring', sqlite_where=sa.text('holds_active'), postgresql_where=sa.text('holds_active'))
        batch_op.drop_index('ix_orders_day_state')

    op.drop_table('orders')
    op.drop_table('operator_presence')
    op.drop_table('missed_calls')
    op.drop_table('limit_changes')
    with op.batch_alter_table('feedback', schema=None) as batch_op:
        batch_op.drop_index('ix_feedback_state')
        batch_op.drop_index(batch_op.f('ix_feedback_retailer_id'))

    op.drop_table('feedback')
    with op.batch_alter_table('department_reports', schema=None) as batch_op:
        batch_op.drop_index('ix_department_reports_state')

    op.drop_table('department_reports')
    with op.batch_alter_table('callbacks', schema=None) as batch_op:
        batch_op.drop_index('uq_callbacks_unreached', sqlite_where=sa.text("state <> 'reached'"), postgresql_where=sa.text("state <> 'reached'"))

    op.drop_table('callbacks')
    op.drop_table('staff')
    op.drop_table('spoken_names')
    op.drop_table('sign_in_counters')
    op.drop_table('settlement_batches')
    with op.batch_alter_table('setting_changes', schema=None) as batch_op:
        batch_op.drop_index('ix_setting_changes_name')
        batch_op.drop_index(batch_op.f('ix_setting_changes_at'))

    op.drop_table('setting_changes')
    op.drop_table('retailers')
    op.drop_table('outbound_windows')
    op.drop_table('outbound_lease')
    op.drop_table('outbound_days')
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notices_last'))

    op.drop_table('notices')
    op.drop_table('name_overrides')
    op.drop_table('limits')
    with op.batch_alter_table('limit_batches', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_limit_batches_business_day'))

    op.drop_table('limit_batches')
    op.drop_table('hotlines')
    op.drop_table('department_rules')
    op.drop_table('day_steps')
    with op.batch_alter_table('day_reopenings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_day_reopenings_business_day'))

    op.drop_table('day_reopenings')
    op.drop_table('channel_windows')
    op.drop_table('channel_tokens')
    op.drop_table('catalog_versions')
    op.drop_table('calls')
    op.drop_table('calendar_days')
    with op.batch_alter_table('brand_specs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_brand_specs_brand'))

    op.drop_table('brand_specs')
    if op.get_bind().dialect.name == "postgresql":
        # Dropping the tables drops their triggers, but not the function these called.
        op.execute("DROP FUNCTION refuse_to_rewrite_history()")
