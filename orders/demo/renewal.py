"""Renewal of the demo's data: one that is left running has today's data on every day."""

from __future__ import annotations

import threading
from datetime import date, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from brand_catalog.models import CatalogVersion
from clock import Clock
from orders.demo import CATALOG_NOTE, hash_demo_pin, seed_demo
from orders.outbound.models import MissedCall
from orders.supply.models import Supply
from orders.windows import business_day
from storage import SessionFactory, read_only, transaction, waits_within

RENEWAL_WAIT_S = 2

log = structlog.get_logger(__name__)


class DemoRenewal:
    """Renews the demo's data with the first request of a business day."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._ready: date | None = None
        self._one_at_a_time = threading.Lock()

    def renew(self) -> None:
        """Make today's data where there are none. A database that is not the demo's own is left alone; a database error
        does not fail the request."""
        now = self._clock()
        today = business_day(now)
        if self._ready == today:
            return
        with self._one_at_a_time:
            if self._ready == today:
                return
            try:
                # The request that is first on a day has to be answered as well.
                with waits_within(RENEWAL_WAIT_S):
                    self._make_day(now)
                self._ready = today
            except SQLAlchemyError as error:
                # Another worker was quicker, most likely: the next request tries again.
                log.warning("the demo's day could not be renewed", day=today.isoformat(), exc_info=error)

    def _make_day(self, now: datetime) -> None:
        today = business_day(now)
        with read_only(self._sessions) as session:
            if not _is_stale(session, today):
                return
        hash_demo_pin()
        with transaction(self._sessions) as session:
            if _is_stale(session, today):
                seed_demo(session, now)
                log.info("the demo has a new day", day=today.isoformat())


def _is_stale(session: Session, today: date) -> bool:
    """True if this is the demo's own database and today's data are incomplete."""
    note = session.scalar(select(CatalogVersion.note).order_by(CatalogVersion.id.desc()).limit(1))
    supplied = session.scalar(select(Supply.barcode).where(Supply.business_day == today).limit(1))
    missed = session.scalar(select(MissedCall.id).where(MissedCall.remedy_day == today).limit(1))
    return note == CATALOG_NOTE and (supplied is None or missed is None)
