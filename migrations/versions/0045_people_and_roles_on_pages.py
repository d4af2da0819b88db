"""Accounts on pages: a password to be changed, the retailers of an account's own, and two roles with longer names.

Widens columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

SHORT, LONG = 10, 20
# The columns that hold a role, and whether one may be missing.
ROLES = {
    "feedback": ("waits_for", True),
    "feedback_steps": ("to", True),
    "department_reports": ("waits_for", True),
    "report_steps": ("role", False),
}


def upgrade() -> None:
    with op.batch_alter_table("staff") as staff:
        staff.alter_column("role", existing_type=sa.String(SHORT), type_=sa.String(LONG), existing_nullable=False)
        staff.add_column(sa.Column("must_change_password", sa.Boolean, nullable=False, server_default=sa.false()))
        staff.add_column(sa.Column("county", sa.String(40), nullable=False, server_default=""))
        staff.add_column(sa.Column("manager", sa.String(40), nullable=False, server_default=""))
    _widen()


def downgrade() -> None:
    # The columns stay wide: names of roles that are stored would not fit into narrow ones.
    with op.batch_alter_table("staff") as staff:
        staff.drop_column("manager")
        staff.drop_column("county")
        staff.drop_column("must_change_password")


def _widen() -> None:
    for name, (column, is_nullable) in ROLES.items():
        triggers = _triggers(name)
        with op.batch_alter_table(name) as table:
            table.alter_column(
                column,
                existing_type=sa.String(SHORT),
                type_=sa.String(LONG),
                existing_nullable=is_nullable,
            )
        for trigger in triggers:
            op.execute(trigger)


def _triggers(table: str) -> list[str]:
    """The statements that make the triggers of a table, which are lost where SQLite rebuilds it; elsewhere none."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    kept = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name")
    return list(op.get_bind().execute(kept, {"name": table}).scalars())
