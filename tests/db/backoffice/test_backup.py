"""A backup holds the orders, is written while the line is served, and comes back on both databases."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

import storage
from backoffice.backup import back_up, restore
from ivr.models import JobRun
from ivr.processes import LineProcess
from orders.book.models import OrderRow
from orders.models import DepartmentRule
from tests.db.orders.test_day_end import order
from tests.support.commands import run_command
from tests.support.desk_world import CHINA, SHOP, MovingClock, World


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def world(engine: Engine, clock: MovingClock) -> World:
    """A desk with one order, on each database."""
    if engine.dialect.name == "postgresql" and shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not installed here")
    world = World.build(storage.open_sessions(engine), clock)
    order(world, SHOP, {CHINA: 2})
    return world


def orders(world: World) -> list[tuple[str | None, int]]:
    with world.session() as session:
        return [(row.number, row.amount_fen) for row in session.scalars(select(OrderRow).order_by(OrderRow.id))]


def test_what_was_lost_after_a_backup_is_back_after_its_restore(world: World, tmp_path: Path) -> None:
    saved, file = orders(world), tmp_path / "night.backup"
    assert len(saved) == 1
    done = run_command(world, "backup", file)
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with world.session() as session:
        for order in session.scalars(select(OrderRow)):
            order.amount_fen = 0
    assert orders(world) != saved
    refused = run_command(world, "restore", file)
    assert refused.exit_code == 1
    assert "say --replace" in refused.output
    done = run_command(world, "restore", file, "--replace")
    assert done.exit_code == 0, done.output
    assert orders(world) == saved


def test_a_backup_is_in_the_log_of_jobs_and_its_restore_knows_of_none(world: World, tmp_path: Path) -> None:
    run_command(world, "backup", tmp_path / "night.backup")
    with world.session() as session:
        (done,) = session.scalars(select(JobRun)).all()
        assert (done.job, done.problem) == ("backup", "")
        assert done.counts["bytes"] == (tmp_path / "night.backup").stat().st_size
    run_command(world, "restore", tmp_path / "night.backup", "--replace")
    with world.session() as session:
        assert session.scalar(select(func.count()).select_from(JobRun)) == 0


def test_nothing_is_restored_under_a_line_that_is_served(world: World, clock: MovingClock, tmp_path: Path) -> None:
    run_command(world, "backup", tmp_path / "night.backup")
    LineProcess(world.sessions, clock, lambda: 0, 64).record_heartbeat()
    done = run_command(world, "restore", tmp_path / "night.backup", "--replace")
    assert done.exit_code == 1
    assert "stop it everywhere" in done.output


def test_what_is_no_backup_is_refused_and_changes_nothing(world: World, tmp_path: Path) -> None:
    saved, file = orders(world), tmp_path / "not a backup"
    file.write_bytes(b"not a backup" * 100)
    done = run_command(world, "restore", file, "--replace")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert orders(world) == saved


def test_a_backup_that_cannot_be_written_says_so_and_leaves_the_last_one(world: World, tmp_path: Path) -> None:
    file = tmp_path / "no folder" / "night.backup"
    done = run_command(world, "backup", file)
    assert done.exit_code == 1
    assert "could not be written" in done.output or "failed" in done.output
    with world.session() as session:
        assert session.scalars(select(JobRun.problem)).one()
    assert list(tmp_path.glob("*.unfinished")) == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_backup_of_an_earlier_version_replaces_a_later_one_and_is_migrated(
    database: str, tmp_path: Path, clock: MovingClock, request: pytest.FixtureRequest
) -> None:
    if database == "postgresql":
        server = request.getfixturevalue("postgres")
        url, old_url = server.new_database(), server.without_tables()
    else:
        url, old_url = f"sqlite:///{tmp_path}/new.db", f"sqlite:///{tmp_path}/old.db"
        storage.migrate(url)
    storage.migrate(old_url, "0031")
    old = storage.open_sessions(storage.open_engine(old_url))
    with storage.transaction(old) as session:
        session.add(DepartmentRule(name="recording_days", value=7))
    # Noting the run in the log of jobs, which that version has not, is left out.
    back_up(old_url, old, clock, tmp_path / "old.backup")
    sessions = storage.open_sessions(storage.open_engine(url))
    restore(url, sessions, clock(), tmp_path / "old.backup", replace=True)
    with storage.read_only(sessions) as session:
        assert storage.tables_state(session) == "current"
        assert session.scalars(select(DepartmentRule.value)).one() == 7
    for each in (old, sessions):
        each.kw["bind"].dispose()
