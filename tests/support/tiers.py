"""The tiers of the tests: the folder a test is in, what tests there may use, and the guard of the unit tier."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

TESTS = Path(__file__).parents[1]
TIERS = {
    "unit": "functions and classes by themselves: no database, no server, no speech model, no browser",
    "db": "on a database, without sockets and without the speech model",
    "telephone": "server processes, real sockets, the carrier's simulator, the speech model",
    "browser": "pages in Chromium",
    "pbx": "calls of SIP telephones through a real Asterisk",
}
UNIT = "unit"
ELSEWHERE = "move it to tests/db, tests/telephone, tests/browser or tests/pbx"
# The fixtures of conftest.py from which all others that need more than the unit tier has are made.
NOT_FOR_UNIT = frozenset({"sqlite", "postgres", "databases", "fake_app", "account", "browser"})


def tier_of(file: Path) -> str | None:
    """The tier whose folder this file is in, or None."""
    if not file.is_relative_to(TESTS):
        return None
    folder = file.relative_to(TESTS).parts[0]
    return folder if folder in TIERS else None


def database_kinds(item: pytest.Item, asked: str | None) -> list[str]:
    """The databases a test runs on: the one asked for, or both in the db tier and where a test is marked `on_both`."""
    if asked is not None:
        return [asked]
    on_both = item.get_closest_marker("on_both") is not None or tier_of(item.path) == "db"
    return ["sqlite", "postgresql"] if on_both else ["sqlite"]


class Uncategorised(pytest.Module):
    """A test file that is in no tier's folder: its collection fails."""

    def collect(self) -> NoReturn:
        folders = "; ".join(f"tests/{tier} ({content})" for tier, content in TIERS.items())
        raise self.CollectError(f"{self.path} is in no tier: move it to one of {folders}.")


def refuse_fixtures(item: pytest.Item) -> None:
    """Fail a test of the unit tier that asks for a fixture of another one."""
    used = NOT_FOR_UNIT.intersection(getattr(item, "fixturenames", ()))
    if used:
        asked = ", ".join(sorted(used))
        pytest.fail(f"A test in tests/unit must not need the fixture {asked}: {ELSEWHERE}.", pytrace=False)


@contextmanager
def isolated() -> Iterator[None]:
    """Refuse sockets, other processes, databases and the speech model until the block ends."""
    # Imported by the first unit test that runs, not by every collection.
    import sqlalchemy

    import speech.model

    with pytest.MonkeyPatch.context() as patch:
        for name in ("bind", "connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _refuse("open a socket"))
        patch.setattr(socket, "getaddrinfo", _refuse("look up a host"))
        patch.setattr(subprocess, "Popen", _refuse("start a process"))
        patch.setattr(sqlite3, "connect", _refuse("connect to a database"))
        patch.setattr(sqlalchemy.Engine, "raw_connection", _refuse("connect to a database"))
        patch.setattr(speech.model, "_load", _refuse("load the speech model"))
        yield


def _refuse(deed: str) -> Callable[..., NoReturn]:
    def refused(*_: object, **__: object) -> NoReturn:
        # What pytest.fail raises is no Exception, so that the code under test cannot catch it.
        pytest.fail(f"A test in tests/unit must not {deed}: {ELSEWHERE}.", pytrace=False)

    return refused
