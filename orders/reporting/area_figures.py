"""What the retailers of each county and customer manager ordered in a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderRow
from orders.outbound.models import MissedCall
from orders.reporting.period import Period
from orders.retailers.models import RetailerRow


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """One customer manager's retailers in one county: how many there are, how many of them ordered, their orders with
    packs and fen, and how often one of them was not reached."""

    county: str
    manager: str
    retailers: int
    ordering: int
    orders: int
    packs: int
    amount_fen: int
    missed: int


def area_figures(session: Session, period: Period, of: Sequence[ColumnElement[bool]] = ()) -> list[AreaFigures]:
    """The figures of the retailers that meet the conditions, by county and customer manager."""
    area = (RetailerRow.county, RetailerRow.manager)
    known = session.execute(select(*area, func.count()).where(*of).group_by(*area).order_by(*area)).all()
    ordered = {
        (county, manager): (ordering, orders, int(packs), int(fen))
        for county, manager, ordering, orders, packs, fen in session.execute(
            select(
                *area,
                func.count(OrderRow.retailer_id.distinct()),
                func.count(),
                func.sum(OrderRow.total_packs),
                func.sum(OrderRow.amount_fen),
            )
            .join(OrderRow, OrderRow.retailer_id == RetailerRow.id)
            .where(OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES), *of)
            .group_by(*area)
        )
    }
    missed = {
        (county, manager): count
        for county, manager, count in session.execute(
            select(*area, func.count())
            .join(MissedCall, MissedCall.retailer_id == RetailerRow.id)
            .where(MissedCall.missed_on.between(period.first, period.last), *of)
            .group_by(*area)
        )
    }
    return [
        AreaFigures(
            county, manager, count, *ordered.get((county, manager), (0, 0, 0, 0)), missed.get((county, manager), 0)
        )
        for county, manager, count in known
    ]
