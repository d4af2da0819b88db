"""The attendance of the staff, as the seats know it, for the clerk's monthly record (AY 4.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from clock import local_date
from orders.assessment.models import SeatDay
from orders.reporting.period import Period

# A longer break than a seat is kept for is no work.
BREAK_MAX = timedelta(minutes=30)


def mark_present(session: Session, staff_id: int, now: datetime) -> None:
    """Write down that this person is at a seat now."""
    day = local_date(now)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(SeatDay)
        .values(day=day, staff_id=staff_id, first_at=now, last_at=now, seconds=0)
        .on_conflict_do_nothing(index_elements=["day", "staff_id"])
    )
    row = session.get_one(SeatDay, (day, staff_id), with_for_update=True, populate_existing=True)
    if timedelta() < now - row.last_at <= BREAK_MAX:
        row.seconds += int((now - row.last_at).total_seconds())
    row.last_at = max(now, row.last_at)


def attendance(session: Session, staff_id: int, period: Period) -> Sequence[SeatDay]:
    """This person's days at a seat, the first one first."""
    return session.scalars(
        select(SeatDay)
        .where(SeatDay.staff_id == staff_id, SeatDay.day.between(period.first, period.last))
        .order_by(SeatDay.day)
    ).all()


def attendance_totals(session: Session, period: Period) -> dict[int, tuple[int, int]]:
    """The days at a seat and the seconds there in a period, by the id of the person."""
    rows = session.execute(
        select(SeatDay.staff_id, func.count(), func.sum(SeatDay.seconds))
        .where(SeatDay.day.between(period.first, period.last))
        .group_by(SeatDay.staff_id)
    )
    return {staff_id: (days, int(seconds)) for staff_id, days, seconds in rows}
