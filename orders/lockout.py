"""Codes and PINs: checked with the same work for every caller, and locked after too many wrong tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import case, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from orders.models import SignInCounter
from orders.retailers.caller_numbers import WITHHELD
from orders.retailers.models import RetailerRow
from storage import UtcDateTime

# The minimum OWASP gives for argon2id: some 20 ms, so that a call does not notice and a guesser does.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_OVERALL = "overall"

SecretMatch = Callable[[str | None, str], bool]
"""True if the secret is the one behind the hash; without a hash, False after the same work."""


@dataclass(frozen=True, slots=True)
class LockRules:
    """The numbers of wrong PINs within `window` that lock a retailer, a caller or everybody, and for how long."""

    per_account: int = 5
    per_origin: int = 10
    overall: int = 300
    window: timedelta = timedelta(minutes=15)
    locked_for: timedelta = timedelta(minutes=15)


def hash_secret(pin: str) -> str:
    """The hash a PIN is stored as."""
    return _HASHER.hash(pin)


def check_pin(
    session: Session,
    rules: LockRules,
    customer_code: str,
    pin: str,
    caller: str,
    now: datetime,
    matches: SecretMatch,
) -> tuple[RetailerRow | None, bool]:
    """The retailer if code and PIN are right, else None; and True if this code, caller or everybody is locked.

    An unknown code, a retailer without a PIN and a wrong PIN cost the same work and get the same answer, and while
    something is locked even the right PIN is not accepted. Without a number of the caller's, code and overall count.
    `matches` compares a hash and a PIN, see `matched_before`.
    """
    most = {f"retailer {customer_code}": rules.per_account}
    # Callers without a number have nothing in common but that: one of them guessing must not lock the others.
    if caller != WITHHELD:
        most[f"caller {caller}"] = rules.per_origin
    # Sorted, and locked by this very statement until the turn commits: parallel guesses queue here.
    counters = {key: counter_for_update(session, key, now, rules) for key in sorted(most)}
    everybody = session.get(SignInCounter, _OVERALL, populate_existing=True)
    locked = any(is_locked(counter, now) for counter in (*counters.values(), everybody))

    retailer = session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))
    right = matches(retailer.pin_hash if retailer else None, pin)
    if locked:
        return None, True
    if right:
        counters[f"retailer {customer_code}"].failures = 0
        return retailer, False
    for key, counter in counters.items():
        count_failure(counter, most[key], now, rules)
    count_failure(counter_for_update(session, _OVERALL, now, rules), rules.overall, now, rules)
    session.flush()
    return None, any(is_locked(counter, now) for counter in counters.values())


@cache
def _dummy_hash() -> str:
    return hash_secret("no retailer has this PIN")


def matches_hash(secret_hash: str | None, pin: str) -> bool:
    """True if the PIN is the one behind this hash; without a hash, False after the same work."""
    try:
        return _HASHER.verify(secret_hash or _dummy_hash(), pin) and secret_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


def matched_before(secret_hash: str | None, secret: str) -> SecretMatch:
    """`matches_hash` with this one result worked out now. Hashing is slow by design, so it is done before the
    transaction that asks for the result, and no other writer waits for it."""
    result = matches_hash(secret_hash, secret)

    def matches(stored: str | None, given: str) -> bool:
        # Where the secret was changed in between, the new one counts.
        return result if (stored, given) == (secret_hash, secret) else matches_hash(stored, given)

    return matches


def counter_for_update(session: Session, key: str, now: datetime, rules: LockRules) -> SignInCounter:
    """The counter, reset if its window is over, its row locked for the rest of the transaction."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(SignInCounter)
        .values(key=key, failures=0, counted_from=now, locked_until=None)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    over = SignInCounter.counted_from <= now - rules.window
    session.execute(
        update(SignInCounter)
        .where(SignInCounter.key == key)
        .values(
            failures=case((over, 0), else_=SignInCounter.failures),
            counted_from=case((over, literal(now, UtcDateTime())), else_=SignInCounter.counted_from),
        )
        .execution_options(synchronize_session=False)
    )
    return session.get_one(SignInCounter, key, populate_existing=True)


def count_failure(counter: SignInCounter, max_failures: int, now: datetime, rules: LockRules) -> None:
    """Count one more wrong try; the last of `max_failures` within the window locks."""
    counter.failures += 1
    if counter.failures >= max_failures:
        counter.failures = 0
        counter.locked_until = now + rules.locked_for


def is_locked(counter: SignInCounter | None, now: datetime) -> bool:
    """True if this counter is locked just now."""
    return counter is not None and counter.locked_until is not None and now < counter.locked_until
