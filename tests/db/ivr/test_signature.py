"""Only the carrier gets an answer, on every route."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.websockets import WebSocket
from twilio.request_validator import RequestValidator

from ivr.twilio.media_socket import MediaSockets
from ivr.twilio.signature import is_stream_token, stream_token
from storage import SessionFactory
from tests.support.carrier_client import BASE, TOKEN, Telephone, settings
from tests.support.line_world import LineWorld

ROUTES = [
    *("/voice/incoming", "/voice/turn?turn=1", "/voice/status", "/voice/outbound", "/voice/outbound/status"),
    *("/voice/queue", "/voice/waiting", "/voice/waiting/key", "/voice/left-queue"),
    *("/voice/no-operator", "/voice/no-operator/key", "/voice/operator-gone", "/voice/operator-gone/key"),
    *("/voice/hold", "/voice/on-hold-round", "/voice/operator-leg", "/voice/operator-leg/key"),
    *("/voice/ring-attempt", "/voice/ring-attempt/key", "/voice/ring-attempt/status"),
    *("/voice/talk", "/voice/talk/left", "/voice/coach", "/voice/coach/key", "/voice/coach/left"),
    *("/voice/coach/status", "/voice/coach/waited"),
    *("/voice/callback", "/voice/callback/key", "/voice/callback/over", "/voice/notification"),
    *("/voice/direct", "/voice/direct/key", "/voice/direct/over"),
]


@pytest.fixture
def world(sessions: SessionFactory) -> LineWorld:
    return LineWorld(sessions)


def test_these_are_all_the_routes_there_are(world: LineWorld) -> None:
    rules = {rule.rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/voice")}
    assert rules == {route.partition("?")[0] for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES)
def test_a_signed_post_is_answered(world: LineWorld, route: str) -> None:
    phone = world.telephone()
    phone.dial()
    assert phone.post(route).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_post_signed_with_another_token_is_refused(world: LineWorld, route: str) -> None:
    assert Telephone(world.app.test_client(), token="somebody-else-s").post(route).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_a_post_without_a_signature_is_refused(world: LineWorld, route: str) -> None:
    assert world.app.test_client().post(route, data={"CallSid": "CA1"}).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_a_post_whose_fields_were_changed_on_the_way_is_refused(world: LineWorld, route: str) -> None:
    signature = RequestValidator(TOKEN).compute_signature(BASE + route, {"CallSid": "CA1", "Digits": "1"})
    answer = world.app.test_client().post(
        route, data={"CallSid": "CA1", "Digits": "2"}, headers={"X-Twilio-Signature": signature}
    )
    assert answer.status_code == 403


def test_a_post_whose_turn_was_changed_on_the_way_is_refused(world: LineWorld) -> None:
    form = {"CallSid": "CA1"}
    signature = RequestValidator(TOKEN).compute_signature(f"{BASE}/voice/turn?turn=1", form)
    answer = world.app.test_client().post("/voice/turn?turn=2", data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403


def test_while_the_token_is_changed_posts_signed_with_either_are_answered(sessions: SessionFactory) -> None:
    changing = LineWorld(sessions, twilio_secondary_auth_token="the-token-to-come")
    for token, status in ((TOKEN, 200), ("the-token-to-come", 200), ("somebody-else-s", 403), ("", 403)):
        assert Telephone(changing.app.test_client(), token=token).post("/voice/incoming").status_code == status
    stream = BASE.replace("https", "wss") + "/voice/stream"
    assert (
        handshake(changing, RequestValidator("the-token-to-come").compute_signature(stream, {})) == "websocket.accept"
    )
    assert handshake(changing, RequestValidator("").compute_signature(stream, {})) == "websocket.close"


def test_what_was_refused_changed_nothing(world: LineWorld) -> None:
    phone = world.telephone()
    first = phone.dial()
    forger = Telephone(world.app.test_client(), phone.sid, token="somebody-else-s")
    forger.post(first.action, Digits="5")
    forger.post("/voice/status", CallStatus="completed")
    assert not world.conversation.heard
    assert not world.conversation.ended_calls


def test_a_form_no_carrier_would_send_is_not_read(world: LineWorld) -> None:
    answer = world.telephone().post("/voice/turn?turn=1", Digits="1" * 100_000)
    assert answer.status_code == 413


def test_a_proxy_s_own_host_and_scheme_do_not_matter(world: LineWorld) -> None:
    form = {"CallSid": "CA1", "From": "+861", "To": "+862"}
    signature = RequestValidator(TOKEN).compute_signature(f"{BASE}/voice/incoming", form)
    answer = world.app.test_client().post(
        "/voice/incoming",
        data=form,
        headers={"X-Twilio-Signature": signature, "Host": "10.0.0.7:8000"},
    )
    assert answer.status_code == 200


def handshake(world: LineWorld, signature: str, query: str = "") -> str:
    """The type of the first event a socket's handshake is answered with."""
    scope = {
        "type": "websocket",
        "path": "/voice/stream",
        "query_string": query.encode(),
        "headers": [(b"host", b"10.0.0.7:8000"), (b"x-twilio-signature", signature.encode())],
        "scheme": "ws",
    }
    events = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return events.pop(0)

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    with ThreadPoolExecutor(1) as pool:
        sockets = MediaSockets(world.settings, world.line.media_streams, world.line.sound_forks, pool)
        asyncio.run(sockets.accept(WebSocket(scope, receive, send)))
    return str(sent[0]["type"])


@pytest.mark.parametrize("signature", ["", "forged", RequestValidator(TOKEN).compute_signature(BASE, {})])
def test_a_socket_s_handshake_is_refused_without_the_carrier_s_signature(world: LineWorld, signature: str) -> None:
    assert handshake(world, signature) == "websocket.close"


@pytest.mark.parametrize("signed", ["/voice/stream", "/voice/stream/", "/voice/stream?a=1"])
def test_a_signed_handshake_is_accepted(world: LineWorld, signed: str) -> None:
    signature = RequestValidator(TOKEN).compute_signature(BASE.replace("https", "wss") + signed, {})
    assert handshake(world, signature, signed.partition("?")[2]) == "websocket.accept"


def test_a_call_s_token_opens_no_other_call() -> None:
    ours = settings()
    token = stream_token("CA1", ours)
    assert is_stream_token(token, "CA1", ours)
    assert not is_stream_token(token, "CA2", ours)
    assert not is_stream_token(token, "CA1", settings(secret_key="x" * 40))
    assert not is_stream_token("", "CA1", ours)
    assert not is_stream_token("令牌", "CA1", ours)
