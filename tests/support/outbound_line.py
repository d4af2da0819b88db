"""A morning of outbound calls over a real exchange: one retailer is due, and its telephone is beyond the trunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy import select, update

from ivr.call_pace import AS_THEY_COME, CallPace
from ivr.carrier import CarrierBusy
from orders.outbound import campaign
from orders.outbound.models import OutboundAttempt
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import transaction
from tests.support.exchange import Exchange
from tests.support.exchange_line import PATIENCE_S, ExchangeLine, wait_until
from tests.support.sip_telephone import Answers, Telephone, trunk_callee

RETAILER = "410502100012"


class DiallingLine(ExchangeLine):
    """A served line that calls a retailer. The demo calls no telephone over a trunk: this line is none."""

    SETTINGS: ClassVar[Mapping[str, str]] = {
        "DEMO": "0",
        "SECRET_KEY": "the line of the tests places calls",
        "PUBLIC_BASE_URL": "https://line.example",
        "OPERATOR_NUMBERS": "+8637255550001",
    }

    def call_retailer(self) -> None:
        """Start outbound calling, with one retailer due."""
        self._set_running(True)

    def stop_calling(self) -> None:
        self._set_running(False)

    def attempts(self) -> list[OutboundAttempt]:
        """The attempts so far."""
        with self._session() as session:
            found = list(session.scalars(select(OutboundAttempt).order_by(OutboundAttempt.id)))
            session.expunge_all()
            return found

    def outcome(self) -> str | None:
        """The outcome of the only attempt, once its call is over."""
        (attempt,) = self.attempts()
        return attempt.outcome if attempt.ended_at is not None else None

    def wait_for_outcome(self, outcome: str, within_s: float = PATIENCE_S) -> None:
        wait_until(lambda: self.outcome() is not None, "the call is not over", within_s)
        assert self.outcome() == outcome

    def trunk_is_left_alone(self) -> bool:
        """True while no call is to be placed over the trunk."""
        try:
            CallPace(self.services.sessions, every=AS_THEY_COME).await_turn()
        except CarrierBusy:
            return True
        return False

    def _set_running(self, running: bool) -> None:
        now = self.services.now()
        with transaction(self.services.sessions) as session:
            others = update(RetailerRow).where(RetailerRow.customer_code != RETAILER)
            session.execute(others.values(status="suspended"))
            campaign.set_running(session, business_day(now), running, "赵红霞", now)


@contextmanager
def retailers_telephone(
    exchange: Exchange, answers: Answers = "answers", *, ring_s: float = 0.5
) -> Iterator[Telephone]:
    """The retailer's telephone, once the exchange has found the trunk to be up."""
    with trunk_callee(exchange, answers) as telephone:
        exchange.console("pjsip qualify trunk")
        wait_until(
            lambda: exchange.ari("GET", "endpoints/PJSIP/trunk").json()["state"] == "online", "the trunk is down"
        )
        yield telephone
