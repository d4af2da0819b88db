"""The dialler: calls the retailers that are due, in one poll after another.

Any number may run; the one that holds the lease dials. It keeps no state: each attempt is stored before the carrier is
asked to place the call, and the carrier is asked about attempts whose end was never reported.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clock import Clock
from ivr.carrier import ENDED_STATUSES, Carrier, CarrierBusy, CarrierError, CarrierRefused
from ivr.models import Call
from ivr.operators import presence
from ivr.operators.callbacks import CALLBACK_LISTED_FOR
from ivr.operators.models import Callback
from ivr.outbound.outbound_calls import OutboundCalls
from ivr.recordings import retention
from ivr.turns.calls import CALL_OPEN_MAX
from orders.hotline_settings import calendar
from orders.outbound import campaign
from orders.outbound.models import OutboundAttempt
from orders.outbound.pacing import Dial, DialState, free_slots, next_dials
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import business_day
from storage import SessionFactory, read_only, transaction

POLL_EVERY_S = 1.0
# The carrier is asked about a call after this long without a status.
QUERY_CARRIER_AFTER = timedelta(seconds=90)
# A call the carrier does not know of after this long was never placed.
NEVER_PLACED_AFTER = timedelta(minutes=3)
UNREACHED_EVERY = timedelta(seconds=30)
RECORDED_AT_ONCE = 100

log = structlog.get_logger(__name__)


class Dialler:
    """A process that dials while no other does."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: Carrier,
        outbound_calls: OutboundCalls,
        operator_numbers: Collection[str] = (),
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._outbound_calls = outbound_calls
        self._numbers = operator_numbers
        # A unique name, by which an administrator finds the process.
        self._holder = f"{socket.gethostname()[:40]} {os.getpid()} {secrets.token_hex(4)}"
        self._cancelled: set[str] = set()
        self._unreached_recorded_at: datetime | None = None
        # The carrier has had too many requests until then.
        self._busy_until: datetime | None = None

    def run(self, stop: Event) -> None:
        """Poll until `stop` is set. An error is logged, and polling goes on."""
        try:
            while not stop.is_set():
                try:
                    self.poll()
                except Exception as error:
                    log.error("the dialler could not poll", exc_info=error)
                stop.wait(POLL_EVERY_S)
        finally:
            with transaction(self._sessions) as session:
                campaign.release_lease(session, self._holder, self._clock())

    def poll(self) -> int:
        """Poll once, and return the number of retailers dialled."""
        now = self._clock()
        if not self._may_dial(now):
            return 0
        day = business_day(now)
        with read_only(self._sessions) as session:
            running = campaign.is_running(session, day)
            going_on = campaign.under_way(session)
        for attempt in going_on:
            if not running and attempt.answered_at is None and attempt.call_key is not None:
                self._cancel(attempt.call_key)
            if now - (attempt.polled_at or attempt.dialled_at) > QUERY_CARRIER_AFTER:
                self._query_status(attempt, now)
        self._record_unreached(now)
        self._retain(now)
        return sum(self._dial(dial, line) for dial, line in self._next(now)) if running and self._may_ask() else 0

    def _may_ask(self) -> bool:
        return self._busy_until is None or self._clock() >= self._busy_until

    def _retain(self, now: datetime) -> None:
        """Run the day's retention, if it is due. A failure is noted there, and the next day tries again."""
        with read_only(self._sessions) as session:
            due = retention.is_due(session, now)
        if due:
            with suppress(SQLAlchemyError):
                retention.run(self._sessions, self._clock)

    def _may_dial(self, now: datetime) -> bool:
        with transaction(self._sessions) as session:
            return campaign.acquire_lease(session, self._holder, now)

    def _next(self, now: datetime) -> list[tuple[Dial, str]]:
        day = business_day(now)
        with read_only(self._sessions) as session:
            line = campaign.outbound_line(session)
            rules = campaign.pacing_rules(session)
            if line is None or not campaign.takes_orders(session, day, calendar(session)):
                return []
            moment = DialState(
                now,
                day,
                line.window,
                len(campaign.under_way(session)),
                len(presence.available_operators(session, self._numbers, now)),
            )
            if not free_slots(rules, moment):
                return []
            found = campaign.candidates(session, day, now, engaged_retailers(session, now))
        return [(dial, line.number) for dial in next_dials(found, rules, moment)]

    def _dial(self, dial: Dial, line: str) -> bool:
        if not self._may_ask():
            return False
        now = self._clock()
        with transaction(self._sessions) as session:
            # Checked again: the carrier may have been slow, and another dialler may have taken over.
            if not campaign.acquire_lease(session, self._holder, now):
                return False
            attempt = campaign.create_attempt(session, dial, business_day(now), line, now)
        if attempt is None:
            return False
        key = attempt.key
        try:
            call_key = self._carrier.dial_retailer(dial.phone, line, key)
        except CarrierBusy as busy:
            log.info("a retailer is dialled later: the carrier is busy", attempt=attempt.id, after_s=busy.retry_after_s)
            self._busy_until = self._clock() + timedelta(seconds=busy.retry_after_s)
            with transaction(self._sessions) as session:
                campaign.withdraw(session, key)
            return False
        except CarrierRefused as refusal:
            log.warning("the carrier refused to dial a retailer", attempt=attempt.id, reason=str(refusal))
            with transaction(self._sessions) as session:
                if (mine := campaign.by_key(session, key)) is not None:
                    campaign.close(session, mine, "failed", self._clock(), str(refusal))
            return False
        except CarrierError as error:
            # The call may exist all the same: the attempt stays open until a status arrives or no call is found.
            log.warning("it is not known whether a retailer is being dialled", attempt=attempt.id, reason=str(error))
            return True
        with transaction(self._sessions) as session:
            if (mine := campaign.by_key(session, key)) is not None:
                campaign.claim_call(mine, call_key)
        return True

    def _query_status(self, attempt: OutboundAttempt, now: datetime) -> None:
        """Ask the carrier for the status of an attempt that has not reported for a while."""
        try:
            call_key = attempt.call_key or self._carrier.find_call(
                attempt.phone, attempt.from_number, attempt.dialled_at
            )
            status = self._carrier.status(call_key) if call_key is not None else None
        except CarrierError as error:
            log.warning("the status of a call could not be queried", attempt=attempt.id, reason=str(error))
            return
        if status is None and attempt.answered_at is not None:
            # A call that was answered and that the carrier no longer knows is over.
            status = "completed"
        if call_key is not None and status in ENDED_STATUSES:
            self._outbound_calls.on_status(attempt.key, call_key, status)
            return
        with transaction(self._sessions) as session:
            mine = campaign.by_key(session, attempt.key)
            if mine is None:
                return
            mine.polled_at = now
            if call_key is not None and status is not None:
                campaign.claim_call(mine, call_key)
            elif now - mine.dialled_at > NEVER_PLACED_AFTER:
                campaign.close(session, mine, "lost", now, "the carrier knows no such call")

    def _cancel(self, call_key: str) -> None:
        if call_key in self._cancelled:
            return
        self._cancelled.add(call_key)
        try:
            self._carrier.cancel_ringing(call_key)
        except CarrierError as error:
            log.warning("a ringing call could not be cancelled", call=call_key, reason=str(error))

    def _record_unreached(self, now: datetime) -> None:
        if self._unreached_recorded_at is not None and now - self._unreached_recorded_at < UNREACHED_EVERY:
            return
        self._unreached_recorded_at = now
        day = business_day(now)
        with read_only(self._sessions) as session:
            if not campaign.was_started(session, day):
                return
            line = campaign.outbound_line(session)
            closed = line is None or now >= line.window.closes_at(day)
            over = closed or not campaign.takes_orders(session, day, calendar(session))
            found = campaign.candidates(session, day, now, engaged_retailers(session, now))
            missed = campaign.unreached(session, day, now, found, campaign.pacing_rules(session), over=over)
        # A quarter of a city may be missed at closing time, and no caller waits for all of them to be recorded.
        for start in range(0, len(missed), RECORDED_AT_ONCE):
            with transaction(self._sessions) as session:
                campaign.record_unreached(session, day, now, missed[start : start + RECORDED_AT_ONCE])


def engaged_retailers(session: Session, now: datetime) -> set[int]:
    """The ids of the retailers who are on a call, or whom an operator has promised to call back: known by their number,
    or because they said who they are."""
    live = session.execute(
        select(Call.caller, Call.state).where(Call.ended_at.is_(None), Call.started_at > now - CALL_OPEN_MAX)
    ).all()
    promised = session.execute(
        select(Callback.phone, Callback.customer_code).where(
            Callback.state != "reached", Callback.requested_at > now - CALLBACK_LISTED_FOR
        )
    ).all()
    phones = {caller for caller, _ in live} | {phone for phone, _ in promised}
    codes = {state.get("customer_code", "") for _, state in live} | {code for _, code in promised}
    found = set(session.scalars(select(RetailerRow.id).where(RetailerRow.customer_code.in_(codes - {""}))))
    return found | set(session.scalars(select(RetailerPhone.retailer_id).where(RetailerPhone.phone.in_(phones))))
