"""`make eval`: measure recognition on a folder of labelled recordings."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal, get_args

import click

from backoffice.command_context import FILE
from backoffice.recognition_commands import catalog_of_file, listen_for
from settings import Settings
from speech.customer_codes import KnownCodes
from speech.decoding import decode, first_grammar
from speech.evaluation.live import play
from speech.evaluation.live_tables import LiveAnswer, LiveCall, live_calls, live_tables
from speech.evaluation.page import write_report
from speech.evaluation.recordings import Evaluated, LabelError, LabelledRecording, read_labels, verdict_on
from speech.evaluation.retailer_lists import Listing, draw_list, names_specs, off_list_tables, on_list_table
from speech.evaluation.tables import Table, recording_tables
from speech.evaluation.yes_no import NOES, YESES, NoisyAnswer, noisy_answers, yes_no_table
from speech.listening import Listen
from speech.model import ModelMissing, load_model, locate_model
from speech.recording_results import RecordingResult, recognise_file, recording_result
from speech.sound.audio import RECOGNISER_RATE, read_audio
from speech.stream_recogniser import StreamRecogniser
from speech.understanding import Understanding, build_understanding

# The retailers of a region, so that a code has to be recognised among as many as there are.
CODES_OF_A_REGION = 15_000
Part = Literal["recordings", "off-list", "on-list", "yes-no", "live"]
Recordings = Sequence[LabelledRecording]
# The tables of a part, and the recordings to be shown on the page.
PartResult = tuple[list[Table], list[Evaluated]]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=_FOLDER, metavar="FOLDER...")
@click.option("--catalog", "catalog_file", type=FILE, required=True, help="The catalogue the labels speak of.")
@click.option("--aliases", type=FILE, help="How people say its names.")
@click.option("--only", type=click.Choice(get_args(Part)), multiple=True, help="A part of the report; all if left out.")
@click.option(
    "--report", type=click.Path(path_type=Path), default=Path("var/recognition.html"), help="The page to write."
)
def evaluate(
    folders: Sequence[Path], catalog_file: Path, aliases: Path | None, only: Sequence[Part], report: Path
) -> None:
    """Recognise the recordings of each FOLDER (labels.jsonl beside them), print rates and write a page."""
    try:
        recordings = [recording for folder in folders for recording in read_labels(folder)]
        model = load_model(locate_model(Settings()))
    except (LabelError, ModelMissing) as error:
        raise click.ClickException(str(error)) from error
    understanding = build_understanding(catalog_of_file(catalog_file, aliases), model)
    found: list[Table] = []
    evaluated: list[Evaluated] = []
    for part in only or get_args(Part):
        tables, shown = _PARTS[part](model, understanding, recordings)
        for table in tables:
            click.echo(f"{table}\n")
        found += tables
        evaluated += shown
    report.parent.mkdir(parents=True, exist_ok=True)
    write_report(report, f"Recognition of {', '.join(folder.name for folder in folders)}", found, evaluated)
    click.echo(f"Every recording is in {report}.")


def recordings_part(model: Any, understanding: Understanding, recordings: Recordings) -> PartResult:
    """Every recording, at a step that may order the whole catalogue."""
    known = _known_codes(recordings)
    evaluated = recognise_all(model, understanding, recordings, lambda one: listen_for(one.step), known)
    return recording_tables(evaluated), evaluated


def off_list_part(model: Any, understanding: Understanding, recordings: Recordings) -> PartResult:
    """The recordings of certain specs again, for a retailer whose list lacks them."""
    evaluated = listed(model, understanding, recordings, "off the list")
    return off_list_tables(evaluated), []


def on_list_part(model: Any, understanding: Understanding, recordings: Recordings) -> PartResult:
    """The recordings of certain specs again, for a retailer whose list holds them."""
    return [on_list_table(listed(model, understanding, recordings, "on the list"))], []


def yes_no_part(model: Any, understanding: Understanding, recordings: Recordings) -> PartResult:
    """Yes and no again, in noisy rooms, as the read-back listens for them."""
    answers = yes_no_answers(model, understanding, recordings)
    return [yes_no_table(said, answers) for said in ("no", "yes")], []


def live_part(model: Any, understanding: Understanding, recordings: Recordings) -> PartResult:
    """Recordings fed frame by frame in rooms that stay noisy before and after them."""
    known = _known_codes(recordings)

    def one(call: LiveCall) -> LiveAnswer:
        listen = listen_for(call.recording.step)
        first_grammar(understanding, listen)
        result = play(StreamRecogniser(model, understanding, known), listen, *call.line())
        if result.utterance is None:
            return LiveAnswer(call, result, None)
        name = str(call.recording.file)
        return LiveAnswer(call, result, recording_result(name, result.utterance, understanding.catalog))

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        return live_tables(list(workers.map(one, live_calls(recordings)))), []


_PARTS: Final[Mapping[Part, Callable[[Any, Understanding, Recordings], PartResult]]] = {
    "recordings": recordings_part,
    "off-list": off_list_part,
    "on-list": on_list_part,
    "yes-no": yes_no_part,
    "live": live_part,
}


def recognise_all(
    model: Any,
    understanding: Understanding,
    recordings: Recordings,
    listen_of: Callable[[LabelledRecording], Listen],
    known: KnownCodes | None = None,
) -> list[Evaluated]:
    """Recognise every recording as a step that listens for `listen_of` it would, on all processors."""

    def one(recording: LabelledRecording) -> Evaluated:
        seconds = len(read_audio(recording.file)) / RECOGNISER_RATE
        listen = listen_of(recording)
        # Building a grammar is no part of recognition.
        first_grammar(understanding, listen)
        began = time.thread_time()
        answer, _ = recognise_file(model, understanding, listen, recording.file, known)
        took = time.thread_time() - began
        return Evaluated(recording, answer, verdict_on(recording.expect, answer, recording.accept), seconds, took)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        return list(workers.map(one, recordings))


def listed(model: Any, understanding: Understanding, recordings: Recordings, listing: Listing) -> list[Evaluated]:
    """Recognise the recordings of certain specs, each for a retailer of its own with a list that is drawn."""

    def listen(recording: LabelledRecording) -> Listen:
        return draw_list(understanding.catalog, recording, listing).listen(recording)

    return recognise_all(model, understanding, [one for one in recordings if names_specs(one)], listen)


def yes_no_answers(
    model: Any, understanding: Understanding, recordings: Recordings, noes: int = NOES, yeses: int = YESES
) -> list[tuple[NoisyAnswer, RecordingResult]]:
    """Recognise so many noes and yeses made of the recordings, each in a noisy room."""
    listen = listen_for("yes_no+items")
    first_grammar(understanding, listen)

    def one(answer: NoisyAnswer) -> tuple[NoisyAnswer, RecordingResult]:
        utterance = decode(model, understanding, listen, answer.pcm16k)
        return answer, recording_result(str(answer.recording.file), utterance, understanding.catalog)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        return list(workers.map(one, noisy_answers(recordings, noes, yeses)))


def _known_codes(recordings: Recordings) -> KnownCodes:
    return KnownCodes(generated_codes(r.expect["digits"] for r in recordings if r.expect["kind"] == "digits"))


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
