"""Outbound calls to the retailers that are due: the day's candidates, the attempts, and the retailers not reached.

Nothing here places a call; the dialler does, by what is stored here.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.book.eligibility import is_closed_for
from orders.book.models import COUNTED_STATES, OrderRow
from orders.channels.models import WebFollowUp
from orders.hotline_settings import calendar
from orders.models import DepartmentRule, HotlineRow
from orders.outbound.missed_calls import record_missed_call
from orders.outbound.models import (
    AttemptOutcome,
    MissedCall,
    OutboundAttempt,
    OutboundDay,
    OutboundLease,
    OutboundOptOut,
    OutboundWindow,
    Remedy,
)
from orders.outbound.pacing import Candidate, Dial, PacingRules, PastAttempt, is_being_called, is_finished
from orders.retailers.lookup import has_order_day, is_due
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import Calendar, Window

LEASE_FOR = timedelta(seconds=30)
DIALLER_NAME = "自动外呼"
"""The author of what the dialler records, as staff are of what they record."""

# TR 3.3: the reason recorded for a retailer that was not reached, by the outcome of its last call.
MISSED_REASONS: dict[AttemptOutcome, str] = {
    "no_answer": "absent",
    "busy": "busy",
    "machine": "machine",
    "answered": "hung_up",
    "failed": "phone_fault",
    "wrong_person": "wrong_number",
    "lost": "phone_fault",
}
NO_NUMBER, NOT_CALLED = "no_number", "not_called"
VISIT_REASONS = frozenset({"phone_fault", "wrong_number", NO_NUMBER})
"""The reasons for a visit by the customer manager; all other retailers may call the supplementary line."""


@dataclass(frozen=True, slots=True)
class OutboundLine:
    """The line that outbound calls are placed from, with the number retailers see."""

    number: str
    name: str
    window: Window


def pacing_rules(session: Session) -> PacingRules:
    """The department's rules for outbound calls."""
    defaults = PacingRules()
    numbers = {row.name: row.value for row in session.scalars(select(DepartmentRule))}
    return PacingRules(
        attempts_max=numbers.get("outbound_attempts_max", defaults.attempts_max),
        pause=_minutes(numbers.get("outbound_pause_minutes"), defaults.pause),
        pause_busy=_minutes(numbers.get("outbound_pause_busy_minutes"), defaults.pause_busy),
        lines=numbers.get("outbound_lines", defaults.lines),
        calls_per_operator=numbers.get("outbound_calls_per_operator", defaults.calls_per_operator),
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
    return open_days.is_open(day) and not is_closed_for(session, day, "regular")


# --- the day's state


def is_running(session: Session, day: date) -> bool:
    """True if the retailers of this day are being called."""
    row = session.get(OutboundDay, day)
    return row is not None and row.running


def was_started(session: Session, day: date) -> bool:
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


def acquire_lease(session: Session, holder: str, now: datetime) -> bool:
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


def release_lease(session: Session, holder: str, now: datetime) -> None:
    """Release this dialler's lease, so that another one need not wait for it to expire."""
    lease = session.scalar(select(OutboundLease).where(OutboundLease.id == 1).with_for_update())
    if lease is not None and lease.holder == holder:
        lease.expires_at = now


def dialler_is_running(session: Session, now: datetime) -> bool:
    """True if some dialler holds the lease."""
    lease = session.get(OutboundLease, 1)
    return lease is not None and lease.expires_at > now


def opt_out(session: Session, day: date, retailer_id: int, by: str, now: datetime) -> None:
    """Record that the retailer asked not to be called any more on this day."""
    if session.get(OutboundOptOut, (day, retailer_id)) is None:
        session.add(OutboundOptOut(business_day=day, retailer_id=retailer_id, by=by, at=now))
        session.flush()


# --- the candidates


def candidates(session: Session, day: date, now: datetime, engaged: Collection[int] = ()) -> list[Candidate]:
    """The retailers due on this day that may be called, by customer code: active ones that have not ordered and are not
    ordering, that did not ask not to be called, and that no operator calls because of a failed web order. `engaged` are
    the retailers in a call with the line just now, or to be called back by an operator."""
    left = and_(is_due(has_order_day(session, day, calendar(session))), ~_kept_away(day, now))
    numbers: dict[int, list[str]] = {}
    registered = select(RetailerPhone.retailer_id, RetailerPhone.phone).order_by(RetailerPhone.phone)
    for retailer_id, phone in session.execute(
        registered.join(RetailerRow, RetailerRow.id == RetailerPhone.retailer_id).where(left)
    ):
        numbers.setdefault(retailer_id, []).append(phone)
    tried: dict[int, list[PastAttempt]] = {}
    past = (
        select(OutboundAttempt)
        .join(RetailerRow, RetailerRow.id == OutboundAttempt.retailer_id)
        .where(OutboundAttempt.business_day == day, left)
        .order_by(OutboundAttempt.id)
    )
    for attempt in session.scalars(past):
        tried.setdefault(attempt.retailer_id, []).append(past_attempt(attempt))
    rows = select(RetailerRow.id, RetailerRow.route).where(left).order_by(RetailerRow.customer_code)
    return [
        Candidate(
            number,
            tuple(numbers.get(number, ())),
            route,
            tuple(tried.get(number, ())),
            ready=number not in engaged,
        )
        for number, route in session.execute(rows)
    ]


def latest_attempts(session: Session, day: date, most: int) -> tuple[Sequence[OutboundAttempt], int]:
    """The day's latest attempts, the last one first, and how many there are in all."""
    of_day = OutboundAttempt.business_day == day
    latest = select(OutboundAttempt).where(of_day).order_by(OutboundAttempt.id.desc()).limit(most)
    count = session.scalar(select(func.count()).select_from(OutboundAttempt).where(of_day)) or 0
    return session.scalars(latest).all(), count


def past_attempt(attempt: OutboundAttempt) -> PastAttempt:
    """The attempt as pacing sees it: without an outcome until its call is over."""
    return PastAttempt(attempt.phone, attempt.dialled_at, attempt.outcome if attempt.ended_at is not None else None)


def under_way(session: Session) -> Sequence[OutboundAttempt]:
    """The attempts whose calls are not over."""
    return session.scalars(select(OutboundAttempt).where(OutboundAttempt.ended_at.is_(None))).all()


def _kept_away(day: date, now: datetime) -> ColumnElement[bool]:
    """The condition for a retailer that is not to be called: it has ordered on this day or is just ordering, by any
    channel, asked not to be called, is called by an operator because of a failed web order, or declined there."""
    in_hand = and_(OrderRow.state == "draft", OrderRow.abandoned_at.is_(None), OrderRow.hold_expires_at > now)
    ordering = exists().where(
        OrderRow.retailer_id == RetailerRow.id,
        OrderRow.business_day == day,
        or_(OrderRow.state.in_(COUNTED_STATES), in_hand),
    )
    asked = exists().where(OutboundOptOut.business_day == day, OutboundOptOut.retailer_id == RetailerRow.id)
    followed_up = exists().where(
        WebFollowUp.business_day == day,
        WebFollowUp.retailer_id == RetailerRow.id,
        or_(
            and_(WebFollowUp.claimed_by.is_not(None), WebFollowUp.closed_at.is_(None)),
            WebFollowUp.result == "declined",
        ),
    )
    return or_(ordering, asked, followed_up)


# --- one attempt


def create_attempt(session: Session, dial: Dial, day: date, line: str, now: datetime) -> OutboundAttempt | None:
    """Store an attempt before its call is placed; None where it may not be placed any more: calling was stopped, a call
    is under way, the retailer ordered meanwhile, or the number is no longer its own."""
    # Locked, so that a stop that was answered has stopped every call not stored by then.
    state = session.scalar(select(OutboundDay).where(OutboundDay.business_day == day).with_for_update())
    phone = session.get(RetailerPhone, dial.phone)
    if state is None or not state.running or phone is None or phone.retailer_id != dial.retailer_id:
        return None
    if session.scalar(select(RetailerRow.id).where(RetailerRow.id == dial.retailer_id, _kept_away(day, now))):
        return None
    attempt = OutboundAttempt(
        key=secrets.token_urlsafe(20),
        business_day=day,
        retailer_id=dial.retailer_id,
        phone=dial.phone,
        from_number=line,
        dialled_at=now,
        polled_at=now,
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


def withdraw(session: Session, key: str, call_key: str | None = None) -> None:
    """Remove an attempt whose call the carrier has not placed, with this key if it was given one: the retailer was not
    called."""
    attempt = by_key(session, key)
    if attempt is not None and attempt.ended_at is None and attempt.call_key in (None, call_key):
        session.delete(attempt)


def claim_call(attempt: OutboundAttempt, call_key: str) -> bool:
    """True if this call is the attempt's; an attempt without a call is given this one."""
    if attempt.call_key is None:
        attempt.call_key = call_key
    return attempt.call_key == call_key


def close(session: Session, attempt: OutboundAttempt, outcome: AttemptOutcome, now: datetime, detail: str = "") -> bool:
    """End the attempt; False where it had ended already, and then nothing changes."""
    if attempt.ended_at is not None:
        return False
    if attempt.call_key is not None and outcome not in ("machine", "lost") and _ordered_in(session, attempt.call_key):
        outcome = "ordered"
    attempt.outcome, attempt.ended_at, attempt.detail = outcome, now, detail[:200]
    if outcome == "declined":
        opt_out(session, attempt.business_day, attempt.retailer_id, "retailer", now)
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


def _ordered_in(session: Session, call_key: str) -> bool:
    order = select(OrderRow.id).where(OrderRow.call_key == call_key, OrderRow.state.in_(COUNTED_STATES))
    return session.scalar(order) is not None


# --- retailers not reached


def unreached(
    session: Session, day: date, now: datetime, found: Iterable[Candidate], rules: PacingRules, *, over: bool = False
) -> list[Candidate]:
    """The retailers that were not reached and will not be called any more on this day, and are not recorded yet: after
    the last attempt, when the batch's window has closed, or when orders are taken no more and calling is `over` for
    all."""
    known = set(session.scalars(select(MissedCall.retailer_id).where(MissedCall.missed_on == day)))

    def is_missed(one: Candidate) -> bool:
        reached = any(tried.outcome in ("ordered", "operator", "declined") for tried in one.attempts)
        if not one.ready or reached or one.retailer_id in known or is_being_called(one):
            return False
        closed = over or now >= rules.window(one.batch).closes_at(day)
        return closed or bool(one.attempts and is_finished(one, rules))

    return [one for one in found if is_missed(one)]


def record_unreached(session: Session, day: date, now: datetime, missed: Iterable[Candidate]) -> int:
    """Record retailers that were not reached, with the reason and the remedy (TR 3.3). Returns how many were new."""
    known = set(session.scalars(select(MissedCall.retailer_id).where(MissedCall.missed_on == day)))
    new = [one for one in missed if one.retailer_id not in known]
    for one in new:
        reason = _missed_reason(one)
        remedy: Remedy = "visit" if reason in VISIT_REASONS else "supplementary"
        retailer = session.get_one(RetailerRow, one.retailer_id)
        record_missed_call(session, retailer, day, reason, remedy, day, note="", by=DIALLER_NAME, now=now)
    session.flush()
    return len(new)


def _missed_reason(one: Candidate) -> str:
    if not one.phones:
        return NO_NUMBER
    last = next((tried.outcome for tried in reversed(one.attempts) if tried.outcome in MISSED_REASONS), None)
    return NOT_CALLED if last is None else MISSED_REASONS[last]


def _minutes(number: int | None, own: timedelta) -> timedelta:
    return own if number is None else timedelta(minutes=number)
