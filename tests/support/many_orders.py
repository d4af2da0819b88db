"""A day of many saved orders, each of a shop of its own."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.retailers.models import RetailerPhone, RetailerRow

PHONE_OF_THE_SEVENTH = "+8613912345678"


def add_orders(session: Session, day: date, now: datetime, count: int) -> None:
    """Add so many saved orders: A00001 of one carton and one yuan, A00002 of two … The first is of the day before,
    every tenth was saved by 李晓燕, and the seventh shop has a telephone."""
    session.execute(
        insert(RetailerRow),
        [
            {"customer_code": f"41059910{n:04d}", "name": f"{'东风' if n % 2 else '西关'}烟店{n}", "order_weekday": 0}
            for n in range(1, count + 1)
        ],
    )
    shops = session.scalars(
        select(RetailerRow.id).where(RetailerRow.customer_code.startswith("41059910")).order_by(RetailerRow.id)
    ).all()
    session.add(RetailerPhone(phone=PHONE_OF_THE_SEVENTH, retailer_id=shops[6]))
    session.execute(
        insert(OrderRow),
        [
            {
                "number": f"A{n:05d}",
                "retailer_id": shop,
                "business_day": day - timedelta(days=1) if n == 1 else day,
                "cycle_start": day,
                "kind": "regular",
                "state": "confirmed",
                "channel": "operator" if n % 10 == 0 else "phone",
                "saved_by": "李晓燕" if n % 10 == 0 else None,
                "created_at": now,
                "confirmed_at": now,
                "total_packs": 10 * n,
                "amount_fen": 100 * n,
            }
            for n, shop in enumerate(shops, 1)
        ],
    )
