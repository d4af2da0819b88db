"""The databases of a test run, copies of prepared ones: SQLite files, or databases of a PostgreSQL server."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import storage
from storage import SessionFactory
from tests.support.postgres import Postgres

Fill = Callable[[SessionFactory], object]


class Databases(Protocol):
    """Databases of one kind; an address is a URL as in `DATABASE_URL`."""

    def prepared(self, name: str, fill: Fill | None = None) -> str:
        """The address of a database to be copied, with all tables and what `fill` put in; made once for each name."""

    def copy(self, prepared: str) -> str:
        """The address of a new database with the contents of that one, to which nobody may be connected."""

    def without_tables(self) -> str:
        """The address of a new database with nothing in it."""

    def restore(self, url: str, prepared: str) -> None:
        """Reset a database to the contents of that one, while it is being served."""

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""


@contextmanager
def passing_copy(databases: Databases, prepared: str) -> Iterator[str]:
    """The address of a copy that is removed when the block ends."""
    url = databases.copy(prepared)
    try:
        yield url
    finally:
        databases.drop(url)


class SqliteDatabases:
    """Databases in files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared: dict[str, str] = {}
        self._numbers = count(1)

    def prepared(self, name: str, fill: Fill | None = None) -> str:
        if name not in self._prepared:
            url = self._url(self._folder / f"prepared_{name}.db")
            storage.migrate(url)
            _fill(url, fill)
            self._prepared[name] = url
        return self._prepared[name]

    def without_tables(self) -> str:
        path = self._folder / str(next(self._numbers)) / "hotline.db"
        path.parent.mkdir()
        return self._url(path)

    def copy(self, prepared: str) -> str:
        url = self.without_tables()
        shutil.copyfile(_path(prepared), _path(url))
        return url

    def restore(self, url: str, prepared: str) -> None:
        with (
            closing(sqlite3.connect(_path(prepared))) as source,
            closing(sqlite3.connect(_path(url), timeout=30)) as own,
        ):
            source.backup(own)

    def drop(self, url: str) -> None:
        shutil.rmtree(_path(url).parent, ignore_errors=True)

    @staticmethod
    def _url(path: Path) -> str:
        return f"sqlite:///{path}"


class PostgresDatabases:
    """Databases of one server."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._prepared: dict[str, str] = {}
        self._numbers = count(1)

    def prepared(self, name: str, fill: Fill | None = None) -> str:
        if name not in self._prepared:
            if name == EMPTY:
                url = self._server.create(f"prepared_{name}")
                storage.migrate(url)
            else:
                url = self._server.create(f"prepared_{name}", template=self._server.name_in(self.prepared(EMPTY)))
            _fill(url, fill)
            self._prepared[name] = url
        return self._prepared[name]

    def new_database(self) -> str:
        """The address of a new database with all tables, empty."""
        return self.copy(self.prepared(EMPTY))

    def without_tables(self) -> str:
        return self._server.create(str(next(self._numbers)))

    def copy(self, prepared: str) -> str:
        return self._server.create(str(next(self._numbers)), template=self._server.name_in(prepared))

    def restore(self, url: str, prepared: str) -> None:
        self._server.drop(url)
        self._server.create_at(url, template=self._server.name_in(prepared))

    def drop(self, url: str) -> None:
        self._server.drop(url)


# The name of the prepared database with nothing in its tables.
EMPTY = "empty"


def _fill(url: str, fill: Fill | None) -> None:
    if fill is None:
        return
    engine = storage.open_engine(url)
    fill(storage.open_sessions(engine))
    engine.dispose()


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
