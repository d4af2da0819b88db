"""More sockets and event streams than a line process may hold are refused; those that are calls, and the carrier's
webhooks, are served beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select
from websockets.exceptions import InvalidStatus

import storage
from console.held_open import STREAMS_MAX_EACH
from ivr.twilio.media_socket import UNSTARTED_PER_STREAM
from ivr.twilio.signature import stream_token
from orders.staff.models import StaffRow
from settings import DEMO_SECRET_KEY, Settings
from tests.support.chromium import served_hotline
from tests.support.connection_load import Poster, page_cookies
from tests.support.databases import Databases
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine
from tests.support.slow_clients import connection, media_socket

pytestmark = [pytest.mark.timeout(400), pytest.mark.speech]

SOCKETS_MAX, LINE_PROCESSES = 4, 2


@pytest.fixture
def line(tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedLine]:
    monkeypatch.setenv("MEDIA_SOCKETS_MAX", str(SOCKETS_MAX))
    monkeypatch.setenv("LINE_PROCESSES", str(LINE_PROCESSES))
    with served_hotline(databases.without_tables(), tmp_path, "stream") as line:
        yield line


def test_a_flood_of_sockets_and_streams_is_refused_and_calls_go_on(line: ServedLine) -> None:
    poster = Poster(line.url, line.account.auth_token, timeout_s=15.0)
    with ExitStack() as open_ones:
        refused: list[int] = []
        for _ in range(3 * LINE_PROCESSES * UNSTARTED_PER_STREAM * SOCKETS_MAX):
            try:
                open_ones.enter_context(media_socket(line.url, line.account.auth_token))
            except InvalidStatus as error:
                refused.append(error.response.status_code)
        assert set(refused) == {403}
        poster.post("/voice/incoming")
        poster.post("/voice/turn?turn=1", Digits="")
    statuses = event_streams(line, LINE_PROCESSES * STREAMS_MAX_EACH + 10)
    assert statuses.count(b"200") == LINE_PROCESSES * STREAMS_MAX_EACH
    assert statuses.count(b"429") == 10
    poster.post("/voice/turn?turn=1", Digits="")
    assert a_call_s_socket_is_served(line, poster)
    assert poster.failures == []


def event_streams(line: ServedLine, count: int) -> list[bytes]:
    """The statuses of this many event streams of one staff member, each open while the next is asked for."""
    sessions = storage.open_sessions(storage.open_engine(line.database_url))
    with storage.read_only(sessions) as session:
        operator = session.scalars(select(StaffRow.id).where(StaffRow.role == "operator")).first()
    assert operator is not None
    [cookie] = page_cookies([operator], shifted_clock(shift_to_morning())())
    headers = f"Host: 127.0.0.1\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n"
    asked = f"GET /desk/events HTTP/1.1\r\n{headers}\r\n".encode()
    statuses: list[bytes] = []
    with ExitStack() as open_ones:
        for _ in range(count):
            client = open_ones.enter_context(connection(line.url, asked))
            client.settimeout(60)
            statuses.append(client.recv(64).split()[1])
    return statuses


def a_call_s_socket_is_served(line: ServedLine, poster: Poster) -> bool:
    """True if a call's own socket stays open once it has started."""
    token = stream_token(poster.call_sid, Settings(demo=True, secret_key=DEMO_SECRET_KEY))
    said = {
        "callSid": poster.call_sid,
        "streamSid": "MZ1",
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token},
    }
    with media_socket(line.url, line.account.auth_token) as socket:
        socket.send(json.dumps({"event": "start", "start": said, "streamSid": "MZ1"}))
        try:
            socket.recv(timeout=2)
        except TimeoutError:
            return True
    return False
