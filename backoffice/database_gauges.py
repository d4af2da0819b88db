"""Gauges that the database knows: calls, orders, holds, the queue, outbound calls, jobs, and the database itself."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ivr.models import JobRun
from ivr.operators import presence
from ivr.operators.models import Callback, Ticket
from ivr.processes import calls_under_way, line_processes
from orders.book.models import OrderRow
from orders.outbound import campaign
from orders.windows import business_day
from storage import SessionFactory, read_only

# A hold that is still there so long after its end was not released.
HOLD_OVERDUE_AFTER = timedelta(minutes=5)


DATABASE_DOWN = b"""# HELP hotline_database_up 1 if the database answers.
# TYPE hotline_database_up gauge
hotline_database_up 0.0
"""
"""The gauges of a database that does not answer."""


def database_gauges(sessions: SessionFactory, operator_numbers: Collection[str], now: datetime) -> bytes:
    """The gauges in Prometheus's text format; of a database that fails, only that it is down."""
    registry = CollectorRegistry()
    begun = time.perf_counter()
    try:
        with read_only(sessions) as session:
            _calls(registry, session, operator_numbers, now)
            _orders(registry, session, now)
            _jobs(registry, session)
            _size(registry, session)
    except SQLAlchemyError:
        return DATABASE_DOWN
    Gauge("hotline_database_up", "1 if the database answers.", registry=registry).set(1)
    took = Gauge("hotline_database_gauges_seconds", "Reading these gauges from the database.", registry=registry)
    took.set(time.perf_counter() - begun)
    return generate_latest(registry)


def _calls(registry: CollectorRegistry, session: Session, numbers: Collection[str], now: datetime) -> None:
    def gauge(name: str, what: str, value: float) -> None:
        Gauge(f"hotline_{name}", what, registry=registry).set(value)

    gauge("calls_under_way", "Calls under way.", calls_under_way(session, now))
    gauge("line_processes", "Line processes with a heartbeat.", line_processes(session, now).count)
    waiting, since = session.execute(
        select(func.count(), func.min(Ticket.opened_at)).where(Ticket.state == "waiting", Ticket.closed_at.is_(None))
    ).one()
    gauge("queue_waiting", "Callers waiting for an operator.", waiting)
    longest = (now - since).total_seconds() if since is not None else 0.0
    gauge("queue_longest_wait_seconds", "The longest present wait for an operator.", longest)
    gauge("operators_available", "Operators who can be rung.", len(presence.available_operators(session, numbers, now)))
    open_callbacks = select(func.count()).select_from(Callback).where(Callback.state != "reached")
    gauge("callbacks_open", "Callers who were promised a call.", session.scalar(open_callbacks) or 0)
    gauge("outbound_calls", "Outbound calls under way.", len(campaign.under_way(session)))
    gauge("outbound_running", "1 while outbound calling is started.", campaign.is_running(session, business_day(now)))
    gauge("dialler_up", "1 while a dialler runs.", campaign.dialler_is_running(session, now))


def _orders(registry: CollectorRegistry, session: Session, now: datetime) -> None:
    orders = Gauge("hotline_orders", "Orders of today.", ["channel", "state"], registry=registry)
    counted = (
        select(OrderRow.channel, OrderRow.state, func.count())
        .where(OrderRow.business_day == business_day(now))
        .group_by(OrderRow.channel, OrderRow.state)
    )
    for channel, state, count in session.execute(counted):
        orders.labels(channel, state).set(count)
    held = select(func.count()).select_from(OrderRow).where(OrderRow.holds_active)
    holds = Gauge("hotline_holds", "Unsaved orders whose lines are reserved.", registry=registry)
    holds.set(session.scalar(held) or 0)
    overdue = Gauge("hotline_holds_overdue", "Reservations that should have ended minutes ago.", registry=registry)
    overdue.set(session.scalar(held.where(OrderRow.hold_expires_at < now - HOLD_OVERDUE_AFTER)) or 0)


def _jobs(registry: CollectorRegistry, session: Session) -> None:
    done = Gauge("hotline_job_success_timestamp_seconds", "The last success of a job.", ["job"], registry=registry)
    latest = select(JobRun.job, func.max(JobRun.ended_at)).where(JobRun.problem == "").group_by(JobRun.job)
    for job, at in session.execute(latest):
        done.labels(job).set(at.timestamp())


def _size(registry: CollectorRegistry, session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        size = session.scalar(text("SELECT pg_database_size(current_database())"))
    else:
        size = session.scalar(text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"))
    Gauge("hotline_database_bytes", "The size of the database.", registry=registry).set(float(size or 0))
