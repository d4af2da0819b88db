"""Alembic's environment: the database URL comes from storage.migrate, the tables from every package that has any."""

from __future__ import annotations

from typing import Literal

from alembic import context

import brand_catalog.models  # noqa: F401
import ivr.call_backs
import ivr.duty
import ivr.meanings
import ivr.offers
import ivr.tables
import ivr.tickets  # noqa: F401
import orders.day_tables
import orders.department_reports
import orders.feedback
import orders.history
import orders.house_rules
import orders.missed_calls
import orders.models
import orders.notices
import orders.outbound_tables
import orders.proxy_orders
import orders.seats
import orders.staff
import orders.web_follow_ups
import orders.web_tables  # noqa: F401
from storage import Base, UtcDateTime, open_engine

config = context.config


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """The database type of our own column type, for a generated migration, which must not change with the code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    url = config.get_main_option("sqlalchemy.url")
    if url is None:
        raise SystemExit("No database address: move the tables with storage.migrate(url), which passes one.")
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                # SQLite alters a table by rebuilding it; with foreign keys on, dropping the old one would cascade.
                connection.connection.execute("PRAGMA foreign_keys=OFF")
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=True,
                render_item=render_item,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


run()
