"""`flask hear`: recognise recordings as the line would. `flask export-labelled`: write out labelled turns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import click
from flask import current_app
from flask.cli import with_appcontext

from brand_catalog.catalog import Catalog
from brand_catalog.importing import CatalogFileError, read_catalog_file
from brand_catalog.loading import load_catalog
from ivr import turn_labels
from orders.book.desk import Desk
from orders.retailers.lookup import customer_codes
from settings import Settings
from speech.audio import AudioFileError
from speech.customer_codes import KnownCodes
from speech.decoding import Decision
from speech.explaining import explain
from speech.listening import Digits, Items, Listen, YesNo
from speech.model import ModelMissing, load_model, locate_model
from speech.recording_results import RecordingResult, recognise_file, unreadable
from speech.understanding import Understanding, build_understanding
from storage import migrate, open_engine, open_sessions, read_only, transaction

Expected = Literal["items", "digits", "yes_no"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CUSTOMER_CODE_DIGITS = 12


@click.command("hear")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option("--retailer", metavar="CODE", help="Listen for what this retailer may order today.")
@click.option("--catalog", "catalog_file", type=_FILE, help="Listen for the specs in this file, without the database.")
@click.option("--aliases", type=_FILE, help="How people say the names; an aliases.csv beside the catalogue is found.")
@click.option("--expect", type=click.Choice(["items", "digits", "yes_no"]), default="items", help="Which step listens.")
@click.option("--explain", "explained", is_flag=True, help="Show the arithmetic on stderr.")
@with_appcontext
def hear_command(
    files: Sequence[Path],
    retailer: str | None,
    catalog_file: Path | None,
    aliases: Path | None,
    expect: Expected,
    explained: bool,
) -> None:
    """Print what the line would understand from each FILE (.ulaw or .wav), one JSON line a file."""
    if retailer and catalog_file:
        raise click.UsageError("A retailer is in the database, a catalogue file does without one: give either.")
    settings: Settings = current_app.config["SETTINGS"]
    if catalog_file is not None:
        catalog, listen, known = catalog_of_file(catalog_file, aliases), listen_for(expect), None
    else:
        catalog, listen, known = _of_database(settings, retailer, expect)
    try:
        model = load_model(locate_model(settings))
    except ModelMissing as missing:
        raise click.ClickException(str(missing)) from missing
    understanding = build_understanding(catalog, model)
    for heard, decision in recognise_files(model, understanding, listen, files, known):
        click.echo(json.dumps(heard, ensure_ascii=False))
        if explained and decision is not None:
            click.echo(explain(decision, catalog), err=True)


def recognise_files(
    model: Any, understanding: Understanding, listen: Listen, files: Sequence[Path], known: KnownCodes | None
) -> Iterator[tuple[RecordingResult, Decision | None]]:
    """Recognise files in their order, as many at once as there are processors; an unreadable one gives the reason."""

    def one(file: Path) -> tuple[RecordingResult, Decision | None]:
        try:
            return recognise_file(model, understanding, listen, file, known)
        except AudioFileError as error:
            return unreadable(str(file), str(error)), None

    understanding.grammar(listen)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        yield from workers.map(one, files)


def catalog_of_file(file: Path, aliases: Path | None = None) -> Catalog:
    """The catalogue in a file, with the aliases in an `aliases.csv` beside it where none are named."""
    beside = file.with_name("aliases.csv")
    if aliases is None and beside.is_file():
        click.echo(f"Using the aliases in {beside}.", err=True)
        aliases = beside
    try:
        return read_catalog_file(file, aliases)
    except CatalogFileError as error:
        raise click.ClickException(str(error)) from error


def listen_for(expect: Expected, barcodes: tuple[str, ...] = (), usual: tuple[str, ...] = ()) -> Listen:
    """The answers listened for, by the kind of step that listens."""
    if expect == "digits":
        return Digits(CUSTOMER_CODE_DIGITS)
    return YesNo() if expect == "yes_no" else Items(barcodes, usual)


def _of_database(settings: Settings, code: str | None, expect: Expected) -> tuple[Catalog, Listen, KnownCodes | None]:
    """The catalogue, the answers listened for, and the known customer codes; None for these before any retailers."""
    migrate(settings.database_url)
    engine = open_engine(settings.database_url)
    try:
        with transaction(open_sessions(engine)) as session:
            catalog = load_catalog(session)
            if not catalog.specs:
                raise click.ClickException(
                    f"There is no catalogue in {settings.database_url}; import one with `flask import-catalog`, "
                    "or name a file with --catalog."
                )
            codes = customer_codes(session)
            known = KnownCodes(codes) if codes else None
            if code is None:
                return catalog, listen_for(expect), known
            desk = Desk(session, catalog, current_app.extensions["clock"]())
            retailer = desk.retailer(code)
            if retailer is None:
                raise click.ClickException(f"No retailer has the customer code {code}.")
            hotline = desk.hotline("")
            barcodes = tuple(offer.spec.barcode for offer in desk.available_specs(retailer, hotline))
            return catalog, listen_for(expect, barcodes, tuple(desk.usual_barcodes(retailer))), known
    finally:
        engine.dispose()


@click.command("export-labelled")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@with_appcontext
def export_labelled_command(folder: Path) -> None:
    """Write the turns that were labelled on the call pages into FOLDER, as `make eval` reads them."""
    if folder.is_dir() and any(folder.iterdir()):
        raise click.ClickException(f"There is something in {folder} already: name a new or an empty folder.")
    with read_only(current_app.extensions["sessions"]) as session:
        count = turn_labels.export_test_cases(session, folder)
    click.echo(f"{count} recordings with their labels are in {folder}.")
