"""Yes and no in noisy rooms: the sounds that are made, and the count of what became of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from speech.evaluation.recordings import LabelledRecording, read_labels
from speech.evaluation.yes_no import NoisyAnswer, noisy_answers, yes_no_answer, yes_no_table
from speech.sound.audio import RECOGNISER_RATE
from tests.support.recorded_callers import AUDIO

RECORDINGS = read_labels(AUDIO / "hard")
NO = LabelledRecording(Path("no.ulaw"), "不对", {"kind": "command", "name": "no"})


def heard(kind: str, name: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "name": name, "items": [], "digits": None}


def test_noes_and_yeses_are_said_in_every_room_and_always_sound_the_same() -> None:
    answers = list(noisy_answers(RECORDINGS, 24, 12))
    assert Counter(one.name for one in answers) == {"no": 24, "yes": 12}
    assert set(Counter(one.room for one in answers).values()) == {6}
    assert len({one.pcm16k for one in answers}) == 36, "no two of them sound alike"
    assert [one.pcm16k for one in noisy_answers(RECORDINGS, 2, 0)] == [one.pcm16k for one in answers[:2]]
    for one in answers:
        assert 0.8 < len(one.pcm16k) / 2 / RECOGNISER_RATE < 3


def test_without_a_clear_yes_or_no_or_without_other_voices_there_is_nothing_to_say() -> None:
    of_kind = {kind: [one for one in RECORDINGS if one.expect["kind"] == kind] for kind in ("command", "items")}
    assert list(noisy_answers(of_kind["command"])) == []
    assert list(noisy_answers(of_kind["items"])) == []


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (heard("command", "no"), "taken as said"),
        (heard("command", "yes"), "taken for the other"),
        (heard("ask_back", "yes"), "asked again"),
        (heard("none"), "missed"),
        (heard("command", "repeat"), "taken for something else"),
        (heard("items"), "taken for something else"),
    ],
)
def test_a_no_is_taken_for_a_yes_or_asked_again_or_missed(answer: dict[str, Any], counted: str) -> None:
    assert yes_no_answer("no", answer) == counted


def test_the_table_counts_by_room() -> None:
    answers = [
        (NoisyAnswer(NO, "tv 8 dB", b""), heard("command", "yes")),
        (NoisyAnswer(NO, "tv 8 dB", b""), heard("command", "no")),
        (NoisyAnswer(NO, "hum 6 dB", b""), heard("none")),
    ]
    table = yes_no_table("no", answers)
    assert [(row[0], *(cell.split()[-1] for cell in row[1:])) for row in table.rows] == [
        ("tv 8 dB", "1/2", "1/2", "0/2", "0/2", "0/2"),
        ("hum 6 dB", "0/1", "0/1", "0/1", "1/1", "0/1"),
        ("all", "1/3", "1/3", "0/3", "1/3", "0/3"),
    ]
    assert yes_no_table("yes", answers).rows[0][0] == "all"
