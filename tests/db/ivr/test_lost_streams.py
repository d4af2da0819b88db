"""Media streams that are lost, with their socket or with the machine that served it, and opened again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import SessionFactory
from tests.support.media_stream import (
    FIVE,
    SID,
    STREAM,
    StreamFixture,
)


@pytest.fixture
def line(sessions: SessionFactory) -> StreamFixture:
    return StreamFixture(sessions)


def test_a_call_whose_socket_went_down_with_its_worker_hears_its_prompt_again(line: StreamFixture) -> None:
    line.world.streams.register(SID, STREAM)
    line.world.line.media_streams.recover_streams(only_worker=True)
    line.world.line.media_streams.stop()
    assert line.redirected() == [(SID, 1)]
    again = line.phone.request("/voice/turn?turn=1")
    assert (again.verbs[0], again.said) == ("Start", ["turn 1"])


def test_only_sockets_that_are_gone_and_not_long_gone_make_orphans(line: StreamFixture) -> None:
    streams, gone = line.world.streams, timedelta(seconds=6)
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    assert streams.claim_lost(gone) == []
    line.world.now += timedelta(seconds=6)
    assert streams.claim_lost(gone) == [(SID, 1)]
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    line.world.now += timedelta(hours=1)
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    line.phone.request("/voice/status", CallStatus="completed")
    assert streams.claim_lost(timedelta()) == []


def test_a_stream_whose_machine_is_gone_is_recovered_by_another_one_at_its_second_look(line: StreamFixture) -> None:
    media_streams = line.world.line.media_streams
    line.world.streams.register(SID, STREAM)
    assert media_streams.recover_silent({}) == {}
    line.world.now += timedelta(seconds=6)
    first_look = media_streams.recover_silent({})
    assert line.redirected() == []
    media_streams.recover_silent(first_look)
    assert line.redirected() == [(SID, 1)]
    assert media_streams.recover_silent(first_look) == {}


def test_a_stream_that_is_served_is_left_alone_by_a_machine_whose_clock_is_ahead(line: StreamFixture) -> None:
    media_streams, here = line.world.line.media_streams, line.world.now
    line.world.streams.register(SID, STREAM)
    silent: dict[str, datetime] = {}
    for heartbeat in range(10):
        line.world.now = here + timedelta(seconds=3 * heartbeat)
        line.world.streams.record_heartbeats([STREAM])
        line.world.now += timedelta(seconds=30)
        silent = media_streams.recover_silent(silent)
        assert list(silent) == [SID]
    assert line.redirected() == []


def test_a_socket_that_dies_whatever_it_hears_is_not_asked_for_for_ever(line: StreamFixture) -> None:
    starts = 0
    for _ in range(6):
        starts += line.phone.request("/voice/turn?turn=1").verbs[0] == "Start"
        line.world.streams.register(SID, STREAM)
        line.world.streams.unregister(SID, STREAM)
    assert starts == 2
    assert "Record" in line.phone.request("/voice/turn?turn=1").verbs


def test_a_recogniser_that_has_heard_something_may_be_lost_again_and_again(line: StreamFixture) -> None:
    for n in range(1, 6):
        line.world.streams.register(SID, STREAM)
        line.world.streams.store_utterance(SID, n, FIVE)
        line.world.streams.unregister(SID, STREAM)
        assert line.phone.request(f"/voice/turn?turn={n}").verbs[0] == "Start"


def test_a_wait_opens_a_lost_stream_again_before_the_caller_is_called_silent(line: StreamFixture) -> None:
    line.world.now += timedelta(minutes=1)
    waiting = line.phone.request(line.first.action, Digits="")
    assert (waiting.verbs[0], waiting.said) == ("Start", [])


def test_a_stream_that_was_lost_is_opened_again_and_in_the_end_recordings_do(line: StreamFixture) -> None:
    answer, starts = line.first, 1
    for turn in range(2, 9):
        line.world.now = line.world.now.replace(minute=turn)
        answer = line.phone.request(answer.action, Digits="5")
        starts += answer.verbs[0] == "Start"
        if "Record" in answer.verbs:
            break
    assert starts == 3
    assert "Record" in answer.verbs
