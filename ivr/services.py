"""The services of one application: one typed object, built by `create_app` and kept with the application."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy.orm import Session

from brand_catalog.cache import CatalogCache
from brand_catalog.catalog import Catalog
from clock import Clock
from ivr.line import LineServices
from ivr.streams.recognition import Recognition
from orders.book.desk import Desk
from settings import Settings
from storage import SessionFactory

_EXTENSION_KEY = "order-hotline"


@dataclass(frozen=True)
class Services:
    """The services that pages, commands, the order interface and the server's hooks use."""

    settings: Settings
    sessions: SessionFactory
    clock: Clock
    catalog_cache: CatalogCache
    recognition: Recognition
    line: LineServices

    def now(self) -> datetime:
        """The present moment."""
        return self.clock()

    def catalog(self, session: Session) -> Catalog:
        """The catalogue in force."""
        return self.catalog_cache.current(session)

    def open_desk(self, session: Session, *, by: str = "") -> Desk:
        """The order desk at the present moment, for one unit of work; `by` is the member of staff at it."""
        return Desk(session, self.catalog(session), self.clock(), by=by)


def services(app: Flask | None = None) -> Services:
    """The services of this application; without one, of the current application."""
    found: Services = (app or current_app).extensions[_EXTENSION_KEY]
    return found


def register_services(app: Flask, services: Services) -> None:
    """Keep the services with the application."""
    app.extensions[_EXTENSION_KEY] = services
