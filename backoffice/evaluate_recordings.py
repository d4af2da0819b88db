"""`make eval`: measure recognition on a folder of labelled recordings."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from backoffice.command_context import FILE
from backoffice.recognition_commands import catalog_of_file, listen_for
from settings import Settings
from speech.audio import RECOGNISER_RATE, read_audio
from speech.customer_codes import KnownCodes
from speech.evaluation import Evaluated, LabelError, LabelledRecording, confusions, read_labels, summary, verdict_on
from speech.evaluation_page import write_report
from speech.model import ModelMissing, load_model, locate_model
from speech.recording_results import recognise_file
from speech.understanding import build_understanding

# The retailers of a region, so that a code has to be recognised among as many as there are.
CODES_OF_A_REGION = 15_000
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--catalog", "catalog_file", type=FILE, required=True, help="The catalogue the labels speak of.")
@click.option("--aliases", type=FILE, help="How people say its names.")
@click.option(
    "--report", type=click.Path(path_type=Path), default=Path("var/recognition.html"), help="The page to write."
)
def evaluate(folder: Path, catalog_file: Path, aliases: Path | None, report: Path) -> None:
    """Recognise every recording of FOLDER (labels.jsonl beside them), print the rates, and write a page of them."""
    try:
        utterances = read_labels(folder)
        model = load_model(locate_model(Settings()))
    except (LabelError, ModelMissing) as error:
        raise click.ClickException(str(error)) from error
    understanding = build_understanding(catalog_of_file(catalog_file, aliases), model)
    items, digits = listen_for("items"), listen_for("digits")
    understanding.grammar(items)
    known = KnownCodes(generated_codes(u.expect["digits"] for u in utterances if u.expect["kind"] == "digits"))

    def one(utterance: LabelledRecording) -> Evaluated:
        seconds = len(read_audio(utterance.file)) / RECOGNISER_RATE
        listen = digits if utterance.expect["kind"] == "digits" else items
        began = time.perf_counter()
        answer, _ = recognise_file(model, understanding, listen, utterance.file, known)
        return Evaluated(utterance, answer, verdict_on(utterance.expect, answer), seconds, time.perf_counter() - began)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        evaluated = list(workers.map(one, utterances))
    for name, value in summary(evaluated):
        click.echo(f"{name:48}{value}")
    for wanted, got, count in confusions(evaluated):
        click.echo(f"  {count} x  {wanted}  ->  {got}")
    report.parent.mkdir(parents=True, exist_ok=True)
    write_report(report, f"Recognition of {folder.name}", evaluated)
    click.echo(f"Every utterance is in {report}.")


def generated_codes(labelled: Iterable[str]) -> list[str]:
    """A region's worth of customer codes with the labelled ones among them, the rest generated after their pattern."""
    real = sorted(set(labelled))
    if not real:
        return []
    rng = random.Random(CODES_OF_A_REGION)
    codes = set(real)
    while len(codes) < CODES_OF_A_REGION:
        codes.add(f"{rng.choice(real)[:6]}{rng.choice('0001')}{rng.randrange(100_000):05}")
    return sorted(codes)


if __name__ == "__main__":
    evaluate()
