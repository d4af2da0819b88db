"""Holds: what a draft has reserved in supply and limits until it is saved, changed or discarded.

Counters change by conditional updates only, which keeps them right under any concurrency. Several specs are always
touched in the order of their barcodes, so that two orders cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import BindParameter, CursorResult, Executable, Table, and_, bindparam, case, select, update
from sqlalchemy.orm import Session

from orders.book.models import OrderLineRow, OrderRow
from orders.supply.models import Limit, Supply

# A sweep that finds more than this leaves the rest to the next one.
SWEEP_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class PacksLeft:
    """The packs of one spec: this retailer's limit and what is left of it, the day's supply and what is left of that.
    Without a row of limits or supply they are 0."""

    limit: int
    by_limit: int
    supplied: int
    in_stock: int


def lock(session: Session, day: date, barcodes: Iterable[str]) -> None:
    """Lock the supply of several specs at once, before they are reserved one by one in any order."""
    session.execute(
        select(Supply.barcode)
        .where(Supply.business_day == day, Supply.barcode.in_(set(barcodes)))
        .order_by(Supply.barcode)
        .with_for_update()
    ).all()


def packs_left(session: Session, order: OrderRow, barcode: str) -> PacksLeft:
    """The packs left of a spec for this order."""
    row = session.connection().execute(_LEFT, _counter_key(order, barcode)).one()
    return PacksLeft(*(packs or 0 for packs in row))


def reserve(session: Session, order: OrderRow, barcode: str, packs: int) -> bool:
    """Reserve all of `packs`; False, and nothing reserved, where that much is no longer there."""
    place = _counter_key(order, barcode) | {"packs": packs}
    if not _changed(session, _TAKE_LIMIT, place):
        return False
    if _changed(session, _TAKE_SUPPLY, place):
        return True
    _changed(session, _MOVE_LIMIT, place | {"held": -packs, "sold": 0})
    return False


def release(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Release a hold of `packs`."""
    _move(session, order, barcode, held=-packs)


def sell(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Turn a hold into a sale."""
    _move(session, order, barcode, held=-packs, sold=packs)


def sell_all(session: Session, order: OrderRow) -> None:
    """Turn the holds of all lines of an order into sales, in one go."""
    session.flush()
    lock(session, order.business_day, [line.barcode for line in order.lines])
    place = _counter_key(order, "") | {"order": order.id}
    if {_count(session, _SELL_LIMITS, place), _count(session, _SELL_SUPPLY, place)} != {len(order.lines)}:
        raise _counters_missing(order)


def take_from_stock(session: Session, day: date, packs: Mapping[str, int]) -> None:
    """Take packs of each spec from the day's stock, or what is left of it, for an order that is only tried."""
    for barcode, count in sorted(packs.items()):
        session.connection().execute(_TAKE_STOCK, {"day": day, "spec": barcode, "packs": count})


def return_sold(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Return sold packs to the stock and to the limit."""
    _move(session, order, barcode, sold=-packs)


def release_expired(session: Session, now: datetime) -> int:
    """Release the holds of drafts whose time is over, and return how many drafts those were. Where another transaction
    is just doing it, wait for that. The drafts keep their lines; a call that resumes one gets what is there then."""
    expired = session.execute(
        select(OrderRow)
        .where(OrderRow.holds_active, OrderRow.hold_expires_at <= now)
        .order_by(OrderRow.id)
        .limit(SWEEP_AT_MOST)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    orders = {order.id: order for order in expired}
    if not orders:
        return 0
    lines = session.execute(
        select(OrderLineRow.order_id, OrderLineRow.barcode, OrderLineRow.granted_packs)
        .where(OrderLineRow.order_id.in_(orders))
        .order_by(OrderLineRow.barcode)
    )
    for order_id, barcode, granted in lines.all():
        release(session, orders[order_id], barcode, granted)
    for order in orders.values():
        order.holds_active = False
    session.flush()
    return len(orders)


def in_lock_order(lines: Iterable[OrderLineRow]) -> list[OrderLineRow]:
    """The lines in the order in which their counters have to be touched."""
    return sorted(lines, key=lambda line: line.barcode)


def _move(session: Session, order: OrderRow, barcode: str, *, held: int = 0, sold: int = 0) -> None:
    place = _counter_key(order, barcode) | {"held": held, "sold": sold}
    if not (_changed(session, _MOVE_LIMIT, place) and _changed(session, _MOVE_SUPPLY, place)):
        raise _counters_missing(order)


def _counter_key(order: OrderRow, barcode: str) -> dict[str, Any]:
    return {
        "retailer": order.retailer_id,
        "cycle": order.cycle_start,
        "day": order.business_day,
        "spec": barcode,
    }


def _changed(session: Session, statement: Executable, values: Mapping[str, Any]) -> bool:
    return _count(session, statement, values) == 1


def _count(session: Session, statement: Executable, values: Mapping[str, Any]) -> int:
    # The counters are never read through mapped objects, so there is nothing in the session to bring up to date.
    return cast("CursorResult[Any]", session.connection().execute(statement, values)).rowcount


def _counters_missing(order: OrderRow) -> LookupError:
    return LookupError(f"Counters that order {order.id} uses are gone; the books no longer add up.")


# Built once and not for every line: building a statement takes longer than executing it.
_LIMITS = cast(Table, Limit.__table__)
_SUPPLY = cast(Table, Supply.__table__)
_LINES = cast(Table, OrderLineRow.__table__)
_LEFT_BY_LIMIT = _LIMITS.c.limit_packs - _LIMITS.c.held_packs - _LIMITS.c.used_packs
_LEFT_IN_STOCK = _SUPPLY.c.supplied_packs - _SUPPLY.c.held_packs - _SUPPLY.c.sold_packs
_HELD: BindParameter[int] = bindparam("held")
_SOLD: BindParameter[int] = bindparam("sold")
_PACKS: BindParameter[int] = bindparam("packs")
_OF_CYCLE = and_(_LIMITS.c.retailer_id == bindparam("retailer"), _LIMITS.c.cycle_start == bindparam("cycle"))
_OF_DAY = _SUPPLY.c.business_day == bindparam("day")
_LIMIT = update(_LIMITS).where(_OF_CYCLE, _LIMITS.c.barcode == bindparam("spec"))
_STOCK = update(_SUPPLY).where(_OF_DAY, _SUPPLY.c.barcode == bindparam("spec"))

_LEFT = select(
    *(
        select(column).where(_OF_CYCLE, _LIMITS.c.barcode == bindparam("spec")).scalar_subquery()
        for column in (_LIMITS.c.limit_packs, _LEFT_BY_LIMIT)
    ),
    *(
        select(column).where(_OF_DAY, _SUPPLY.c.barcode == bindparam("spec")).scalar_subquery()
        for column in (_SUPPLY.c.supplied_packs, _LEFT_IN_STOCK)
    ),
)
_TAKE_LIMIT = _LIMIT.where(_LEFT_BY_LIMIT >= _PACKS).values(held_packs=_LIMITS.c.held_packs + _PACKS)
_TAKE_SUPPLY = _STOCK.where(_LEFT_IN_STOCK >= _PACKS).values(held_packs=_SUPPLY.c.held_packs + _PACKS)
_TAKE_STOCK = _STOCK.values(
    held_packs=_SUPPLY.c.held_packs + case((_LEFT_IN_STOCK >= _PACKS, _PACKS), else_=_LEFT_IN_STOCK)
)
_MOVE_LIMIT = _LIMIT.values(held_packs=_LIMITS.c.held_packs + _HELD, used_packs=_LIMITS.c.used_packs + _SOLD)
_MOVE_SUPPLY = _STOCK.values(held_packs=_SUPPLY.c.held_packs + _HELD, sold_packs=_SUPPLY.c.sold_packs + _SOLD)

_GRANTED = _LINES.c.granted_packs
_OF_ORDER = _LINES.c.order_id == bindparam("order")
_SELL_LIMITS = (
    update(_LIMITS)
    .where(_OF_ORDER, _OF_CYCLE, _LIMITS.c.barcode == _LINES.c.barcode)
    .values(held_packs=_LIMITS.c.held_packs - _GRANTED, used_packs=_LIMITS.c.used_packs + _GRANTED)
)
_SELL_SUPPLY = (
    update(_SUPPLY)
    .where(_OF_ORDER, _OF_DAY, _SUPPLY.c.barcode == _LINES.c.barcode)
    .values(held_packs=_SUPPLY.c.held_packs - _GRANTED, sold_packs=_SUPPLY.c.sold_packs + _GRANTED)
)
