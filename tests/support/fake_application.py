"""A fake application for the simulator to call, and whole calls to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from flask_sock import Sock
from twilio.request_validator import RequestValidator

from simulator.account import Account
from simulator.call import SimulatedCall
from simulator.events import (
    Event,
    Said,
)
from simulator.inbound_calls import IncomingNumber, dial_in, open_account
from simulator.mulaw import RATE
from simulator.pace import AS_FAST_AS_POSSIBLE, Pace, Steps
from simulator.rest_server import RestServer

TOKEN = "demo-auth-token"
CALLER, CALLED = "+8613800000012", "+8637255550000"
VOICE = bytes([0x10, 0x90] * (RATE // 2))
"""One second of loud sound."""

Answer = str | Callable[[dict[str, str]], str | Response]


@contextlib.contextmanager
def serve_fake_application() -> Iterator[FakeApplication]:
    """A fake application, served."""
    application = FakeApplication()
    with RestServer(application.flask(TOKEN), "127.0.0.1", 0) as server:
        application.url = server.url
        yield application


@contextlib.contextmanager
def simulator_account() -> Iterator[Account]:
    """An account of the simulator with its REST interface."""
    account, server = open_account("127.0.0.1", 0, "AC" + "0" * 32, TOKEN)
    with server:
        yield account


@dataclass
class FakeApplication:
    """An application that gives prepared answers by path, and records the requests."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    on_stream: Callable[[Any], None] = lambda socket: None
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    def form(self, path: str) -> dict[str, str]:
        return next(form for requested, form in reversed(self.requests) if requested == path)

    def flask(self, token: str) -> Flask:
        app = Flask("fake application")
        sock = Sock(app)

        def signed(url: str) -> bool:
            signature = request.headers.get("X-Twilio-Signature", "")
            return RequestValidator(token).validate(url, request.form, signature)

        @app.route("/<path:path>", methods=["GET", "POST"])
        def anything(path: str) -> Response:
            requested = f"/{path}"
            if not signed(request.url):
                self.unsigned.append(requested)
            form = request.form.to_dict() | request.args.to_dict()
            self.requests.append((requested, form))
            answer = self.answers.get(requested, "")
            answer = answer(form) if callable(answer) else answer
            if isinstance(answer, Response):
                return answer
            body = answer if answer.startswith("<?") else f"<Response>{answer}</Response>"
            return Response(body, content_type="text/xml; charset=utf-8")

        @sock.route("/socket")
        def socket(ws: Any) -> None:
            if not signed(request.url.replace("http:", "ws:")):
                self.unsigned.append("/socket")
            self.on_stream(ws)

        return app


CallerActions = Callable[[SimulatedCall], Steps[None]]


def run_call(
    account: Account, app: FakeApplication, actions: CallerActions | None = None, pace: Pace = AS_FAST_AS_POSSIBLE
) -> tuple[SimulatedCall, list[Event]]:
    """Make a whole call, with `actions` as the caller's; returns the call and its events."""
    events: list[Event] = []
    call = dial_in(account, IncomingNumber.at(app.url), CALLER, CALLED, pace=pace, listener=events.append)
    if actions is not None:
        call.accompany(actions(call))
    call.run()
    assert not app.unsigned
    return call, events


def events_of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events_of(Said, events)]


def when_quiet(action: Callable[[SimulatedCall], None]) -> CallerActions:
    def actions(call: SimulatedCall) -> Steps[None]:
        while not call.awaits_caller:
            yield
        action(call)

    return actions


def after_ms(moment: int, action: Callable[[SimulatedCall], None]) -> CallerActions:
    def actions(call: SimulatedCall) -> Steps[None]:
        while call.now_ms < moment:
            yield
        action(call)

    return actions


VALID_SCRIPT = """\
# A caller who only keys.
from: "+8613800000012"
to: "+8637255550000"
steps:
  - expect: 请 按 键
  - keys: "2468#"
    expect: [好的, "/[五5]条/"]
    within_ms: 5000
  - line_hangs_up: true
"""
"""A caller script without mistakes."""
