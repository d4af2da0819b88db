"""Retailers that sign in over the web, by code and PIN: with the same waits after wrong ones as by telephone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from orders.lockout import SignInRules, check_web_pin, matched_before
from orders.retailers import lookup
from orders.retailers.models import RetailerRow
from orders.retailers.pins import PIN_LENGTH
from storage import SessionFactory, read_only, retry_on_deadlock, transaction

_CODE, _PIN = re.compile(r"[0-9]{12}"), re.compile(rf"[0-9]{{{PIN_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class WebSignIn:
    """The answer to a code and its PIN: the retailer if both are right; `has_to_wait` after too many wrong ones."""

    retailer: RetailerRow | None
    has_to_wait: bool = False


@retry_on_deadlock
def sign_in(
    sessions: SessionFactory,
    customer_code: str,
    pin: str,
    *,
    address: str,
    browser: str = "",
    now: datetime,
    rules: SignInRules | None = None,
) -> WebSignIn:
    """Check a code and its PIN from a network address; `browser` names one in which this code was used before. The PIN
    is hashed outside of the transaction, so that no other writer waits for it."""
    if not (_CODE.fullmatch(customer_code) and _PIN.fullmatch(pin)):
        return WebSignIn(None)
    with read_only(sessions) as session:
        known = lookup.by_code(session, customer_code)
        pin_hash = None if known is None else known.pin_hash
    matches = matched_before(pin_hash, pin)
    with transaction(sessions) as session:
        found, has_to_wait = check_web_pin(
            session,
            rules or SignInRules(),
            customer_code,
            pin,
            address=address,
            browser=browser,
            now=now,
            matches=matches,
        )
    return WebSignIn(found, has_to_wait)
