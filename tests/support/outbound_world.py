"""A morning of outbound calls: a carrier that only records requests, and the calls as it runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flask import Flask
from sqlalchemy import select

from ivr.carrier import CallStatus
from ivr.line import LineServices
from ivr.operators import presence
from ivr.outbound.dialler import Dialler
from ivr.services import services
from ivr.twilio.forms import CALL_STATUSES
from orders.outbound import campaign
from orders.outbound.models import MissedCall, OutboundAttempt
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.staff.models import StaffRow
from orders.windows import business_day
from tests.support.carrier_client import Telephone, TwimlAnswer
from tests.support.desk_world import MAIN, STATION, World
from tests.support.line_world import FakeCarrier

SHOP_PHONE, STATION_PHONE = "+8613800000012", "+8613800000037"
OPERATOR_PHONE = "+8637255550001"
PROMPT_HEARD_S = 30


@dataclass
class FakeOutboundCarrier(FakeCarrier):
    """A carrier that places the requested calls, refuses them, or fails at the worst moment."""

    placed_calls: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    known: dict[str, CallStatus] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    places_despite_error: bool = False

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        assert line == MAIN
        if self.error is None or self.places_despite_error:
            call_key = f"CA{len(self.placed_calls) + 1:032d}"
            self.placed_calls.append((phone, attempt_key))
            self.known[call_key], self.numbers[phone] = "ringing", call_key
        if self.error is not None:
            raise self.error
        return call_key

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        return self.numbers.get(phone)

    def status(self, call_key: str) -> CallStatus | None:
        return self.known.get(call_key)

    def cancel_ringing(self, call_key: str) -> None:
        self.cancelled.append(call_key)


class OutboundWorld:
    """A morning with two retailers due, one operator ready to take calls, and outbound calling started."""

    def __init__(self, application: Flask, world: World) -> None:
        self.application = application
        self.world = world
        self.clock = world.clock
        self.line: LineServices = services(application).line
        self.carrier = FakeOutboundCarrier()
        with world.session() as session:
            station = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == STATION)).one()
            session.add(RetailerPhone(phone=STATION_PHONE, retailer_id=station.id))
            operator = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
            operator.phone = OPERATOR_PHONE
            presence.set_ready(session, operator.id, "phone", world.clock())
        self.dialler = self.new_dialler()
        self.start()

    def new_dialler(self) -> Dialler:
        return Dialler(self.world.sessions, self.clock, self.carrier, self.line.outbound_calls)

    def start(self) -> None:
        self._run(True)

    def stop(self) -> None:
        self._run(False)

    def _run(self, running: bool) -> None:
        with self.world.session() as session:
            campaign.set_running(session, business_day(self.clock()), running, "赵红霞", self.clock())

    def advance(self, **how_long: float) -> int:
        """Move the clock, with the operator still ready, and let the dialler poll; returns the calls placed."""
        self.clock.move(**how_long)
        with self.world.session() as session:
            operator = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
            presence.set_ready(session, operator.id, "phone", self.clock())
        return self.dialler.poll()

    def rule(self, name: str, value: int) -> None:
        self.world.department_rule(name, value)

    def attempts(self) -> list[OutboundAttempt]:
        with self.world.session() as session:
            return list(session.scalars(select(OutboundAttempt).order_by(OutboundAttempt.id)))

    def outcomes(self) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts()]

    def missed(self) -> list[tuple[str, str]]:
        with self.world.session() as session:
            return [(row.reason, row.remedy) for row in session.scalars(select(MissedCall).order_by(MissedCall.id))]

    def call(self, place: int = -1) -> PlacedCall:
        phone, key = self.carrier.placed_calls[place]
        number = len(self.carrier.placed_calls) if place == -1 else place + 1
        return PlacedCall(self, f"CA{number:032d}", phone, key)


class PlacedCall:
    """One outbound call, as the carrier runs it."""

    def __init__(self, day: OutboundWorld, call_key: str, phone: str, key: str) -> None:
        self.day, self.call_key, self.key = day, call_key, key
        base = day.line.settings.public_base_url
        self.telephone = Telephone(day.application.test_client(), call_key, "demo-auth-token", base)
        self.numbers = {"From": MAIN, "To": phone, "Direction": "outbound-api"}
        self.heard: TwimlAnswer | None = None

    def answer(self, answered_by: str = "human") -> TwimlAnswer:
        address = f"/voice/outbound?attempt={self.key}"
        self.heard = self.telephone.request(address, AnsweredBy=answered_by, **self.numbers)
        return self.heard

    def keys(self, digits: str) -> TwimlAnswer:
        """Press keys after the last reply has been heard out."""
        assert self.heard is not None
        self.day.clock.move(seconds=PROMPT_HEARD_S)
        pressed = {"Digits": "", "FinishedOnKey": "#"} if digits == "#" else {"Digits": digits, "FinishedOnKey": ""}
        self.heard = self.telephone.request(self.heard.action, **self.numbers, **pressed)
        return self.heard

    def post_status(self, status: str) -> None:
        if status in ("completed", "busy", "no-answer", "failed", "canceled"):
            self.day.carrier.known[self.call_key] = CALL_STATUSES[status]
        self.telephone.request(f"/voice/outbound/status?attempt={self.key}", CallStatus=status, **self.numbers)

    def orders(self) -> None:
        self.answer()
        for keys in ("1", "101*5", "#", "1"):
            self.keys(keys)
        self.post_status("completed")
