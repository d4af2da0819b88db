"""A PostgreSQL server for a test run: its own directory, its own port on the loopback, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.support.ports import free_port

# Users to run the server as if the tests run as root, which the server refuses.
UNPRIVILEGED = ("postgres", "nobody")


def find_binaries() -> Path | None:
    """The folder with initdb and postgres, the newest version if there are several, or None."""
    for command in ("initdb", "postgres"):
        if (found := shutil.which(command)) is not None:
            folder = Path(found).resolve().parent
            if (folder / "initdb").exists() and (folder / "postgres").exists():
                return folder
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(versions, key=lambda folder: float(folder.parent.name), default=None)


def no_postgres() -> str:
    return "PostgreSQL is not installed here: put initdb and postgres on the PATH to run this on a real server"


@dataclass
class Postgres:
    """A server for tests: `address` is the URL of a database of it that is there already, in which nothing is changed.

    Databases made here have names that begin with `prefix`, so that several test processes can share a server.
    """

    address: str
    prefix: str = "hotline"

    def url(self, database: str) -> str:
        """The address of that database, as in `DATABASE_URL`."""
        return make_url(self.address).set(database=database).render_as_string(hide_password=False)

    @staticmethod
    def name_in(url: str) -> str:
        """The name of the database an address leads to."""
        return make_url(url).database or ""

    def create(self, name: str, *, template: str = "template0") -> str:
        """Create a database as a copy of the template; its address. What an earlier run left by that name goes."""
        url = self.url(f"{self.prefix}_{name}")
        self.drop(url)
        self.create_at(url, template=template)
        return url

    def create_at(self, url: str, *, template: str) -> None:
        self._administer("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'", self.name_in(url), template)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name_in(url))

    def _administer(self, statement: LiteralString, *names: str) -> None:
        whole = sql.SQL(statement).format(*(sql.Identifier(name) for name in names))
        libpq_url = make_url(self.address).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(libpq_url, autocommit=True) as connection:
            connection.execute(whole)

    @classmethod
    @contextmanager
    def started(cls, binaries: Path, *, durable: bool = False) -> Iterator[Postgres]:
        """A server that is stopped, and removed, when the block ends. Only a durable one waits for the disk."""
        user = _unprivileged_user()
        # In memory where there is any: every test has a database of its own.
        shm = Path("/dev/shm")
        memory = shm if not durable and shm.is_dir() and shutil.disk_usage(shm).free > 2**31 else None
        folder = Path(tempfile.mkdtemp(prefix="hotline-postgres-", dir=memory))
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        port = free_port()
        data = folder / "data"

        def run(*command: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [str(binaries / command[0]), *command[1:]],
                stdout=subprocess.DEVNULL,
                stderr=(folder / "stderr").open("ab"),
                cwd=folder,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )

        try:
            made = run("initdb", "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            if made.wait(timeout=120):
                raise RuntimeError(f"initdb failed: {(folder / 'stderr').read_text()}")
            safe = "on" if durable else "off"
            server = run(
                "postgres", "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1",
                "-c", f"fsync={safe}", "-c", f"full_page_writes={safe}", "-c", "autovacuum=off",
                "-c", "max_connections=60", "-c", "deadlock_timeout=100ms",
            )  # fmt: skip
            try:
                _wait_until_ready(port, server)
                yield cls(f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres")
            finally:
                # A fast shutdown: it does not wait for connections that a failed test left open.
                server.send_signal(signal.SIGINT)
                server.wait(timeout=30)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


def _wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(f"postgresql://tests@127.0.0.1:{port}/postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > give_up:
                raise
            time.sleep(0.05)
