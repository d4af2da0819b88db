"""The application as gunicorn serves it in tests: at mid-morning, so that a call at night is no other call; or at the
moment a file says, for a day that is played through."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask

from clock import SHANGHAI, Clock, system_clock

SHIFT = "TEST_CLOCK_SHIFT_S"
CLOCK = "TEST_CLOCK_FILE"


def shift_to_morning() -> timedelta:
    """How far the clock of a test run is put forward or back for the day to be at ten in Shanghai."""
    now = system_clock()
    ten = now.astimezone(SHANGHAI).replace(hour=10, minute=0, second=0, microsecond=0)
    return ten - now


def shifted(shift: timedelta) -> Clock:
    """A clock that runs, but so far off."""

    def clock() -> datetime:
        return system_clock() + shift

    return clock


def written(file: Path) -> Clock:
    """A clock that stands where the file says, for every process that reads it."""

    def clock() -> datetime:
        return datetime.fromisoformat(file.read_text(encoding="ascii"))

    return clock


def create_app() -> Flask:
    """The application, at the time of day the test run set for it."""
    import app

    if file := os.environ.get(CLOCK):
        return app.create_app(clock=written(Path(file)))
    return app.create_app(clock=shifted(timedelta(seconds=float(os.environ[SHIFT]))))
