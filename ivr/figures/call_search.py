"""Calls looked up by time, shop or number, direction, operator and result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select, text
from sqlalchemy.orm import QueryableAttribute, Session

from callflows.state import OUTBOUND
from ivr.models import Call
from ivr.operators.models import Ticket, TicketReason
from ivr.turns.calls import CALL_OPEN_MAX
from orders.book.models import COUNTED_STATES, OrderHistory, OrderLineRow, OrderRow
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow

Direction = Literal["", "inbound", "outbound"]
CallResult = Literal[
    "ongoing", "ordered", "ordered_with_operator", "unsaved", "operator", "callback", "abandoned", "no_order"
]
"""The result of a call: it is going on; it led to an order, by itself or with an operator; its order was not saved; an
operator had it and there is no order; the caller asked to be called back, or gave up waiting; or none of these."""

SORTS: Final[Mapping[str, QueryableAttribute[Any]]] = {
    "time": Call.started_at,
    "shop": Call.customer_code,
    "turns": Call.turn_number,
}
"""The columns a list of calls may be sorted by."""

# Kept as text, because an index condition takes no parameters.
_BEGUN = text("event IN ('opened', 'resumed')")


@dataclass(frozen=True, slots=True)
class CallQuery:
    """The calls wanted: those begun from `begins` on and before `ends`. Empty values narrow nothing down. `shop` is a
    condition on the retailers and `digits` a part of the caller's number: either is enough. `operator` is the id of
    the member of staff who had the call."""

    begins: datetime
    ends: datetime
    direction: Direction = ""
    result: str = ""
    operator: int | None = None
    digits: str = ""
    shop: ColumnElement[bool] | None = None


@dataclass(frozen=True, slots=True)
class FoundCall:
    """One call as listed: its retailer, its result, why and with whom it came to an operator, and its order with the
    lines and packs it has."""

    call: Call
    retailer: RetailerRow | None
    result: CallResult
    reason: TicketReason | None
    operator: str
    order: OrderRow | None
    lines: int
    packs: int

    @property
    def is_outbound(self) -> bool:
        return self.call.flow == OUTBOUND


def count_calls(session: Session, query: CallQuery, now: datetime) -> int:
    """The number of calls of a query."""
    return session.scalar(select(func.count()).select_from(Call).where(*call_conditions(query, now))) or 0


def call_keys(session: Session, query: CallQuery, now: datetime, *, sort: str, descending: bool) -> Sequence[str]:
    """The keys of all the calls of a query, sorted: what a result is found by is looked through once for a list and its
    count."""
    return session.scalars(
        select(Call.call_key).where(*call_conditions(query, now)).order_by(*call_order(sort, descending))
    ).all()


def find_calls(
    session: Session,
    query: CallQuery,
    now: datetime,
    *,
    sort: str,
    descending: bool,
    first: int = 0,
    most: int | None = None,
    among: Sequence[str] | None = None,
) -> Sequence[FoundCall]:
    """The calls from the one at `first` on, at most `most`; or those `among` these keys. `sort` is a key of `SORTS`."""
    found = select(Call, _result(query, now)).order_by(*call_order(sort, descending))
    if among is None:
        found = found.where(*call_conditions(query, now)).offset(first).limit(most)
    else:
        found = found.where(Call.call_key.in_(among))
    rows = session.execute(found).all()
    keys = [call.call_key for call, _ in rows]
    retailers = _retailers(session, {call.customer_code for call, _ in rows})
    tickets = {
        key: (reason, name or "")
        for key, reason, name in session.execute(
            select(Ticket.call_key, Ticket.reason, StaffRow.name)
            .outerjoin(StaffRow, StaffRow.id == Ticket.taken_by)
            .where(Ticket.call_key.in_(keys))
            .order_by(Ticket.id)
        )
    }
    orders = {
        order.call_key: (order, lines, packs or 0)
        for order, lines, packs in session.execute(
            select(OrderRow, func.count(OrderLineRow.id), func.sum(OrderLineRow.granted_packs))
            .outerjoin(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
            .where(OrderRow.call_key.in_(keys), OrderRow.state != "lapsed")
            .group_by(OrderRow.id)
        )
    }
    return [
        FoundCall(
            call,
            retailers.get(call.customer_code),
            cast("CallResult", result),
            *tickets.get(call.call_key, (None, "")),
            *orders.get(call.call_key, (None, 0, 0)),
        )
        for call, result in rows
    ]


def begun_in(query: CallQuery) -> Select[Any]:
    """The keys of the calls in which an order was begun or taken up again, in the time of a query."""
    return select(OrderHistory.detail["call_key"].as_string()).where(
        _BEGUN, OrderHistory.at >= query.begins, OrderHistory.at < query.ends + CALL_OPEN_MAX
    )


def operators_of(session: Session, begins: datetime, ends: datetime) -> Sequence[StaffRow]:
    """The members of staff who took a call between two moments, by name."""
    takers = select(Ticket.taken_by).where(Ticket.opened_at >= begins, Ticket.opened_at < ends)
    return session.scalars(select(StaffRow).where(StaffRow.id.in_(takers)).order_by(StaffRow.name)).all()


def _retailers(session: Session, codes: set[str]) -> dict[str, RetailerRow]:
    rows = session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(codes - {""})))
    return {row.customer_code: row for row in rows}


def call_order(sort: str, descending: bool) -> tuple[ColumnElement[Any], ...]:
    """The order of a list sorted by a key of `SORTS`."""
    column = SORTS[sort]
    return (column.desc() if descending else column.asc(), Call.started_at.desc(), Call.call_key.asc())


def call_conditions(query: CallQuery, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions of a query on calls."""
    found: list[ColumnElement[bool]] = [Call.started_at >= query.begins, Call.started_at < query.ends]
    if query.direction:
        found.append(Call.flow == OUTBOUND if query.direction == "outbound" else Call.flow != OUTBOUND)
    if query.operator is not None:
        found.append(_ticket(Ticket.taken_by == query.operator))
    if query.result:
        found.append(_result(query, now) == query.result)
    if query.shop is not None:
        of_shop = Call.customer_code.in_(select(RetailerRow.customer_code).where(query.shop))
        called = Call.caller.contains(query.digits, autoescape=True)
        found.append(or_(of_shop, called) if query.digits else of_shop)
    return found


def _result(query: CallQuery, now: datetime) -> ColumnElement[str]:
    """The result of a call, as `ivr.figures.call_figures` counts it."""
    # A call led to an order although that was cancelled later.
    saved = exists().where(OrderRow.call_key == Call.call_key, OrderRow.state.in_((*COUNTED_STATES, "cancelled")))
    served = _ticket(or_(Ticket.taken_at.is_not(None), Ticket.answered_at.is_not(None)))
    open_still = and_(Call.ended_at.is_(None), Call.started_at > now - CALL_OPEN_MAX)
    return case(
        (open_still, literal("ongoing")),
        (and_(saved, served), literal("ordered_with_operator")),
        (saved, literal("ordered")),
        (served, literal("operator")),
        (_ticket(Ticket.state == "callback"), literal("callback")),
        (_ticket(Ticket.state == "abandoned"), literal("abandoned")),
        (Call.call_key.in_(begun_in(query)), literal("unsaved")),
        else_=literal("no_order"),
    )


def _ticket(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Ticket.call_key == Call.call_key, condition)
