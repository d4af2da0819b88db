"""The application as the matrix serves it: its clock is shifted by what a file says, so that it can be made to jump."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask
from starlette.applications import Starlette

from clock import system_clock
from orders.demo.renewal import DemoRenewal
from tests.support.acknowledging_sockets import acknowledge_in_turn

SHIFT_FILE = "TEST_CLOCK_SHIFT_FILE"


def create_app() -> Flask:
    import app

    # The demo moves on to the next day at midnight, orders and all, which no installation does.
    DemoRenewal.renew = lambda _renewal: None  # type: ignore[method-assign]
    return app.create_app(clock=_clock())


def create_line_app() -> Starlette:
    import app

    acknowledge_in_turn()
    DemoRenewal.renew = lambda _renewal: None  # type: ignore[method-assign]
    return app.create_line_app(clock=_clock())


def _clock() -> Callable[[], datetime]:
    file = Path(os.environ[SHIFT_FILE])

    def clock() -> datetime:
        return system_clock() + timedelta(seconds=float(file.read_text(encoding="ascii") or 0))

    return clock
