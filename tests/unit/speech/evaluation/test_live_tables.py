"""The report of the live evaluation: which recordings are heard in which room, and the counts."""

from __future__ import annotations

from typing import Any

from speech.evaluation.live import LiveResult
from speech.evaluation.live_tables import LiveAnswer, live_calls, live_tables
from speech.evaluation.recordings import read_labels
from speech.sound.audio import LINE_RATE
from speech.utterance import NOTHING
from tests.support.recorded_callers import AUDIO

RECORDINGS = read_labels(AUDIO / "hard")


def test_an_even_choice_of_the_recordings_is_heard_in_every_room() -> None:
    calls = live_calls(RECORDINGS)
    rooms = {room: [call for call in calls if call.room == room] for room in dict.fromkeys(call.room for call in calls)}
    assert [len(of_room) for of_room in rooms.values()][1:] == [16] * 7
    for of_room in rooms.values():
        assert len({call.recording.file for call in of_room}) == len(of_room)
        assert len({call.recording.group for call in of_room}) > 4
    assert "off-topic" not in {call.recording.group for call in calls}
    assert live_calls([]) == []


def test_the_room_is_noisy_before_and_after_the_caller_and_the_end_of_speech_is_known() -> None:
    call = next(call for call in live_calls(RECORDINGS) if call.room == "tv 8 dB")
    line, end_ms = call.line()
    assert 2_000 < end_ms < len(line) * 1000 / LINE_RATE - 7_000
    assert abs(line[: 2 * LINE_RATE].astype(float)).mean() > 100


def test_an_answer_counts_with_its_delay_and_its_meaning() -> None:
    call = next(call for call in live_calls(RECORDINGS) if call.recording.expect["kind"] == "items")
    right: dict[str, Any] = {**call.recording.expect, "name": None, "digits": None, "text": ""}
    answers = [
        LiveAnswer(call, LiveResult(NOTHING, 400, 0.1, (), (0.2,)), right),
        LiveAnswer(call, LiveResult(NOTHING, 900, 0.3, (NOTHING,), (0.4, 0.5)), {**right, "kind": "none"}),
        LiveAnswer(call, LiveResult(None, None, None, (), (1.5,)), None),
    ]
    rooms, kinds, cost = live_tables(answers)
    [row] = rooms.rows
    assert [cell.split()[-1] for cell in row] == ["quiet", "2/3", "1/3", "1/3", "400", "900", "900", "100", "300"]
    assert kinds.rows[0][1:] == row[1:]
    assert cost.rows == (("400", "1500", "1500", "1500"),)
