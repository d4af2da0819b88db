"""Recognition rates on a fixed set of recordings, with the speech model: no rate changes unnoticed.

The counts are what they were when they were last written down. A better one is written down as well, so that the next
change is held to it; a worse one needs a reason in the commit that writes it down. On failure pytest shows both.
"""

from __future__ import annotations

from collections import Counter

import pytest

from backoffice.evaluate_recordings import listed, recordings_part, yes_no_answers
from speech.evaluation.recordings import read_labels
from speech.evaluation.retailer_lists import off_list_answer
from speech.evaluation.yes_no import yes_no_answer
from tests.support.recorded_callers import AUDIO, demo_understanding, speech_model

RECORDINGS = read_labels(AUDIO / "hard")

pytestmark = [pytest.mark.speech, pytest.mark.timeout(900)]


BY_KIND = {
    "one item": {"right": 28, "asked back": 1, "missed": 1},
    "several items": {"right": 3},
    "to be asked about": {"right": 6},
    "change": {"right": 2},
    "remove": {"right": 1},
    "command": {"right": 5, "missed": 1},
    "off-topic": {"right": 6},
}


def test_right_asked_missed_and_wrong_answers_by_kind() -> None:
    _, evaluated = recordings_part(speech_model(), demo_understanding(), RECORDINGS)
    counts: dict[str, Counter[str]] = {}
    for one in evaluated:
        counts.setdefault(one.recording.group, Counter())["right" if one.right else one.verdict] += 1
    assert counts == BY_KIND
    assert [one.recording.text for one in evaluated if one.changes_wrongly or one.acts_wrongly] == []


def test_specs_off_the_list_come_out_as_themselves() -> None:
    evaluated = listed(speech_model(), demo_understanding(), RECORDINGS, "off the list")
    assert Counter(off_list_answer(one.recording, one.answer) for one in evaluated) == {
        "itself": 33,
        "not understood": 2,
    }


def test_specs_on_the_list_are_right() -> None:
    evaluated = listed(speech_model(), demo_understanding(), RECORDINGS, "on the list")
    assert Counter("right" if one.right else one.verdict for one in evaluated) == {
        "right": 33,
        "wrong": 1,
        "missed": 1,
    }


@pytest.mark.parametrize(
    ("said", "noes", "yeses", "counts"),
    [
        ("no", 24, 0, {"taken as said": 18, "missed": 6}),
        ("yes", 0, 12, {"taken as said": 1, "asked again": 2, "missed": 9}),
    ],
)
def test_a_no_under_noise_is_taken_for_no_yes(said: str, noes: int, yeses: int, counts: dict[str, int]) -> None:
    answers = yes_no_answers(speech_model(), demo_understanding(), RECORDINGS, noes, yeses)
    assert Counter(yes_no_answer(said, result) for _, result in answers) == counts
