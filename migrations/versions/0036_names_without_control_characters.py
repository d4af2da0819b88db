"""Names that were stored before names were checked lose their control characters, and what is longer than their column
holds. They are copied into orders and said in calls, which fails with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from plain_text import UnfitText, check_text, printable

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

NAMES = {
    "hotlines": {"name": 40, "seat": 10},
    "retailers": {"name": 80, "county": 40, "region": 20, "manager": 40, "route": 40},
    "brand_specs": {"name": 80, "brand": 40, "maker": 40, "price_class": 20},
    "staff": {"name": 40, "seat": 10},
    "channel_tokens": {"name": 40},
}


def upgrade() -> None:
    connection = op.get_bind()
    for name, columns in NAMES.items():
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        key = next(iter(table.primary_key))
        for row in connection.execute(sa.select(key, *(table.c[column] for column in columns))).all():
            for number, (column, most) in enumerate(columns.items(), 1):
                if _is_unfit(row[number], most):
                    fit = printable(row[number], most)
                    taken = sa.select(sa.func.count()).where(table.c[column] == fit)
                    if column == "name" and connection.scalar(taken):
                        # Some names are one row's only.
                        mark = f" {row[0]}"
                        fit = fit[: most - len(mark)] + mark
                    connection.execute(sa.update(table).where(key == row[0]).values({column: fit}))


def downgrade() -> None:
    """The characters are gone for good."""


def _is_unfit(text: str, most: int) -> bool:
    try:
        check_text(text, most)
    except UnfitText:
        return True
    return False
