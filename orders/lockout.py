"""Guesses at PINs and passwords: checked with the same work for everybody, and made to wait longer and longer.

Nobody is locked out. Wrong tries from a place the account has not been signed in from before are counted together and
back off; the rightful person at the usual telephone or browser is counted apart, and notices nothing of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import case, delete, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from orders import sign_in_alarms
from orders.models import AlarmKind, KnownOrigin, SignInCounter
from orders.retailers.caller_numbers import WITHHELD
from orders.retailers.models import RetailerPhone, RetailerRow
from storage import UtcDateTime

# The minimum OWASP gives for argon2id: some 20 ms, so that a call does not notice and a guesser does.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

SecretMatch = Callable[[str | None, str], bool]
"""True if the secret is the one behind the hash; without a hash, False after the same work."""

Place = tuple[AlarmKind, str, str]
"""A place PINs are tried from: its kind, the key of its counter, and its name in an alarm."""

_KEY_MAX_CHARS = 80
_OVERALL = "overall"
# A telephone or browser that has not been used for so long is no usual one any more.
USUAL_FOR = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class BackOff:
    """The wait after wrong tries: none before the try number `free`; then `first`, twice as long after each further
    one, and `longest` at most. A day without a wrong try forgets them."""

    free: int
    first: timedelta
    longest: timedelta

    def wait(self, failures: int) -> timedelta:
        """The wait after so many wrong tries."""
        over = failures - self.free
        return timedelta(0) if over < 0 else min(self.first * 2 ** min(over, 20), self.longest)


FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignInRules:
    """The back-off for a retailer's code or a login tried from unknown places (`account`), for one place that tries
    many of them (`origin`; `address` for a network address, which a carrier of mobile telephones gives to many shops)
    and for one account at its usual place (`usual`); and the numbers of wrong tries that raise
    an alarm: at one account, from one place, and of everybody together within `window`.

    At an hour between two tries a PIN of four digits is guessed with a chance of 0.24 % a day.
    """

    account: BackOff = BackOff(5, timedelta(minutes=1), timedelta(hours=1))
    origin: BackOff = BackOff(10, timedelta(minutes=1), timedelta(hours=1))
    address: BackOff = BackOff(30, timedelta(minutes=1), timedelta(minutes=15))
    usual: BackOff = BackOff(5, timedelta(minutes=1), timedelta(minutes=15))
    alarm_account: int = 15
    alarm_origin: int = 30
    alarm_overall: int = 60
    window: timedelta = timedelta(minutes=15)


def hash_secret(pin: str) -> str:
    """The hash a PIN is stored as."""
    return _HASHER.hash(pin)


def check_pin(
    session: Session,
    rules: SignInRules,
    customer_code: str,
    pin: str,
    caller: str,
    now: datetime,
    matches: SecretMatch,
) -> tuple[RetailerRow | None, bool]:
    """The retailer if code and PIN are right, else None; and True if this code or caller has to wait.


    An unknown code, a retailer without a PIN and a wrong PIN cost the same work and get the same answer, and during the
    wait even the right PIN is not accepted. Callers without a number share no count: one of them who guesses must not
    make the others wait. `matches` compares a hash and a PIN, see `matched_before`.
    """
    account = f"retailer {customer_code}"
    retailer = session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))
    if caller != WITHHELD and _is_usual_caller(session, account, retailer, caller, now):
        back_offs = {counter_key(account, "from", caller): rules.usual}
    else:
        back_offs = {account: rules.account}
        if caller != WITHHELD:
            back_offs[counter_key("caller", caller)] = rules.origin
    place: Place = ("caller", counter_key("caller", caller), caller)
    found, has_to_wait = _try_pin(session, rules, customer_code, retailer, pin, back_offs, place, now, matches)
    if found is not None and caller != WITHHELD:
        remember_origin(session, account, caller, now)
    return found, has_to_wait


def check_web_pin(
    session: Session,
    rules: SignInRules,
    customer_code: str,
    pin: str,
    *,
    address: str,
    browser: str,
    now: datetime,
    matches: SecretMatch,
) -> tuple[RetailerRow | None, bool]:
    """The same for a PIN that comes over the web: the code waits for the same count as by telephone, and the network
    address as a calling number does. `browser` names one this code was used in before, and is counted apart; it is
    empty for any other."""
    account = f"retailer {customer_code}"
    retailer = session.scalar(select(RetailerRow).where(RetailerRow.customer_code == customer_code))
    if browser and retailer is not None:
        back_offs = {counter_key(account, "from", "browser", browser): rules.usual}
    else:
        back_offs = {account: rules.account, counter_key("shops at", address): rules.address}
    place: Place = ("address", counter_key("shops at", address), address)
    return _try_pin(session, rules, customer_code, retailer, pin, back_offs, place, now, matches)


def _try_pin(
    session: Session,
    rules: SignInRules,
    customer_code: str,
    retailer: RetailerRow | None,
    pin: str,
    back_offs: Mapping[str, BackOff],
    place: Place,
    now: datetime,
    matches: SecretMatch,
) -> tuple[RetailerRow | None, bool]:
    """The retailer if its PIN is right and none of the counters of `back_offs` has to wait; and True if one has to.
    What is counted of `place` is of all codes tried from there, so a right PIN does not reset it."""
    kind, place_key, name = place
    # Sorted, and locked by this very statement until the turn commits: parallel guesses queue here.
    counters = {key: counter_for_update(session, key, now) for key in sorted(back_offs)}
    has_to_wait = any(waits(counter, now) for counter in counters.values())
    right = matches(retailer.pin_hash if retailer else None, pin)
    if right and not has_to_wait:
        for key, counter in counters.items():
            if key != place_key:
                counter.failures, counter.waits_until = 0, None
        return retailer, False
    if not has_to_wait:
        for key, counter in counters.items():
            count_failure(counter, back_offs[key], now)
            if key == place_key:
                if counter.failures >= rules.alarm_origin:
                    sign_in_alarms.alarm(session, kind, name[:80], counter.failures, now)
            elif counter.failures >= rules.alarm_account:
                sign_in_alarms.alarm(session, "retailer", customer_code, counter.failures, now)
    _count_overall(session, rules, now)
    session.flush()
    return None, has_to_wait or any(waits(counter, now) for counter in counters.values())


def _is_usual_caller(session: Session, account: str, retailer: RetailerRow | None, caller: str, now: datetime) -> bool:
    """True if the retailer registered this number, or has signed in from it with its PIN."""
    if retailer is None:
        return False
    registered = session.scalar(
        select(RetailerPhone.retailer_id).where(RetailerPhone.phone == caller, RetailerPhone.retailer_id == retailer.id)
    )
    return registered is not None or is_usual(session, account, caller, now)


def _count_overall(session: Session, rules: SignInRules, now: datetime) -> None:
    """Count one more wrong PIN of everybody's: many codes tried a few times each are seen in no other count."""
    overall = counter_for_update(session, _OVERALL, now, rules.window)
    overall.failures += 1
    if overall.failures >= rules.alarm_overall:
        sign_in_alarms.alarm(session, "overall", "", overall.failures, now)


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


def counter_key(*parts: str) -> str:
    """The key of a counter: the parts in words, or where these are too many, their hash."""
    key = " ".join(parts)
    return key if len(key) <= _KEY_MAX_CHARS else f"{parts[0]} {hashlib.sha256(key.encode()).hexdigest()}"[-80:]


def counter_for_update(
    session: Session, key: str, now: datetime, forgotten_after: timedelta = FORGOTTEN_AFTER
) -> SignInCounter:
    """The counter, reset if its time is over, its row locked for the rest of the transaction."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(SignInCounter)
        .values(key=key, failures=0, counted_from=now)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    over = SignInCounter.counted_from <= now - forgotten_after
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


def count_failure(counter: SignInCounter, back_off: BackOff, now: datetime) -> None:
    """Count one more wrong try, and set the wait it costs. A day without one is counted from the last."""
    counter.failures += 1
    counter.counted_from = now
    if wait := back_off.wait(counter.failures):
        counter.waits_until = now + wait


def take_back(counter: SignInCounter, back_off: BackOff) -> None:
    """Take back one try that was counted as wrong before it was known to be right."""
    counter.failures = max(0, counter.failures - 1)
    if not back_off.wait(counter.failures):
        counter.waits_until = None


def waits(counter: SignInCounter | None, now: datetime) -> bool:
    """True if what is counted here has to wait just now."""
    return counter is not None and counter.waits_until is not None and now < counter.waits_until


def is_usual(session: Session, account: str, origin: str, now: datetime) -> bool:
    """True if the account was signed in from there within half a year."""
    seen = session.scalar(
        select(KnownOrigin.seen_at).where(KnownOrigin.account == account, KnownOrigin.origin == origin[:64])
    )
    return seen is not None and seen > now - USUAL_FOR


def remember_origin(session: Session, account: str, origin: str, now: datetime) -> None:
    """Keep in mind that the account was signed in from there."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(KnownOrigin).values(account=account, origin=origin[:64], seen_at=now)
    session.execute(row.on_conflict_do_update(index_elements=["account", "origin"], set_={"seen_at": now}))


def forget_old(session: Session, now: datetime) -> None:
    """Delete the counts that are over and the places that are usual no more: a guesser makes a row for each code."""
    session.execute(
        delete(SignInCounter).where(
            SignInCounter.counted_from <= now - FORGOTTEN_AFTER,
            or_(SignInCounter.waits_until.is_(None), SignInCounter.waits_until <= now),
        )
    )
    session.execute(delete(KnownOrigin).where(KnownOrigin.seen_at <= now - USUAL_FOR))
