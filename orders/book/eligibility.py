"""The eligibility of a retailer to order now: on which terms, and what it has ordered or left unsaved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from orders.book.models import COUNTED_STATES, Channel, OrderKind, OrderRow
from orders.book.views import Eligibility, IneligibilityReason, MissedRemedy, order_view
from orders.day_end.models import DayStepDone
from orders.models import Admits, ChannelWindow, HotlineRow
from orders.outbound.models import MissedCall
from orders.retailers.models import RetailerRow
from orders.windows import ALWAYS, ONE_DAY, Calendar, Window, business_day, is_order_day, next_order_day

PAGE_CHANNELS = ("web", "mobile")
"""The channels without a connection that stays open: between two requests anyone may resume their drafts."""

# The last moment of a window is this long before its end.
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which orders are taken: of what kind, from whom, and when."""

    kind: OrderKind = "regular"
    admits: Admits = "due"
    window: Window = ALWAYS


def terms_of_hotline(session: Session, hotline_id: int | None) -> Terms:
    row = session.get(HotlineRow, hotline_id) if hotline_id is not None else None
    return Terms() if row is None else Terms(row.kind, row.admits, Window(row.opens, row.closes))


def terms_of_channel(session: Session, channel: Channel) -> Terms:
    """The terms of a channel. One without a window of its own closes with the telephone, as orders from a PC do (AY
    4.2.4)."""
    if channel == "visit":
        # Whoever is visited orders like the callers of the supplementary hotline, until hand-over (TR 3.3).
        return Terms(kind="supplementary", admits="visit")
    row = session.get(ChannelWindow, channel)
    if row is not None:
        return Terms(window=Window(row.opens, row.closes))
    closes = session.scalar(select(func.max(HotlineRow.closes)).where(HotlineRow.kind == "regular"))
    return Terms() if closes is None else Terms(window=Window(closes=closes))


def order_day(retailer: RetailerRow, terms: Terms, now: datetime, open_days: Calendar) -> date:
    """The day an order of this retailer would be for: its own order day, if orders for it are taken now, were taken
    earlier today or will be later today; otherwise the day orders are taken for, or today. A shop that comes too early
    or too late on its order day is told so, and not that the day is not its own."""
    taken_for, today = terms.window.day_at(now), business_day(now)
    if terms.admits == "due":
        begins_today = business_day(terms.window.opens_at(today + ONE_DAY)) == today
        near = (taken_for, today, today + ONE_DAY if begins_today else None)
        for day in near:
            if day is not None and is_order_day(retailer, day, open_days):
                return day
    return taken_for or today


def moment_of(order: OrderRow, terms: Terms, now: datetime, grace: timedelta) -> datetime:
    """The moment by which it is decided if this draft may be saved: for one that was begun before the line closed, and
    is not older than that by more than the grace, the last moment of its hours; otherwise now. The end of the day ends
    the grace too."""
    closes_at = terms.window.closes_at(order.business_day)
    return closes_at - TICK if order.created_at < closes_at <= now < closes_at + grace else now


def moment_of_return(
    session: Session, retailer: RetailerRow, terms: Terms, now: datetime, grace: timedelta
) -> datetime:
    """The moment by which it is decided if this retailer may order: within the grace that of the draft it was cut off
    from, if it left one; otherwise now."""
    today = business_day(now)
    for day in (today, today - ONE_DAY):
        if terms.window.closes_at(day) <= now < terms.window.closes_at(day) + grace:
            drafts = session.scalars(
                select(OrderRow)
                .where(OrderRow.retailer_id == retailer.id, OrderRow.business_day == day)
                .where(OrderRow.kind == terms.kind, OrderRow.state == "draft")
            )
            for draft in drafts:
                if draft.lines and is_resumable(draft, now):
                    return moment_of(draft, terms, now, grace)
    return now


def eligibility(
    session: Session,
    retailer: RetailerRow,
    terms: Terms,
    now: datetime,
    open_days: Calendar,
    grace: timedelta = timedelta(),
) -> Eligibility:
    """This retailer's eligibility to place an order on these terms now, or to go on with one within the grace after
    closing."""
    moment = moment_of_return(session, retailer, terms, now, grace)
    day = order_day(retailer, terms, moment, open_days)
    orders = session.scalars(
        select(OrderRow)
        .where(OrderRow.retailer_id == retailer.id, OrderRow.business_day == day)
        .order_by(OrderRow.id.desc())
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    ).all()
    ordered = [order for order in orders if order.state in COUNTED_STATES]
    drafts = [order for order in orders if order.kind == terms.kind and order.lines and is_resumable(order, now)]
    reason = ineligibility(session, retailer, terms, moment, open_days)
    following = next_order_day(retailer, day, open_days)
    return Eligibility(
        may_order=reason is None,
        reason=reason,
        next_order_day=following,
        opens_at=_opens_at(reason, terms.window, now, day, following),
        ordered=order_view(ordered[0]) if ordered else None,
        draft=order_view(drafts[0]) if drafts else None,
        balance_fen=retailer.balance_fen,
        remedy=_remedy_to_come(session, retailer, now) if reason in ("not_order_day", "closed") else None,
    )


def ineligibility(
    session: Session, retailer: RetailerRow, terms: Terms, now: datetime, open_days: Calendar
) -> IneligibilityReason | None:
    """The reason why this retailer may not place an order on these terms now, or None."""
    taken_for = terms.window.day_at(now)
    day = order_day(retailer, terms, now, open_days)
    if retailer.status == "suspended":
        return "suspended"
    if terms.admits == "due" and not is_order_day(retailer, day, open_days):
        return "not_order_day"
    if terms.admits in ("missed", "visit") and not _has_remedy(session, retailer, terms.admits, day):
        return "not_supplementary"
    # TR 3.4: no second order on one day, by any line.
    ordered = select(OrderRow.id).where(
        OrderRow.retailer_id == retailer.id, OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES)
    )
    if session.scalar(ordered.limit(1)) is not None:
        return "already_ordered"
    return "closed" if taken_for != day or is_closed_for(session, day, terms.kind) else None


def _opens_at(
    reason: IneligibilityReason | None, window: Window, now: datetime, day: date, following: date | None
) -> datetime | None:
    if reason is None or reason in ("suspended", "not_supplementary"):
        return None
    if reason == "closed" and now < window.opens_at(day):
        return window.opens_at(day)
    return None if following is None else window.opens_at(following)


def is_closed_for(session: Session, day: date, kind: OrderKind) -> bool:
    """True if the day end has gone too far for such an order: regular ones are taken until it begins, supplementary
    ones until hand-over (TR 3.3)."""
    steps = select(DayStepDone.step).where(DayStepDone.business_day == day)
    if kind == "supplementary":
        steps = steps.where(DayStepDone.step.in_(("hand_over", "notice", "close")))
    return session.scalar(steps.limit(1)) is not None


def _has_remedy(session: Session, retailer: RetailerRow, admits: Admits, day: date) -> bool:
    """True if the retailer missed its call and may make up for it on this day: by the supplementary hotline on the day
    it was told, by a visit until the day that was planned."""
    found = select(MissedCall.id).where(MissedCall.retailer_id == retailer.id)
    if admits == "visit":
        found = found.where(MissedCall.remedy == "visit", MissedCall.missed_on <= day, MissedCall.remedy_day >= day)
    else:
        found = found.where(MissedCall.remedy == "supplementary", MissedCall.remedy_day == day)
    return session.scalar(found.limit(1)) is not None


def _remedy_to_come(session: Session, retailer: RetailerRow, now: datetime) -> MissedRemedy | None:
    """The remedy of the last call this retailer missed, if it is still to come and can still be had."""
    today = business_day(now)
    missed = session.scalar(
        select(MissedCall)
        .where(MissedCall.retailer_id == retailer.id, MissedCall.remedy_day >= today)
        .order_by(MissedCall.missed_on.desc())
        .limit(1)
    )
    if missed is None or missed.remedy == "next_cycle" or is_closed_for(session, missed.remedy_day, "supplementary"):
        return None
    if missed.remedy == "visit":
        return MissedRemedy("visit", missed.remedy_day)
    line = session.scalar(select(HotlineRow).where(HotlineRow.admits == "missed").order_by(HotlineRow.id).limit(1))
    if line is None or now >= (window := Window(line.opens, line.closes)).closes_at(missed.remedy_day):
        return None
    opens_at = window.opens_at(missed.remedy_day)
    return MissedRemedy("supplementary", missed.remedy_day, line.number, opens_at if now < opens_at else None)


def is_resumable(order: OrderRow, now: datetime) -> bool:
    """True if another call may resume this draft: it was made on a page, its own call ended, or has been silent past
    its holds."""
    if order.state != "draft":
        return False
    return (
        order.channel in PAGE_CHANNELS
        or order.abandoned_at is not None
        or order.hold_expires_at is None
        or order.hold_expires_at <= now
    )
