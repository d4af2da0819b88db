"""Callers are told once that they are recorded, before anything is recorded, in whatever way that is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

import storage
from ivr.models import Call
from ivr.recordings import recordings
from orders.department_rules import recording_notice
from orders.models import DepartmentRule
from speech.listening import Digits
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, read_only, transaction
from tests.support.carrier_client import CALLED, CALLER
from tests.support.line_world import LineWorld
from tests.support.media_stream import SID, STOP, StreamFixture, media

SHORT, FULL = 1, 2
NOTICE = "本次通话会录音。"
FIVE = Utterance(command="yes", text="五条")
SOUND = b"\x00" * 8_000


def line_that_tells(sessions: SessionFactory, notice: int = SHORT, **changes: object) -> LineWorld:
    world = LineWorld(sessions, **changes)
    world.set_recording_notice(notice)
    return world


def set_rule(sessions: SessionFactory, name: str, value: int) -> None:
    with transaction(sessions) as session:
        session.merge(DepartmentRule(name=name, value=value))


@pytest.mark.parametrize("listen_mode", ["stream", "record"])
def test_the_notice_is_the_first_thing_said_and_said_once(sessions: SessionFactory, listen_mode: str) -> None:
    phone = line_that_tells(sessions, listen_mode=listen_mode).telephone()
    first = phone.dial()
    assert first.said == [NOTICE, "turn 1"]
    assert phone.dial().said == [NOTICE, "turn 1"], "the same document, asked for again"
    assert phone.request("/voice/turn?turn=1", Digits="5").said == ["turn 2"]
    assert phone.request("/voice/turn?turn=2", Digits="5").said == ["turn 3"]


def test_the_notice_may_give_the_reason_and_the_way_out(sessions: SessionFactory) -> None:
    phone = line_that_tells(sessions, FULL, listen_mode="stream").telephone()
    assert phone.dial().said[0] == "为了核对订货，您说的话会录音；不想录音，请用按键订货，要人工请按零。"


def test_where_it_is_switched_off_nothing_is_said_and_recordings_are_kept_as_before(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    assert line.first.said == ["turn 1"]
    line.recogniser.sound = SOUND
    line.serve(*[media()] * 10, STOP)
    assert kept(sessions) == SOUND


def test_what_is_said_over_the_notice_is_not_kept_and_is_understood_all_the_same(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    with transaction(sessions) as session:
        session.get_one(Call, SID).recording_told_in = None
    line.world.set_recording_notice(SHORT)
    assert line.phone.dial().said == [NOTICE, "turn 1"]
    line.recogniser.sound = SOUND
    line.serve(*[media()] * 10, STOP)
    assert line.world.conversation.heard == [FIVE]
    assert kept(sessions) is None
    line.world.streams.store_utterance(SID, 2, NOTHING, SOUND)
    assert kept(sessions, 2) == SOUND


def test_what_is_said_after_the_notice_is_kept(sessions: SessionFactory) -> None:
    world = line_that_tells(sessions, listen_mode="stream")
    world.telephone(SID).dial()
    world.now += timedelta(seconds=4)
    world.streams.store_utterance(SID, 1, FIVE, SOUND)
    assert kept(sessions) == SOUND


def test_who_has_only_keys_is_told_nothing_untrue(sessions: SessionFactory) -> None:
    world = line_that_tells(sessions, listen_mode="keypad")
    assert world.telephone().dial().said == ["turn 1"]


def test_speech_that_becomes_available_in_the_middle_of_a_call_is_told_of_then(sessions: SessionFactory) -> None:
    world = line_that_tells(sessions, listen_mode="record")
    world.recognition.available = False
    phone = world.telephone()
    first = phone.dial()
    assert first.said == ["turn 1"]
    world.recognition.available = True
    assert phone.request(first.action, Digits="5").said == [NOTICE, "turn 2"]
    assert phone.request("/voice/turn?turn=2", Digits="5").said == ["turn 3"]


def test_a_question_for_a_pin_is_not_recorded_and_tells_nothing(sessions: SessionFactory) -> None:
    world = line_that_tells(sessions, listen_mode="stream")
    world.conversation.listen = Digits(4, "pin")
    assert world.telephone().dial().said == ["turn 1"]


@pytest.mark.parametrize(("listen_mode", "said"), [("stream", ["turn 1"]), ("record", [NOTICE, "turn 1"])])
def test_where_nothing_is_kept_only_the_carrier_s_recordings_are_told_of(
    sessions: SessionFactory, listen_mode: str, said: list[str]
) -> None:
    world = line_that_tells(sessions, listen_mode=listen_mode)
    set_rule(sessions, "recording_days", 0)
    assert world.telephone().dial().said == said


def test_an_outbound_call_names_the_line_first(sessions: SessionFactory) -> None:
    world = line_that_tells(sessions, listen_mode="stream")
    world.calls.begin("CA-out", CALLER, CALLED)
    with transaction(sessions) as session:
        call = session.get_one(Call, "CA-out")
        call.state = call.state | {"flow": "outbound"}
    ask = world.line.automatic.present(world.calls.snapshot("CA-out"))
    assert ask.sentences == ("烟草订货热线来电，本次通话会录音。", "turn 1")  # type: ignore[union-attr]


@pytest.mark.parametrize(("is_set_up", "notice"), [(True, "off"), (False, "short")])
def test_an_installation_from_before_keeps_silent_and_a_new_one_tells(
    bare_url: str, is_set_up: bool, notice: str
) -> None:
    storage.migrate(bare_url, "0031")
    engine = storage.open_engine(bare_url)
    if is_set_up:
        hotline = "INSERT INTO hotlines VALUES (1, :number, '安阳', 'regular', '1', '[]', 0, 1440, 'due', 'tell')"
        with engine.begin() as connection:
            connection.execute(text(hotline), {"number": CALLED})
    storage.migrate(bare_url)
    with storage.open_sessions(engine)() as session:
        assert recording_notice(session) == notice
    engine.dispose()


def kept(sessions: SessionFactory, turn_number: int = 1) -> bytes | None:
    with read_only(sessions) as session:
        return recordings.recording_of(session, SID, turn_number)
