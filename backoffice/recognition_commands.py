"""`flask hear`: recognise recordings as the line would. `flask export-labelled`: write out labelled turns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import click
from flask.cli import with_appcontext

from backoffice.command_context import FILE, FOLDER
from brand_catalog.catalog import Catalog
from brand_catalog.importing import CatalogFileError, read_catalog_file
from ivr.figures import turn_labels
from ivr.services import services
from orders.retailers.lookup import customer_codes
from speech.customer_codes import KnownCodes
from speech.decoding import Decision
from speech.explaining import explain
from speech.listening import CUSTOMER_CODE_DIGITS, Digits, Items, Listen, YesNo
from speech.model import ModelMissing, load_model, locate_model
from speech.recording_results import RecordingResult, recognise_file, unreadable
from speech.sound.audio import AudioFileError
from speech.understanding import Understanding, build_understanding
from storage import migrate, read_only, transaction

Expected = Literal["items", "digits", "yes_no", "yes_no+items"]


@click.command("hear")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--retailer", metavar="CODE", help="Listen for what this retailer may order today.")
@click.option("--catalog", "catalog_file", type=FILE, help="Listen for the specs in this file, without the database.")
@click.option("--aliases", type=FILE, help="How people say the names; an aliases.csv beside the catalogue is found.")
@click.option("--expect", type=click.Choice(get_args(Expected)), default="items", help="Which step listens.")
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
    if catalog_file is not None:
        catalog, listen, known = catalog_of_file(catalog_file, aliases), listen_for(expect), None
    else:
        catalog, listen, known = _of_database(retailer, expect)
    try:
        model = load_model(locate_model(services().settings))
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
    if expect == "items":
        return Items(barcodes, usual)
    return YesNo(expect == "yes_no+items", barcodes, usual)


def _of_database(code: str | None, expect: Expected) -> tuple[Catalog, Listen, KnownCodes | None]:
    """The catalogue, the answers listened for, and the known customer codes; None for these before any retailers."""
    url = services().settings.database_url
    migrate(url)
    with transaction(services().sessions) as session:
        desk = services().open_desk(session)
        if not desk.catalog.specs:
            raise click.ClickException(
                f"There is no catalogue in {url}; import one with `flask import-catalog`, "
                "or name a file with --catalog."
            )
        codes = customer_codes(session)
        known = KnownCodes(codes) if codes else None
        if code is None:
            return desk.catalog, listen_for(expect), known
        retailer = desk.retailer(code)
        if retailer is None:
            raise click.ClickException(f"No retailer has the customer code {code}.")
        barcodes = tuple(available.spec.barcode for available in desk.available_specs(retailer))
        return desk.catalog, listen_for(expect, barcodes, tuple(desk.past_quantities(retailer))), known


@click.command("export-labelled")
@click.argument("folder", type=FOLDER)
@with_appcontext
def export_labelled_command(folder: Path) -> None:
    """Write the turns that were labelled on the call pages into FOLDER, as `make eval` reads them."""
    if folder.is_dir() and any(folder.iterdir()):
        raise click.ClickException(f"There is something in {folder} already: name a new or an empty folder.")
    with read_only(services().sessions) as session:
        count = turn_labels.export_test_cases(session, folder)
    click.echo(f"{count} recordings with their labels are in {folder}.")
