"""Commands for the catalogue."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from brand_catalog.catalog import SpokenName
from brand_catalog.importing import CatalogFileError, NameCheck, examine_catalog_file, import_catalog
from brand_catalog.matching import reading
from clock import system_clock
from speech.model import ModelMissing, load_model, locate_model
from speech.vocabulary import UnsayableError, Vocabulary
from storage import migrate, open_engine, open_sessions, transaction

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import-catalog")
@click.argument("file", type=_FILE)
@click.option("--aliases", type=_FILE, help="How people say the names, CSV or XLSX.")
@click.option("--note", default="", help="Why, kept with the new version.")
@with_appcontext
def import_catalog_command(file: Path, aliases: Path | None, note: str) -> None:
    """Put the catalogue in FILE (CSV or XLSX) in the place of the present one, whole or not at all."""
    try:
        examined = examine_catalog_file(file, aliases, _model_check())
    except CatalogFileError as error:
        raise click.ClickException(str(error)) from error
    for warning in examined.warnings:
        click.echo(f"Warning: {warning}", err=True)
    url = current_app.config["SETTINGS"].database_url
    migrate(url)
    engine = open_engine(url)
    try:
        with transaction(open_sessions(engine)) as session:
            done = import_catalog(session, examined.catalog, system_clock(), note or file.name)
    finally:
        engine.dispose()
    click.echo(
        f"Catalogue {done.version} is in force: {done.added} specs added, {done.changed} changed, "
        f"{done.unchanged} unchanged, {done.retired} retired; {done.spoken_names} spoken names."
    )


def check_with(vocabulary: Vocabulary) -> NameCheck:
    """The check that a spoken name can be written in these words; another name could never be heard."""

    def why_not(name: SpokenName) -> str | None:
        try:
            vocabulary.words(name.text, reading(name))
        except UnsayableError as error:
            return str(error)
        return None

    return why_not


def _model_check() -> NameCheck | None:
    try:
        model = load_model(locate_model(current_app.config["SETTINGS"]))
    except ModelMissing:
        click.echo(
            "Warning: there is no speech model here, so whether the names can be heard was not checked.", err=True
        )
        return None
    return check_with(Vocabulary(lambda word: model.vosk_model_find_word(word) >= 0))
