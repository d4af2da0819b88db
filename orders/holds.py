"""Reservations: what a draft has taken out of supply and limits until it is saved, changed or given up.

Counters change by conditional updates only, which is what keeps them right under any concurrency. Several specs are
always touched in the order of their barcodes, so that two orders cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Update, select, update
from sqlalchemy.orm import Session

from orders.models import Limit, OrderLineRow, OrderRow, Supply

# A sweep that finds more than this leaves the rest to the next one.
SWEEP_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one spec, in packs: to this retailer by its limit, and in all."""

    by_limit: int
    in_stock: int


def lock(session: Session, day: date, barcodes: Iterable[str]) -> None:
    """Lock the supply of several specs at once, before they are taken one by one in whatever order."""
    session.execute(
        select(Supply.barcode)
        .where(Supply.business_day == day, Supply.barcode.in_(set(barcodes)))
        .order_by(Supply.barcode)
        .with_for_update()
    ).all()


def left(session: Session, order: OrderRow, barcode: str) -> Left | None:
    """What this order could still take of a spec; None where the retailer may not have it today at all."""
    row = session.execute(
        select(
            Limit.limit_packs - Limit.held_packs - Limit.used_packs,
            Supply.supplied_packs - Supply.held_packs - Supply.sold_packs,
        )
        .join(Supply, Supply.barcode == Limit.barcode)
        .where(*_limit_of(order, barcode), Supply.business_day == order.business_day)
    ).one_or_none()
    return None if row is None else Left(*row)


def take(session: Session, order: OrderRow, barcode: str, packs: int) -> bool:
    """Reserve all of `packs`, or nothing and say False where that much is no longer there."""
    by_limit = (
        update(Limit)
        .where(*_limit_of(order, barcode), Limit.limit_packs - Limit.held_packs - Limit.used_packs >= packs)
        .values(held_packs=Limit.held_packs + packs)
    )
    if not _changed(session, by_limit):
        return False
    in_stock = (
        update(Supply)
        .where(*_supply_of(order, barcode), Supply.supplied_packs - Supply.held_packs - Supply.sold_packs >= packs)
        .values(held_packs=Supply.held_packs + packs)
    )
    if _changed(session, in_stock):
        return True
    _move(session, order, barcode, held=-packs, limit_only=True)
    return False


def give_back(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Undo a reservation of `packs`."""
    _move(session, order, barcode, held=-packs)


def sell(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Turn a reservation into a sale."""
    _move(session, order, barcode, held=-packs, sold=packs)


def unsell(session: Session, order: OrderRow, barcode: str, packs: int) -> None:
    """Put what was sold back on the shelf and under the limit."""
    _move(session, order, barcode, sold=-packs)


def release_expired(session: Session, now: datetime) -> int:
    """Give back what is held by drafts whose time is over, and say how many drafts those were. Where somebody else is
    just doing it, wait for that. The drafts keep their lines; whoever takes one up again gets what is there then."""
    expired = session.execute(
        select(OrderRow)
        .where(OrderRow.holding, OrderRow.hold_expires_at <= now)
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
        give_back(session, orders[order_id], barcode, granted)
    for order in orders.values():
        order.holding = False
    session.flush()
    return len(orders)


def in_lock_order(lines: Iterable[OrderLineRow]) -> list[OrderLineRow]:
    """The lines in the order in which their counters have to be touched."""
    return sorted(lines, key=lambda line: line.barcode)


def _move(
    session: Session, order: OrderRow, barcode: str, *, held: int = 0, sold: int = 0, limit_only: bool = False
) -> None:
    limit = update(Limit).where(*_limit_of(order, barcode))
    changed = _changed(session, limit.values(held_packs=Limit.held_packs + held, used_packs=Limit.used_packs + sold))
    if changed and not limit_only:
        supply = update(Supply).where(*_supply_of(order, barcode))
        values = {"held_packs": Supply.held_packs + held, "sold_packs": Supply.sold_packs + sold}
        changed = _changed(session, supply.values(values))
    if not changed:
        raise LookupError(f"The counters of spec {barcode} for order {order.id} are gone; the books no longer add up.")


def _limit_of(order: OrderRow, barcode: str) -> tuple[Any, ...]:
    return (
        Limit.retailer_id == order.retailer_id,
        Limit.cycle_start == order.cycle_start,
        Limit.barcode == barcode,
    )


def _supply_of(order: OrderRow, barcode: str) -> tuple[Any, ...]:
    return Supply.business_day == order.business_day, Supply.barcode == barcode


def _changed(session: Session, statement: Update) -> bool:
    # The counters are never read through mapped objects, so there is nothing in the session to bring up to date.
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount == 1
