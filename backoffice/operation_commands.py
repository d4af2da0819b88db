"""Commands for whoever runs the line: the check before opening, backup and restore, retention."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.backup import BackupError, back_up, restore
from backoffice.command_context import FILE, NEW_FILE
from backoffice.preflight import preflight
from ivr.recordings import retention
from ivr.services import services

MARKS = {"ok": "ok     ", "warning": "warning", "wrong": "WRONG  "}


@click.command("preflight")
@with_appcontext
def preflight_command() -> None:
    """Check all that has to be right before the line opens: settings, secrets, database, clock, disk, speech model,
    voice, carrier, numbers, data. Ends with 1 if anything is wrong."""
    wrong = 0
    for finding in preflight(services()):
        click.echo(f"{MARKS[finding.verdict]}  {finding.point:<9}  {finding.sentence}")
        wrong += finding.verdict == "wrong"
    if wrong:
        click.echo(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong: do not open the line yet.", err=True)
        sys.exit(1)
    click.echo("The line may open.")


@click.command("backup")
@click.argument("file", type=NEW_FILE)
@with_appcontext
def backup_command(file: Path) -> None:
    """Write a backup of the whole database to FILE, while the line is served."""
    try:
        size = back_up(services().settings.database_url, services().sessions, services().clock, file)
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"The backup is in {file} ({size // 1000} kB). It holds personal data: keep it where nobody else reads it."
    )


@click.command("restore")
@click.argument("file", type=FILE)
@click.option("--replace", is_flag=True, help="Replace what is in the database now.")
@with_appcontext
def restore_command(file: Path, replace: bool) -> None:
    """Restore the database from the backup in FILE and migrate its tables to this version, with the line stopped."""
    try:
        restore(services().settings.database_url, services().sessions, services().now(), file, replace=replace)
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The database is as it was when {file} was written. Run `flask preflight` before you open the line.")


@click.command("retention")
@with_appcontext
def retention_command() -> None:
    """Delete what was kept as long as the department's rules say: recordings, what callers said, numbers, and the
    accounts of staff who left. The dialler does it every day; its runs are kept in the table job_runs."""
    counts = retention.run(services().sessions, services().clock)
    for what, count in counts.items():
        click.echo(f"{what}: {count}")


OPERATION_COMMANDS = (preflight_command, backup_command, restore_command, retention_command)
