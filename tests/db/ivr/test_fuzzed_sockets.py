"""Whatever comes over a media socket, the socket alone is closed: the process goes on, and so does the call."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ivr.twilio.media_socket import NORMAL, POLICY_VIOLATION
from ivr.twilio.signature import stream_token
from storage import SessionFactory
from tests.support.media_stream import CONNECTED, SID, STOP, StreamFixture, media, start

# An example takes a database: what fails is reported as it was found.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

OTHER_SID = "CA00000000000000000000000000000002"
ODD = [
    "",
    "\x00",
    "\ud800",
    "长" * 3_000,
    "9" * 400,
    "-1",
    "1e999",
    "NaN",
    SID,
    "inbound",
    "outbound",
    "AAAA",
    "====",
    "audio/x-mulaw",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(ODD) | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ODD) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
EVENTS = st.sampled_from(["connected", "start", "media", "stop", "mark", "dtmf", "clear", ""])


@st.composite
def messages(draw: st.DrawFn) -> str | bytes:
    """A message like the carrier's, with anything in the place of anything."""
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(st.text(max_size=60) | st.binary(max_size=60))
    if kind == 1:
        return json.dumps(draw(VALUES))
    if kind == 2:
        return media(
            draw(st.binary(max_size=400)),
            **draw(st.dictionaries(st.sampled_from(["timestamp", "track", "payload", "chunk"]), VALUES, max_size=2)),
        )
    if kind == 3:
        return "[" * draw(st.integers(1, 7_000))
    event = draw(EVENTS | VALUES)
    body = draw(VALUES)
    return json.dumps(
        {"event": event, str(event): body, "streamSid": draw(LEAVES), "start": draw(VALUES), "media": draw(VALUES)}
    )


@pytest.fixture
def line(sessions: SessionFactory) -> StreamFixture:
    return StreamFixture(sessions)


@given(introduced=st.booleans(), sent=st.lists(messages(), max_size=6))
@settings(max_examples=60, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_breaks_a_socket_down(
    line: StreamFixture, introduced: bool, sent: list[str | bytes]
) -> None:
    with capture_logs() as logs:
        socket = line.serve(*sent, STOP, introduced=introduced)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
    assert socket.closed is None or socket.closed[0] in (NORMAL, POLICY_VIOLATION)
    assert line.phone.request(line.first.action, Digits="").verbs


@pytest.mark.parametrize("token", ["", "\ud800", "0" * 64, None, 7, ["x"], {"token": "x"}])
def test_a_made_up_token_opens_nothing(line: StreamFixture, token: object) -> None:
    socket = line.serve(CONNECTED, start(line.world, customParameters={"token": token}), media(), introduced=False)
    assert socket.closed is not None
    assert socket.closed[0] == POLICY_VIOLATION
    assert line.recogniser.fed == []


def test_another_call_s_token_opens_nothing(line: StreamFixture) -> None:
    """Neither this call with the other's token, nor the other call, which has its own, with this one's."""
    line.world.telephone(OTHER_SID).dial()
    theirs, ours = stream_token(OTHER_SID, line.world.settings), stream_token(SID, line.world.settings)
    for changes in (
        {"customParameters": {"token": theirs}},
        {"callSid": OTHER_SID, "customParameters": {"token": ours}},
    ):
        socket = line.serve(CONNECTED, start(line.world, **changes), media(), introduced=False)
        assert socket.closed is not None
        assert socket.closed[0] == POLICY_VIOLATION
    assert line.recogniser.fed == []


def test_a_token_of_a_call_that_is_over_opens_nothing(line: StreamFixture) -> None:
    line.phone.post("/voice/status", CallStatus="completed")
    socket = line.serve(media(), STOP)
    assert socket.closed is not None
    assert socket.closed[0] == POLICY_VIOLATION
