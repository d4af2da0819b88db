"""Retailers, their registered numbers and order days, the hotlines, and the eligibility to order now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from orders.hotline_settings import calendar
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import Calendar, cycle_start, is_order_day

OrderPlanKey = tuple[str, int, int]
"""A retailer's cycle, order weekday and week of the cycle."""


def by_code(session: Session, customer_code: str) -> RetailerRow | None:
    return session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))


def by_phone(session: Session, phone: str) -> RetailerRow | None:
    """The retailer that registered this number, written as the carrier writes it, or None."""
    return session.scalar(
        select(RetailerRow)
        .join(RetailerPhone, RetailerPhone.retailer_id == RetailerRow.id)
        .where(RetailerPhone.phone == phone)
    )


def customer_codes(session: Session) -> frozenset[str]:
    """Every customer code; a recognised code that is not among them cannot be right."""
    return frozenset(session.scalars(select(RetailerRow.customer_code)))


def due_on(session: Session, day: date) -> dict[int, date]:
    """The active retailers whose order day it is, each with the start of the cycle whose limits it uses. Quick enough
    for a page at a city's size: all retailers share a few dozen plans."""
    open_days = calendar(session)
    plan = (RetailerRow.cycle, RetailerRow.order_weekday, RetailerRow.cycle_week)
    starts: dict[tuple[str, int, int], date | None] = {}
    due = {}
    for row in session.execute(select(RetailerRow.id, *plan).where(RetailerRow.status == "active")):
        key = (row.cycle, row.order_weekday, row.cycle_week)
        if key not in starts:
            starts[key] = cycle_start(row, day) if is_order_day(row, day, open_days) else None
        if (start := starts[key]) is not None:
            due[row.id] = start
    return due


def due_plans(session: Session, day: date, open_days: Calendar) -> set[OrderPlanKey]:
    """The plans whose order day it is; there are a few dozen, whatever the number of retailers."""
    plans = select(RetailerRow.cycle, RetailerRow.order_weekday, RetailerRow.cycle_week).distinct()
    return {(*plan,) for plan in session.execute(plans) if is_order_day(plan, day, open_days)}


def has_plan(plans: Collection[OrderPlanKey]) -> ColumnElement[bool]:
    """The condition for a retailer with one of these plans."""
    return tuple_(RetailerRow.cycle, RetailerRow.order_weekday, RetailerRow.cycle_week).in_(plans)
