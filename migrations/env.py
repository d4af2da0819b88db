"""Alembic's way to the database: the address comes from storage.migrate, the tables from every `models.py`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Literal

from alembic import context

from storage import Base, UtcDateTime, open_engine, unhurried

ROOT = Path(__file__).parent.parent
PACKAGES = ("brand_catalog", "orders", "ivr")

for models in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("models.py")):
    importlib.import_module(".".join(models.relative_to(ROOT).with_suffix("").parts))

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


# Rebuilding a table of a city takes minutes; a lock that is not to be had soon still ends the migration.
with unhurried():
    run()
