"""Ring attempts: an operator's telephone that rings for a caller, and the outcome.

A caller has one open ring attempt at a time, and so has an operator's address; the database enforces both.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.models import Call
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


def was_answered(session: Session, ticket_id: int) -> bool:
    """True if an operator has answered for the ticket, and perhaps still talks."""
    answered = RingAttempt.ticket_id == ticket_id, RingAttempt.state.in_(("accepted", "over"))
    return session.scalar(select(RingAttempt.id).where(*answered).limit(1)) is not None


def ringing(session: Session) -> dict[int, Ticket]:
    """The tickets that operators' telephones are ringing for, by the operator's id."""
    rows = session.execute(
        select(RingAttempt.staff_id, Ticket)
        .join(Ticket, RingAttempt.ticket_id == Ticket.id)
        .where(RingAttempt.staff_id.is_not(None), RingAttempt.ended_at.is_(None), RingAttempt.state == "ringing")
    )
    return {staff_id: ticket for staff_id, ticket in rows if staff_id is not None}


def talking(session: Session) -> dict[int, Ticket]:
    """The tickets of the callers that operators are connected to, on hold or not, by the operator's id."""
    rows = session.execute(
        select(RingAttempt.staff_id, Ticket)
        .join(Ticket, RingAttempt.ticket_id == Ticket.id)
        .where(RingAttempt.ended_at.is_(None), RingAttempt.state == "accepted")
        .where(Ticket.state == "taken", Ticket.taken_by == RingAttempt.staff_id)
    )
    return {staff_id: ticket for staff_id, ticket in rows if staff_id is not None}


def cut_off(session: Session) -> dict[int, Ticket]:
    """The tickets of the callers that operators were connected to and are not any more, and who are still in their
    call, by the operator's id; the latest one of each."""
    of_ticket = select(RingAttempt.id).where(RingAttempt.ticket_id == Ticket.id)
    is_open = of_ticket.where(RingAttempt.ended_at.is_(None))
    was_connected = of_ticket.where(RingAttempt.staff_id == Ticket.taken_by, RingAttempt.state == "over")
    rows = session.scalars(
        select(Ticket)
        .join(Call, Call.call_key == Ticket.call_key)
        # The open tickets have an index.
        .where(Ticket.state == "taken", Ticket.closed_at.is_(None), Ticket.taken_by.is_not(None))
        .where(Call.ended_at.is_(None), ~is_open.exists(), was_connected.exists())
        .order_by(Ticket.id)
    )
    return {ticket.taken_by: ticket for ticket in rows if ticket.taken_by is not None}


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
    attempt.state, attempt.answered_at = "accepted", now
    ticket.answered_at = ticket.answered_at or now
    return True


def end(attempt: RingAttempt, outcome: RingState, now: datetime) -> bool:
    """End the ring attempt; False if it had ended already. An accepted one ends as "over", whatever outcome is
    reported."""
    if attempt.ended_at is not None:
        return False
    attempt.state = "over" if attempt.state == "accepted" else outcome
    attempt.ended_at = now
    return True
