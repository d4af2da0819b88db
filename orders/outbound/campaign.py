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
from orders.retailers.lookup import due_plans, has_plan
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
    """Every retailer that is due on this day, whatever the result so far. `engaged` are the retailers in a
    call with the line just now, or to be called back by an operator."""
    due = has_plan(due_plans(session, day, calendar(session)))
    numbers: dict[int, list[str]] = {}
    registered = select(RetailerPhone.retailer_id, RetailerPhone.phone).order_by(RetailerPhone.phone)
    for retailer_id, phone in session.execute(
        registered.join(RetailerRow, RetailerRow.id == RetailerPhone.retailer_id).where(due)
    ):
        numbers.setdefault(retailer_id, []).append(phone)
    tried: dict[int, list[PastAttempt]] = {}
    for attempt in attempts(session, day):
        tried.setdefault(attempt.retailer_id, []).append(past_attempt(attempt))
    kept_away = _excluded(session, day, now) | set(engaged)
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


def past_attempt(attempt: OutboundAttempt) -> PastAttempt:
    """The attempt as pacing sees it: without an outcome until its call is over."""
    return PastAttempt(attempt.phone, attempt.dialled_at, attempt.outcome if attempt.ended_at is not None else None)


def under_way(session: Session) -> Sequence[OutboundAttempt]:
    """The attempts whose calls are not over."""
    return session.scalars(select(OutboundAttempt).where(OutboundAttempt.ended_at.is_(None))).all()


def _excluded(session: Session, day: date, now: datetime) -> set[int]:
    """The retailers not to be called: those that have ordered or are ordering, that asked not to be called, that an
    operator calls because of a failed web order, or that declined there."""
    asked = select(OutboundOptOut.retailer_id).where(OutboundOptOut.business_day == day)
    followed_up = select(WebFollowUp.retailer_id).where(
        WebFollowUp.business_day == day,
        (WebFollowUp.claimed_by.is_not(None) & WebFollowUp.closed_at.is_(None)) | (WebFollowUp.result == "declined"),
    )
    return {*session.scalars(asked), *session.scalars(followed_up), *_ordering(session, day, now)}


def _ordering(session: Session, day: date, now: datetime) -> set[int]:
    """The retailers that have ordered on this day, or are just ordering, by any channel."""
    rows = session.execute(
        select(OrderRow.retailer_id, OrderRow.state, OrderRow.abandoned_at, OrderRow.hold_expires_at).where(
            OrderRow.business_day == day, OrderRow.state.in_((*COUNTED_STATES, "draft"))
        )
    )
    return {
        retailer_id
        for retailer_id, state, abandoned_at, expires_at in rows
        if state != "draft" or (abandoned_at is None and expires_at is not None and expires_at > now)
    }


# --- one attempt


def create_attempt(session: Session, dial: Dial, day: date, line: str, now: datetime) -> OutboundAttempt | None:
    """Store an attempt before its call is placed; None where it may not be placed any more: calling was stopped, a call
    is under way, the retailer ordered meanwhile, or the number is no longer its own."""
    # Locked, so that a stop that was answered has stopped every call not stored by then.
    state = session.scalar(select(OutboundDay).where(OutboundDay.business_day == day).with_for_update())
    phone = session.get(RetailerPhone, dial.phone)
    if state is None or not state.running or phone is None or phone.retailer_id != dial.retailer_id:
        return None
    if dial.retailer_id in _excluded(session, day, now):
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
