"""The queue position of a caller who asked for an operator: place, expected wait, and operators present."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from ivr.models import Call
from ivr.operators import presence, ring_attempts, tickets
from ivr.operators.models import Ticket
from orders.retailers.dialling import may_be_dialled

# The expected wait is estimated from the latest calls closed in this time, so many at most and at least.
HANDLED_WITHIN = timedelta(hours=4)
HANDLED_MAX, HANDLED_MIN = 20, 3
# A callback is offered if the expected wait is this long, or the caller has waited this long.
LONG_WAIT_MINUTES = 3
LONG_WAIT = timedelta(minutes=2)
# The ends of an operator's call and of the caller's wait may be reported this far apart.
OPERATOR_END_REPORTED_WITHIN = timedelta(seconds=20)

QueueState = Literal["not_queued", "waiting", "connecting", "operator_gone", "at_desk", "on_hold", "ended"]


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A caller's queue position. "connecting": an operator's own telephone is being connected; "operator_gone": the
    operator has hung up; "at_desk": the operator has no telephone and reads the order at the desk. `minutes` is the
    expected wait, None if unknown."""

    state: QueueState
    place: int = 0
    minutes: int | None = None
    operators_present: bool = False
    can_call_back: bool = False
    long_wait: bool = False
    callback_requested: bool = False


def queue_position(
    session: Session, call_key: str, numbers: Collection[str], prefixes: Collection[str], now: datetime
) -> QueuePosition:
    """The caller's queue position. `numbers` are the operators' fixed ones, `prefixes` those of numbers that may be
    called back."""
    call, ticket = session.get(Call, call_key), tickets.of_call(session, call_key)
    if call is None or call.ended_at is not None:
        return QueuePosition("ended")
    present, taking = presence.count_operators(session, numbers, now)
    if ticket is None:
        last = session.scalar(select(Ticket).where(Ticket.call_key == call_key).order_by(Ticket.id.desc()).limit(1))
        return QueuePosition("not_queued", callback_requested=last is not None and last.state == "callback")
    reachable = may_be_dialled(call.caller, prefixes)
    if ticket.state == "taken":
        return QueuePosition(_state_when_taken(session, ticket), operators_present=present > 0, can_call_back=reachable)
    place = max(1, tickets.position(session, call_key))
    minutes = expected_minutes(session, place, taking, now)
    waited = now - ticket.opened_at
    long = waited > LONG_WAIT or (minutes is not None and minutes >= LONG_WAIT_MINUTES) or taking == 0
    return QueuePosition("waiting", place, minutes, present > 0, reachable, long)


def expected_minutes(session: Session, place: int, operators: int, now: datetime) -> int | None:
    """The expected wait at this place, in whole minutes, from the duration of the latest calls; None if too few were
    handled lately, or nobody takes calls."""
    handled = session.execute(
        select(Ticket.taken_at, Ticket.closed_at)
        .where(Ticket.state.in_(("finished", "given_back")), Ticket.closed_at > now - HANDLED_WITHIN)
        .where(Ticket.taken_at.is_not(None))
        .order_by(Ticket.closed_at.desc())
        .limit(HANDLED_MAX)
    ).all()
    if len(handled) < HANDLED_MIN or not operators:
        return None
    took = sum((closed - taken for taken, closed in handled if taken and closed), timedelta()) / len(handled)
    return max(1, math.ceil(place * took / operators / timedelta(minutes=1)))


def operator_is_gone(session: Session, ticket: Ticket, now: datetime) -> bool:
    """True if a caller who is in the queue belongs to an operator whose own call was accepted and has been over for
    longer than reports take."""
    if ticket.state != "taken" or _state_when_taken(session, ticket) != "operator_gone":
        return False
    last = ring_attempts.latest_attempt_of(session, ticket.id)
    return last is not None and last.ended_at is not None and now - last.ended_at > OPERATOR_END_REPORTED_WITHIN


def _state_when_taken(session: Session, ticket: Ticket) -> QueueState:
    last = ring_attempts.latest_attempt_of(session, ticket.id)
    if last is None or last.staff_id != ticket.taken_by or (last.ended_at is not None and last.state != "over"):
        return "at_desk"
    if last.ended_at is not None:
        return "operator_gone"
    return "on_hold" if ticket.held_at is not None else "connecting"
