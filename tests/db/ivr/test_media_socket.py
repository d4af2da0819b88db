"""The media socket: whose it is, when it is closed, and that no message on it harms the call."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect
from structlog.testing import capture_logs

from ivr.models import Call
from ivr.streams.stream_registry import OpenTurn
from ivr.twilio.media_socket import FRAMES_AHEAD, MediaSockets
from ivr.twilio.signature import stream_token
from storage import SessionFactory, transaction
from tests.support.carrier_client import BASE
from tests.support.media_stream import (
    CONNECTED,
    SID,
    SILENCE,
    STOP,
    STREAM,
    FakeMediaSocket,
    StreamFixture,
    media,
    start,
)


@pytest.fixture
def line(sessions: SessionFactory) -> StreamFixture:
    return StreamFixture(sessions)


def test_the_first_reply_opens_the_stream_with_the_call_s_token(line: StreamFixture) -> None:
    assert line.first.verbs == ["Start", "Gather", "Redirect"]
    assert line.first.attributes("Stream")["url"] == BASE.replace("https", "wss") + "/voice/stream"
    assert line.first.attributes("Parameter") == {"name": "token", "value": stream_token(SID, line.world.settings)}


def test_an_ended_call_s_socket_is_closed(line: StreamFixture) -> None:
    socket = line.serve(
        *[media()] * 5, lambda: line.phone.request("/voice/status", CallStatus="completed"), *[media()] * 60
    )
    assert socket.closed == (1000, None)
    assert line.recogniser.frames < 30


class GoneSocket(FakeMediaSocket):
    """A socket whose other end is closed before ours."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        raise WebSocketDisconnect(1006)


def test_a_carrier_that_hangs_up_first_is_nothing_to_be_alarmed_at(line: StreamFixture) -> None:
    socket = GoneSocket([CONNECTED, start(line.world), *[media()] * 5, STOP])
    with capture_logs() as logs:
        asyncio.run(line.serve_socket(socket))
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == []
    assert not line.world.calls.snapshot(SID).stream_alive


def test_a_second_socket_of_a_call_takes_over(line: StreamFixture) -> None:
    socket = line.serve(*[media()] * 5, lambda: line.world.streams.register(SID, "MZ2"), *[media()] * 60)
    assert socket.closed == (1000, None)
    assert line.world.streams.poll(SID, "MZ2").is_current
    assert line.world.streams.poll(SID, STREAM) == OpenTurn(0, None, is_current=False)


def test_the_stream_heartbeat_continues_however_long_recognition_takes(
    line: StreamFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.streams.media_streams.HEARTBEAT_EVERY_S", 0.01)

    def think_for_a_minute() -> None:
        line.world.now += timedelta(minutes=1)
        deadline = time.monotonic() + 5
        while not line.world.calls.snapshot(SID).stream_alive:
            assert time.monotonic() < deadline, "the socket is taken for dead"
            time.sleep(0.005)

    line.serve(media(), think_for_a_minute, STOP)
    assert not line.world.calls.snapshot(SID).stream_alive


def test_a_socket_that_closes_is_known_to_be_gone(line: StreamFixture) -> None:
    line.serve(media())
    with transaction(line.world.sessions) as session:
        call = session.get_one(Call, SID)
        assert (call.stream_id, call.stream_heartbeat_at) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"customParameters": {"token": "guessed"}},
        {"customParameters": {}},
        {"customParameters": None},
        {"callSid": "CA00000000000000000000000000000002"},
        {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000}},
    ],
)
def test_a_socket_that_is_not_the_call_s_is_closed(line: StreamFixture, changes: dict[str, Any]) -> None:
    socket = line.serve(CONNECTED, start(line.world, **changes), media(), introduced=False)
    assert socket.closed is not None
    assert socket.closed[0] == 1008
    assert line.recogniser.frames == 0


def test_a_socket_with_the_token_of_a_call_that_is_over_is_closed(line: StreamFixture) -> None:
    line.phone.request("/voice/status", CallStatus="completed")
    assert line.serve(media()).closed == (1008, "the call is not one that is going on here")


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        '"media"',
        "{}",
        '{"event": 5}',
        "[" * 5_000,
        b"\x00\x01",
        "x" * 9_000,
        '{"event": "media"}',
        '{"event": "media", "media": {"payload": 7}}',
        '{"event": "media", "media": {"timestamp": "20", "payload": "not base64!"}}',
        '{"event": "media", "media": {"payload": "//8="}}',
        '{"event": "media", "media": {"timestamp": "-20", "payload": "//8="}}',
        media(SILENCE * 30),
    ],
)
def test_a_malformed_message_closes_the_socket_and_the_call_goes_on_by_keys(
    line: StreamFixture, message: str | bytes
) -> None:
    socket = line.serve(media(), message, media())
    assert socket.closed is not None
    assert socket.closed[0] == 1008
    assert line.phone.request(line.first.action, Digits="5").said == ["turn 2"]


def test_what_is_no_sound_of_the_caller_s_is_left_aside(line: StreamFixture) -> None:
    line.serve(
        media(track="outbound", timestamp="0"),
        json.dumps({"event": "mark"}),
        json.dumps({"event": "news"}),
        media(),
        STOP,
    )
    assert line.recogniser.frames == 1


def test_sound_that_comes_faster_than_sound_does_is_not_taken(line: StreamFixture) -> None:
    socket = line.serve(*[media()] * 2_000)
    assert socket.closed == (1008, "messages come faster than sound does")


def test_while_sound_is_decoded_the_rest_waits_in_the_connection(line: StreamFixture) -> None:
    async def serve() -> int:
        socket = FakeMediaSocket([CONNECTED, start(line.world), *[media()] * 200])
        with ThreadPoolExecutor(1) as pool:
            sockets = MediaSockets(
                line.world.settings, line.world.line.media_streams, line.world.line.sound_forks, pool
            )
            busy = threading.Event()
            pool.submit(busy.wait)
            served = asyncio.create_task(sockets.serve(socket))
            for _ in range(500):
                await asyncio.sleep(0)
            taken = socket.delivered
            busy.set()
            await served
        return taken

    assert asyncio.run(serve()) <= 2 + FRAMES_AHEAD + 1
    assert line.recogniser.frames == 200


def test_a_process_that_listens_to_as_many_calls_as_it_can_takes_no_other_socket(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, media_sockets_max=1)
    others: list[FakeMediaSocket] = []

    async def another() -> None:
        others.append(await line.serve_socket(FakeMediaSocket([CONNECTED, start(line.world), media()])))

    line.serve(media(), another, media())
    assert others[0].closed == (1013, None)
    assert line.serve(media(), STOP).closed == (1000, None)


def test_a_recogniser_that_breaks_costs_the_socket_and_not_the_call(
    line: StreamFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.recogniser, "feed", lambda _frame: 1 / 0)
    assert line.serve(media()).closed == (1011, None)
    assert line.phone.request(line.first.action, Digits="5").said == ["turn 2"]
