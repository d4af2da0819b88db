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
from ivr.operators import callbacks, presence, ring_attempts, tickets
from ivr.operators.models import Ticket

# The expected wait is estimated from the latest calls closed in this time, so many at most and at least.
HANDLED_WITHIN = timedelta(hours=4)
HANDLED_MOST, HANDLED_LEAST = 20, 3
# A callback is offered if the expected wait is this long, or the caller has waited this long.
LONG_WAIT_MINUTES = 3
LONG_WAIT = timedelta(minutes=2)
# The ends of an operator's call and of the caller's wait may be reported this far apart.
OPERATOR_COMES_WITHIN = timedelta(seconds=20)

Where = Literal["nowhere", "waiting", "coming", "alone", "served", "held", "over"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A caller's queue position. "coming": an operator's own telephone is being connected; "alone": the operator has
    hung up; "served": the operator has no telephone and reads the order at the desk. `minutes` is the expected wait,
    None if unknown."""

    where: Where
    place: int = 0
    minutes: int | None = None
    on_duty: bool = False
    can_be_called: bool = False
    long_wait: bool = False
    asked_back: bool = False


def standing(session: Session, call_sid: str, numbers: Collection[str], now: datetime) -> Standing:
    """The caller's queue position."""
    call, ticket = session.get(Call, call_sid), tickets.of_call(session, call_sid)
    if call is None or call.ended_at is not None:
        return Standing("over")
    present, taking = presence.count(session, numbers, now)
    if ticket is None:
        last = session.scalar(select(Ticket).where(Ticket.call_sid == call_sid).order_by(Ticket.id.desc()).limit(1))
        return Standing("nowhere", asked_back=last is not None and last.state == "call_back")
    reachable = callbacks.can_be_called(call.caller)
    if ticket.state == "taken":
        return Standing(_with_operator(session, ticket), on_duty=present > 0, can_be_called=reachable)
    place = max(1, tickets.position(session, call_sid))
    minutes = expected_minutes(session, place, taking, now)
    waited = now - ticket.opened_at
    long = waited > LONG_WAIT or (minutes is not None and minutes >= LONG_WAIT_MINUTES) or taking == 0
    return Standing("waiting", place, minutes, present > 0, reachable, long)


def expected_minutes(session: Session, place: int, operators: int, now: datetime) -> int | None:
    """The expected wait at this place, in whole minutes, from the duration of the latest calls; None if too few were
    handled lately, or nobody takes calls."""
    handled = session.execute(
        select(Ticket.taken_at, Ticket.closed_at)
        .where(Ticket.state.in_(("finished", "given_back")), Ticket.closed_at > now - HANDLED_WITHIN)
        .where(Ticket.taken_at.is_not(None))
        .order_by(Ticket.closed_at.desc())
        .limit(HANDLED_MOST)
    ).all()
    if len(handled) < HANDLED_LEAST or not operators:
        return None
    took = sum((closed - taken for taken, closed in handled if taken and closed), timedelta()) / len(handled)
    return max(1, math.ceil(place * took / operators / timedelta(minutes=1)))


def lost_its_operator(session: Session, ticket: Ticket, now: datetime) -> bool:
    """True if a caller who is in the queue belongs to an operator whose own call was accepted and has been over for
    longer than reports take."""
    if ticket.state != "taken" or _with_operator(session, ticket) != "alone":
        return False
    last = ring_attempts.last_of_ticket(session, ticket.id)
    return last is not None and last.ended_at is not None and now - last.ended_at > OPERATOR_COMES_WITHIN


def _with_operator(session: Session, ticket: Ticket) -> Where:
    last = ring_attempts.last_of_ticket(session, ticket.id)
    if last is None or last.staff_id != ticket.taken_by or (last.ended_at is not None and last.state != "over"):
        return "served"
    if last.ended_at is not None:
        return "alone"
    return "held" if ticket.held_at is not None else "coming"
