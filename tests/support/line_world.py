"""The line with a conversation that only counts, for tests of the routes around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from callflows.replies import ListenFor, Reply, Then
from callflows.state import CallFacts, CallState, Silence
from ivr.calls import Calls
from ivr.outbound.outbound_calls import Outbound
from ivr.stream_registry import Ears
from ivr.twilio.media_socket import Ear, MediaLine
from ivr.twilio.operator_webhooks import People
from ivr.twilio.rest import CarrierError
from ivr.twilio.twiml import Markup
from ivr.twilio.webhooks import Line, voice_routes
from settings import Settings
from speech.listening import Items, Listen
from speech.utterance import Utterance
from storage import SessionFactory
from tests.support.carrier_client import Telephone, settings

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class CountingConversation:
    """Replies with the turn number, and records the input it received."""

    def __init__(self) -> None:
        self.heard: list[Utterance | Silence] = []
        self.ended_calls: list[str] = []
        self.listen: Listen = Items()
        self.then: Then | None = None
        self.silence_ms = 6_000
        self.first: tuple[str, ...] = ()

    def begin(self, facts: CallFacts, _desk: object, /) -> tuple[CallState, Reply]:
        return CallState(facts.call_key, facts.caller, facts.called, facts.ear), self._reply(1)

    def hear(self, state: CallState, heard: Utterance | Silence, _desk: object, /) -> tuple[CallState, Reply]:
        self.heard.append(heard)
        state.misses += 1
        return state, self._reply(state.misses + 1)

    def ended(self, state: CallState, _desk: object, /) -> None:
        self.ended_calls.append(state.call_key)

    def _reply(self, n: int) -> Reply:
        return Reply((*self.first, f"turn {n}"), self.then or ListenFor(self.listen, self.silence_ms))


class KeysAsTheyAre:
    """Understands keys literally."""

    def of_keys(self, _listen: Listen, keys: str) -> Utterance:
        return Utterance(digits=(keys,), keyed=True, text=keys)


@dataclass
class FakeHearing:
    """A recogniser that hears the same in every recording."""

    works: bool = True
    in_recordings: Utterance = field(default_factory=lambda: Utterance(text="红塔山五条", command="yes"))
    recordings: list[bytes] = field(default_factory=list)

    def of_recording(self, _listen: Listen, wav: bytes) -> Utterance:
        self.recordings.append(wav)
        return self.in_recordings


@dataclass
class FakeCarrier:
    """A carrier that records the requests it receives, or refuses all of them."""

    refuses: bool = False
    redirected: list[tuple[str, str]] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def redirect(self, call_sid: str, url: str) -> None:
        self._refuse()
        self.redirected.append((call_sid, url))

    def ring_operator(self, to: str, number: str, url: str, status_url: str, timeout_s: int) -> str:
        self._refuse()
        self.rung.append(to)
        return f"CA-operator-{len(self.rung)}"

    def delete_queue(self, queue_sid: str) -> None:
        self._refuse()

    def end_call(self, call_sid: str) -> None:
        self._refuse()
        self.ended.append(call_sid)

    def recording(self, recording_sid: str) -> bytes:
        self._refuse()
        return recording_sid.encode()

    def _refuse(self) -> None:
        if self.refuses:
            raise CarrierError("the carrier is not to be had")


class LineWorld:
    """One installation of the line, with fakes around it."""

    def __init__(self, sessions: SessionFactory, ear: Ear | None = None, **changes: object) -> None:
        self.now = NOON
        self.settings: Settings = settings(**changes)
        self.sessions = sessions
        self.conversation = CountingConversation()
        self.hearing: Any = FakeHearing()
        self.carrier: Any = FakeCarrier()
        self.calls = Calls(
            sessions,
            lambda: self.now,
            self.conversation,
            open_desk=lambda _session: None,  # type: ignore[arg-type,return-value]
            understanding=lambda _session: KeysAsTheyAre(),
            hears=lambda: self.hearing.works,
        )
        self.ears = Ears(sessions, lambda: self.now)
        markup = Markup(self.settings)
        media = MediaLine(self.settings, self.ears, self.carrier, markup, lambda: ear)
        self.app = Flask(__name__)
        self.app.extensions["media"] = media
        self.app.config["SOCK_SERVER_OPTIONS"] = {"max_message_size": 16_000}
        self.outbound = Outbound(sessions, lambda: self.now, self.calls)
        self.people = People.of(
            sessions, lambda: self.now, self.calls, self.carrier, markup.people, self.settings.operator_numbers
        )
        line = Line(self.settings, self.calls, self.carrier, self.hearing, media, markup, self.outbound, self.people)
        self.app.register_blueprint(voice_routes(line))

    def telephone(self, sid: str = "CA00000000000000000000000000000001") -> Telephone:
        return Telephone(self.app.test_client(), sid)
