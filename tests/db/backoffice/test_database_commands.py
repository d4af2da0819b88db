"""The commands for the database."""

from __future__ import annotations

from sqlalchemy import text

import storage
from app import create_app
from backoffice.database_commands import explain_unknown_revision
from settings import Settings


def migrate(url: str) -> tuple[int, str]:
    app = create_app(Settings(database_url=url, demo=True))
    done = app.test_cli_runner().invoke(args=["migrate"])
    return done.exit_code, done.output


def test_tables_of_the_newest_revision_are_left_alone(database_url: str) -> None:
    assert migrate(database_url) == (0, "")


def test_a_database_from_before_the_first_release_is_refused_with_what_to_do(database_url: str) -> None:
    engine = storage.open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0025'"))
    engine.dispose()
    code, said = migrate(database_url)
    assert code == 1
    for part in (
        database_url,
        "left as it is",
        "revision 0025",
        "DATABASE_URL",
        "flask --app app migrate",
        "CHANGELOG.md",
    ):
        assert part in said
    assert "Traceback" not in said


def test_the_password_of_a_database_is_not_shown() -> None:
    assert "geheim" not in explain_unknown_revision("postgresql+psycopg://hotline:geheim@db/hotline", "0025")
