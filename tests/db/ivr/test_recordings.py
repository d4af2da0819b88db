"""Callers' speech can be played for some days, by the allowed roles, and nothing else of a call is kept."""

from __future__ import annotations

import io
import wave
from datetime import timedelta

import numpy as np
import pytest
from flask import Flask

from clock import Clock
from ivr.models import Call, TurnRecording, TurnRow
from ivr.operators import tickets
from ivr.recordings import recordings
from ivr.turns.serialisation import utterance_to_json
from orders.department_rules import set_rule
from speech.listening import Digits
from speech.sound.audio import decode_mulaw, encode_mulaw
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, read_only, transaction
from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock, World
from tests.support.line_world import LineWorld
from tests.support.media_stream import STOP, StreamFixture, media

SID = "CA00000000000000000000000000000001"
FIVE = Utterance(command="yes", text="五条", confidence=0.42, others=("无条",))
SOUND, OTHER_SOUND = (
    # Encoded twice, because mu-law has two zeros, and only one of them is restored.
    encode_mulaw(decode_mulaw(encode_mulaw((np.sin(np.arange(length) / 3) * 8_000).astype(np.int16))))
    for length in (8_000, 4_000)
)


def kept(sessions: SessionFactory, n: int = 1) -> bytes | None:
    with read_only(sessions) as session:
        return recordings.recording_of(session, SID, n)


def test_what_a_caller_said_is_kept_with_its_turn(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.recogniser.sound = SOUND
    line.serve(*[media()] * 10, STOP)
    assert kept(sessions) == SOUND


def test_nonsense_is_superseded_by_an_understood_utterance(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: NOTHING})
    line.recogniser.sound = OTHER_SOUND
    line.serve(*[media()] * 5, STOP)
    assert kept(sessions) == OTHER_SOUND
    line.world.streams.store_utterance(SID, 1, FIVE, SOUND)
    assert kept(sessions) == SOUND
    line.world.streams.store_utterance(SID, 1, Utterance(command="no"), OTHER_SOUND)
    assert kept(sessions) == SOUND


def test_where_keys_were_pressed_instead_nothing_is_kept(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions)
    line.world.streams.store_utterance(SID, 1, NOTHING, SOUND)
    line.phone.request(line.first.action, Digits="5")
    assert kept(sessions) is None


def wav_of(sound: bytes) -> bytes:
    return recordings.wav_of_sound(sound)


class Recorder:
    """The line in record mode: the carrier records each turn."""

    def __init__(self, sessions: SessionFactory, **changes: object) -> None:
        self.world = LineWorld(sessions, listen_mode="record", **changes)
        self.world.carrier.recording = lambda _sid: wav_of(SOUND)
        self.phone = self.world.telephone(SID)

    def records(self) -> None:
        waiting = self.phone.request(self.phone.dial().action, RecordingSid="RE1", RecordingDuration="1")
        self.world.recognise_recordings()
        self.phone.request(waiting.redirect)


def test_what_the_carrier_recorded_is_kept_too(sessions: SessionFactory) -> None:
    Recorder(sessions).records()
    assert kept(sessions) == SOUND


def test_a_pin_is_never_kept_however_it_came(sessions: SessionFactory) -> None:
    recorder = Recorder(sessions)
    recorder.world.conversation.listen = Digits(4, "pin")
    recorder.phone.dial()
    waiting = recorder.phone.request("/voice/turn?turn=1", RecordingSid="RE1")
    recorder.world.recognise_recordings()
    recorder.phone.request(waiting.redirect)
    assert len(recorder.world.conversation.heard) == 1
    assert kept(sessions) is None


def test_a_recording_that_cannot_be_read_is_not_kept(sessions: SessionFactory) -> None:
    recorder = Recorder(sessions)
    recorder.world.carrier.recording = lambda _sid: b"no recording"
    recorder.records()
    assert kept(sessions) is None


def test_a_department_that_keeps_nothing_keeps_nothing(sessions: SessionFactory) -> None:
    with transaction(sessions) as session:
        set_rule(session, "recording_days", 0, by="a director", why="privacy", now=MovingClock()())
    Recorder(sessions).records()
    assert kept(sessions) is None


def a_call(sessions: SessionFactory, clock: Clock, heard: Utterance = FIVE) -> None:
    """Store a call with one spoken turn and one keyed turn."""
    state = {"call_key": SID, "caller": "+8613800000012", "called": "+8637255550000", "speech_enabled": True}
    reply = {"say": ["还有吗？"], "then": {"kind": "hang_up"}}
    with transaction(sessions) as session:
        session.add(
            Call(
                call_key=SID,
                caller="+86",
                called="+86",
                started_at=clock(),
                turn_number=3,
                state=state,
                reply=reply,
                stream_starts=0,
            )
        )
        session.flush()
        for n, what in enumerate((heard, Utterance(text="5", keyed=True)), 1):
            session.add(
                TurnRow(call_key=SID, turn_number=n, turn_input=utterance_to_json(what), reply=reply, taken_at=clock())
            )
        recordings.store(session, SID, 1, SOUND, clock())


def test_recordings_are_deleted_when_they_were_kept_for_as_long_as_the_department_wants(
    application: Flask, world: World, clock: MovingClock
) -> None:
    a_call(world.sessions, clock)
    command = application.test_cli_runner()
    clock.move(days=29)
    assert "0 recordings" in command.invoke(args=["delete-recordings"]).output
    with world.session() as session:
        set_rule(session, "recording_days", 29, by="a director", why="privacy", now=clock())
    assert "1 recordings" in command.invoke(args=["delete-recordings"]).output
    assert kept(world.sessions) is None


@pytest.mark.parametrize(("login", "status"), [("leader", 200), ("manager", 200), ("director", 200), ("clerk", 403)])
def test_recordings_are_for_some_roles_only(
    visitor: Visitor, world: World, clock: MovingClock, login: str, status: int
) -> None:
    a_call(world.sessions, clock)
    assert visitor.get(f"/calls/{SID}/turns/1/sound.wav").status_code == 302
    visitor.sign_in(login)
    assert visitor.get(f"/calls/{SID}/turns/1/sound.wav").status_code == status


def test_an_operator_hears_only_the_call_in_hand(visitor: Visitor, world: World, clock: MovingClock) -> None:
    a_call(world.sessions, clock)
    visitor.sign_in("operator")
    address = f"/calls/{SID}/turns/1/sound.wav"
    with world.session() as session:
        ticket = tickets.open_ticket(session, SID, "stuck", clock()).id
    assert visitor.get(address).status_code == 403
    visitor.post(f"/desk/tickets/{ticket}/take")
    assert visitor.get(address).status_code == 200
    assert f'src="{address}"' in visitor.get(f"/desk/orders/{SID}").get_data(as_text=True)
    visitor.post(f"/desk/tickets/{ticket}/put-back")
    assert visitor.get(address).status_code == 403


def test_a_turn_is_played_beside_what_was_heard_and_what_else_it_may_have_been(
    visitor: Visitor, world: World, clock: MovingClock
) -> None:
    a_call(world.sessions, clock)
    visitor.sign_in("leader")
    page = visitor.get(f"/calls/{SID}").get_data(as_text=True)
    assert f'src="/calls/{SID}/turns/1/sound.wav"' in page
    assert f"/calls/{SID}/turns/2/sound.wav" not in page
    assert "也可能是：无条" in page
    assert "0.42" in page


def test_a_recording_is_a_file_browsers_play_and_wind(visitor: Visitor, world: World, clock: MovingClock) -> None:
    a_call(world.sessions, clock)
    visitor.sign_in("leader")
    answer = visitor.get(f"/calls/{SID}/turns/1/sound.wav")
    assert answer.mimetype == "audio/wav"
    assert answer.headers["Cache-Control"].startswith("no-store") or "no-cache" in answer.headers["Cache-Control"]
    with wave.open(io.BytesIO(answer.data)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (8_000, 1, 2)
        assert wav.readframes(8_000) == decode_mulaw(SOUND).tobytes()
    part = visitor.get(f"/calls/{SID}/turns/1/sound.wav", Range="bytes=44-143")
    assert (part.status_code, part.data) == (206, answer.data[44:144])
    assert part.headers["Content-Range"] == f"bytes 44-143/{len(answer.data)}"
    assert visitor.get(f"/calls/{SID}/turns/2/sound.wav").status_code == 404


def test_recordings_of_a_call_go_with_it(sessions: SessionFactory, clock: MovingClock) -> None:
    a_call(sessions, clock)
    with transaction(sessions) as session:
        session.delete(session.get_one(Call, SID))
    with read_only(sessions) as session:
        assert session.query(TurnRecording).count() == 0


def test_new_recordings_outlast_old_ones(sessions: SessionFactory, clock: MovingClock) -> None:
    a_call(sessions, clock)
    with transaction(sessions) as session:
        recordings.store(session, SID, 2, OTHER_SOUND, clock() + timedelta(days=2))
        assert recordings.delete_expired(session, clock() + timedelta(days=31)) == 1
    assert kept(sessions, 2) == OTHER_SOUND
