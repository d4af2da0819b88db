"""The services the pages use: one object for the whole application, kept with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy.orm import Session

from clock import Clock
from ivr.twilio.webhooks import Line
from orders.book.desk import Desk
from settings import Settings
from storage import SessionFactory

_KEY = "order-hotline-console"


@dataclass(frozen=True)
class Room:
    """The services and settings of the pages. A session ends after `idle` without a request of the user's own."""

    settings: Settings
    sessions: SessionFactory
    clock: Clock
    line: Line
    idle: timedelta = timedelta(minutes=30)

    def now(self) -> datetime:
        """The present moment."""
        return self.clock()

    def open_desk(self, session: Session) -> Desk:
        """The order desk, for one unit of work."""
        return Desk(session, self.line.hearing.catalog(session), self.clock())


def room() -> Room:
    """The services of the current application."""
    found: Room = current_app.extensions[_KEY]
    return found


def furnish(extensions: dict[str, object], furnished: Room) -> None:
    """Store the services in the application's extensions."""
    extensions[_KEY] = furnished
