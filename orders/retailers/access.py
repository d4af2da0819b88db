"""A retailer's access restored: by a new PIN, or by ending the wait after wrong ones. Both are in the audit log."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.lockout import hash_secret, waits
from orders.models import SignInCounter
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.retailers.pins import PIN_LENGTH, is_weak


def waits_until(session: Session, customer_code: str, now: datetime) -> datetime | None:
    """The moment until which no PIN is taken for this code from an unknown number, or from one of its usual ones; None
    where it need not wait."""
    found = [counter.waits_until for counter in session.scalars(_counters(customer_code)) if waits(counter, now)]
    return max(filter(None, found), default=None)


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN made by chance, and the hash it is stored as."""

    pin: str
    pin_hash: str


def make_pin(session: Session, customer_code: str) -> NewPin:
    """A new PIN for the retailer of this code that is not easily guessed. Its hash is slow to work out, so it is made
    before the transaction that sets it."""
    phones = session.scalars(
        select(RetailerPhone.phone).join(RetailerRow).where(RetailerRow.customer_code == customer_code)
    ).all()
    while is_weak(pin := f"{secrets.randbelow(10**PIN_LENGTH):0{PIN_LENGTH}}", customer_code, phones):
        pass
    return NewPin(pin, hash_secret(pin))


def set_pin(session: Session, retailer: RetailerRow, new: NewPin, *, by: str, why: str, now: datetime) -> None:
    """Give the retailer a new PIN: only its hash is stored. It ends a wait."""
    had = retailer.pin_hash is not None
    retailer.pin_hash = new.pin_hash
    _reset_counters(session, retailer.customer_code)
    # Different from the new value, so that the audit log keeps every new PIN as a change; no PIN is in it.
    before = {"pin": "old"} if had else None
    record_change(session, "retailer", retailer.customer_code, before, {"pin": "set"}, by=by, why=why, now=now)


def unlock(session: Session, retailer: RetailerRow, *, by: str, why: str, now: datetime) -> bool:
    """End the wait of the retailer's code; False where there is none any more."""
    if waits_until(session, retailer.customer_code, now) is None:
        return False
    _reset_counters(session, retailer.customer_code)
    record_change(
        session, "retailer", retailer.customer_code, {"locked": True}, {"locked": False}, by=by, why=why, now=now
    )
    return True


def _counters(customer_code: str) -> Select[SignInCounter]:
    """The counters of the code: for unknown numbers, and for each of its usual ones."""
    account = f"retailer {customer_code}"
    return select(SignInCounter).where(
        or_(SignInCounter.key == account, SignInCounter.key.startswith(f"{account} from ", autoescape=True))
    )


def _reset_counters(session: Session, customer_code: str) -> None:
    # In the order of their keys, as sign-ins lock them.
    for counter in session.scalars(_counters(customer_code).order_by(SignInCounter.key).with_for_update()):
        counter.failures, counter.waits_until = 0, None
    session.flush()
