"""The seats and the staff at them now. One person has one seat at most, and a seat one person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.assessment.attendance import mark_present
from orders.staff.models import SEAT_MAX_CHARS, SeatRow, StaffRow

# A person who has not used a page for so long is signed out, and the seat is free.
SEAT_TIMEOUT = timedelta(minutes=30)


class SeatTaken(ValueError):
    """Another person has the seat; `by` is their name."""

    def __init__(self, seat: str, by: str) -> None:
        super().__init__(f"Seat {seat} is taken by {by}: choose another one.")
        self.seat, self.by = seat, by


class InvalidSeat(ValueError):
    """The text given cannot be the name of a seat."""


def take_seat(session: Session, staff_id: int, seat: str, now: datetime) -> None:
    """Take a seat, which is stored as this person's usual one; their old seat is free. SeatTaken if another person
    was first, InvalidSeat for anything but a few letters and digits."""
    seat = seat.strip()
    if not seat.isalnum() or len(seat) > SEAT_MAX_CHARS:
        raise InvalidSeat(f"{seat!r} is no seat: a seat is {SEAT_MAX_CHARS} letters and digits at most.")
    session.execute(delete(SeatRow).where(SeatRow.seen_at < now - SEAT_TIMEOUT))
    if (other := _holder(session, seat)) is not None and other.id != staff_id:
        raise SeatTaken(seat, other.name)
    session.execute(delete(SeatRow).where(SeatRow.staff_id == staff_id))
    try:
        with session.begin_nested():
            session.add(SeatRow(seat=seat, staff_id=staff_id, since=now, seen_at=now))
    except IntegrityError as error:
        other = _holder(session, seat)
        raise SeatTaken(seat, other.name if other is not None else "?") from error
    session.execute(update(StaffRow).where(StaffRow.id == staff_id).values(seat=seat))
    mark_present(session, staff_id, now)


def leave_seat(session: Session, staff_id: int) -> None:
    """Free this person's seat for others."""
    session.execute(delete(SeatRow).where(SeatRow.staff_id == staff_id))


def mark_seen(session: Session, staff_id: int, now: datetime) -> None:
    """Record that this person is at work, at whichever seat; without one nothing is recorded."""
    marked = session.execute(
        update(SeatRow).where(SeatRow.staff_id == staff_id).values(seen_at=now).returning(SeatRow.seat)
    )
    if marked.first() is not None:
        mark_present(session, staff_id, now)


def seat_of(session: Session, staff_id: int, now: datetime) -> str:
    """The seat this person has now; empty where there is none."""
    found = session.scalar(
        select(SeatRow.seat).where(SeatRow.staff_id == staff_id, SeatRow.seen_at >= now - SEAT_TIMEOUT)
    )
    return found or ""


def occupied_seats(session: Session, now: datetime) -> Sequence[tuple[SeatRow, StaffRow]]:
    """The seats that are taken now and their holders, in the order of the seats."""
    rows = session.execute(
        select(SeatRow, StaffRow)
        .join(StaffRow, StaffRow.id == SeatRow.staff_id)
        .where(SeatRow.seen_at >= now - SEAT_TIMEOUT)
    )
    return sorted(((row, person) for row, person in rows), key=lambda one: (len(one[0].seat), one[0].seat))


def _holder(session: Session, seat: str) -> StaffRow | None:
    return session.scalar(select(StaffRow).join(SeatRow, SeatRow.staff_id == StaffRow.id).where(SeatRow.seat == seat))
