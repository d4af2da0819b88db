"""The files of the day end in the department's own words: Chinese headings and values out, and the same taken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.day_end import settlement, steps
from orders.day_end.exceptions import DayException
from orders.money import yuan
from orders.retailers.lookup import phones_of
from orders.retailers.models import RetailerRow

Table = tuple[Sequence[str], Iterable[Sequence[object]]]
"""The headings and the rows of a file."""

BALANCES = ("客户代码", "店名", "余额")
BATCH = ("订单号", "客户代码", "店名", "金额")
ANSWER = (*BATCH, "结果", "可扣金额")
DELIVERY = ("送货线路", "客户代码", "店名", "订单号", "条码", "品规", "条", "盒", "区域")
NOTICES = ("客户代码", "店名", "电话", "订单号", "通知", "条数", "金额", "还差")
EXCEPTIONS = ("客户代码", "店名", "电话", "订货日期", "订单号", "金额", "余额", "还差")

_NOTICES = {
    "delivered": "按订单送货",
    "unpaid_on_hold": "扣款未成功，订单暂缓，请存款",
    "unpaid_cut": "余额不够，减少以后送货",
    "unpaid_cancelled": "扣款未成功，订单已取消",
}


def balances_table(session: Session, day: date) -> Table:
    """The template of the balances: the retailers with a saved order of the day."""
    rows = session.execute(
        select(RetailerRow.customer_code, RetailerRow.name)
        .where(
            RetailerRow.id.in_(
                select(OrderRow.retailer_id).where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES))
            )
        )
        .order_by(RetailerRow.customer_code)
    )
    return BALANCES, [(code, name, "") for code, name in rows]


def batch_table(session: Session, batch_id: int) -> Table:
    """A batch as it goes to the bank."""
    return BATCH, settlement.batch_rows(session, batch_id)


def answer_table(session: Session, batch_id: int) -> Table:
    """The template of the bank's answer to a batch."""
    return ANSWER, [(*row, "", "") for row in settlement.batch_rows(session, batch_id)]


def delivery_table(rows: Sequence[steps.ExportRow]) -> Table:
    """The lines handed over to delivery, as `steps.hand_over` gives them."""
    return DELIVERY, rows


def notices_table(rows: Sequence[steps.ExportRow]) -> Table:
    """The notices to retailers, as `steps.delivery_notices` gives them; quantities in cartons, amounts in yuan."""
    return NOTICES, [
        (code, name, phone, number, _NOTICES[str(notice)], f"{int(packs) / 10:g}", yuan(int(fen)), yuan(int(short)))
        for code, phone, number, packs, fen, name, notice, short in rows
    ]


def exceptions_table(session: Session, found: Sequence[DayException]) -> Table:
    """One of the lists of shops with the numbers to ring them at; amounts in yuan, empty where they do not apply."""
    phones = phones_of(session, [one.retailer.id for one in found])
    return EXCEPTIONS, [
        (
            one.retailer.customer_code,
            one.retailer.name,
            "|".join(phones[one.retailer.id]),
            one.order.business_day.isoformat() if one.order is not None else "",
            str(one.order.number) if one.order is not None else "",
            *("" if fen is None else yuan(fen) for fen in (one.amount_fen, one.available_fen, one.short_fen)),
        )
        for one in found
    ]
