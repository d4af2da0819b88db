"""Ring attempts: an operator's telephone that rings for a caller, and the outcome.

A caller has one open ring attempt at a time, and so has an operator's address; the database enforces both.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.operators import tickets
from ivr.operators.models import RingAttempt, RingState, Ticket


def open_attempt(
    session: Session, ticket: Ticket, staff_id: int | None, address: str, now: datetime
) -> RingAttempt | None:
    """Open a ring attempt, or return None if another worker was quicker with the caller or the operator."""
    attempt = RingAttempt(
        ticket_id=ticket.id,
        staff_id=staff_id,
        address=address,
        taken_at_desk=ticket.state == "taken",
        state="ringing",
        dialled_at=now,
    )
    try:
        with session.begin_nested():
            session.add(attempt)
    except IntegrityError:
        return None
    return attempt


def open_attempt_of(session: Session, ticket_id: int) -> RingAttempt | None:
    """The ticket's open ring attempt, or None."""
    return session.scalar(select(RingAttempt).where(RingAttempt.ticket_id == ticket_id, RingAttempt.ended_at.is_(None)))


def latest_attempt_of(session: Session, ticket_id: int) -> RingAttempt | None:
    """The ticket's latest ring attempt, open or not, or None."""
    return session.scalar(
        select(RingAttempt).where(RingAttempt.ticket_id == ticket_id).order_by(RingAttempt.id.desc()).limit(1)
    )


def ringing_for(session: Session, staff_id: int) -> Ticket | None:
    """The ticket this operator's telephone is ringing for, or None."""
    return session.scalar(
        select(Ticket)
        .join(RingAttempt, RingAttempt.ticket_id == Ticket.id)
        .where(RingAttempt.staff_id == staff_id, RingAttempt.ended_at.is_(None), RingAttempt.state == "ringing")
    )


def talking_with(session: Session, staff_id: int) -> Ticket | None:
    """The ticket of the caller this operator is connected to, on hold or not, or None."""
    return session.scalar(
        select(Ticket)
        .join(RingAttempt, RingAttempt.ticket_id == Ticket.id)
        .where(RingAttempt.staff_id == staff_id, RingAttempt.ended_at.is_(None), RingAttempt.state == "accepted")
        .where(Ticket.state == "taken", Ticket.taken_by == staff_id)
        .limit(1)
    )


def accept(session: Session, attempt: RingAttempt, now: datetime) -> bool:
    """Accept the ring attempt; False if the caller is gone or another operator has them. Accepting twice changes
    nothing."""
    if attempt.state == "accepted" and attempt.ended_at is None:
        return True
    if attempt.state != "ringing" or attempt.ended_at is not None:
        return False
    ticket = session.get_one(Ticket, attempt.ticket_id, with_for_update=True)
    own = attempt.taken_at_desk and ticket.state == "taken" and ticket.taken_by == attempt.staff_id
    if not own and not tickets.take(session, attempt.ticket_id, attempt.staff_id, now):
        return False
    attempt.state = "accepted"
    return True


def end(attempt: RingAttempt, outcome: RingState, now: datetime) -> bool:
    """End the ring attempt; False if it had ended already. An accepted one ends as "over", whatever outcome is
    reported."""
    if attempt.ended_at is not None:
        return False
    attempt.state = "over" if attempt.state == "accepted" else outcome
    attempt.ended_at = now
    return True
