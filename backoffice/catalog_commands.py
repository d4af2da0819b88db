"""Commands for the catalogue."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.command_context import FILE
from brand_catalog.importing import CatalogFileError, NameCheck, examine_catalog_file
from brand_catalog.name_overrides import replace_catalog
from ivr.services import services
from orders.staff.accounts import StaffError, acting_staff
from speech.grammars.vocabulary import vocabulary_of
from speech.model import ModelMissing, load_model, locate_model
from storage import migrate, transaction


@click.command("import-catalog")
@click.argument("file", type=FILE)
@click.option("--aliases", type=FILE, help="How people say the names, CSV or XLSX.")
@click.option("--note", default="", help="Why, kept with the new version.")
@click.option("--by", default="", metavar="LOGIN", help="Who imports it, once there are accounts.")
@with_appcontext
def import_catalog_command(file: Path, aliases: Path | None, note: str, by: str) -> None:
    """Replace the catalogue with the one in FILE (CSV or XLSX), whole or not at all. Spoken names added or removed by
    hand stay as they are."""
    try:
        examined = examine_catalog_file(file, aliases, _model_check())
    except CatalogFileError as error:
        raise click.ClickException(str(error)) from error
    for warning in examined.warnings:
        click.echo(f"Warning: {warning}", err=True)
    migrate(services().settings.database_url)
    try:
        with transaction(services().sessions) as session:
            who = acting_staff(session, by, "edit_catalog").name if by else ""
            done = replace_catalog(session, examined.catalog, services().now(), note or file.name, who)
    except StaffError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"Catalogue {done.version} is in force: {done.added} specs added, {done.changed} changed, "
        f"{done.unchanged} unchanged, {done.retired} retired; {done.spoken_names} spoken names."
    )


def _model_check() -> NameCheck | None:
    try:
        model = load_model(locate_model(services().settings))
    except ModelMissing:
        click.echo(
            "Warning: there is no speech model here, so whether the names can be heard was not checked.", err=True
        )
        return None
    return vocabulary_of(model).unsayable_reason
