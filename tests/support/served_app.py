"""The application as it is served in tests: at mid-morning, so that a test run at night gives the same results;
or at the moment a file gives, for a whole day played through.

Its WebSockets answer a ping only once the application has taken the messages before it: by that the simulator plays a
call as fast as the line can follow.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask
from jinja2 import StrictUndefined
from starlette.applications import Starlette

from clock import SHANGHAI, Clock, system_clock
from tests.support.acknowledging_sockets import acknowledge_in_turn

SHIFT = "TEST_CLOCK_SHIFT_S"
CLOCK = "TEST_CLOCK_FILE"


def shift_to_morning() -> timedelta:
    """The shift of a test run's clock, forward or back, that makes it ten o'clock in Shanghai."""
    now = system_clock()
    ten = now.astimezone(SHANGHAI).replace(hour=10, minute=0, second=0, microsecond=0)
    return ten - now


def shifted_clock(shift: timedelta) -> Clock:
    """A running clock, shifted by this much."""

    def clock() -> datetime:
        return system_clock() + shift

    return clock


def file_clock(file: Path) -> Clock:
    """A clock that stands at the moment in the file, for every process that reads it."""

    def clock() -> datetime:
        return datetime.fromisoformat(file.read_text(encoding="ascii"))

    return clock


def create_app() -> Flask:
    """The application, with the clock set by the test run's environment."""
    import app

    served = app.create_app(clock=_clock())
    # As in `tests.conftest.application`.
    served.jinja_env.undefined = StrictUndefined
    return served


def create_line_app() -> Starlette:
    """The application of a line process, with the clock set by the test run's environment."""
    import app

    acknowledge_in_turn()
    return app.create_line_app(clock=_clock())


def _clock() -> Clock:
    if file := os.environ.get(CLOCK):
        return file_clock(Path(file))
    return shifted_clock(timedelta(seconds=float(os.environ[SHIFT])))
