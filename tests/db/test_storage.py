"""The database: its schema, its time, and whole transactions or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

import storage
from brand_catalog.models import CatalogVersion
from clock import SHANGHAI


def test_the_migrations_make_exactly_the_tables_the_code_knows(any_engine: Engine) -> None:
    with any_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), storage.Base.metadata) == []


def test_moving_tables_that_are_in_shape_changes_nothing(sqlite_url: str) -> None:
    storage.migrate(sqlite_url)


def test_moving_the_tables_keeps_the_orders_in_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    storage.migrate(url, "0003")
    engine = storage.open_engine(url)
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO brand_specs VALUES ('1','a(b)','a','','1','',10,50,1,0,1,1,'101',NULL,1,1)",
            "INSERT INTO retailers VALUES (1,'410502100012','x','active',NULL,'weekly',0,0,'','','','',1,0)",
            "INSERT INTO orders VALUES (1,'n',1,'2026-11-23','2026-11-23','regular','confirmed','phone','c',"
            "'2026-11-23','2026-11-23',NULL,0,NULL,10,1)",
            "INSERT INTO order_lines VALUES (1,1,'1','a(b)',10,1,10,10)",
        ):
            connection.execute(text(statement))
    engine.dispose()
    storage.migrate(url)
    engine = storage.open_engine(url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM order_lines JOIN orders ON orders.id = order_id")).scalar()
        with pytest.raises(IntegrityError, match="UNIQUE"):
            connection.execute(
                text(
                    "INSERT INTO orders (id, retailer_id, business_day, cycle_start, kind, state, channel, created_at,"
                    " holding, total_packs, amount_fen) SELECT 2, retailer_id, business_day, cycle_start, kind, state,"
                    " channel, created_at, 0, 1, 1 FROM orders"
                )
            )
    engine.dispose()


def test_a_moment_comes_back_as_the_same_moment(any_engine: Engine) -> None:
    moment = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
    with storage.transaction(storage.open_sessions(any_engine)) as session:
        session.add(CatalogVersion(version="1", imported_at=moment, note="", specs=0))
    with storage.transaction(storage.open_sessions(any_engine)) as session:
        found = session.query(CatalogVersion).one().imported_at
    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(sessions: storage.SessionFactory) -> None:
    with pytest.raises(StatementError, match="no time zone"), storage.transaction(sessions) as session:
        session.add(CatalogVersion(version="1", imported_at=datetime(2026, 11, 23), note="", specs=0))


def test_a_block_that_fails_leaves_nothing_behind(any_engine: Engine) -> None:
    sessions = storage.open_sessions(any_engine)

    def fail() -> None:
        with storage.transaction(sessions) as session:
            session.add(CatalogVersion(version="1", imported_at=datetime.now(UTC), note="", specs=0))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with storage.transaction(sessions) as session:
        assert session.query(CatalogVersion).count() == 0


def test_sqlite_keeps_foreign_keys_and_writes_ahead(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.parametrize(("sqlstate", "runs"), [("40P01", 3), ("40001", 3), ("23505", 1), (None, 1)])
def test_a_unit_of_work_is_done_again_only_where_the_database_broke_it_off(sqlstate: str | None, runs: int) -> None:
    class BrokenOff(Exception):
        pass

    error = BrokenOff()
    error.sqlstate = sqlstate  # type: ignore[attr-defined]
    left = [error, error]
    done = []

    @storage.retry_on_deadlock
    def work() -> str:
        done.append(1)
        if left:
            raise OperationalError("UPDATE", {}, left.pop())
        return "done"

    if runs == 1:
        with pytest.raises(OperationalError):
            work()
    else:
        assert work() == "done"
    assert len(done) == runs
