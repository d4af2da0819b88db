"""What a day's end leaves to be done: short accounts, orders unpaid, on hold or unaudited, with the shops' names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.channels.models import WebOrderRow
from orders.day_end.models import DayStepDone, FailureRule, SettlementBatch, SettlementLine
from orders.retailers.models import RetailerRow

ExceptionKind = Literal["short", "without_balance", "lapsed", "unaudited", "unpaid", "on_hold"]
"""Accounts short of what was ordered, orders whose account the bank's file did not have, orders that were never saved,
web orders that wait for their audit, orders the bank did not pay, and orders on hold."""

KINDS: tuple[ExceptionKind, ...] = get_args(ExceptionKind)
# Names are looked up for so many at once: a database bounds what one statement is given.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DayException:
    """One shop on such a list. Amounts are in fen, None where they do not apply; `short_fen` is what is missing."""

    retailer: RetailerRow
    order: OrderRow | None
    amount_fen: int | None = None
    available_fen: int | None = None
    short_fen: int | None = None
    rule: FailureRule | None = None


def day_exceptions(session: Session, day: date, kind: ExceptionKind) -> list[DayException]:
    """All of a kind for a business day, by customer code."""
    if kind == "unpaid":
        return _unpaid(session, day)
    if kind == "on_hold":
        return orders_on_hold(session, day)
    if kind == "unaudited":
        return unaudited_orders(session, day)
    step = session.get(DayStepDone, (day, "balances"))
    detail: dict[str, Any] = step.detail if step is not None else {}
    if kind == "lapsed":
        handed_over = session.get(DayStepDone, (day, "hand_over"))
        codes = [*detail.get("lapsed", ()), *(handed_over.detail.get("lapsed", ()) if handed_over is not None else ())]
        return [DayException(retailer, None) for retailer in _retailers(session, codes).values()]
    missing: dict[str, int] = detail.get("short_fen", {})
    retailers = _retailers(session, missing if kind == "short" else detail.get("without_balance", ()))
    ordered: dict[str, int] = detail.get("ordered_fen", {})
    if kind == "without_balance":
        return [DayException(retailer, None) for retailer in retailers.values()]
    return [
        DayException(retailer, None, ordered.get(code), ordered.get(code, missing[code]) - missing[code], missing[code])
        for code, retailer in retailers.items()
    ]


def orders_on_hold(session: Session, day: date | None = None) -> list[DayException]:
    """The orders on hold of a business day, or of every day, by day and customer code, with what the bank said was
    available."""
    rows = session.execute(
        select(OrderRow, RetailerRow, func.max(SettlementLine.available_fen))
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .outerjoin(SettlementLine, (SettlementLine.order_id == OrderRow.id) & (SettlementLine.result == "failed"))
        .where(OrderRow.on_hold, *([OrderRow.business_day == day] if day is not None else []))
        .group_by(OrderRow.id, RetailerRow.id)
        .order_by(OrderRow.business_day, RetailerRow.customer_code)
    )
    return [
        DayException(retailer, order, order.amount_fen, available, _short(order.amount_fen, available))
        for order, retailer, available in rows
    ]


def unaudited_orders(session: Session, day: date | None = None) -> list[DayException]:
    """The web orders of a business day, or of every day, that were cut and wait for their audit, by day and customer
    code."""
    rows = session.execute(
        select(OrderRow, RetailerRow)
        .join(WebOrderRow, WebOrderRow.order_id == OrderRow.id)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(WebOrderRow.to_audit, WebOrderRow.audited_at.is_(None))
        .where(*([WebOrderRow.business_day == day] if day is not None else []))
        .order_by(WebOrderRow.business_day, RetailerRow.customer_code)
    )
    return [DayException(retailer, order, order.amount_fen) for order, retailer in rows]


def _unpaid(session: Session, day: date) -> list[DayException]:
    rows = session.execute(
        select(SettlementLine, OrderRow, RetailerRow, SettlementBatch.rule)
        .join(SettlementBatch, SettlementBatch.id == SettlementLine.batch_id)
        .join(OrderRow, OrderRow.id == SettlementLine.order_id)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(SettlementBatch.business_day == day, SettlementLine.result == "failed")
        .order_by(RetailerRow.customer_code, SettlementBatch.number)
    )
    return [
        DayException(
            retailer, order, line.amount_fen, line.available_fen, _short(line.amount_fen, line.available_fen), rule
        )
        for line, order, retailer, rule in rows
    ]


def _short(amount_fen: int, available_fen: int | None) -> int:
    return max(0, amount_fen - (available_fen or 0))


def _retailers(session: Session, codes: Iterable[str]) -> dict[str, RetailerRow]:
    """The retailers with these customer codes, by code and in its order."""
    wanted, found = sorted(set(codes)), list[RetailerRow]()
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        found += session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(some)))
    return {row.customer_code: row for row in sorted(found, key=lambda row: row.customer_code)}
