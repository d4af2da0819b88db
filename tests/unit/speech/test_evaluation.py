"""The evaluation of recordings: the criteria for a right answer, the confidence of the rates, and the page that plays
them."""

from __future__ import annotations

import base64
import io
import re
import shutil
import wave
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backoffice.evaluate_recordings import CODES_OF_A_REGION, evaluate, generated_codes
from speech.audio import LINE_RATE, read_audio
from speech.evaluation import (
    Evaluated,
    LabelError,
    LabelledRecording,
    confusions,
    line_errors,
    rate,
    read_labels,
    summary,
    verdict_on,
)
from speech.evaluation_page import write_report
from tests.support.recorded_callers import AUDIO, DEMO

ONE_ITEM = {"kind": "items", "items": [["玉溪(软)", 5]]}
TWO_ITEMS = {"kind": "items", "items": [["玉溪(软)", 5], ["云烟(紫)", 2]]}
CODE = {"kind": "digits", "digits": "410502100012"}
SOUND = AUDIO / "item_ruanyuxi_2_a.ulaw"


def heard(kind: str, items: Any = (), **more: Any) -> dict[str, Any]:
    blank = {"file": "one.ulaw", "text": "玉溪", "digits": None, "name": None, "score": 0.9}
    return {**blank, "kind": kind, "items": list(items), **more}


def evaluated(expect: dict[str, Any], answer: dict[str, Any], took: float = 0.1) -> Evaluated:
    return Evaluated(LabelledRecording(SOUND, "<玉溪>五条", expect), answer, verdict_on(expect, answer), 2.0, took)


@pytest.mark.parametrize(
    ("expect", "answer", "verdict"),
    [
        (ONE_ITEM, heard("items", [["玉溪(软)", 5]]), "exact"),
        (ONE_ITEM, heard("items", [["玉溪(软)", 4]]), "wrong"),
        (ONE_ITEM, heard("items", [["云烟(紫)", 5]]), "wrong"),
        (ONE_ITEM, heard("items", [["玉溪(软)", 5], ["云烟(紫)", 2]]), "wrong"),
        (ONE_ITEM, heard("change", [["玉溪(软)", 5]]), "wrong"),
        (ONE_ITEM, heard("ask_back", [[["玉溪(软)", "玉溪(硬)"], 5]]), "asked back"),
        (ONE_ITEM, heard("none"), "missed"),
        (TWO_ITEMS, heard("items", [["云烟(紫)", 2], ["玉溪(软)", 5]]), "exact"),
        ({"kind": "remove", "items": [["玉溪(软)", None]]}, heard("remove", [["玉溪(软)", 5]]), "exact"),
        ({"kind": "command", "name": "yes"}, heard("command", name="yes"), "exact"),
        ({"kind": "command", "name": "yes"}, heard("command", name="no"), "wrong"),
        (CODE, heard("digits", digits="410502100012"), "exact"),
        (CODE, heard("digits", digits="410502100029"), "wrong"),
        (CODE, heard("ask_back", digits="410502100029"), "asked back"),
        ({"kind": "none"}, heard("none"), "exact"),
        ({"kind": "none"}, heard("items", [["玉溪(软)", 5]]), "wrong"),
    ],
)
def test_only_what_agrees_in_everything_is_exact(expect: dict[str, Any], answer: dict[str, Any], verdict: str) -> None:
    assert verdict_on(expect, answer) == verdict


def test_a_command_that_was_not_given_changes_no_line() -> None:
    assert evaluated({"kind": "none"}, heard("items", [["玉溪(软)", 5]])).changes_wrongly
    assert not evaluated({"kind": "none"}, heard("command", name="repeat")).changes_wrongly


def test_the_same_set_always_has_the_same_interval_and_it_holds_the_rate() -> None:
    some = [evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 5 if number % 4 else 4]])) for number in range(40)]
    first, again = (rate(some, lambda one: one.verdict == "exact") for _ in range(2))
    assert first == again
    assert (first.hits, first.total) == (30, 40)
    assert 0.55 < first.low < 0.75 < first.high < 0.95
    assert rate(some[1:4], lambda one: one.verdict == "exact").low == 1.0, "three of three leave nothing to resample"
    assert str(rate([], lambda _: True)) == "-"


def test_errors_of_specs_and_of_quantities_are_counted_by_line() -> None:
    specs, quantities = line_errors(
        [
            evaluated(TWO_ITEMS, heard("items", [["玉溪(软)", 4], ["云烟(软)", 2]])),
            evaluated(ONE_ITEM, heard("ask_back", [[["玉溪(软)"], 4]])),
        ]
    )
    assert (specs.hits, specs.total) == (1, 2)
    assert (quantities.hits, quantities.total) == (1, 1)


def test_confusions_are_counted_commonest_first() -> None:
    wrong = evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 4]]))
    once = evaluated({"kind": "command", "name": "yes"}, heard("command", name="no"))
    assert confusions([once, wrong, wrong, evaluated(ONE_ITEM, heard("none"))]) == [
        ("items: 玉溪(软) 5", "items: 玉溪(软) 4", 2),
        ("yes", "no", 1),
    ]


def test_the_summary_has_a_row_for_each_kind_that_was_said() -> None:
    rows = dict(
        summary(
            [
                evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 5]])),
                evaluated({"kind": "none"}, heard("none"), took=0.3),
            ]
        )
    )
    assert rows["one item, exact"].split() == ["100.0", "%", "[100.0,", "100.0]", "1/1"]
    assert rows["off-topic, rejected"].endswith("1/1")
    assert rows["missed, of utterances for the line"].endswith("0/1")
    assert rows["recognition, seconds a second of sound"] == "0.100"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"file": "gone.ulaw", "text": "", "expect": {"kind": "none"}}',
            "line 1: the recording gone.ulaw is not there",
        ),
        ('{"file": "one.ulaw", "text": "", "expect": {}}', "line 1: KeyError('kind')"),
        ('{"file": "one.ulaw"}', "line 1: KeyError('text')"),
        ("no label", "line 1: JSONDecodeError"),
    ],
)
def test_a_label_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    shutil.copyfile(SOUND, tmp_path / "one.ulaw")
    (tmp_path / "labels.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(LabelError, match=re.escape(reason)):
        read_labels(tmp_path)


def test_a_folder_without_labels_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(evaluate, [str(tmp_path), "--catalog", str(DEMO / "catalog.csv")])
    assert result.exit_code == 1
    assert "There is no labels.jsonl in" in result.output


def test_a_region_of_generated_codes_holds_the_labelled_ones_and_is_always_the_same() -> None:
    codes = generated_codes(["410502100012", "410503100029"])
    assert len(codes) == CODES_OF_A_REGION
    assert {"410502100012", "410503100029"} <= set(codes)
    assert codes == generated_codes(["410503100029", "410502100012"])
    assert generated_codes([]) == []


def sounds(page: str) -> list[bytes]:
    return [base64.b64decode(found) for found in re.findall(r"<audio controls[^>]*base64,([^']+)'", page)]


def test_the_page_plays_every_utterance_and_shows_the_troublesome_ones_first(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_report(
        page,
        "A & B",
        [
            evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 5]])),
            evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 4]])),
            evaluated(ONE_ITEM, heard("none")),
        ],
    )
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"<tr class='(\w+)'>", text) == ["wrong", "missed", "exact"]
    assert "A &amp; B" in text
    assert "&lt;玉溪&gt;五条" in text
    assert "http" not in text, "it needs no other file"
    assert len(sounds(text)) == 3
    with wave.open(io.BytesIO(sounds(text)[0])) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, LINE_RATE)
        assert sound.readframes(sound.getnframes()) == read_audio(SOUND, LINE_RATE).tobytes()
