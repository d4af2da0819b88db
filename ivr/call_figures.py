"""The figures of calls for the reports: outcomes of incoming and outbound calls, and the service of waiting callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

from sqlalchemy import ColumnElement, case, func, or_, select, text
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
        under_way=_under_way(session, period, now),
        outbound=outbound_outcomes(session, period),
        service=service(session, period),
        operators=operator_figures(session, period),
    )


def outcomes(session: Session, period: Period, now: datetime) -> dict[CallOutcome, int]:
    """The number of calls that were made to the line in the period and are over, by outcome; each is counted once."""
    tickets: dict[str, set[str]] = {}
    for call_key, state, was_answered in session.execute(
        select(Ticket.call_key, Ticket.state, or_(Ticket.taken_at.is_not(None), Ticket.answered_at.is_not(None))).where(
            Ticket.opened_at >= period.begins_at
        )
    ):
        tickets.setdefault(call_key, set()).add("operator" if was_answered else state)
    outbound, drafted = _outbound_calls(session, period), _drafted(session, period)
    counts = dict.fromkeys(OUTCOMES, 0)
    # A call led to an order although that was cancelled later.
    saved = case((OrderRow.state.in_((*COUNTED_STATES, "cancelled")), 1), else_=0)
    calls = select(Call.call_key, saved).outerjoin(OrderRow, OrderRow.call_key == Call.call_key)
    for call_key, is_saved in session.execute(calls.where(period.covers(Call.started_at), _is_over(now))):
        if call_key in outbound:
            continue
        own = tickets.get(call_key, ())
        if is_saved:
            counts["ordered_with_operator" if "operator" in own else "ordered"] += 1
        elif "operator" in own:
            counts["operator"] += 1
        elif "callback" in own:
            counts["callback"] += 1
        elif "abandoned" in own:
            counts["abandoned"] += 1
        else:
            counts["unsaved" if call_key in drafted else "no_order"] += 1
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


def _under_way(session: Session, period: Period, now: datetime) -> int:
    """The number of calls made to the line in the period that are not over."""
    is_outbound = select(OutboundAttempt.id).where(OutboundAttempt.call_key == Call.call_key).exists()
    calls = select(func.count()).select_from(Call).where(period.covers(Call.started_at), ~_is_over(now), ~is_outbound)
    return session.scalar(calls) or 0


def _outbound_calls(session: Session, period: Period) -> set[str | None]:
    """The calls of the period that the line made, and were not made to it."""
    attempts = select(OutboundAttempt.call_key).where(OutboundAttempt.business_day.between(period.first, period.last))
    return set(session.scalars(attempts))


def _drafted(session: Session, period: Period) -> set[str]:
    """The calls of the period in which an order was begun or resumed that they did not save: those of orders that
    were never saved, and of orders that another call went on with."""
    resumed = select(OrderHistory.order_id).where(
        _BEGUN, OrderHistory.event == "resumed", OrderHistory.at >= period.begins_at
    )
    unsaved = select(OrderRow.id).where(
        OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(("draft", "lapsed"))
    )
    return {
        detail["call_key"]
        for detail in session.scalars(
            select(OrderHistory.detail).where(
                _BEGUN,
                period.covers(OrderHistory.at),
                or_(OrderHistory.order_id.in_(unsaved), OrderHistory.order_id.in_(resumed)),
            )
        )
        if "call_key" in detail
    }


def _mean(times: Sequence[timedelta]) -> timedelta:
    return sum(times, timedelta()) / len(times) if times else timedelta()
