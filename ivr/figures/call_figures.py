"""The figures of calls for the reports: outcomes of incoming and outbound calls, and the service of waiting callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, func, or_, select, text
from sqlalchemy.orm import Session

from ivr.figures.operator_figures import operator_figures
from ivr.models import Call
from ivr.operators.models import Ticket
from ivr.turns.calls import CALL_OPEN_MAX
from orders.book.models import COUNTED_STATES, OrderHistory, OrderRow
from orders.outbound.models import AttemptOutcome, OutboundAttempt
from orders.reporting.calls import ANSWERED_WITHIN, SHORT_WAIT, CallFigures, CallOutcome, ServiceFigures
from orders.reporting.period import Period

# What the tickets of a call led to, the more the higher.
_NONE, _ABANDONED, _CALLBACK, _OPERATOR = range(4)
# Kept as text, as in the indexes of these events.
_BEGUN, _RESUMED = text("event IN ('opened', 'resumed')"), text("event = 'resumed'")
# A call that the line made, and was not made to it.
_IS_OUTBOUND = select(OutboundAttempt.id).where(OutboundAttempt.call_key == Call.call_key).exists()


def figures(session: Session, period: Period, now: datetime) -> CallFigures:
    """The figures of the calls of a period."""
    found = outcomes(session, period, now)
    return CallFigures(
        outcomes=found,
        under_way=_under_way(session, period, now),
        outbound=outbound_outcomes(session, period),
        service=service(session, period),
        operators=operator_figures(session, period),
    )


def outcomes(session: Session, period: Period, now: datetime) -> dict[CallOutcome, int]:
    """The number of calls that were made to the line in the period and are over, by outcome; each is counted once. The
    database counts them: a city has 30,000 calls in a month."""
    best = case(
        (or_(Ticket.taken_at.is_not(None), Ticket.answered_at.is_not(None)), _OPERATOR),
        (Ticket.state == "callback", _CALLBACK),
        (Ticket.state == "abandoned", _ABANDONED),
        else_=_NONE,
    )
    tickets = (
        select(Ticket.call_key, func.max(best).label("best"))
        .where(Ticket.opened_at >= period.begins_at)
        .group_by(Ticket.call_key)
        .subquery()
    )
    # A call led to an order although that was cancelled later.
    is_saved = OrderRow.state.in_((*COUNTED_STATES, "cancelled"))
    saved, unsaved = OrderRow.id.is_not(None), OrderRow.id.is_(None)
    waited = func.coalesce(tickets.c.best, _NONE)
    conditions: dict[CallOutcome, ColumnElement[bool]] = {
        "ordered": saved & (waited != _OPERATOR),
        "ordered_with_operator": saved & (waited == _OPERATOR),
        "unsaved": unsaved & (waited == _NONE) & Call.call_key.in_(_drafted(period)),
        "operator": unsaved & (waited == _OPERATOR),
        "callback": unsaved & (waited == _CALLBACK),
        "abandoned": unsaved & (waited == _ABANDONED),
        "no_order": unsaved & (waited == _NONE),
    }
    # Counts side by side, as groups would have to be sorted.
    counts = (
        select(*(func.count().filter(condition).label(outcome) for outcome, condition in conditions.items()))
        .select_from(Call)
        .outerjoin(OrderRow, (OrderRow.call_key == Call.call_key) & is_saved)
        .outerjoin(tickets, tickets.c.call_key == Call.call_key)
        .where(period.covers(Call.started_at), _is_over(now), ~_IS_OUTBOUND)
    )
    found = dict(zip(conditions, session.execute(counts).one(), strict=True))
    return {**found, "no_order": found["no_order"] - found["unsaved"]}


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


def _under_way(session: Session, period: Period, now: datetime) -> int:
    """The number of calls made to the line in the period that are not over."""
    calls = select(func.count()).select_from(Call)
    return session.scalar(calls.where(period.covers(Call.started_at), ~_is_over(now), ~_IS_OUTBOUND)) or 0


def _drafted(period: Period) -> Select[tuple[str]]:
    """The calls of the period in which an order was begun or resumed that they did not save: those of orders that
    were never saved, and of orders that another call went on with."""
    resumed = select(OrderHistory.order_id).where(_RESUMED, OrderHistory.at >= period.begins_at)
    unsaved = select(OrderRow.id).where(
        OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(("draft", "lapsed"))
    )
    call_key = OrderHistory.detail["call_key"].as_string()
    return select(call_key).where(
        _BEGUN,
        period.covers(OrderHistory.at),
        or_(OrderHistory.order_id.in_(unsaved), OrderHistory.order_id.in_(resumed)),
        call_key.is_not(None),
    )


def _mean(times: Sequence[timedelta]) -> timedelta:
    return sum(times, timedelta()) / len(times) if times else timedelta()
