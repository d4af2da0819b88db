"""Commands for the database: migrate its tables to the current schema, and fill it with demo data."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from ivr.services import services
from orders.demo import hash_demo_pin, seed_demo
from orders.demo.demo_staff import hash_demo_password, seed_demo_staff
from storage import UnknownRevision, migrate, transaction


@click.command("migrate")
@with_appcontext
def migrate_command() -> None:
    """Migrate the database's tables to the current schema; quick when they already have it."""
    url = services().settings.database_url
    try:
        migrate(url)
    except OperationalError as error:
        raise click.ClickException(explain_unusable(error)) from error
    except UnknownRevision as error:
        raise click.ClickException(explain_unknown_revision(url, error.revision)) from error


@click.command("demo")
@click.pass_context
@with_appcontext
def demo_command(context: click.Context) -> None:
    """Make the demo's database: catalogue, retailers and today's supply, all of it made up."""
    context.invoke(migrate_command)
    hash_demo_pin()
    hash_demo_password()
    try:
        with transaction(services().sessions) as session:
            now = services().now()
            seed_demo(session, now)
            seed_demo_staff(session, now)
    except OperationalError as error:
        raise click.ClickException(explain_unusable(error)) from error


def explain_unusable(error: OperationalError) -> str:
    """The message for a database that cannot be used, with a remedy."""
    reason = str(error.orig).strip()
    if "locked" in reason:
        return f"The database is locked ({reason}): another process is writing to it; stop that one, or try again."
    return (
        f"The database cannot be used ({reason}): see that DATABASE_URL is right and that its server or file is there."
    )


def explain_unknown_revision(url: str, revision: str) -> str:
    """The message for a database whose tables cannot be migrated, with a remedy."""
    database = make_url(url).render_as_string(hide_password=True)
    return (
        f"The database {database} was left as it is: its tables are of revision {revision}, from which this version has"
        " no migration. A version before the first release made it, or a later one. Serve it with the version that made"
        " it, or name a new database in DATABASE_URL and run `flask --app app migrate` again; CHANGELOG.md says what"
        " can be brought over."
    )
