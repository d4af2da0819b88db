"""Backup and restore of the whole database: SQLite by its online backup, PostgreSQL by pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Engine, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from clock import Clock
from ivr.models import JobRun
from ivr.processes import line_processes
from storage import SessionFactory, UnknownRevision, migrate, read_only, tables_state, transaction

# Pages of SQLite's database copied at a time, and the rest given to writers in between, in seconds.
PAGES_AT_A_TIME = 2_000
REST_S = 0.01
# Only its owner may read a backup.
MODE = 0o600


class BackupError(RuntimeError):
    """A backup cannot be written or restored; the message says why, and what to do."""


def back_up(url: str, sessions: SessionFactory, clock: Clock, file: Path) -> int:
    """Write a backup to `file`, whole or not at all, check it, note it in the log of jobs, and return its size in
    bytes. The line may be served meanwhile. Raises BackupError."""
    begun, unfinished = clock(), file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.touch(MODE)
        if url.startswith("sqlite"):
            _copy_sqlite(_sqlite_file(url), unfinished)
            _check_sqlite(unfinished)
        else:
            _run_postgres("pg_dump", make_url(url), "--format=custom", f"--file={unfinished}")
            _run("pg_restore", "--list", str(unfinished))
        _flush(unfinished)
        unfinished.replace(file)
    except (OSError, sqlite3.Error) as error:
        _note(sessions, begun, clock(), problem=str(error))
        raise BackupError(f"The backup could not be written to {file} ({error}): see that there is room.") from error
    except BackupError as error:
        _note(sessions, begun, clock(), problem=str(error))
        raise
    finally:
        unfinished.unlink(missing_ok=True)
    size = file.stat().st_size
    _note(sessions, begun, clock(), size)
    return size


def restore(url: str, sessions: SessionFactory, now: datetime, file: Path, *, replace: bool) -> None:
    """Restore the database from a backup and migrate it. What is in the database is replaced only if `replace` says so,
    and never while the line is served. Raises BackupError."""
    _refuse_to_harm(sessions, now, replace=replace)
    # Connections of our own would hold on to what is replaced.
    sessions.kw["bind"].dispose()
    try:
        if url.startswith("sqlite"):
            _check_sqlite(file)
            _copy_sqlite(file, _sqlite_file(url))
        else:
            _run("pg_restore", "--list", str(file))
            _restore_postgres(url, sessions.kw["bind"], file)
        migrate(url)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"The backup {file} could not be restored ({error}).") from error
    except UnknownRevision as error:
        sentence = (
            f"The backup was restored, but a later version wrote it (revision {error.revision}): serve with that one."
        )
        raise BackupError(sentence) from error


def _refuse_to_harm(sessions: SessionFactory, now: datetime, *, replace: bool) -> None:
    try:
        with read_only(sessions) as session:
            if not inspect(session.connection()).has_table("alembic_version"):
                return
            if not replace:
                sentence = "There is a database already: restore into a new one (DATABASE_URL), or say --replace."
                raise BackupError(sentence)
            if tables_state(session) != "older" and line_processes(session, now).count:
                raise BackupError("The line is being served with this database: stop it everywhere, then restore.")
    except SQLAlchemyError as error:
        if not replace:
            raise BackupError(f"The database cannot be read ({error}): say --replace to replace it.") from error


def _sqlite_file(url: str) -> Path:
    name = make_url(url).database
    if not name or name == ":memory:":
        raise BackupError("A database in memory cannot be backed up: name a file in DATABASE_URL.")
    return Path(name)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as it is at one moment."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target, timeout=30)) as written:
        read.backup(written, pages=PAGES_AT_A_TIME, sleep=REST_S)


def _check_sqlite(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{file} is no backup of this program's ({error}): name another file.") from error
    if verdict != "ok":
        raise BackupError(f"{file} is damaged ({verdict}): take an earlier backup.")


def _restore_postgres(url: str, engine: Engine, file: Path) -> None:
    """Restore into an empty schema, as a later version may have tables that the backup has not; what was there comes
    back if that fails."""
    with engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA public RENAME TO replaced"))
        connection.execute(text("CREATE SCHEMA public"))
    try:
        _run_postgres("pg_restore", make_url(url), "--no-owner", "--single-transaction", "--exit-on-error", str(file))
    except BackupError:
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("ALTER SCHEMA replaced RENAME TO public"))
        raise
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA replaced CASCADE"))


def _run_postgres(command: str, url: URL, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on this database. The password goes by the environment, where no list of
    processes shows it."""
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    _run(command, "--dbname", address.render_as_string(), *arguments, password=url.password)


def _run(command: str, *arguments: str, password: str | None = None) -> None:
    if shutil.which(command) is None:
        raise BackupError(
            f"{command} is not installed here: install PostgreSQL's client programs, of the server's version."
        )
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    done = subprocess.run([command, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split())[-300:]
        raise BackupError(f"{command} failed: {reason}")


def _flush(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _note(sessions: SessionFactory, begun: datetime, ended: datetime, size: int = 0, problem: str = "") -> None:
    counts = {"bytes": size} if size else {}
    # A backup is not lost because it could not be noted.
    with suppress(SQLAlchemyError), transaction(sessions) as session:
        session.add(JobRun(job="backup", begun_at=begun, ended_at=ended, counts=counts, problem=problem[:500]))
