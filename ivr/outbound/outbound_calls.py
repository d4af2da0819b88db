"""Outbound calls to retailers that are due: what the carrier reports of them, each report applied once.

Every event of an outbound call carries the attempt's key, so the first one identifies its attempt, even if the dialler
stopped before the carrier had answered it.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows import speaking
from callflows.prompts import load_prompts
from callflows.state import OUTBOUND, CallState
from callflows.steps.outbound_greeting import Greeted
from clock import Clock
from ivr.carrier import ENDED_STATUSES, AnsweredBy, CallStatus
from ivr.models import Call
from ivr.operators.models import Ticket
from ivr.turns.calls import Calls, CallSnapshot
from orders.hotline_settings import calendar, hotline, hotlines
from orders.outbound import campaign
from orders.outbound.models import AttemptOutcome, OutboundAttempt
from orders.windows import business_day
from storage import SessionFactory, retry_on_deadlock, transaction

# The outcome for each status of a call that nobody answered.
UNANSWERED_OUTCOMES: dict[CallStatus, AttemptOutcome] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "failed": "failed",
    "cancelled": "cancelled",
}
PARTING_OUTCOMES: dict[str, AttemptOutcome] = {
    Greeted.SOMEBODY_ELSE.value: "wrong_person",
    Greeted.NOT_NOW.value: "declined",
}

log = structlog.get_logger(__name__)


class OutboundCalls:
    """The outbound calls of the line, in the database."""

    def __init__(self, sessions: SessionFactory, clock: Clock, calls: Calls) -> None:
        self._sessions = sessions
        self._clock = clock
        self._calls = calls
        self._prompts = load_prompts()

    def on_answer(self, key: str, call_key: str, answered_by: AnsweredBy) -> CallSnapshot | Sequence[str]:
        """The snapshot of a call that was answered or, if a machine answered, the sentences to say before hanging up;
        none if the call is not one of ours, or the retailer's machine has the message already."""
        attempt = self._answered_attempt(key, call_key, answered_by)
        if attempt is None:
            return ()
        if attempt.outcome == "machine":
            return self._machine_message(attempt)
        return self._calls.begin(call_key, attempt.phone, attempt.from_number, OUTBOUND)

    @retry_on_deadlock
    def _answered_attempt(self, key: str, call_key: str, answered_by: AnsweredBy) -> OutboundAttempt | None:
        with transaction(self._sessions) as session:
            attempt = campaign.by_key(session, key)
            if attempt is None or not campaign.claim_call(attempt, call_key) or attempt.ended_at is not None:
                log.warning("an outbound call that is unknown or closed is hung up", call=call_key)
                return None
            attempt.answered_at = attempt.answered_at or self._clock()
            if answered_by == "machine":
                attempt.outcome = "machine"
            return attempt

    def _machine_message(self, attempt: OutboundAttempt) -> Sequence[str]:
        """The message left on a machine: the calling line, and the number to call back. Anybody may listen to it."""
        with transaction(self._sessions) as session:
            if campaign.message_was_left(session, attempt):
                return ()
            line = hotline(hotlines(session), attempt.from_number)
            new_year = calendar(session).is_new_year(business_day(self._clock()))
        hello = self._prompts.text("greeting.new_year") if new_year else self._prompts.text("greeting.hello")
        number = speaking.telephone(line.number)
        return (self._prompts.text("greet_retailer.machine", hello=hello, company=line.name, number=number),)

    def on_status(self, key: str, call_key: str, status: CallStatus) -> None:
        """Apply a call status reported by the carrier; a repeated or late one changes nothing."""
        if status in ENDED_STATUSES:
            self._calls.end(call_key, status)
        self._apply_status(key, call_key, status)

    @retry_on_deadlock
    def withdraw(self, key: str, call_key: str) -> None:
        """Remove the attempt whose call the carrier did not place after all: the retailer was not called."""
        with transaction(self._sessions) as session:
            campaign.withdraw(session, key, call_key)

    @retry_on_deadlock
    def _apply_status(self, key: str, call_key: str, status: CallStatus) -> None:
        with transaction(self._sessions) as session:
            attempt = campaign.by_key(session, key)
            if attempt is None or not campaign.claim_call(attempt, call_key):
                return
            if status in ENDED_STATUSES:
                outcome = _outcome(session, attempt, call_key, status)
                if campaign.close(session, attempt, outcome, self._clock()):
                    log.info("an outbound call ended", attempt=attempt.id, call=call_key, outcome=attempt.outcome)
            elif status == "in_progress":
                attempt.answered_at = attempt.answered_at or self._clock()


def _outcome(session: Session, attempt: OutboundAttempt, call_key: str, status: CallStatus) -> AttemptOutcome:
    if attempt.outcome is not None:
        return attempt.outcome
    if status in UNANSWERED_OUTCOMES and attempt.answered_at is None:
        return UNANSWERED_OUTCOMES[status]
    if session.scalar(select(Ticket.id).where(Ticket.call_key == call_key).limit(1)) is not None:
        return "operator"
    call = session.get(Call, call_key)
    return (
        "answered"
        if call is None
        else PARTING_OUTCOMES.get(CallState.from_json(call.state).outbound_outcome, "answered")
    )
