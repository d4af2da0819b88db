"""A call as fast as the far end follows: call time waits for what a stream's socket has acknowledged."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import flask_sock
import pytest

from simulator.account import Account
from simulator.call import SimulatedCall
from simulator.media import BEHIND_MAX_MS, PING_EVERY_MS
from simulator.mulaw import FRAME_MS
from simulator.pace import AS_FAST_AS_ACKNOWLEDGED, Steps
from tests.support.acknowledging_socket import AcknowledgingSocket
from tests.support.fake_application import FakeApplication, after_ms, run_call

STREAM = '<Start><Stream url="{ws}/socket"/></Start><Gather timeout="9" action="/voice/turn"><Say>请说。</Say></Gather>'


@pytest.fixture
def streaming(fake_app: FakeApplication, monkeypatch: pytest.MonkeyPatch) -> FakeApplication:
    """An application whose stream acknowledges in turn."""
    monkeypatch.setattr(flask_sock, "Server", AcknowledgingSocket)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))
    return fake_app


@pytest.mark.parametrize("takes_s", [0.0, 0.01])
def test_call_time_is_never_far_ahead_of_what_was_taken(
    account: Account, streaming: FakeApplication, takes_s: float
) -> None:
    """A slow far end, twice as fast as real time, and one that takes all at once, which is far quicker."""
    taken: list[int] = []
    ahead: list[int] = []
    call_ms = [0]

    def listen(ws: Any) -> None:
        while (message := json.loads(ws.receive(timeout=10)))["event"] != "stop":
            if message["event"] == "media":
                taken.append(int(message["media"]["timestamp"]))
                ahead.append(call_ms[0] - taken[-1])
                time.sleep(takes_s)

    streaming.on_stream = listen
    begun = time.monotonic()

    def follow(call: SimulatedCall) -> Steps[None]:
        while call.now_ms < 4_000:
            call_ms[0] = call.now_ms
            yield
        call.hang_up()

    run_call(account, streaming, follow, pace=AS_FAST_AS_ACKNOWLEDGED)
    took_s = time.monotonic() - begun
    assert len(taken) > 150
    assert max(ahead) <= BEHIND_MAX_MS + PING_EVERY_MS + 2 * FRAME_MS
    if takes_s:
        assert took_s > 1.5


def test_a_far_end_that_dies_is_not_waited_for(account: Account, streaming: FakeApplication) -> None:
    done = threading.Event()

    def listen(ws: Any) -> None:
        ws.receive(timeout=10)
        ws.sock.close()
        done.set()

    streaming.on_stream = listen
    call, _ = run_call(account, streaming, after_ms(3_000, SimulatedCall.hang_up), pace=AS_FAST_AS_ACKNOWLEDGED)
    assert done.is_set()
    assert call.now_ms >= 3_000
