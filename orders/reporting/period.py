"""The periods of the reports: a day, a week from Monday, or a calendar month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import QueryableAttribute

from clock import SHANGHAI
from orders.windows import ONE_DAY

TimestampColumn = QueryableAttribute[datetime] | QueryableAttribute[datetime | None]
Span = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """Business days from `first` to `last`, both counted; none where `last` is before `first`."""

    first: date
    last: date

    @classmethod
    def around(cls, day: date, span: Span) -> Period:
        """The day itself, its week from Monday, or its calendar month."""
        if span == "day":
            return cls(day, day)
        if span == "week":
            monday = day - timedelta(days=day.weekday())
            return cls(monday, monday + timedelta(days=6))
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - ONE_DAY)

    def until(self, today: date) -> Period:
        """The part of the period that has come: one that is still running ends today, and one to come has no days."""
        return Period(self.first, min(self.last, today))

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + ONE_DAY * count for count in range((self.last - self.first).days + 1))

    @property
    def begins_at(self) -> datetime:
        """The first moment of the period."""
        return datetime.combine(self.first, time(), SHANGHAI)

    @property
    def ends_before(self) -> datetime:
        """The first moment after the period."""
        return datetime.combine(self.last + ONE_DAY, time(), SHANGHAI)

    def covers(self, column: TimestampColumn) -> ColumnElement[bool]:
        """The condition for a moment of the period."""
        return and_(column >= self.begins_at, column < self.ends_before)
