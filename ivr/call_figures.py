"""The figures of calls for the reports: outcomes of incoming and outbound calls, and the service of waiting callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, text
from sqlalchemy.orm import Session

from ivr.calls import CALL_OPEN_MAX
from ivr.models import Call
from ivr.operator_figures import operator_figures
from ivr.operators.models import Ticket
from orders.book.models import COUNTED_STATES, OrderHistory, OrderRow
from orders.outbound.models import AttemptOutcome, OutboundAttempt
from orders.reporting.calls import ANSWERED_WITHIN, SHORT_WAIT, CallFigures, CallOutcome, ServiceFigures
from orders.reporting.period import Period

OUTCOMES: tuple[CallOutcome, ...] = get_args(CallOutcome)
# Kept as text, as in the index of these events.
_BEGUN = text("event IN ('opened', 'resumed')")


def figures(session: Session, period: Period, now: datetime) -> CallFigures:
    """The figures of the calls of a period."""
    found = outcomes(session, period, now)
    return CallFigures(
        outcomes=found,
        under_way=session.scalar(
            select(func.count())
            .select_from(Call)
            .where(period.covers(Call.started_at), ~_is_over(now), _incoming(period))
        )
        or 0,
        outbound=outbound_outcomes(session, period),
        service=service(session, period),
        operators=operator_figures(session, period),
    )


def outcomes(session: Session, period: Period, now: datetime) -> dict[CallOutcome, int]:
    """The number of calls that were made to the line in the period and are over, by outcome; each is counted once."""
    ticket = (
        select(
            Ticket.call_key,
            func.max(case((or_(Ticket.taken_at.is_not(None), Ticket.answered_at.is_not(None)), 1), else_=0)).label(
                "served"
            ),
            func.max(case((Ticket.state == "abandoned", 1), else_=0)).label("abandoned"),
            func.max(case((Ticket.state == "callback", 1), else_=0)).label("callback"),
        )
        .where(Ticket.opened_at >= period.begins_at)
        .group_by(Ticket.call_key)
        .subquery()
    )
    # A call led to an order although that was cancelled later.
    saved = OrderRow.state.in_((*COUNTED_STATES, "cancelled"))
    outcome = case(
        (and_(saved, ticket.c.served == 1), literal("ordered_with_operator")),
        (saved, literal("ordered")),
        (ticket.c.served == 1, literal("operator")),
        (ticket.c.callback == 1, literal("callback")),
        (ticket.c.abandoned == 1, literal("abandoned")),
        (Call.call_key.in_(_drafted(period)), literal("unsaved")),
        else_=literal("no_order"),
    )
    rows = session.execute(
        select(outcome, func.count())
        .select_from(Call)
        .outerjoin(ticket, ticket.c.call_key == Call.call_key)
        .outerjoin(OrderRow, OrderRow.call_key == Call.call_key)
        .where(period.covers(Call.started_at), _is_over(now), _incoming(period))
        .group_by(outcome)
    )
    counts = dict.fromkeys(OUTCOMES, 0)
    for found, count in rows:
        counts[found] = count
    return counts


def outbound_outcomes(session: Session, period: Period) -> dict[AttemptOutcome, int]:
    """The number of outbound calls of the period that are over, by outcome, the most frequent first."""
    rows = session.execute(
        select(OutboundAttempt.outcome, func.count())
        .where(
            OutboundAttempt.business_day.between(period.first, period.last),
            OutboundAttempt.ended_at.is_not(None),
            OutboundAttempt.outcome.is_not(None),
        )
        .group_by(OutboundAttempt.outcome)
        .order_by(func.count().desc(), OutboundAttempt.outcome)
    )
    return {outcome: count for outcome, count in rows if outcome is not None}


def service(session: Session, period: Period) -> ServiceFigures:
    """The service of the callers who began to wait for an operator in the period and no longer do."""
    waits: list[timedelta] = []
    given_up: list[timedelta] = []
    callbacks = returned = 0
    for state, opened_at, answered_at, closed_at in session.execute(
        select(Ticket.state, Ticket.opened_at, func.coalesce(Ticket.answered_at, Ticket.taken_at), Ticket.closed_at)
        .where(period.covers(Ticket.opened_at))
        .order_by(Ticket.id)
    ):
        if answered_at is not None:
            waits.append(answered_at - opened_at)
        elif state == "abandoned":
            given_up.append(closed_at - opened_at)
        callbacks += state == "callback"
        returned += state == "returned"
    return ServiceFigures(
        answered=len(waits),
        in_time=sum(wait <= ANSWERED_WITHIN for wait in waits),
        abandoned=len(given_up),
        at_once=sum(wait < SHORT_WAIT for wait in given_up),
        callbacks=callbacks,
        returned=returned,
        mean_wait=_mean(waits),
        longest_wait=max(waits, default=timedelta()),
        mean_abandoned=_mean([wait for wait in given_up if wait >= SHORT_WAIT]),
    )


def _is_over(now: datetime) -> ColumnElement[bool]:
    """The condition for a call that is over: its end was reported, or can no longer be."""
    return or_(Call.ended_at.is_not(None), Call.started_at <= now - CALL_OPEN_MAX)


def _incoming(period: Period) -> ColumnElement[bool]:
    """The condition for a call of the period that was made to the line, and not by it."""
    outbound = select(OutboundAttempt.call_key).where(
        OutboundAttempt.business_day.between(period.first, period.last), OutboundAttempt.call_key.is_not(None)
    )
    return Call.call_key.not_in(outbound)


def _drafted(period: Period) -> Select[tuple[str]]:
    """The calls of the period in which an order was begun or resumed."""
    call_key = OrderHistory.detail["call_key"].as_string()
    return select(call_key).where(_BEGUN, period.covers(OrderHistory.at), call_key.is_not(None))


def _mean(times: Sequence[timedelta]) -> timedelta:
    return sum(times, timedelta()) / len(times) if times else timedelta()
