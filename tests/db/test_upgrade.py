"""An upgrade without downtime: a migration only adds to what the version before it uses, which serves on meanwhile."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

import storage
from app import create_app
from orders.book.models import OrderRow
from settings import Settings
from tests.support.carrier_client import Telephone
from tests.support.desk_world import SHOP, MovingClock, World

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
# The release from which on the version before works on the next one's tables.
EXPANDS_FROM = "0033"
# What takes something away that a version still in use may need.
CONTRACTS = {"drop_column", "drop_table", "rename_table", "alter_column", "drop_constraint"}


def upgrade_of(file: Path) -> ast.FunctionDef:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")


def contracting(upgrade: ast.FunctionDef) -> list[str]:
    """What this migration takes away, or asks of rows that the version before does not know about."""
    found = []
    for call in ast.walk(upgrade):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if call.func.attr in CONTRACTS:
            found.append(call.func.attr)
        if call.func.attr == "add_column":
            (column,) = [one for one in ast.walk(call) if isinstance(one, ast.Call) and _name(one) == "Column"][:1]
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
            if options.get("nullable", "True") == "False" and "server_default" not in options:
                found.append(f"a new column that must be filled: {ast.unparse(column.args[0])}")
    return found


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def migrations() -> list[Path]:
    return [file for file in sorted(VERSIONS.glob("[0-9]*.py")) if file.name[:4] >= EXPANDS_FROM]


@pytest.mark.parametrize("file", migrations(), ids=lambda file: file.name[:4])
def test_a_migration_takes_nothing_away_from_the_version_before(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = contracting(upgrade_of(file))
    # One that only makes columns longer says so.
    if "Widens columns." in text:
        found = [one for one in found if one != "alter_column"]
    # A contraction says so, with the release since which nothing uses what it takes away.
    assert found == [] or "Contracts: unused since" in text


def test_this_test_would_find_one_that_does() -> None:
    taking = (
        "def upgrade():\n  op.drop_column('calls', 'caller')\n  op.add_column('calls', sa.Column('x', nullable=False))"
    )
    (upgrade,) = ast.parse(taking).body
    assert isinstance(upgrade, ast.FunctionDef)
    assert contracting(upgrade) == ["drop_column", "a new column that must be filled: 'x'"]


def test_a_call_is_served_on_the_tables_of_a_later_version(engine: Engine, clock: MovingClock) -> None:
    """As while machines are upgraded one after the other: a later version has added a table and two columns."""
    world = World.build(storage.open_sessions(engine), clock)
    with world.session() as session:
        for statement in (
            "CREATE TABLE of_the_next_version (id INTEGER PRIMARY KEY)",
            "ALTER TABLE calls ADD COLUMN of_the_next_version VARCHAR(10)",
            "ALTER TABLE orders ADD COLUMN of_the_next_version INTEGER NOT NULL DEFAULT 0",
            "UPDATE alembic_version SET version_num = '9999'",
        ):
            session.connection().exec_driver_sql(statement)
    url = engine.url.render_as_string(hide_password=False)
    app: Flask = create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=clock)
    assert app.test_client().get("/readyz").status_code == 200
    phone = Telephone(app.test_client(), token="demo-auth-token", base="http://127.0.0.1:8000")
    number = "+8613900000077"
    answer = phone.request("/voice/incoming", From=number, CallStatus="ringing")
    for keys in (SHOP, "2468", "101*2", "#", "1"):
        pressed = {"Digits": "", "FinishedOnKey": "#"} if keys == "#" else {"Digits": keys, "FinishedOnKey": ""}
        answer = phone.request(answer.action, From=number, **pressed)
    assert answer.verbs[-1] == "Hangup"
    with world.session() as session:
        assert [row.state for row in session.query(OrderRow)] == ["confirmed"]
