"""A retailer's access restored: by a new PIN, or by lifting the lock. Both are in the audit log."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.lockout import hash_secret, is_locked
from orders.models import SignInCounter
from orders.retailers.models import RetailerRow

PIN_LENGTH = 4


def locked_until(session: Session, customer_code: str, now: datetime) -> datetime | None:
    """The moment until which this code is locked; None where it is not."""
    counter = session.get(SignInCounter, f"retailer {customer_code}")
    return counter.locked_until if counter is not None and is_locked(counter, now) else None


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN made by chance, and the hash it is stored as."""

    pin: str
    pin_hash: str


def make_pin() -> NewPin:
    """A new PIN. Its hash is slow to work out, so it is made before the transaction that sets it."""
    pin = f"{secrets.randbelow(10**PIN_LENGTH):0{PIN_LENGTH}}"
    return NewPin(pin, hash_secret(pin))


def set_pin(session: Session, retailer: RetailerRow, new: NewPin, *, by: str, why: str, now: datetime) -> None:
    """Give the retailer a new PIN: only its hash is stored. A lock is lifted with it."""
    had = retailer.pin_hash is not None
    retailer.pin_hash = new.pin_hash
    _reset_counter(session, retailer.customer_code)
    # Different from the new value, so that the audit log keeps every new PIN as a change; no PIN is in it.
    before = {"pin": "old"} if had else None
    record_change(session, "retailer", retailer.customer_code, before, {"pin": "set"}, by=by, why=why, now=now)


def unlock(session: Session, retailer: RetailerRow, *, by: str, why: str, now: datetime) -> bool:
    """Lift the lock on the retailer's code; False where there is none any more."""
    if locked_until(session, retailer.customer_code, now) is None:
        return False
    _reset_counter(session, retailer.customer_code)
    record_change(
        session, "retailer", retailer.customer_code, {"locked": True}, {"locked": False}, by=by, why=why, now=now
    )
    return True


def _reset_counter(session: Session, customer_code: str) -> None:
    counter = session.get(SignInCounter, f"retailer {customer_code}", with_for_update=True, populate_existing=True)
    if counter is not None:
        counter.failures, counter.locked_until = 0, None
        session.flush()
