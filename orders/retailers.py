"""Who may call: retailers, their registered numbers, the hotlines, and whether an order may be taken now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from orders.answers import Hotline, LineView, OrderView, Retailer, Standing, StandingReason
from orders.models import (
    STANDING_STATES,
    HotlineRow,
    MissedCall,
    OrderKind,
    OrderRow,
    RetailerPhone,
    RetailerRow,
)
from orders.windows import business_day, is_order_day, next_order_day


def by_code(session: Session, customer_code: str) -> RetailerRow | None:
    return session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))


def by_phone(session: Session, phone: str) -> RetailerRow | None:
    """The retailer that registered this number, written as the carrier writes it."""
    return session.scalar(
        select(RetailerRow)
        .join(RetailerPhone, RetailerPhone.retailer_id == RetailerRow.id)
        .where(RetailerPhone.phone == phone)
    )


def customer_codes(session: Session) -> frozenset[str]:
    """Every customer code there is, for telling a code that was heard from one that cannot be."""
    return frozenset(session.scalars(select(RetailerRow.customer_code)))


def hotline(session: Session, called_number: str) -> Hotline:
    """The hotline behind a called number; for an unknown one the first regular line, so that nobody rings in vain."""
    rows = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
    called = [row for row in rows if row.number == called_number]
    regular = [row for row in rows if row.kind == "regular"]
    for row in called + regular:
        return Hotline(row.number, row.name, row.kind, row.seat)
    return Hotline(called_number, "", "regular", "1")


def standing(session: Session, retailer: RetailerRow, kind: OrderKind, now: datetime) -> Standing:
    """Whether this retailer may place an order of this kind now."""
    today = business_day(now)
    orders = session.scalars(
        select(OrderRow)
        .where(OrderRow.retailer_id == retailer.id, OrderRow.business_day == today)
        .order_by(OrderRow.id.desc())
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    ).all()
    ordered = [order for order in orders if order.state in STANDING_STATES]
    drafts = [order for order in orders if order.kind == kind and order.lines and is_resumable(order, now)]
    reason = _reason(session, retailer, kind, now, already=bool(ordered))
    return Standing(
        may_order=reason is None,
        reason=reason,
        next_order_day=next_order_day(retailer, today),
        ordered=order_view(ordered[0]) if ordered else None,
        draft=order_view(drafts[0]) if drafts else None,
        balance_fen=retailer.balance_fen,
    )


def _reason(
    session: Session, retailer: RetailerRow, kind: OrderKind, now: datetime, *, already: bool
) -> StandingReason | None:
    if retailer.status == "suspended":
        return "suspended"
    today = business_day(now)
    if kind == "regular" and not is_order_day(retailer, today):
        return "not_order_day"
    if kind == "supplementary" and not _has_remedy(session, retailer, now):
        return "not_supplementary"
    # TR 3.4: no second order on one day, by whichever line.
    return "already_ordered" if already else None


def _has_remedy(session: Session, retailer: RetailerRow, now: datetime) -> bool:
    return (
        session.scalar(
            select(MissedCall.id).where(
                MissedCall.retailer_id == retailer.id,
                MissedCall.remedy == "supplementary",
                MissedCall.remedy_day == business_day(now),
            )
        )
        is not None
    )


def is_resumable(order: OrderRow, now: datetime) -> bool:
    """Whether another call may go on with this draft: its own call ended, or has been silent past its holds."""
    if order.state != "draft":
        return False
    return order.abandoned_at is not None or order.hold_expires_at is None or order.hold_expires_at <= now


def retailer_view(row: RetailerRow) -> Retailer:
    return Retailer(row.id, row.customer_code, row.name, row.status, row.region)


def order_view(order: OrderRow) -> OrderView:
    return OrderView(
        number=order.number,
        state=order.state,
        kind=order.kind,
        business_day=order.business_day,
        lines=tuple(
            LineView(
                barcode=line.barcode,
                name=line.spec_name,
                requested_packs=line.requested_packs,
                granted_packs=line.granted_packs,
                packs_per_carton=line.packs_per_carton,
                price_fen=line.price_fen,
            )
            for line in order.lines
        ),
    )
