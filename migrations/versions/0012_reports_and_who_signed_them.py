"""Diaries and reports of the department, and who signed them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['staff.id'], name=op.f('fk_department_reports_author_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_department_reports')),
    sa.UniqueConstraint('kind', 'first', 'author_id', name=op.f('uq_department_reports_kind'))
    )
    with op.batch_alter_table('department_reports', schema=None) as batch_op:
        batch_op.create_index('ix_department_reports_state', ['state', 'due_on'], unique=False)

    op.create_table('report_steps',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('report_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('comment', sa.String(length=200), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['report_id'], ['department_reports.id'], name=op.f('fk_report_steps_report_id_department_reports')),
    sa.ForeignKeyConstraint(['by_id'], ['staff.id'], name=op.f('fk_report_steps_by_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_steps'))
    )
    with op.batch_alter_table('report_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_report_steps_report_id'), ['report_id'], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER report_steps_is_only_appended BEFORE UPDATE OR DELETE ON report_steps"
            " FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER report_steps_no_{change.lower()} BEFORE {change} ON report_steps"
            " BEGIN SELECT RAISE(ABORT, 'history is only appended'); END"
        )


def downgrade() -> None:
    op.drop_table('report_steps')
    with op.batch_alter_table('department_reports', schema=None) as batch_op:
        batch_op.drop_index('ix_department_reports_state')

    op.drop_table('department_reports')
