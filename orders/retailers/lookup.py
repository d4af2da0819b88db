"""Retailers by their code, their registered number and their order day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select, tuple_
from sqlalchemy.orm import Session

from orders.hotline_settings import calendar
from orders.retailers.models import Cycle, RetailerPhone, RetailerRow
from orders.windows import Calendar, cycle_start, is_order_day

PLAN = (RetailerRow.cycle, RetailerRow.order_weekday, RetailerRow.cycle_week)
"""The columns of a retailer's plan, in the order of `OrderPlanKey`."""
MAY_ORDER = RetailerRow.status == "active"
"""The condition for a retailer that may order: a suspended one is never due."""


class OrderPlanKey(NamedTuple):
    """A retailer's cycle, order weekday and week of the cycle: the plan that it shares with many others."""

    cycle: Cycle
    order_weekday: int
    cycle_week: int


def by_code(session: Session, customer_code: str) -> RetailerRow | None:
    return session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))


def by_phone(session: Session, phone: str) -> RetailerRow | None:
    """The retailer that registered this number, written as the carrier writes it, or None."""
    return session.scalar(
        select(RetailerRow)
        .join(RetailerPhone, RetailerPhone.retailer_id == RetailerRow.id)
        .where(RetailerPhone.phone == phone)
    )


def phones_of(session: Session, retailer_ids: Collection[int]) -> dict[int, list[str]]:
    """The numbers these retailers have registered, by the retailer's id."""
    found: dict[int, list[str]] = {retailer_id: [] for retailer_id in retailer_ids}
    rows = session.execute(
        select(RetailerPhone.retailer_id, RetailerPhone.phone)
        .where(RetailerPhone.retailer_id.in_(retailer_ids))
        .order_by(RetailerPhone.phone)
    )
    for retailer_id, phone in rows:
        found[retailer_id].append(phone)
    return found


def customer_codes(session: Session) -> frozenset[str]:
    """Every customer code; a recognised code that is not among them cannot be right."""
    return frozenset(session.scalars(select(RetailerRow.customer_code)))


def due_on(session: Session, day: date) -> dict[int, date]:
    """The active retailers whose order day it is, each with the start of the cycle whose limits it uses."""
    open_days = calendar(session)
    due: dict[int, date] = {}
    for plan, retailer_ids in _active_by_plan(session).items():
        if is_order_day(plan, day, open_days):
            due |= dict.fromkeys(retailer_ids, cycle_start(plan, day))
    return due


def due_retailers(session: Session, day: date) -> Sequence[RetailerRow]:
    """The active retailers whose order day it is, in the order of their codes."""
    due = is_due(has_order_day(session, day, calendar(session)))
    return session.scalars(select(RetailerRow).where(due).order_by(RetailerRow.customer_code)).all()


def due_plans(session: Session, day: date, open_days: Calendar) -> set[OrderPlanKey]:
    """The plans whose order day it is; there are a few dozen, whatever the number of retailers."""
    plans = (OrderPlanKey(*plan) for plan in session.execute(select(*PLAN).distinct()))
    return {plan for plan in plans if is_order_day(plan, day, open_days)}


def due_days(session: Session, plans: Iterable[OrderPlanKey], days: Collection[date]) -> dict[OrderPlanKey, set[date]]:
    """Those of the days on which the retailers with each plan are due."""
    open_days = calendar(session)
    return {plan: {day for day in days if is_order_day(plan, day, open_days)} for plan in plans}


def has_plan(plans: Collection[OrderPlanKey]) -> ColumnElement[bool]:
    """The condition for a retailer with one of these plans."""
    return tuple_(*PLAN).in_(plans)


def has_order_day(session: Session, day: date, open_days: Calendar) -> ColumnElement[bool]:
    """The condition for a retailer whose order day this is."""
    return has_plan(due_plans(session, day, open_days))


def is_due(order_day: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition for a retailer that is due on the day of `order_day` (from `has_order_day`): it may order, too."""
    return and_(order_day, MAY_ORDER)


def _active_by_plan(session: Session) -> dict[OrderPlanKey, list[int]]:
    """The ids of the active retailers by their plan: quick enough for a page at a city's size, where whole rows would
    be some ten thousand objects for a few numbers each."""
    found: dict[OrderPlanKey, list[int]] = {}
    for retailer_id, cycle, weekday, week in session.execute(select(RetailerRow.id, *PLAN).where(MAY_ORDER)):
        found.setdefault(OrderPlanKey(cycle, weekday, week), []).append(retailer_id)
    return found
