"""The database: its schema, its time, and whole transactions or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

import storage
from brand_catalog.importing import import_catalog
from brand_catalog.loading import load_catalog
from brand_catalog.models import CatalogVersion
from clock import SHANGHAI
from ivr.models import Call
from orders.book.desk import Desk
from orders.book.models import OrderHistory, OrderLineRow, OrderRow
from orders.demo import seed_demo
from orders.demo.demo_staff import seed_demo_staff
from orders.retailers.models import RetailerRow
from tests.support.desk_world import CHINA, CLASSIC, MAIN, SHOP, MovingClock, catalog

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


def test_the_migrations_make_exactly_the_tables_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), storage.Base.metadata) == []


def test_moving_tables_that_are_in_shape_changes_nothing(database_url: str) -> None:
    storage.migrate(database_url)


# A later release changes the table of orders: on SQLite that rebuilds it, because a column is changed.
LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{present}", None, None


def upgrade():
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("note", sa.String(40), nullable=False, server_default="none"))
        orders.alter_column("region", existing_type=sa.String(20), type_=sa.String(60), existing_nullable=False)


def downgrade():
    with op.batch_alter_table("orders") as orders:
        orders.alter_column("region", existing_type=sa.String(60), type_=sa.String(20), existing_nullable=False)
        orders.drop_column("note")
"""


Move = Callable[[Engine, str], None]


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    """A function that migrates a database up or down, to the "later" revision or the "present" one."""
    config = Config()
    config.set_main_option("script_location", str(storage.MIGRATIONS))
    [present] = ScriptDirectory.from_config(config).get_heads()
    folder = tmp_path / "migrations"
    shutil.copytree(storage.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_later.py").write_text(LATER.format(present=present), encoding="utf-8")
    monkeypatch.setattr(storage, "MIGRATIONS", folder)

    def move(engine: Engine, revision: str) -> None:
        engine.dispose()
        url = engine.url.render_as_string(hide_password=False)
        if revision == "later":
            storage.migrate(url)
        else:
            config.set_main_option("script_location", str(folder))
            config.set_main_option("sqlalchemy.url", url)
            command.downgrade(config, present)

    return move


def save_orders(engine: Engine) -> None:
    """Save an order of two lines; the same retailer has an abandoned one of that day, which does not count."""
    with storage.transaction(storage.open_sessions(engine)) as session:
        import_catalog(session, catalog(), NOW)
        retailer = RetailerRow(customer_code=SHOP, name="x", cycle="weekly", order_weekday=0, cycle_week=0)
        session.add(retailer)
        session.flush()
        day = {"retailer_id": retailer.id, "business_day": NOW.date(), "cycle_start": NOW.date(), "created_at": NOW}
        for state in ("confirmed", "abandoned"):
            order = OrderRow(number=state, kind="regular", state=state, channel="phone", region="东区", **day)
            packs = {"packs_per_carton": 10, "price_fen": 1, "requested_packs": 20}
            for barcode, granted in ((CLASSIC, 20), (CHINA, 10)):
                order.lines.append(OrderLineRow(barcode=barcode, spec_name="x", granted_packs=granted, **packs))
            session.add(order)
            session.flush()
            session.add(OrderHistory(order_id=order.id, at=NOW, event=state, detail={}))


def saved_orders(engine: Engine) -> list[Any]:
    """The orders with their lines and history."""
    query = (
        "SELECT number, state, kind, region, business_day, created_at, barcode, requested_packs, granted_packs, event"
        " FROM orders JOIN order_lines ON orders.id = order_lines.order_id"
        " JOIN order_history ON orders.id = order_history.order_id ORDER BY number, barcode"
    )
    with engine.connect() as connection:
        return list(connection.execute(text(query)))


def test_a_later_migration_of_the_orders_keeps_them_and_their_rules(engine: Engine, move: Move) -> None:
    save_orders(engine)
    before = saved_orders(engine)
    assert len(before) == 4
    for revision in ("later", "present", "later"):
        move(engine, revision)
        assert saved_orders(engine) == before
        columns = {column["name"] for column in inspect(engine).get_columns("orders")}
        assert ("note" in columns) is (revision == "later")
        with engine.begin() as connection, pytest.raises(IntegrityError, match=r"UNIQUE|uq_orders_counted"):
            connection.execute(text("UPDATE orders SET state = 'settled' WHERE state = 'abandoned'"))
        with engine.begin() as connection, pytest.raises(DBAPIError, match="only appended"):
            connection.execute(text("UPDATE order_history SET event = 'other'"))


def columns_of(engine: Engine) -> dict[str, list[str]]:
    """The columns of every table that the code knows."""
    inspector = inspect(engine)
    there = {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}
    tables = storage.Base.metadata.sorted_tables
    return {
        table.name: [column.name for column in table.columns if column.name in there[table.name]]
        for table in tables
        if table.name in there
    }


# Down from the revision that knows deliveries, an order that arrived is one that was handed over.
BEFORE_DELIVERIES = {"delivered": "handed_over", "received": "handed_over"}


def rows_of(engine: Engine, columns: dict[str, list[str]]) -> dict[str, list[tuple[str, ...]]]:
    """What is stored in these columns of every table."""
    tables = storage.Base.metadata.tables
    with engine.connect() as connection:
        return {
            name: sorted(
                tuple(BEFORE_DELIVERIES.get(str(value), str(value)) for value in row)
                for row in connection.execute(select(*(tables[name].c[column] for column in kept)))
            )
            for name, kept in columns.items()
        }


def test_every_migration_down_and_up_again_keeps_what_is_stored(bare_url: str, clock: MovingClock) -> None:
    storage.migrate(bare_url, "0026")
    engine = storage.open_engine(bare_url)
    columns = columns_of(engine)
    # A migration sets a rule in an installation that is in use, so going up again is not the same.
    del columns["department_rules"]
    storage.migrate(bare_url)
    sessions = storage.open_sessions(engine)
    with storage.transaction(sessions) as session:
        seed_demo(session, clock())
        seed_demo_staff(session, clock())
    a_call_with_an_order(sessions, clock)
    before = rows_of(engine, columns)
    assert len([name for name, rows in before.items() if rows]) > 15, "there is something to lose"
    config = Config()
    config.set_main_option("script_location", str(storage.MIGRATIONS))
    config.set_main_option("sqlalchemy.url", bare_url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions[-1] == "0026"
    for revision in revisions[1:]:
        engine.dispose()
        command.downgrade(config, revision)
        assert rows_of(engine, columns) == before, revision
    for revision in reversed(revisions):
        engine.dispose()
        storage.migrate(bare_url, revision)
        assert rows_of(engine, columns) == before, revision
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), storage.Base.metadata) == []
    engine.dispose()


def a_call_with_an_order(sessions: storage.SessionFactory, clock: MovingClock) -> None:
    """A call of this version that saved an order."""
    with storage.transaction(sessions) as session:
        desk = Desk(session, load_catalog(session), clock())
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        session.add(
            Call(
                call_key="CA1",
                caller="+8613800000012",
                called=MAIN,
                started_at=clock(),
                turn_number=1,
                state={},
                reply={},
                stream_starts=0,
                names_finish_key=True,
            )
        )
        desk.open_draft("CA1", retailer, desk.hotline(MAIN))
        desk.draft("CA1").set_line(next(iter(desk.past_quantities(retailer))), 10)
        desk.draft("CA1").confirm()


def test_tables_of_an_unknown_revision_are_left_as_they_are(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0025'"))
    with pytest.raises(storage.UnknownRevision, match="0025"):
        storage.migrate(engine.url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0025"


def test_a_moment_comes_back_as_the_same_moment(engine: Engine) -> None:
    moment = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
    with storage.transaction(storage.open_sessions(engine)) as session:
        session.add(CatalogVersion(version="1", imported_at=moment, note="", specs=0))
    with storage.transaction(storage.open_sessions(engine)) as session:
        found = session.query(CatalogVersion).one().imported_at
    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(sessions: storage.SessionFactory) -> None:
    with pytest.raises(StatementError, match="no time zone"), storage.transaction(sessions) as session:
        session.add(CatalogVersion(version="1", imported_at=datetime(2026, 11, 23), note="", specs=0))


def test_a_block_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    sessions = storage.open_sessions(engine)

    def fail() -> None:
        with storage.transaction(sessions) as session:
            session.add(CatalogVersion(version="1", imported_at=datetime.now(UTC), note="", specs=0))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with storage.transaction(sessions) as session:
        assert session.query(CatalogVersion).count() == 0


def test_sqlite_keeps_foreign_keys_and_writes_ahead(sqlite_url: str) -> None:
    engine = storage.open_engine(sqlite_url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


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
