"""Commands for supply and limits: allocate a day, import and export limits."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.command_context import (
    BY,
    FILE,
    NEW_FILE,
    REASON,
    day_option,
    reading,
    refusals_in_words,
    unit_of_work,
    write_file,
)
from brand_catalog.loading import load_catalog
from ivr.services import services
from orders.book.substitutes import import_substitutes
from orders.department_rules import set_rule
from orders.staff.accounts import acting_staff
from orders.supply import allocate, limits
from orders.supply.limits import FigureChange, LimitsResult


@click.command("allocate")
@click.argument("file", type=FILE)
@day_option("The business day the supply is for.")
@BY
@REASON
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@with_appcontext
def allocate_command(file: Path, day: datetime, by: str, why: str, dry_run: bool) -> None:
    """Set the supply in FILE (name, cartons, basis, most, introduce) and split it over the retailers due that day."""
    with reading() as (session, now):
        who = acting_staff(session, by, "edit_supply").name
        supplies = allocate.read_supply(file, load_catalog(session))
        done = allocate.preview_split(session, supplies, day.date(), now) if dry_run else None
    if done is None:
        own = services().sessions
        with refusals_in_words():
            done = allocate.import_supply(own, supplies, day.date(), now, by=who, why=why, source=file.name)
    _say(done, dry_run)


@click.command("import-limits")
@click.argument("file", type=FILE)
@day_option("The business day whose cycle the limits are for.")
@BY
@REASON
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@with_appcontext
def import_limits_command(file: Path, day: datetime, by: str, why: str, dry_run: bool) -> None:
    """Set the limits in FILE (customer_code, name, cartons); the others stay."""
    with reading() as (session, now):
        who = acting_staff(session, by, "edit_supply").name
    own = services().sessions
    with refusals_in_words():
        if dry_run:
            done = limits.preview_file(own, file, load_catalog, day.date(), now)
        else:
            done = limits.import_limits(own, file, load_catalog, day.date(), now, who, why)
    _say(done, dry_run)
    if not dry_run:
        with reading() as (session, _):
            for words in allocate.out_of_balance(session, load_catalog(session), day.date()):
                click.echo(f"Note: {words}")


@click.command("export-limits")
@click.argument("file", type=NEW_FILE)
@day_option("The business day whose limits are wanted.")
@with_appcontext
def export_limits_command(file: Path, day: datetime) -> None:
    """Write the limits in force on a day to FILE (CSV or XLSX), in the columns that are imported."""
    with reading() as (session, _):
        write_file(file, limits.EXPORTED_COLUMNS, limits.export_rows(session, day.date()))


@click.command("export-supply")
@click.argument("file", type=NEW_FILE)
@day_option("The business day whose supply is wanted.")
@with_appcontext
def export_supply_command(file: Path, day: datetime) -> None:
    """Write a day's supply and how it was split to FILE (CSV or XLSX), in the columns that are imported."""
    with reading() as (session, _):
        write_file(file, allocate.COLUMNS, allocate.export_supply(session, load_catalog(session), day.date()))


@click.command("import-substitutes")
@click.argument("file", type=FILE)
@BY
@REASON
@with_appcontext
def import_substitutes_command(file: Path, by: str, why: str) -> None:
    """Replace the table of substitutes, offered for specs out of stock, with FILE (name, instead)."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "edit_supply").name
        table = import_substitutes(session, file, load_catalog(session), by=who, why=why, now=now)
    click.echo(f"Substitutes: {sum(map(len, table.values()))} for {len(table)} specs.")


def _say(done: LimitsResult, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for one in done.supply:
        click.echo(f"Supply of {one.name}: {_cartons(one)}")
    if dry_run:
        for one in done.differences:
            click.echo(f"Limit of {one.name}: {_cartons(one)}")
        if (more := done.added + done.changed - len(done.differences)) > 0:
            click.echo(f"... and {more} limits more")
    click.echo(f"Limits: {done.added} {would}added, {done.changed} {would}changed, {done.unchanged} unchanged.")


def _cartons(one: FigureChange) -> str:
    return f"{'none' if one.before is None else one.before} -> {one.after} cartons"


@click.command("department-rule")
@click.argument("name")
@click.argument("value", type=int, required=False)
@BY
@REASON
@with_appcontext
def department_rule_command(name: str, value: int | None, by: str, why: str) -> None:
    """Set the department's rule NAME to VALUE; without a value, go back to the program's own."""
    with unit_of_work() as (session, now):
        set_rule(session, name, value, by=acting_staff(session, by, "set_rules").name, why=why, now=now)
    click.echo(f"{name} is the program's own." if value is None else f"{name} is {value}.")
