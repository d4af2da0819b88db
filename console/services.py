"""The services the pages use: one object for the whole application, kept with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy.orm import Session

from clock import Clock
from ivr.line import LineServices
from orders.book.desk import Desk
from settings import Settings
from storage import SessionFactory

_EXTENSION_KEY = "order-hotline-console"


@dataclass(frozen=True)
class Services:
    """The services and settings of the pages. A session ends after `idle_timeout` without a request of its user's."""

    settings: Settings
    sessions: SessionFactory
    clock: Clock
    line: LineServices
    idle_timeout: timedelta = timedelta(minutes=30)

    def now(self) -> datetime:
        """The present moment."""
        return self.clock()

    def open_desk(self, session: Session) -> Desk:
        """The order desk, for one unit of work."""
        return Desk(session, self.line.recognition.catalog(session), self.clock())


def services() -> Services:
    """The services of the current application."""
    found: Services = current_app.extensions[_EXTENSION_KEY]
    return found


def register_services(extensions: dict[str, object], services: Services) -> None:
    """Store the services in the application's extensions."""
    extensions[_EXTENSION_KEY] = services
