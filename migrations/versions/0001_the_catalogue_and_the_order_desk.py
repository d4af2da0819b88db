"""The catalogue and the order desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


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

    op.create_table('catalog_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=False),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(length=400), nullable=False),
    sa.Column('specs', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_catalog_versions'))
    )
    op.create_table('hotlines',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=14), nullable=False),
    sa.Column('seat', sa.String(length=10), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hotlines')),
    sa.UniqueConstraint('number', name=op.f('uq_hotlines_number'))
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
    op.create_table('limits',
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('barcode', sa.String(length=13), nullable=False),
    sa.Column('limit_packs', sa.Integer(), nullable=False),
    sa.Column('held_packs', sa.Integer(), nullable=False),
    sa.Column('used_packs', sa.Integer(), nullable=False),
    sa.CheckConstraint('held_packs + used_packs <= limit_packs', name=op.f('ck_limits_not_exceeded')),
    sa.CheckConstraint('held_packs >= 0 AND used_packs >= 0', name=op.f('ck_limits_not_negative')),
    sa.PrimaryKeyConstraint('retailer_id', 'cycle_start', 'barcode', name=op.f('pk_limits'))
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
    op.create_table('orders',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=True),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.Column('business_day', sa.Date(), nullable=False),
    sa.Column('cycle_start', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(length=14), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('call_key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('abandoned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('holding', sa.Boolean(), nullable=False),
    sa.Column('hold_expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('total_packs', sa.Integer(), nullable=False),
    sa.Column('amount_fen', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_orders_retailer_id_retailers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_orders')),
    sa.UniqueConstraint('call_key', name=op.f('uq_orders_call_key')),
    sa.UniqueConstraint('number', name=op.f('uq_orders_number'))
    )
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.create_index('ix_orders_day_state', ['business_day', 'state'], unique=False)
        batch_op.create_index('ix_orders_expiring', ['hold_expires_at'], unique=False, sqlite_where=sa.text('holding'), postgresql_where=sa.text('holding'))
        batch_op.create_index('ix_orders_retailer_day', ['retailer_id', 'business_day'], unique=False)
        batch_op.create_index('uq_orders_standing', ['retailer_id', 'business_day', 'kind'], unique=True, sqlite_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"), postgresql_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"))

    op.create_table('retailer_phones',
    sa.Column('phone', sa.String(length=32), nullable=False),
    sa.Column('retailer_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['retailer_id'], ['retailers.id'], name=op.f('fk_retailer_phones_retailer_id_retailers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('phone', name=op.f('pk_retailer_phones'))
    )
    with op.batch_alter_table('retailer_phones', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_retailer_phones_retailer_id'), ['retailer_id'], unique=False)

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
    sa.CheckConstraint('held_packs + sold_packs <= supplied_packs', name=op.f('ck_supply_not_oversold')),
    sa.CheckConstraint('held_packs >= 0 AND sold_packs >= 0', name=op.f('ck_supply_not_negative')),
    sa.ForeignKeyConstraint(['barcode'], ['brand_specs.barcode'], name=op.f('fk_supply_barcode_brand_specs')),
    sa.PrimaryKeyConstraint('business_day', 'barcode', name=op.f('pk_supply'))
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



def downgrade() -> None:
    with op.batch_alter_table('order_lines', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_lines_barcode'))

    op.drop_table('order_lines')
    with op.batch_alter_table('order_history', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_order_history_order_id'))

    op.drop_table('order_history')
    with op.batch_alter_table('demand_records', schema=None) as batch_op:
        batch_op.drop_index('ix_demand_records_day')

    op.drop_table('demand_records')
    op.drop_table('supply')
    op.drop_table('substitutes')
    with op.batch_alter_table('retailer_phones', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_retailer_phones_retailer_id'))

    op.drop_table('retailer_phones')
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_index('uq_orders_standing', sqlite_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"), postgresql_where=sa.text("state IN ('confirmed', 'settled', 'handed_over')"))
        batch_op.drop_index('ix_orders_retailer_day')
        batch_op.drop_index('ix_orders_expiring', sqlite_where=sa.text('holding'), postgresql_where=sa.text('holding'))
        batch_op.drop_index('ix_orders_day_state')

    op.drop_table('orders')
    op.drop_table('missed_calls')
    op.drop_table('limits')
    op.drop_table('spoken_names')
    op.drop_table('sign_in_counters')
    op.drop_table('retailers')
    op.drop_table('hotlines')
    op.drop_table('catalog_versions')
    with op.batch_alter_table('brand_specs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_brand_specs_brand'))

    op.drop_table('brand_specs')
