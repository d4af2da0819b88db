"""The evaluation of recordings: the criteria for a right answer, the confidence of the rates, and the page that plays
them."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backoffice.evaluate_recordings import CODES_OF_A_REGION, evaluate, generated_codes
from speech.evaluation.page import write_report
from speech.evaluation.recordings import (
    Evaluated,
    LabelError,
    LabelledRecording,
    read_labels,
    verdict_on,
)
from speech.evaluation.tables import Rate, Table, line_errors, quantile, recording_tables
from speech.sound.audio import LINE_RATE, read_audio
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


@pytest.mark.parametrize(
    ("accept", "answer", "verdict"),
    [
        ({"kind": "change", "items": [["玉溪(软)", 5]]}, heard("change", [["玉溪(软)", 5]]), "accepted"),
        ({"kind": "change", "items": [["玉溪(软)", 5]]}, heard("change", [["玉溪(软)", 4]]), "wrong"),
        ({"kind": "ask_back"}, heard("ask_back", [[["云烟(紫)"], 5]]), "accepted"),
        ({"kind": "ask_back", "name": "usual"}, heard("ask_back", name="usual"), "accepted"),
        ({"kind": "ask_back", "name": "usual"}, heard("ask_back", [[["云烟(紫)"], 5]]), "asked back"),
        ({"kind": "none"}, heard("none"), "accepted"),
    ],
)
def test_what_is_as_good_is_accepted(accept: dict[str, Any], answer: dict[str, Any], verdict: str) -> None:
    assert verdict_on(ONE_ITEM, answer, (accept,)) == verdict


@pytest.mark.parametrize(
    ("meant", "answer", "verdict"),
    [
        ([["玉溪(软)", None], ["玉溪(硬)", None]], heard("ask_back", [[["玉溪(硬)", "玉溪(合顺)"], 5]]), "exact"),
        ([["玉溪(软)", None]], heard("ask_back", [[["云烟(紫)"], 5]]), "asked back"),
        ([["玉溪(软)", None]], heard("ask_back", digits="410502100012"), "asked back"),
        ([], heard("ask_back", [[["云烟(紫)"], 5]]), "exact"),
        ([], heard("items", [["云烟(紫)", 5]]), "wrong"),
        ([], heard("none"), "missed"),
    ],
)
def test_where_a_question_is_the_answer_it_asks_about_what_may_be_meant(
    meant: list[Any], answer: dict[str, Any], verdict: str
) -> None:
    assert verdict_on({"kind": "ask_back", "items": meant}, answer) == verdict


def test_a_line_left_out_is_taken_wrongly_unless_the_caller_is_told() -> None:
    half = heard("items", [["玉溪(软)", 5]])
    assert evaluated(TWO_ITEMS, half).changes_wrongly
    assert evaluated(TWO_ITEMS, half | {"incomplete": True}).verdict == "asked back"
    assert evaluated(TWO_ITEMS, heard("items", [["玉溪(软)", 4]], incomplete=True)).changes_wrongly
    assert evaluated(ONE_ITEM, half | {"incomplete": True}).verdict == "exact"


def test_a_no_taken_for_a_yes_is_harm_and_a_yes_taken_for_a_no_is_none() -> None:
    yes, no = ({"kind": "command", "name": name} for name in ("yes", "no"))
    assert evaluated(no, heard("command", name="yes")).acts_wrongly
    assert not evaluated(yes, heard("command", name="no")).acts_wrongly
    assert evaluated(CODE, heard("digits", digits="410502100029")).acts_wrongly
    assert not evaluated(TWO_ITEMS, heard("items", name="done")).acts_wrongly, "it is counted with the lines"


def test_a_command_that_was_not_given_changes_no_line() -> None:
    assert evaluated({"kind": "none"}, heard("items", [["玉溪(软)", 5]])).changes_wrongly
    assert not evaluated({"kind": "none"}, heard("command", name="repeat")).changes_wrongly


def test_an_interval_holds_the_rate_and_knows_that_none_of_few_proves_little() -> None:
    low, high = Rate(30, 40).interval
    assert 0.55 < low < 0.75 < high < 0.95
    assert str(Rate(0, 240)) == "0.0 % [0.0, 1.6] 0/240"
    assert str(Rate(3, 3)) == "100.0 % [43.8, 100.0] 3/3"
    assert str(Rate(0, 0)) == "-"


def test_a_quantile_is_one_of_the_values() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 2, 4, 4]


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
    confusions = recording_tables([once, wrong, wrong, evaluated(ONE_ITEM, heard("none"))])[2]
    assert confusions.rows == (("items: 玉溪(软) 5", "items: 玉溪(软) 4", "2"), ("yes", "no", "1"))


def test_the_tables_have_a_row_for_each_kind_that_was_said_and_for_each_condition() -> None:
    quiet, noisy = (
        evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 5]])),
        evaluated({"kind": "none"}, heard("none"), 0.3),
    )
    kinds, harm, _, cost = recording_tables([quiet, noisy])
    assert [row[0] for row in kinds.rows] == ["one item", "off-topic", "all"]
    assert [row[1].split()[-1] for row in kinds.rows] == ["1/1", "1/1", "2/2"]
    assert {row[0]: row[1] for row in harm.rows}["missed"].endswith("0/1")
    assert cost.rows == (("0.100", "100", "300", "300", "300"),)
    noisy = replace(noisy, recording=replace(noisy.recording, condition="line:tv8"))
    assert [row[0] for row in recording_tables([quiet, noisy])[1].rows] == ["-", "line:tv8", "all"]


def test_a_table_is_printed_with_its_columns_under_each_other() -> None:
    table = Table("Rates", ("", "right"), (("红塔山", "1"), ("a", "2")))
    assert str(table) == "Rates\n           right\n  红塔山   1\n  a        2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"file": "gone.ulaw", "text": "", "expect": {"kind": "none"}}',
            "line 1: the recording gone.ulaw is not there",
        ),
        ('{"file": "one.ulaw", "text": "", "expect": {}}', "line 1: KeyError('kind')"),
        ('{"file": "one.ulaw", "expect": {"kind": "none"}}', "line 1: KeyError('text')"),
        ("no label", "line 1: JSONDecodeError"),
        ('{"file": "one.ulaw", "text": "", "step": "pin", "expect": {"kind": "none"}}', "there is no step 'pin', only"),
    ],
)
def test_a_label_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    shutil.copyfile(SOUND, tmp_path / "one.ulaw")
    (tmp_path / "labels.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(LabelError, match=re.escape(reason)):
        read_labels(tmp_path)


def test_a_label_names_the_step_that_listens_or_its_kind_does(tmp_path: Path) -> None:
    shutil.copyfile(SOUND, tmp_path / "one.ulaw")
    labels = (
        {"expect": CODE},
        {"expect": ONE_ITEM},
        {"expect": ONE_ITEM, "step": "yes_no+items", "cond": "trap:yes-but", "accept": [{"kind": "ask_back"}]},
    )
    lines = (json.dumps({"file": "one.ulaw", "text": "", **label}) for label in labels)
    (tmp_path / "labels.jsonl").write_text("\n".join(lines), encoding="utf-8")
    read = read_labels(tmp_path)
    assert [one.step for one in read] == ["digits", "items", "yes_no+items"]
    assert (read[2].condition, read[2].accept) == ("trap:yes-but", ({"kind": "ask_back"},))


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
        [Table("Rates", ("", "right"), (("<all>", "1/3"),))],
        [
            evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 5]])),
            evaluated(ONE_ITEM, heard("items", [["玉溪(软)", 4]])),
            evaluated(ONE_ITEM, heard("none")),
        ],
    )
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"<tr class='(\w+)'>", text) == ["wrong", "missed", "exact"]
    assert "A &amp; B" in text
    assert "<td>&lt;all&gt;</td><td>1/3</td>" in text
    assert "&lt;玉溪&gt;五条" in text
    assert "http" not in text, "it needs no other file"
    assert len(sounds(text)) == 3
    with wave.open(io.BytesIO(sounds(text)[0])) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, LINE_RATE)
        assert sound.readframes(sound.getnframes()) == read_audio(SOUND, LINE_RATE).tobytes()
