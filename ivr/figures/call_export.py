"""Calls as rows of a file: a month of them in one pass, without an object for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ivr.figures.call_search import CallQuery, CallResult, begun_in, call_conditions, call_order
from ivr.models import Call
from ivr.operators.models import Ticket, TicketReason
from ivr.turns.calls import CALL_OPEN_MAX
from orders.book.models import COUNTED_STATES, OrderRow
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow


class ExportedCall(NamedTuple):
    """One call: when it was, its flow, shop, number, turns and result, why and with whom it came to an operator, and
    the number of its order; empty texts for what there is not."""

    started_at: datetime
    ended_at: datetime | None
    flow: str
    customer_code: str
    shop: str
    caller: str
    turns: int
    result: CallResult
    reason: TicketReason | None
    operator: str
    order_number: str


class _Handled(NamedTuple):
    """What became of a call's tickets together: the last one's reason and operator, and the states they came to."""

    reason: TicketReason | None = None
    operator: str = ""
    served: bool = False
    states: frozenset[str] = frozenset()


def exported_calls(
    session: Session, query: CallQuery, now: datetime, *, sort: str, descending: bool
) -> Iterator[ExportedCall]:
    """All the calls of a query, sorted as `ivr.figures.call_search.find_calls` does, with the same results."""
    handled = _handled(session, query)
    begun = set(session.scalars(begun_in(query)))
    order = OrderRow.call_key == Call.call_key
    rows = session.execute(
        select(
            Call.call_key,
            Call.started_at,
            Call.ended_at,
            Call.flow,
            Call.customer_code,
            Call.caller,
            Call.turn_number,
            RetailerRow.name,
            OrderRow.state,
            OrderRow.number,
        )
        .outerjoin(RetailerRow, RetailerRow.customer_code == Call.customer_code)
        .outerjoin(OrderRow, order)
        # The result is found below, from what is read anyway.
        .where(*call_conditions(replace(query, result=""), now))
        .order_by(*call_order(sort, descending))
    )
    nobody = _Handled()
    for key, started_at, ended_at, flow, code, caller, turn_number, shop, state, number in rows:
        mine = handled.get(key, nobody)
        result = _result(mine, state, key in begun, going_on=ended_at is None and started_at > now - CALL_OPEN_MAX)
        if not query.result or result == query.result:
            yield ExportedCall(
                started_at,
                ended_at,
                flow,
                code,
                shop or "",
                caller,
                turn_number - 1,
                result,
                mine.reason,
                mine.operator,
                number or "",
            )


def _handled(session: Session, query: CallQuery) -> dict[str, _Handled]:
    found: dict[str, _Handled] = {}
    rows = session.execute(
        select(
            Ticket.call_key,
            Ticket.reason,
            Ticket.state,
            func.coalesce(Ticket.answered_at, Ticket.taken_at),
            StaffRow.name,
        )
        .outerjoin(StaffRow, StaffRow.id == Ticket.taken_by)
        .where(Ticket.opened_at >= query.begins, Ticket.opened_at < query.ends + CALL_OPEN_MAX)
        .order_by(Ticket.id)
    )
    for key, reason, state, answered_at, name in rows:
        before = found.get(key, _Handled())
        served = before.served or answered_at is not None
        found[key] = _Handled(reason, name or "", served, before.states | {state})
    return found


def _result(handled: _Handled, order_state: str | None, has_begun: bool, *, going_on: bool) -> CallResult:
    if going_on:
        return "ongoing"
    if order_state in COUNTED_STATES or order_state == "cancelled":
        return "ordered_with_operator" if handled.served else "ordered"
    if handled.served:
        return "operator"
    if "callback" in handled.states:
        return "callback"
    if "abandoned" in handled.states:
        return "abandoned"
    return "unsaved" if has_begun else "no_order"
