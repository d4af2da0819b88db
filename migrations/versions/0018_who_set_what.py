"""Who set what, with the value before and after: supply, rules, hotlines, hours, days, retailers, and every limit"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

ONLY_APPENDED = ("setting_changes", "limit_batches", "day_reopenings")


def upgrade() -> None:
    op.create_table('setting_changes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=40), nullable=False),
    sa.Column('why', sa.String(length=200), nullable=False),
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

    # Added in place: the limits are too many to be copied for a column.
    op.add_column('limits', sa.Column('batch_id', sa.Integer(), nullable=True))
    op.add_column('limit_changes', sa.Column('before_batch_id', sa.Integer(), nullable=True))
    op.add_column('supply', sa.Column('basis', sa.String(length=8), nullable=False, server_default=''))
    op.add_column('supply', sa.Column('most_cartons', sa.Integer(), nullable=True))

    if op.get_bind().dialect.name == "postgresql":
        for table in ONLY_APPENDED:
            op.execute(
                f"CREATE TRIGGER {table}_is_only_appended BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history()"
            )
        return
    for table in ONLY_APPENDED:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'history is only appended'); END"
            )


def downgrade() -> None:
    for table in ("limit_batches", "day_reopenings"):
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_is_only_appended ON {table}")
        else:
            for change in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{change}")
    op.drop_column('supply', 'most_cartons')
    op.drop_column('supply', 'basis')
    op.drop_column('limit_changes', 'before_batch_id')
    op.drop_column('limits', 'batch_id')
    op.drop_table('setting_changes')
