"""Ring attempts: an operator's telephone that rings for a caller, and the outcome.

A caller has one open ring attempt at a time, and so has an operator's address; the database enforces both.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.operators import tickets
from ivr.operators.models import Offer, OfferState, Ticket


def make(session: Session, ticket: Ticket, staff_id: int | None, address: str, now: datetime) -> Offer | None:
    """Open a ring attempt, or return None if another worker was quicker with the caller or the operator."""
    offer = Offer(
        ticket_id=ticket.id,
        staff_id=staff_id,
        address=address,
        by_hand=ticket.state == "taken",
        state="ringing",
        rung_at=now,
    )
    try:
        with session.begin_nested():
            session.add(offer)
    except IntegrityError:
        return None
    return offer


def of_ticket(session: Session, ticket_id: int) -> Offer | None:
    """The ticket's open ring attempt, or None."""
    return session.scalar(select(Offer).where(Offer.ticket_id == ticket_id, Offer.ended_at.is_(None)))


def last_of_ticket(session: Session, ticket_id: int) -> Offer | None:
    """The ticket's latest ring attempt, open or not, or None."""
    return session.scalar(select(Offer).where(Offer.ticket_id == ticket_id).order_by(Offer.id.desc()).limit(1))


def ringing_for(session: Session, staff_id: int) -> Ticket | None:
    """The ticket this operator's telephone is ringing for, or None."""
    return session.scalar(
        select(Ticket)
        .join(Offer, Offer.ticket_id == Ticket.id)
        .where(Offer.staff_id == staff_id, Offer.ended_at.is_(None), Offer.state == "ringing")
    )


def talking_with(session: Session, staff_id: int) -> Ticket | None:
    """The ticket of the caller this operator is connected to, on hold or not, or None."""
    return session.scalar(
        select(Ticket)
        .join(Offer, Offer.ticket_id == Ticket.id)
        .where(Offer.staff_id == staff_id, Offer.ended_at.is_(None), Offer.state == "accepted")
        .where(Ticket.state == "taken", Ticket.taken_by == staff_id)
        .limit(1)
    )


def accept(session: Session, offer: Offer, now: datetime) -> bool:
    """Accept the ring attempt; False if the caller is gone or another operator has them. Accepting twice changes
    nothing."""
    if offer.state == "accepted" and offer.ended_at is None:
        return True
    if offer.state != "ringing" or offer.ended_at is not None:
        return False
    ticket = session.get_one(Ticket, offer.ticket_id, with_for_update=True)
    own = offer.by_hand and ticket.state == "taken" and ticket.taken_by == offer.staff_id
    if not own and not tickets.take(session, offer.ticket_id, offer.staff_id, now):
        return False
    offer.state = "accepted"
    return True


def end(offer: Offer, outcome: OfferState, now: datetime) -> bool:
    """End the ring attempt; False if it had ended already. An accepted one ends as "over", whatever outcome is
    reported."""
    if offer.ended_at is not None:
        return False
    offer.state = "over" if offer.state == "accepted" else outcome
    offer.ended_at = now
    return True
