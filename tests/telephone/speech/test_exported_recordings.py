"""Turn review exports test recordings; recognised with the speech model, they are judged as make eval does."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from ivr.recordings.recordings import store
from ivr.services import services
from speech.evaluation.recordings import read_labels, verdict_on
from speech.listening import Items
from speech.recording_results import recognise_file
from storage import transaction
from tests.db.ivr.test_recordings import SID, a_call
from tests.db.ivr.test_turn_labels import HEARD, LINE, TURN
from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock, World
from tests.support.recorded_callers import demo_understanding, recording, speech_model


@pytest.mark.speech
def test_an_exported_recording_is_judged_as_make_eval_does(
    visitor: Visitor, world: World, clock: MovingClock, application: Flask, tmp_path: Path
) -> None:
    a_call(world.sessions, clock, HEARD)
    visitor.sign_in("leader")
    with transaction(world.sessions) as session:
        store(session, SID, 1, recording("item_hongtashan_yingjingdian_5_a"), services(application).now())
    visitor.post(f"{TURN}/label", **LINE)
    application.test_cli_runner().invoke(args=["export-labelled", str(tmp_path / "labelled")])
    [utterance] = read_labels(tmp_path / "labelled")
    answer, _ = recognise_file(speech_model(), demo_understanding(), Items(), utterance.file)
    assert verdict_on(utterance.expect, answer) == "exact"
