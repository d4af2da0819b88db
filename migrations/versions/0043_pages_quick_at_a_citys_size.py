"""What pages need to be quick at a city's size: the initials of shops' names, and indexes of what lists are made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from orders.retailers.initials import first_letters

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

NAME_MAX_CHARS = 80
INDEXES = {
    "ix_retailers_plan": ("retailers", ["cycle", "order_weekday", "cycle_week", "status"]),
    "ix_limits_cycle_start": ("limits", ["cycle_start", "barcode", "limit_packs"]),
    "ix_missed_calls_missed_on": ("missed_calls", ["missed_on"]),
    "ix_missed_calls_remedy_day": ("missed_calls", ["remedy_day"]),
}


def upgrade() -> None:
    op.add_column("retailers", sa.Column("initials", sa.String(NAME_MAX_CHARS), nullable=False, server_default=""))
    connection = op.get_bind()
    retailers = sa.table("retailers", sa.column("id"), sa.column("name"), sa.column("initials"))
    known = connection.execute(sa.select(retailers.c.id, retailers.c.name)).all()
    if known:
        connection.execute(
            sa.update(retailers).where(retailers.c.id == sa.bindparam("number")).values(initials=sa.bindparam("letters")),
            [{"number": number, "letters": first_letters(name)[:NAME_MAX_CHARS]} for number, name in known],
        )
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _columns) in INDEXES.items():
        op.drop_index(name, table)
    op.drop_column("retailers", "initials")
