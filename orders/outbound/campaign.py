"""Outbound calls to the retailers that are due: the day's candidates, the attempts, and the retailers not reached.

Nothing here places a call; the dialler does, by what is stored here.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.book.eligibility import is_over
from orders.book.models import STANDING_STATES, OrderRow
from orders.channels.models import WebFollowUp
from orders.hotline_settings import calendar
from orders.models import HotlineRow, HouseRule
from orders.outbound.missed_calls import record
from orders.outbound.models import (
    AttemptOutcome,
    MissedCall,
    NotToday,
    OutboundAttempt,
    OutboundDay,
    OutboundLease,
    OutboundWindow,
    Remedy,
)
from orders.outbound.pacing import Candidate, Dial, Pacing, Tried, is_being_rung, is_done
from orders.retailers.lookup import due_plans, has_plan
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import Calendar, Window

LEASE_FOR = timedelta(seconds=30)
RUNG_BY = "自动外呼"
"""The author of what the dialler records, as staff are of what they record."""

# TR 3.3: the reason recorded for a retailer that was not reached, by the outcome of its last call.
ABSENT: dict[AttemptOutcome, str] = {
    "no_answer": "absent",
    "busy": "busy",
    "machine": "machine",
    "answered": "broke_off",
    "failed": "phone_fault",
    "wrong_person": "wrong_number",
    "lost": "phone_fault",
}
NO_NUMBER, NOT_RUNG = "no_number", "not_rung"
VISITED = frozenset({"phone_fault", "wrong_number", NO_NUMBER})
"""The reasons for a visit by the customer manager; all other retailers may call the supplementary line."""


@dataclass(frozen=True, slots=True)
class OutboundLine:
    """The line that outbound calls are placed from, with the number retailers see."""

    number: str
    name: str
    window: Window


def pacing(session: Session) -> Pacing:
    """The department's rules for outbound calls."""
    own = Pacing()
    numbers = {row.name: row.value for row in session.scalars(select(HouseRule))}
    return Pacing(
        attempts_max=numbers.get("outbound_attempts_max", own.attempts_max),
        pause=_minutes(numbers.get("outbound_pause_minutes"), own.pause),
        pause_busy=_minutes(numbers.get("outbound_pause_busy_minutes"), own.pause_busy),
        lines=numbers.get("outbound_lines", own.lines),
        calls_per_operator=numbers.get("outbound_calls_per_operator", own.calls_per_operator),
        windows={row.batch: Window(row.opens, row.closes) for row in session.scalars(select(OutboundWindow))},
    )


def outbound_line(session: Session) -> OutboundLine | None:
    """The first line for regular orders; None where there is none to call from."""
    row = session.scalar(
        select(HotlineRow).where(HotlineRow.kind == "regular", HotlineRow.admits == "due").order_by(HotlineRow.id)
    )
    return None if row is None else OutboundLine(row.number, row.name, Window(row.opens, row.closes))


def takes_orders(session: Session, day: date, open_days: Calendar) -> bool:
    """True if regular orders of this day may still come in: it is open, and its day end has not begun."""
    return open_days.is_open(day) and not is_over(session, day, "regular")


# --- the day's state


def is_running(session: Session, day: date) -> bool:
    """True if the retailers of this day are being called."""
    row = session.get(OutboundDay, day)
    return row is not None and row.running


def was_begun(session: Session, day: date) -> bool:
    """True if outbound calling was started for this day, even if it was stopped since."""
    return session.get(OutboundDay, day) is not None


def set_running(session: Session, day: date, running: bool, by: str, now: datetime) -> None:
    """Start outbound calling for this day, or stop it: from then on no further call is placed."""
    row = session.scalar(select(OutboundDay).where(OutboundDay.business_day == day).with_for_update())
    if row is None:
        row = OutboundDay(business_day=day)
        session.add(row)
    row.running, row.changed_by, row.changed_at = running, by, now
    session.flush()


def hold_lease(session: Session, holder: str, now: datetime) -> bool:
    """Take or renew the lease; True if this dialler may place calls, False where another one holds it."""
    lease = session.scalar(select(OutboundLease).where(OutboundLease.id == 1).with_for_update())
    if lease is None:
        try:
            with session.begin_nested():
                session.add(OutboundLease(id=1, holder=holder, expires_at=now + LEASE_FOR))
        except IntegrityError:
            return False
        return True
    if lease.holder != holder and lease.expires_at > now:
        return False
    lease.holder, lease.expires_at = holder, now + LEASE_FOR
    return True


def give_up_lease(session: Session, holder: str, now: datetime) -> None:
    """Release this dialler's lease, so that another one need not wait for it to expire."""
    lease = session.scalar(select(OutboundLease).where(OutboundLease.id == 1).with_for_update())
    if lease is not None and lease.holder == holder:
        lease.expires_at = now


def dialler_is_there(session: Session, now: datetime) -> bool:
    """True if some dialler holds the lease."""
    lease = session.get(OutboundLease, 1)
    return lease is not None and lease.expires_at > now


def not_today(session: Session, day: date, retailer_id: int, by: str, now: datetime) -> None:
    """Record that the retailer asked not to be called any more on this day."""
    if session.get(NotToday, (day, retailer_id)) is None:
        session.add(NotToday(business_day=day, retailer_id=retailer_id, by=by, at=now))
        session.flush()


# --- the candidates


def candidates(session: Session, day: date, now: datetime, in_hands: Collection[int] = ()) -> list[Candidate]:
    """Every retailer that is due on this day, whatever has come of it so far. `in_hands` are retailers in a call with
    the line just now, or to be called back by an operator."""
    due = has_plan(due_plans(session, day, calendar(session)))
    numbers: dict[int, list[str]] = {}
    registered = select(RetailerPhone.retailer_id, RetailerPhone.phone).order_by(RetailerPhone.phone)
    for retailer_id, phone in session.execute(
        registered.join(RetailerRow, RetailerRow.id == RetailerPhone.retailer_id).where(due)
    ):
        numbers.setdefault(retailer_id, []).append(phone)
    tried: dict[int, list[Tried]] = {}
    for attempt in attempts(session, day):
        tried.setdefault(attempt.retailer_id, []).append(tried_of(attempt))
    kept_away = _kept_away(session, day, now) | set(in_hands)
    rows = select(RetailerRow.id, RetailerRow.route, RetailerRow.status).where(due)
    return [
        Candidate(
            number,
            tuple(numbers.get(number, ())),
            route,
            tuple(tried.get(number, ())),
            ready=status == "active" and number not in kept_away,
        )
        for number, route, status in session.execute(rows.order_by(RetailerRow.customer_code))
    ]


def attempts(session: Session, day: date) -> Sequence[OutboundAttempt]:
    """The day's attempts, the earliest first."""
    return session.scalars(
        select(OutboundAttempt).where(OutboundAttempt.business_day == day).order_by(OutboundAttempt.id)
    ).all()


def tried_of(attempt: OutboundAttempt) -> Tried:
    """The attempt as pacing sees it: without an outcome until its call is over."""
    return Tried(attempt.phone, attempt.rung_at, attempt.outcome if attempt.ended_at is not None else None)


def under_way(session: Session) -> Sequence[OutboundAttempt]:
    """The attempts whose calls are not over."""
    return session.scalars(select(OutboundAttempt).where(OutboundAttempt.ended_at.is_(None))).all()


def _kept_away(session: Session, day: date, now: datetime) -> set[int]:
    """The retailers not to be called: those that have ordered or are ordering, that asked not to be called, that an
    operator calls because of a failed web order, or that declined there."""
    asked = select(NotToday.retailer_id).where(NotToday.business_day == day)
    followed_up = select(WebFollowUp.retailer_id).where(
        WebFollowUp.business_day == day,
        (WebFollowUp.taken_by.is_not(None) & WebFollowUp.closed_at.is_(None)) | (WebFollowUp.result == "declined"),
    )
    return {*session.scalars(asked), *session.scalars(followed_up), *_ordering(session, day, now)}


def _ordering(session: Session, day: date, now: datetime) -> set[int]:
    """The retailers that have ordered on this day, or are just ordering, by any channel."""
    rows = session.execute(
        select(OrderRow.retailer_id, OrderRow.state, OrderRow.abandoned_at, OrderRow.hold_expires_at).where(
            OrderRow.business_day == day, OrderRow.state.in_((*STANDING_STATES, "draft"))
        )
    )
    return {
        retailer_id
        for retailer_id, state, abandoned_at, expires_at in rows
        if state != "draft" or (abandoned_at is None and expires_at is not None and expires_at > now)
    }


# --- one attempt


def reserve(session: Session, dial: Dial, day: date, line: str, now: datetime) -> OutboundAttempt | None:
    """Store an attempt before its call is placed; None where it may not be placed any more: calling was stopped, a call
    is under way, the retailer ordered meanwhile, or the number is no longer its own."""
    # Locked, so that a stop that was answered has stopped every call not stored by then.
    state = session.scalar(select(OutboundDay).where(OutboundDay.business_day == day).with_for_update())
    phone = session.get(RetailerPhone, dial.phone)
    if state is None or not state.running or phone is None or phone.retailer_id != dial.retailer_id:
        return None
    if dial.retailer_id in _kept_away(session, day, now):
        return None
    attempt = OutboundAttempt(
        key=secrets.token_urlsafe(20),
        business_day=day,
        retailer_id=dial.retailer_id,
        phone=dial.phone,
        line=line,
        rung_at=now,
        looked_at=now,
        detail="",
    )
    try:
        with session.begin_nested():
            session.add(attempt)
    except IntegrityError:
        return None
    return attempt


def by_key(session: Session, key: str) -> OutboundAttempt | None:
    """The attempt with the key a call carries, locked until the transaction ends, or None."""
    return session.scalar(select(OutboundAttempt).where(OutboundAttempt.key == key).with_for_update())


def belongs(attempt: OutboundAttempt, call_sid: str) -> bool:
    """True if this call is the attempt's; an attempt without a call is given this one."""
    if attempt.call_sid is None:
        attempt.call_sid = call_sid
    return attempt.call_sid == call_sid


def close(session: Session, attempt: OutboundAttempt, outcome: AttemptOutcome, now: datetime, detail: str = "") -> bool:
    """End the attempt; False where it had ended already, and then nothing changes."""
    if attempt.ended_at is not None:
        return False
    if attempt.call_sid is not None and outcome not in ("machine", "lost") and _ordered_in(session, attempt.call_sid):
        outcome = "ordered"
    attempt.outcome, attempt.ended_at, attempt.detail = outcome, now, detail[:200]
    if outcome == "declined":
        not_today(session, attempt.business_day, attempt.retailer_id, "retailer", now)
    session.flush()
    return True


def message_was_left(session: Session, attempt: OutboundAttempt) -> bool:
    """True if the retailer's answering machine was reached already on that day: one message is enough."""
    return (
        session.scalar(
            select(OutboundAttempt.id).where(
                OutboundAttempt.business_day == attempt.business_day,
                OutboundAttempt.retailer_id == attempt.retailer_id,
                OutboundAttempt.outcome == "machine",
                OutboundAttempt.id != attempt.id,
            )
        )
        is not None
    )


def _ordered_in(session: Session, call_sid: str) -> bool:
    order = select(OrderRow.id).where(OrderRow.call_key == call_sid, OrderRow.state.in_(STANDING_STATES))
    return session.scalar(order) is not None


# --- retailers not reached


def note_missed(
    session: Session, day: date, now: datetime, found: Iterable[Candidate], rules: Pacing, *, over: bool = False
) -> int:
    """Record the retailers that were not reached and will not be called any more on this day, with the reason and the
    remedy (TR 3.3): after the last attempt, when the batch's window has closed, or when orders are taken no more and
    calling is `over` for everybody. Returns how many were new."""
    known = set(session.scalars(select(MissedCall.retailer_id).where(MissedCall.missed_on == day)))
    new = 0
    for one in found:
        closed = over or now >= rules.window(one.batch).closes_at(day)
        reached = any(tried.outcome in ("ordered", "operator", "declined") for tried in one.tried)
        if not one.ready or reached or one.retailer_id in known or is_being_rung(one):
            continue
        if closed or (one.tried and is_done(one, rules)):
            reason = _reason(one)
            remedy: Remedy = "visit" if reason in VISITED else "supplementary"
            retailer = session.get_one(RetailerRow, one.retailer_id)
            record(session, retailer, day, reason, remedy, day, note="", by=RUNG_BY, now=now)
            new += 1
    session.flush()
    return new


def _reason(one: Candidate) -> str:
    if not one.phones:
        return NO_NUMBER
    last = next((tried.outcome for tried in reversed(one.tried) if tried.outcome in ABSENT), None)
    return NOT_RUNG if last is None else ABSENT[last]


def _minutes(number: int | None, own: timedelta) -> timedelta:
    return own if number is None else timedelta(minutes=number)
