"""`flask hear`: the line's understanding of recordings, with the real model."""

from __future__ import annotations

import json
import wave
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import backoffice.recognition_commands as hearing_commands
from app import create_app
from settings import Settings
from speech.model import load_model
from speech.sound.audio import LINE_RATE, read_audio
from tests.support.recorded_callers import AUDIO, DEMO, speech_model

# Synthetic voices over a telephone band with noise, labelled as docs/hearing.md says.
HEARD = AUDIO / "heard"
LABELS = [json.loads(line) for line in (HEARD / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
CODES = [label for label in LABELS if label["expect"]["kind"] == "digits"]
OTHERS = [label for label in LABELS if label not in CODES]
AMBIGUOUS = AUDIO / "item_hongqiqu_ambiguous_a.ulaw"
SHAPE = ["file", "text", "kind", "items", "digits", "name", "incomplete", "score"]

pytestmark = [pytest.mark.speech, pytest.mark.timeout(600)]


def hear(*args: object, settings: Settings | None = None) -> Result:
    return create_app(settings).test_cli_runner().invoke(hearing_commands.hear_command, [str(arg) for arg in args])


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def labelled_fields(answer: dict[str, Any]) -> dict[str, Any]:
    """The part of an answer that a label holds."""
    return {key: answer[key] for key in ("kind", "items", "digits", "name") if answer[key]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of other kinds: the first recording as a WAV, and an invalid WAV."""
    path = tmp_path_factory.mktemp("recordings")
    with wave.open(str(path / "first.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(LINE_RATE)
        out.writeframes(read_audio(HEARD / OTHERS[0]["file"], LINE_RATE).tobytes())
    (path / "broken.wav").write_bytes(b"no sound at all")
    return path


@pytest.fixture(scope="module")
def loads() -> Counter[str]:
    """A counter of the times the command loaded the model during the run of `heard`."""
    return Counter()


@pytest.fixture(scope="module")
def heard(folder: Path, loads: Counter[str]) -> dict[str, dict[str, Any]]:
    """The answers of one run over all the recordings at the step that takes items, by file name."""
    speech_model()
    load = load_model

    def counted(path: Path) -> Any:
        loads["model"] += 1
        return load(path)

    files = [HEARD / label["file"] for label in OTHERS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hearing_commands, "load_model", counted)
        result = hear("--catalog", DEMO / "catalog.csv", *files, AMBIGUOUS, *sorted(folder.iterdir()))
    return {Path(answer["file"]).name: answer for answer in answers(result)}


@pytest.mark.parametrize("label", OTHERS, ids=lambda label: label["text"])
def test_a_recording_is_heard_as_it_is_labelled(heard: dict[str, dict[str, Any]], label: dict[str, Any]) -> None:
    wanted = label["expect"]
    assert labelled_fields(heard[label["file"]]) == wanted


def test_every_line_has_the_same_fields(heard: dict[str, dict[str, Any]]) -> None:
    assert {tuple(answer) for name, answer in heard.items() if name != "broken.wav"} == {tuple(SHAPE)}
    assert all(0 <= answer["score"] <= 1 for answer in heard.values())


def test_what_would_be_asked_names_the_specs_it_is_between(heard: dict[str, dict[str, Any]]) -> None:
    asked = heard[AMBIGUOUS.name]
    assert asked["kind"] == "ask_back"
    [[specs, cartons]] = asked["items"]
    assert len(specs) > 1
    assert all(spec.startswith("红旗渠") for spec in specs)
    assert cartons is None or cartons > 0


def test_a_wav_is_heard_as_the_same_sound_in_mu_law(heard: dict[str, dict[str, Any]]) -> None:
    assert labelled_fields(heard["first.wav"]) == labelled_fields(heard[OTHERS[0]["file"]])


def test_a_file_that_holds_no_sound_is_named_and_the_others_are_heard(heard: dict[str, dict[str, Any]]) -> None:
    broken = heard["broken.wav"]
    assert list(broken) == [*SHAPE, "error"]
    assert broken["kind"] == "none"
    assert "broken.wav cannot be used: it does not start like a WAV file" in broken["error"]


def test_many_files_load_the_model_once(heard: dict[str, dict[str, Any]], loads: Counter[str]) -> None:
    assert len(heard) > 20
    assert loads == {"model": 1}


def test_a_file_that_is_not_there_is_named() -> None:
    result = hear("--catalog", DEMO / "catalog.csv", HEARD / "nobody.ulaw")
    assert result.exit_code == 2
    assert "nobody.ulaw' does not exist" in result.output


def test_a_spoken_code_is_heard_without_knowing_the_retailers() -> None:
    speech_model()
    files = [HEARD / label["file"] for label in CODES]
    heard = answers(hear("--expect", "digits", "--catalog", DEMO / "catalog.csv", *files))
    assert [labelled_fields(answer) for answer in heard] == [label["expect"] for label in CODES]


def test_a_spoken_code_is_heard_as_that_of_a_retailer_in_the_database(demo_url: str) -> None:
    speech_model()
    theirs = AUDIO / "code_410502100012_yao_a.ulaw"
    nobodys = HEARD / CODES[0]["file"]
    talk = AUDIO / "none_weather_a.ulaw"
    result = hear("--expect", "digits", "--explain", theirs, nobodys, talk, settings=Settings(database_url=demo_url))
    assert [labelled_fields(answer) for answer in answers(result)] == [
        {"kind": "digits", "digits": "410502100012"},
        {"kind": "ask_back", "digits": CODES[0]["expect"]["digits"]},
        {"kind": "none"},
    ]
    assert "read as 410502100012, accepted:\n    410502100012 posterior 1.000" in result.stderr
    assert f"read as {CODES[0]['expect']['digits']}, not accepted:" in result.stderr


def test_what_a_retailer_of_the_database_may_order_is_listened_for(demo_url: str) -> None:
    speech_model()
    said = AUDIO / "item_furongwang_10_a.ulaw"
    result = hear("--retailer", "410502100012", "--explain", said, settings=Settings(database_url=demo_url))
    [answer] = answers(result)
    assert labelled_fields(answer) == {"kind": "items", "items": [["芙蓉王(硬)", 10]]}
    assert "confidence" in result.stderr


def test_a_retailer_nobody_knows_is_named(demo_url: str) -> None:
    result = hear("--retailer", "999", AMBIGUOUS, settings=Settings(database_url=demo_url))
    assert (result.exit_code, result.output) == (1, "Error: No retailer has the customer code 999.\n")


def test_a_database_without_a_catalogue_says_what_to_do(sqlite_url: str) -> None:
    result = hear(AMBIGUOUS, settings=Settings(database_url=sqlite_url))
    assert result.exit_code == 1
    assert "import one with `flask import-catalog`, or name a file with --catalog" in result.output
