"""Less is granted for one of four reasons; what no catalogue has is recorded by its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# "Not offered" was said both of what was not supplied and of what this retailer was allotted none of.
_BEFORE, _AFTER = "not_offered", "not_allotted"
_NOT_SUPPLIED = """
UPDATE demand_records SET reason = 'out_of_stock' WHERE reason = 'not_offered' AND NOT EXISTS (
  SELECT 1 FROM supply s WHERE s.business_day = demand_records.business_day AND s.barcode = demand_records.barcode
  AND s.supplied_packs > 0)
"""
_ANSWERS = sa.table("web_orders", sa.column("id", sa.Integer), sa.column("answer", sa.JSON))
_EVENTS = sa.table("order_history", sa.column("id", sa.Integer), sa.column("detail", sa.JSON))


def upgrade() -> None:
    with op.batch_alter_table("demand_records") as records:
        records.add_column(sa.Column("name", sa.String(length=80), nullable=False, server_default=""))
        records.drop_constraint("uq_demand_records_order_id", type_="unique")
        records.create_unique_constraint("uq_demand_records_order_id", ["order_id", "barcode", "name"])
    with op.batch_alter_table("demand_records") as records:
        records.alter_column("name", server_default=None)
    op.execute(_NOT_SUPPLIED)
    _rename(_BEFORE, _AFTER)


def downgrade() -> None:
    _rename(_AFTER, _BEFORE)
    op.execute("DELETE FROM demand_records WHERE barcode = ''")
    with op.batch_alter_table("demand_records") as records:
        records.drop_constraint("uq_demand_records_order_id", type_="unique")
        records.create_unique_constraint("uq_demand_records_order_id", ["order_id", "barcode"])
        records.drop_column("name")


def _rename(before: str, after: str) -> None:
    """Rename a reason where it is kept: in the demand, in the answers to web orders, and in the history of orders."""
    op.execute(sa.text("UPDATE demand_records SET reason = :after WHERE reason = :before").bindparams(before=before, after=after))
    for table, kept in ((_ANSWERS, _ANSWERS.c.answer), (_EVENTS, _EVENTS.c.detail)):
        found = op.get_bind().execute(sa.select(table.c.id, kept).where(sa.cast(kept, sa.Text).contains(before))).all()
        for number, value in found:
            op.execute(sa.update(table).where(table.c.id == number).values({kept.name: _renamed(value, before, after)}))


def _renamed(value: object, before: str, after: str) -> object:
    if isinstance(value, dict):
        return {
            key: after if key == "reason" and one == before else _renamed(one, before, after)
            for key, one in value.items()
        }
    return [_renamed(one, before, after) for one in value] if isinstance(value, list) else value
