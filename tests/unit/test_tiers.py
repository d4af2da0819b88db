"""The unit tier is cut off from everything outside its process, and every test file has a tier."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from sqlalchemy import create_engine

from speech.model import load_model
from tests.support.tiers import NOT_FOR_UNIT, TESTS, Uncategorised, refuse_fixtures, tier_of

refused = pytest.fail.Exception


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (lambda: socket.create_server(("127.0.0.1", 0)), "open a socket"),
        (lambda: socket.create_connection(("127.0.0.1", 9)), "look up a host"),
        (lambda: requests.get("http://127.0.0.1:9", timeout=1), "look up a host"),
        (lambda: subprocess.run([sys.executable, "-c", ""], check=False), "start a process"),
        (lambda: sqlite3.connect(":memory:"), "connect to a database"),
        (lambda: create_engine("sqlite://").connect(), "connect to a database"),
        (lambda: load_model(Path("no model")), "load the speech model"),
    ],
)
def test_a_unit_test_reaches_nothing_outside_its_process(deed: Callable[[], object], said: str) -> None:
    elsewhere = "move it to tests/db, tests/telephone, tests/browser or tests/pbx"
    with pytest.raises(refused, match=f"must not {said}: {elsewhere}"):
        deed()


@pytest.mark.parametrize("fixture", sorted(NOT_FOR_UNIT))
def test_a_unit_test_gets_no_fixture_of_another_tier(fixture: str) -> None:
    with pytest.raises(refused, match=f"must not need the fixture {fixture}: move it"):
        refuse_fixtures(SimpleNamespace(fixturenames=["tmp_path", fixture]))  # type: ignore[arg-type]


def test_the_tier_is_the_folder_and_a_file_in_none_is_not_collected(request: pytest.FixtureRequest) -> None:
    assert tier_of(TESTS / "telephone" / "speech" / "test_recogniser.py") == "telephone"
    stray = TESTS / "test_stray.py"
    assert tier_of(stray) is tier_of(TESTS / "support" / "test_stray.py") is None
    with pytest.raises(pytest.Collector.CollectError, match=r"test_stray\.py is in no tier: move it to"):
        Uncategorised.from_parent(request.session, path=stray).collect()
