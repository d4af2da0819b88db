"""What retailers are owed of each spec from the splits so far, kept from day to day (see `orders.supply.split`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from orders.supply.models import RemainderRow


@dataclass(frozen=True, slots=True)
class Remainders:
    """What the retailers of one order weekday are owed of a spec, in millionths of a carton by the retailer's id."""

    barcode: str
    order_weekday: int
    owed: Mapping[int, int]


def owed_before(session: Session, day: date, barcodes: Collection[str]) -> dict[tuple[str, int], dict[int, int]]:
    """What was owed before the split of `day`, by barcode and order weekday; a day that is split again begins from
    there as it did the first time."""
    rows = session.execute(
        select(RemainderRow.barcode, RemainderRow.order_weekday, RemainderRow.owed)
        .where(RemainderRow.barcode.in_(barcodes), RemainderRow.business_day < day)
        .order_by(RemainderRow.business_day)
    )
    # The latest of each comes last.
    return {(barcode, weekday): {int(key): value for key, value in owed.items()} for barcode, weekday, owed in rows}


def keep(session: Session, day: date, found: Iterable[Remainders]) -> None:
    """Keep what is owed after the split of `day`; of earlier days only the last one stays, for another split of it."""
    for one in found:
        same = (RemainderRow.barcode == one.barcode, RemainderRow.order_weekday == one.order_weekday)
        before = session.scalar(
            select(func.max(RemainderRow.business_day)).where(*same, RemainderRow.business_day < day)
        )
        session.execute(delete(RemainderRow).where(*same, RemainderRow.business_day == day))
        if before is not None:
            session.execute(delete(RemainderRow).where(*same, RemainderRow.business_day < before))
        owed = {str(retailer_id): amount for retailer_id, amount in one.owed.items() if amount}
        session.add(RemainderRow(business_day=day, barcode=one.barcode, order_weekday=one.order_weekday, owed=owed))
    session.flush()
