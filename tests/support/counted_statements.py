"""Counts of what a piece of work asks of the database: its statements, and the rows that these return."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

# Transactions and settings of a connection are no statements of the work.
_OWN = ("BEGIN", "PRAGMA", "SET LOCAL", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass
class Counted:
    """The statements in their order, and the number of rows they returned in all."""

    statements: list[str] = field(default_factory=list)
    rows: int = 0


@contextmanager
def counted_statements(engine: Engine) -> Iterator[Counted]:
    """Count the statements that are executed until the block ends, and the rows that they return."""
    counted = Counted()

    def count_row(_cursor: object, row: tuple[Any, ...]) -> tuple[Any, ...]:
        counted.rows += 1
        return row

    def before(_connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if not statement.startswith(_OWN):
            counted.statements.append(statement)
            if engine.dialect.name == "sqlite":
                cursor.row_factory = count_row

    def after(_connection: Any, cursor: Any, statement: str, *_: object) -> None:
        # psycopg has the whole result by now and knows its size; sqlite3 counts as rows are fetched.
        if engine.dialect.name == "postgresql" and not statement.startswith(_OWN) and cursor.description is not None:
            counted.rows += max(0, cursor.rowcount)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)
