"""Operators of a line on a real exchange, at desk telephones, and callers who ask for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from callflows.prompts import load_prompts
from ivr.asterisk.channels import talk_of
from ivr.line import LineServices
from ivr.models import Call as CallRow
from ivr.operators import presence
from ivr.operators.models import RingAttempt, Ticket
from ivr.voice import SpokenSentences
from orders.staff.models import StaffRow
from storage import read_only, transaction
from tests.support.console_client import Visitor
from tests.support.exchange import Exchange
from tests.support.exchange_line import LINE, PATIENCE_S, ExchangeLine, wait_until
from tests.support.likeness import is_in
from tests.support.recorded_callers import speech_only
from tests.support.sip_telephone import Call, Telephone, calling

SHOP = "+8613800000012"
LI, WANG, LEADER = 1, 2, 3
EXTENSIONS = {LI: "8001", WANG: "8002", LEADER: "8003"}
# Two seconds of speech each, unlike each other.
CALLER_SAYS, OPERATOR_SAYS, LEADER_SAYS = (speech_only(f"heard/{one}")[:16_000] for one in ("000", "124", "184"))
PROMPTS, VOICE = load_prompts(), SpokenSentences(None)


@dataclass
class Office:
    """A line on the exchange and its operators, who have desk telephones."""

    exchange: Exchange
    served: ExchangeLine

    def __post_init__(self) -> None:
        with transaction(self.served.services.sessions) as session:
            for number, extension in EXTENSIONS.items():
                session.get_one(StaffRow, number).phone = extension

    @property
    def line(self) -> LineServices:
        return self.served.services.line

    def set_ready(self, *staff: int) -> None:
        with transaction(self.served.services.sessions) as session:
            for number in staff:
                presence.set_ready(session, number, "phone", self.served.services.now())

    def ticket(self) -> Ticket:
        with read_only(self.served.services.sessions) as session:
            return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first() or Ticket()

    def attempts(self, call_key: str) -> list[tuple[int | None, str]]:
        """The ring attempts for a call in order: operator and outcome."""
        with read_only(self.served.services.sessions) as session:
            rows = session.scalars(
                select(RingAttempt)
                .join(Ticket, Ticket.id == RingAttempt.ticket_id)
                .where(Ticket.call_key == call_key)
                .order_by(RingAttempt.id)
            )
            return [(row.staff_id, row.state) for row in rows]

    def open_calls(self) -> list[str]:
        with read_only(self.served.services.sessions) as session:
            return list(session.scalars(select(CallRow.call_key).where(CallRow.ended_at.is_(None))))

    def visitor(self, login: str) -> Visitor:
        visitor = Visitor(self.served.app.test_client())
        visitor.sign_in(login)
        return visitor

    def assert_talk(self, caller: Call, operator: Call) -> None:
        """Each hears what the other says, and not itself."""
        wait_until(self.two_talk, "no two talk")
        for speaker, listener, sound in ((caller, operator, CALLER_SAYS), (operator, caller, OPERATOR_SAYS)):
            since = time.monotonic()
            speaker.media.say(sound)
            assert_hears(listener, since, sound, "the other one's voice")
            assert not hears(speaker, since, sound)

    def two_talk(self) -> bool:
        bridges = self.exchange.ari("GET", "bridges").json()
        return any(talk_of(one["id"]) is not None and len(one["channels"]) == 2 for one in bridges)

    @contextmanager
    def caller_who_waits(self) -> Iterator[Call]:
        """A caller who has asked for an operator."""
        with calling(self.exchange, LINE, caller=SHOP) as caller:
            caller.wait_until_answered()
            caller.media.wait_for_sound(within_s=PATIENCE_S)
            caller.media.press("0")
            wait_until(lambda: self.ticket().state == "waiting", "the caller does not wait for an operator")
            yield caller
        wait_until(lambda: not self.open_calls(), "the caller's call is not over")


def prompt(name: str) -> bytes:
    """The sentence as the line says it, without the pauses around it."""
    return VOICE.mulaw(PROMPTS.text(name)).strip(b"\xff\x7e\x7f\xfe")


def hears(listener: Call | Telephone, since: float, sound: bytes) -> bool:
    return is_in(sound, listener.media.heard(since))


def assert_hears(listener: Call | Telephone, since: float, sound: bytes, what: str) -> None:
    wait_until(lambda: hears(listener, since, sound), f"this was not heard: {what}")


def takes_call(telephone: Telephone, after: int = 0) -> Call:
    """The operator answers, hears who calls, and presses 1."""
    call = telephone.wait_for_call(PATIENCE_S, after=after)
    call.wait_until_answered()
    assert_hears(call, call.answered_at, prompt("operator.accept"), "the whisper")
    call.media.press("1")
    return call
