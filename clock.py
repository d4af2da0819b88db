"""Time as the order department sees it: read in Asia/Shanghai, stored in UTC, and always passed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime; tests pass one they advance themselves."""

SHANGHAI = ZoneInfo("Asia/Shanghai")


def system_clock() -> datetime:
    """The machine's own time, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """The same moment on the wall clock of the order department."""
    return moment.astimezone(SHANGHAI)


def local_date(moment: datetime) -> date:
    """The calendar day the moment falls on for the order department."""
    return local(moment).date()
