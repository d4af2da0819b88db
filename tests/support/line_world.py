"""The line with a conversation that only counts, for tests of the routes around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from flask import Flask

from callflows.replies import ListenFor, Reply, Then, Transfer
from callflows.state import CallFacts, CallState, Silence
from ivr.carrier import BrowserTelephone, CallStatus, CarrierBusy, CarrierError
from ivr.line import LineServices
from ivr.streams.media_streams import StreamingRecogniser
from ivr.streams.stream_registry import StreamRegistry
from ivr.turns.calls import Calls
from ivr.twilio.webhooks import voice_routes
from orders.models import DepartmentRule
from settings import Settings
from speech.listening import Items, Listen
from speech.utterance import Utterance
from storage import SessionFactory, transaction
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
        self.goes_back = True

    def begin(self, facts: CallFacts, _desk: object, /) -> tuple[CallState, Reply]:
        return CallState(facts.call_key, facts.caller, facts.called, facts.speech_enabled), self._reply(1)

    def hear(
        self, state: CallState, heard: Utterance | Silence, _desk: object, /, *, speech_enabled: bool
    ) -> tuple[CallState, Reply]:
        self.heard.append(heard)
        state.reprompt_count += 1
        return state, self._reply(state.reprompt_count + 1)

    def draft_lines(self, _state: CallState, _desk: object, /) -> None:
        return None

    def go_back(self, _state: CallState, _lines: object, _since: datetime, _desk: object, /) -> bool:
        return self.goes_back

    def transfer_to_operator(self, state: CallState, _desk: object, /) -> tuple[CallState, Reply]:
        return state, Reply(("an operator comes",), Transfer("taken_over"))

    def end(self, state: CallState, _desk: object, /) -> None:
        self.ended_calls.append(state.call_key)

    def _reply(self, turn_number: int) -> Reply:
        return Reply((*self.first, f"turn {turn_number}"), self.then or ListenFor(self.listen, self.silence_ms))


class LiteralKeys:
    """Understands keys literally."""

    def of_keys(self, _listen: Listen, keys: str) -> Utterance:
        return Utterance(digits=(keys,), keyed=True, text=keys)


@dataclass
class FakeRecognition:
    """A recogniser that hears the same in every recording."""

    available: bool = True
    in_recordings: Utterance | None = field(default_factory=lambda: Utterance(text="红塔山五条", command="yes"))
    recordings: list[bytes] = field(default_factory=list)
    recogniser: StreamingRecogniser | None = None

    def new_recogniser(self) -> StreamingRecogniser | None:
        return self.recogniser

    def recognise_recording(self, _listen: Listen, wav: bytes) -> Utterance | None:
        self.recordings.append(wav)
        return self.in_recordings


@dataclass
class FakeCarrier:
    """A carrier that records the requests it receives, or refuses all of them."""

    refuses: bool = False
    busy: bool = False
    redirects_at_once: bool = False
    redirected: list[tuple[str, int | str]] = field(default_factory=list)
    dialled_operators: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    statuses: dict[str, CallStatus] = field(default_factory=dict)

    def check(self) -> None:
        self._refuse()

    def warm_up(self) -> None:
        self._refuse()

    def redirect_to_turn(self, call_key: str, turn_number: int) -> None:
        self._redirect(call_key, turn_number)

    def redirect_to_queue(self, call_key: str) -> None:
        self._redirect(call_key, "queue")

    def redirect_to_hold(self, call_key: str) -> None:
        self._redirect(call_key, "hold")

    def reconnect_operator(self, operator_call_key: str, attempt_id: int) -> None:
        self._redirect(operator_call_key, attempt_id)

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        raise AssertionError("no outbound call is placed in these tests")

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        raise AssertionError("no outbound call is placed in these tests")

    def status(self, call_key: str) -> CallStatus | None:
        self._refuse()
        return self.statuses.get(call_key)

    def cancel_ringing(self, call_key: str) -> None:
        raise AssertionError("no outbound call is placed in these tests")

    def dial_operator(self, address: str, line: str, attempt_id: int) -> str:
        self._refuse()
        if self.busy:
            raise CarrierBusy("the carrier has had too many requests", 1)
        self.dialled_operators.append(address)
        return f"CA-operator-{len(self.dialled_operators)}"

    def dial_operator_for_callback(self, address: str, line: str, callback_id: int, staff_id: int) -> str:
        return self.dial_operator(address, line, callback_id)

    def redirect_to_talk(self, call_key: str) -> None:
        self._redirect(call_key, "talk")

    def dial_coach(self, address: str, line: str, supervision_id: int) -> str:
        return self.dial_operator(address, line, supervision_id)

    def fork_sound(self, call_key: str, fork_id: int) -> None:
        self._refuse()

    def delete_queue(self, queue_id: str) -> None:
        self._refuse()

    def end_call(self, call_key: str) -> None:
        self._refuse()
        self.ended.append(call_key)

    @property
    def browser_telephone(self) -> BrowserTelephone | None:
        return None

    def browser_credentials(self, identity: str) -> dict[str, str | int]:
        raise AssertionError("no browser is a telephone in these tests")

    def recording(self, recording_id: str) -> bytes | None:
        self._refuse()
        return recording_id.encode()

    def _redirect(self, call_key: str, where: int | str) -> None:
        self._refuse()
        self.redirected.append((call_key, where))

    def _refuse(self) -> None:
        if self.refuses:
            raise CarrierError("the carrier is not to be had")


class LineWorld:
    """One installation of the line, with fakes around it, that tells nobody of recordings."""

    def __init__(
        self, sessions: SessionFactory, recogniser: StreamingRecogniser | None = None, **changes: object
    ) -> None:
        self.now = NOON
        self.settings: Settings = settings(**changes)
        self.sessions = sessions
        self.set_recording_notice(0)
        self.conversation = CountingConversation()
        self.recognition: Any = FakeRecognition(recogniser=recogniser)
        self.carrier: Any = FakeCarrier()
        self.calls = Calls(
            sessions,
            lambda: self.now,
            self.conversation,
            open_desk=lambda _session: SimpleNamespace(),  # type: ignore[arg-type,return-value]
            understanding=lambda _session: LiteralKeys(),
            recognition_available=lambda: self.recognition.available,
        )
        self.line = LineServices.build(
            self.settings, sessions, lambda: self.now, self.calls, self.carrier, self.recognition
        )
        self.operators = self.line.operators
        self.streams: StreamRegistry = self.line.media_streams.registry
        self.app = Flask(__name__)
        self.app.register_blueprint(voice_routes(self.line))

    def set_recording_notice(self, value: int) -> None:
        with transaction(self.sessions) as session:
            session.merge(DepartmentRule(name="recording_notice", value=value))

    def recognise_recordings(self) -> int:
        """Recognise all recordings that wait, as a line process does; their number."""
        count = 0
        while self.line.recorded_turns.recognise_next():
            count += 1
        return count

    def telephone(self, call_key: str = "CA00000000000000000000000000000001") -> Telephone:
        return Telephone(self.app.test_client(), call_key)
