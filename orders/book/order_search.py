"""Orders looked up by day, state, channel, who saved them, and shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import QueryableAttribute, Session

from orders.book.models import Channel, OrderRow, OrderState
from orders.retailers.models import RetailerRow

SORTS: Final[Mapping[str, QueryableAttribute[Any]]] = {
    "number": OrderRow.id,
    "shop": RetailerRow.name,
    "state": OrderRow.state,
    "channel": OrderRow.channel,
    "cartons": OrderRow.total_packs,
    "amount": OrderRow.amount_fen,
    "saved": OrderRow.confirmed_at,
}
"""The columns a list of orders may be sorted by."""


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """The orders wanted: those of the business days from `first` to `last`, both included. Empty texts narrow nothing
    down. Without a state all but lapsed drafts are meant. `shop` is a condition on the retailers, and `number` a part
    of an order's number: either is enough."""

    first: date
    last: date
    state: str = ""
    channel: str = ""
    saved_by: str = ""
    number: str = ""
    shop: ColumnElement[bool] | None = None


class ExportedOrder(NamedTuple):
    """One order as a row of a file: packs of ten to a carton, and fen."""

    number: str | None
    business_day: date
    customer_code: str
    shop: str
    state: OrderState
    channel: Channel
    packs: int
    amount_fen: int
    confirmed_at: datetime | None
    saved_by: str | None


def count_by_state(session: Session, query: OrderQuery) -> dict[str, int]:
    """The number of orders in each state, whatever state the query asks for."""
    rows = session.execute(
        select(OrderRow.state, func.count())
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(*_conditions(query))
        .group_by(OrderRow.state)
    )
    return dict(rows.all())


def find_orders(
    session: Session, query: OrderQuery, *, sort: str, descending: bool, first: int, most: int
) -> Sequence[tuple[OrderRow, RetailerRow]]:
    """The orders with their retailers, from the one at `first` on, at most `most`. `sort` is a key of `SORTS`."""
    rows = session.execute(_sorted(select(OrderRow, RetailerRow), query, sort, descending).offset(first).limit(most))
    return [(order, retailer) for order, retailer in rows]


def exported_orders(session: Session, query: OrderQuery, *, sort: str, descending: bool) -> Iterator[ExportedOrder]:
    """All the orders of a query as rows of a file, in the same order; no object is made of each."""
    columns = select(
        OrderRow.number,
        OrderRow.business_day,
        RetailerRow.customer_code,
        RetailerRow.name,
        OrderRow.state,
        OrderRow.channel,
        OrderRow.total_packs,
        OrderRow.amount_fen,
        OrderRow.confirmed_at,
        OrderRow.saved_by,
    )
    return (ExportedOrder(*row) for row in session.execute(_sorted(columns, query, sort, descending)))


def savers(session: Session, first: date, last: date) -> list[str]:
    """The members of staff who saved an order of these business days, by name."""
    names = session.scalars(
        select(OrderRow.saved_by)
        .where(OrderRow.business_day.between(first, last), OrderRow.saved_by.is_not(None))
        .distinct()
    )
    return sorted(name for name in names if name)


def _sorted(
    orders: Select[*tuple[Any, ...]], query: OrderQuery, sort: str, descending: bool
) -> Select[*tuple[Any, ...]]:
    column = SORTS[sort]
    # Empty values come last either way, on both databases.
    by = (column.is_(None), column.desc() if descending else column.asc(), OrderRow.id.desc())
    state = OrderRow.state == query.state if query.state else OrderRow.state != "lapsed"
    return (
        orders.join(RetailerRow, RetailerRow.id == OrderRow.retailer_id).where(state, *_conditions(query)).order_by(*by)
    )


def _conditions(query: OrderQuery) -> list[ColumnElement[bool]]:
    """The conditions of a query on orders with their retailers, whatever their state."""
    found: list[ColumnElement[bool]] = [OrderRow.business_day.between(query.first, query.last)]
    if query.channel:
        found.append(OrderRow.channel == query.channel)
    if query.saved_by:
        found.append(OrderRow.saved_by == query.saved_by)
    if query.shop is not None:
        found.append(or_(query.shop, OrderRow.number.contains(query.number, autoescape=True)))
    return found
