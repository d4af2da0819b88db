"""Recordings at rest: the database alone plays none of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ivr.models import Call, TurnRecording
from ivr.recordings import recordings
from ivr.recordings.recording_cipher import RecordingCipher, session_info
from settings import Settings, SettingsError
from tests.support.desk_world import World

OLD, NEW = "the first secret, which is long enough", "the second secret, which is long too"
SOUND = b"\xff\x7f" * 4_000


def keep(world: World, *secrets: str) -> None:
    world.sessions.configure(info=session_info(RecordingCipher(secrets)))


@pytest.fixture
def call(world: World) -> str:
    with world.session() as session:
        now = world.clock()
        session.add(Call(call_key="CA1", caller="+86", called="+86", started_at=now, turn_number=1, state={}, reply={}))
    return "CA1"


def store(world: World, call: str) -> bytes:
    with world.session() as session:
        recordings.store(session, call, 1, SOUND, world.clock())
        return session.scalars(select(TurnRecording.sound)).one()


def played(world: World, call: str) -> bytes | None:
    with world.session() as session:
        return recordings.recording_of(session, call, 1)


def test_what_is_stored_is_not_what_was_said_and_is_played_all_the_same(world: World, call: str) -> None:
    keep(world, NEW)
    stored = store(world, call)
    assert SOUND[:16] not in stored
    assert len(stored) < len(SOUND) + 100
    assert played(world, call) == SOUND


def test_a_key_is_changed_and_what_the_one_before_encrypted_is_played(world: World, call: str) -> None:
    keep(world, OLD)
    store(world, call)
    keep(world, NEW, OLD)
    assert played(world, call) == SOUND
    with world.session() as session:
        assert recordings.encrypt_all(session) == 1
    keep(world, NEW)
    assert played(world, call) == SOUND


def test_with_another_key_or_without_one_nothing_is_played(world: World, call: str) -> None:
    keep(world, OLD)
    store(world, call)
    keep(world, NEW)
    assert played(world, call) is None
    world.sessions.configure(info={})
    assert played(world, call) is None


def test_what_an_earlier_version_stored_is_played_and_can_be_encrypted(world: World, call: str) -> None:
    assert store(world, call) == SOUND
    keep(world, NEW)
    assert played(world, call) == SOUND
    with world.session() as session:
        recordings.encrypt_all(session)
        assert SOUND[:16] not in session.scalars(select(TurnRecording.sound)).one()
    assert played(world, call) == SOUND


@given(st.binary(max_size=2_000))
def test_any_sound_comes_back(sound: bytes) -> None:
    cipher = RecordingCipher([NEW])
    assert cipher.open(cipher.seal(sound)) == sound
    assert RecordingCipher([OLD]).open(cipher.seal(sound)) is None


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Callable[..., Settings] = Settings
    with pytest.raises(SettingsError, match="RECORDINGS_KEYS has fewer than 32"):
        settings(recordings_keys=("short",)).check_servable()
