"""The lock of a day's supply and limits: from 07:50 on, what is set is changed by two persons only (AY 4.1.1).

What nobody has set yet is not locked, so that a day without supply can always be opened. Limits count from their
retailer's order day on, so it is that day's lock that holds for them, whatever day a file of limits is imported for.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from orders.hotline_settings import calendar
from orders.supply.models import Supply
from orders.windows import ONE_DAY, Calendar, Window, business_day

LOCKED_FROM = Window(opens=7 * 60 + 50)
"""Supply and limits of a business day are locked from 07:50 on (AY 4.1.1)."""

# The longest holiday with its bridging days.
_CLOSED_DAYS_MAX = 30


class LimitsLocked(ValueError):
    """The supply or limits of that day are locked: a second person has to approve the change."""

    def __init__(self, day: date) -> None:
        super().__init__(
            f"Supply and limits of {day} are locked since 07:50 of that day; they are changed on the page /supply, "
            "where a second person approves the change."
        )


class DayOver(ValueError):
    """The day is past, and its supply and limits stay as they are."""

    def __init__(self, day: date) -> None:
        super().__init__(f"{day} is over; its supply and limits stay as they are.")


def check_not_over(day: date, now: datetime) -> None:
    """Raise DayOver for a day before today."""
    if day < business_day(now):
        raise DayOver(day)


def is_past_lock(day: date, now: datetime) -> bool:
    """True from 07:50 of the day on."""
    return now >= LOCKED_FROM.opens_at(day)


def supply_is_locked(session: Session, day: date, now: datetime) -> bool:
    """True if the day's supply changes by two persons only: it is past 07:50, and there is supply already."""
    if not is_past_lock(day, now):
        return False
    return session.scalar(select(Supply.barcode).where(Supply.business_day == day).limit(1)) is not None


def staged_limits_are_locked(session: Session, now: datetime) -> bool:
    """True if a staged limit (`limits.stage`) would change one that is locked: its order day is past 07:50, and its
    spec has limits in that cycle already."""
    starts = session.execute(text("SELECT DISTINCT cycle_start FROM staged_limits")).scalars()
    open_days = calendar(session)
    # SQLite gives days as text.
    days = (date.fromisoformat(str(start)) for start in starts)
    locked = [day.isoformat() for day in days if is_past_lock(_served_on(day, open_days), now)]
    return bool(locked) and session.execute(_LOCKED_DIFFERENCE, {"starts": locked}).first() is not None


def _served_on(start: date, open_days: Calendar) -> date:
    """The day on which the retailers whose cycle begins on `start` order: that day, or the first working day after it
    where it is closed (see `is_order_day`)."""
    if open_days.is_open(start):
        return start
    days = (start + ONE_DAY * ahead for ahead in range(1, _CLOSED_DAYS_MAX))
    return next((day for day in days if open_days.is_working(day)), start)


_LOCKED_DIFFERENCE = text("""
SELECT 1 FROM staged_limits s LEFT JOIN limits l
  ON l.retailer_id = s.retailer_id AND l.cycle_start = s.cycle_start AND l.barcode = s.barcode
WHERE CAST(s.cycle_start AS VARCHAR(10)) IN :starts AND (l.limit_packs IS NULL OR l.limit_packs <> s.packs)
  AND EXISTS (SELECT 1 FROM limits x WHERE x.cycle_start = s.cycle_start AND x.barcode = s.barcode)
LIMIT 1
""").bindparams(bindparam("starts", expanding=True))
