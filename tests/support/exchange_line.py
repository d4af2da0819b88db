"""The line as it is served on a real exchange, and callers who talk with it over SIP telephones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import requests
from flask import Flask
from sqlalchemy import select

from app import create_app
from ivr.models import Call as CallRow
from ivr.services import Services, services
from ivr.turns.serialisation import reply_from_json
from settings import Settings
from simulator.account import Account
from tests.support.exchange import Exchange
from tests.support.own_ear import PACK
from tests.support.recorded_callers import need_speech_model, speech_only
from tests.support.served_app import shifted_clock
from tests.support.served_line import ServedLine
from tests.support.sip_telephone import Call, Sound, calling

# A caller answers when the line has been silent for this long: longer than its pauses between two sentences.
SILENT_S = 0.9
LINE, SUPPLEMENTARY_LINE = "4001", "4002"
PATIENCE_S = 40.0


class ExchangeLine(ServedLine):
    """A served line on this exchange, with more settings if any are given. The test has an application beside it, as a
    web process does."""

    SETTINGS: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        exchange: Exchange,
        database_url: str,
        folder: Path,
        shift: timedelta,
        app: str = "tests.support.served_app",
        **settings: str,
    ) -> None:
        environment = {**exchange.environment, "VOICE_PACK": str(PACK), **self.SETTINGS, **settings}
        if environment.get("LISTEN_MODE") != "keypad":
            environment["VOSK_MODEL_PATH"] = str(need_speech_model())
        super().__init__(database_url, folder, Account("http://127.0.0.1:9"), "stream", shift, app, environment)
        self._exchange = exchange

    def start(self) -> None:
        """Start the server, and return once one of its processes leads the exchange."""
        super().start()
        wait_until(self.leads, "no line process leads the exchange")

    def leads(self) -> bool:
        """True while a line process leads the exchange."""
        try:
            return self._exchange.ari("GET", "applications/hotline").ok
        except requests.RequestException:
            return False

    @cached_property
    def app(self) -> Flask:
        """The application beside the line, with its settings and its database."""
        chosen = {name.lower(): value for name, value in self.environment.items()}
        settings = Settings.model_validate({name: chosen[name] for name in Settings.model_fields if name in chosen})
        return create_app(settings, clock=shifted_clock(self._shift))

    @property
    def services(self) -> Services:
        """The line's services, in this process."""
        return services(self.app)

    def health(self) -> dict[str, str]:
        """The answer of `/healthz`."""
        answer: dict[str, str] = requests.get(f"{self.url}/healthz", timeout=10).json()
        return answer

    def calls(self) -> list[CallRow]:
        """The calls so far in the order in which they began, as they are in the database."""
        with self._session() as session:
            found = list(session.scalars(select(CallRow).order_by(CallRow.started_at)))
            session.expunge_all()
            return found

    def latest_call(self) -> CallRow | None:
        """The call that began last, as it is in the database."""
        return calls[-1] if (calls := self.calls()) else None


class KeypadLine(ExchangeLine):
    """A served line whose callers have only keys, and which a robot voice speaks for."""

    SETTINGS: ClassVar[Mapping[str, str]] = {"LISTEN_MODE": "keypad", "VOICE_PACK": ""}


@dataclass
class Dialogue:
    """A caller in a call to the line."""

    line: ExchangeLine
    call: Call

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the line has said last, or is saying."""
        row = self.line.latest_call()
        return () if row is None else reply_from_json(row.reply).say

    @property
    def asked(self) -> str:
        """The same, as one text."""
        return "".join(self.sentences)

    @property
    def turn(self) -> int:
        row = self.line.latest_call()
        return 0 if row is None else row.turn_number

    def says(self, recording: str, *, interrupting: bool = False) -> float:
        """Say this recording of tests/audio once the line is silent, or at once; the seconds from the end of speech to
        the line's next sound."""
        return self._answer(lambda: self.call.media.say(speech_only(recording)), interrupting=interrupting)

    def presses(self, keys: str, *, interrupting: bool = False) -> float:
        """Press keys; returns as `says`."""
        return self._answer(lambda: self.call.media.press(keys), interrupting=interrupting)

    def _answer(self, give: Callable[[], float], *, interrupting: bool) -> float:
        if not interrupting:
            self.call.media.wait_for_silence(lasting_s=SILENT_S, within_s=60)
        turn = self.turn
        ended_at = give()
        wait_until(lambda: self.turn > turn, f"the answer was not taken: {self.asked}")
        return self.call.media.wait_for_sound(within_s=10, since=ended_at) - ended_at


@contextmanager
def dialogue(
    exchange: Exchange,
    line: ExchangeLine,
    *,
    number: str = LINE,
    caller: str = "+8613900000077",
    sound: Sound | None = None,
) -> Iterator[Dialogue]:
    """A caller who has been answered and hears the greeting; who is still there at the end hangs up."""
    with calling(exchange, number, caller=caller, sound=sound) as call:
        call.wait_until_answered()
        call.media.wait_for_sound(within_s=10, since=call.answered_at)
        yield Dialogue(line, call)


def wait_until(holds: Callable[[], object], otherwise: str, within_s: float = PATIENCE_S) -> None:
    """Wait until this holds; AssertionError with the sentence if it does not come to."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
