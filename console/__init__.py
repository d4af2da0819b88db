"""The web pages: where operators take over, managers see the day, and anyone tries the line in a browser."""

from __future__ import annotations

from console.pages import register
from console.room import Room

__all__ = ["Room", "register"]
