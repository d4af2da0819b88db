"""Call outcomes and operator figures for the reports."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import get_args

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import QueryableAttribute, Session

from clock import SHANGHAI
from ivr.models import Call
from ivr.operators.models import Ticket
from orders.book.models import COUNTED_STATES, OrderHistory, OrderRow
from orders.reporting.figures import Period
from orders.reporting.report_drafts import CallFigures, CallOutcome, OperatorFigures
from orders.staff.models import StaffRow

TimestampColumn = QueryableAttribute[datetime] | QueryableAttribute[datetime | None]
OUTCOMES: tuple[CallOutcome, ...] = get_args(CallOutcome)


def figures(session: Session, period: Period) -> CallFigures:
    """The call figures that the report texts quote."""
    return CallFigures(outcomes(session, period), operators(session, period))


def outcomes(session: Session, period: Period) -> dict[CallOutcome, int]:
    """The number of calls in the period by outcome; each call is counted once."""
    tickets: dict[str, list[Ticket]] = {}
    for ticket in session.scalars(
        select(Ticket).join(Call, Call.call_key == Ticket.call_key).where(_within(Call.started_at, period))
    ):
        tickets.setdefault(ticket.call_key, []).append(ticket)
    saved = _saved(session, period)
    drafted = {
        detail.get("call_key")
        for detail in session.scalars(
            select(OrderHistory.detail).where(
                OrderHistory.event.in_(("opened", "resumed")), _within(OrderHistory.at, period)
            )
        )
    }
    counts: Counter[CallOutcome] = Counter()
    for call_key in session.scalars(select(Call.call_key).where(_within(Call.started_at, period))):
        own = tickets.get(call_key, [])
        by_operator = any(ticket.taken_at is not None for ticket in own)
        if call_key in saved:
            counts["ordered_with_operator" if by_operator else "ordered"] += 1
        elif by_operator:
            counts["operator"] += 1
        elif any(ticket.state == "abandoned" for ticket in own):
            counts["abandoned"] += 1
        else:
            counts["unsaved" if call_key in drafted else "no_order"] += 1
    return {outcome: counts[outcome] for outcome in OUTCOMES}


def operators(session: Session, period: Period) -> list[OperatorFigures]:
    """The figures of the operators who took calls in the period, by name."""
    saved = _saved(session, period)
    taken: dict[int, list[Ticket]] = {}
    for ticket in session.scalars(select(Ticket).where(_within(Ticket.taken_at, period))):
        if ticket.taken_by is not None:
            taken.setdefault(ticket.taken_by, []).append(ticket)
    found = []
    for person in session.scalars(select(StaffRow).where(StaffRow.id.in_(taken)).order_by(StaffRow.name, StaffRow.id)):
        own = taken[person.id]
        spent = (t.closed_at - t.taken_at for t in own if t.closed_at is not None and t.taken_at is not None)
        found.append(
            OperatorFigures(
                person.name,
                taken=len(own),
                finished=sum(ticket.state == "finished" for ticket in own),
                given_back=sum(ticket.state == "given_back" for ticket in own),
                orders=len({ticket.call_key for ticket in own} & saved),
                handling_time=sum(spent, timedelta()),
            )
        )
    return found


def _saved(session: Session, period: Period) -> set[str]:
    """The calls that led to a saved order, including orders cancelled later."""
    states = (*COUNTED_STATES, "cancelled")
    keys = session.scalars(
        select(OrderRow.call_key).where(
            OrderRow.business_day.between(period.first, period.last),
            OrderRow.state.in_(states),
            OrderRow.call_key.is_not(None),
        )
    )
    return {key for key in keys if key is not None}


def _within(column: TimestampColumn, period: Period) -> ColumnElement[bool]:
    first = datetime.combine(period.first, time(), SHANGHAI)
    after = datetime.combine(period.last + timedelta(days=1), time(), SHANGHAI)
    return and_(column >= first, column < after)
