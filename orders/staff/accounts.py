"""The staff of the order department: their accounts, what each role may do, and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.lockout import LockRules, SecretMatch, count_failure, counter_for_update, hash_secret, is_locked
from orders.staff.models import PERMISSIONS, ROLES, Role, StaffRow, Task

PASSWORD_MIN_CHARS = 10
# An address is shared by a whole office behind one router, so it is given more tries than one person.
STAFF_LOCKS = LockRules(per_account=5, per_origin=50, window=timedelta(minutes=15), locked_for=timedelta(minutes=15))


class StaffError(ValueError):
    """An account cannot be made or used like this; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class StaffSignIn:
    """The answer to a password. Nothing in it tells an unknown login from a wrong password."""

    staff: StaffRow | None
    locked: bool


def password_hash(session: Session, login: str) -> str | None:
    """The hash of this login's password; None without such an account."""
    return session.scalar(select(StaffRow.password_hash).where(StaffRow.login == _written(login), StaffRow.active))


def check_password(
    session: Session, login: str, password: str, address: str, now: datetime, matches: SecretMatch
) -> StaffSignIn:
    """The account that signs in with these, if any. Wrong ones are counted by login, known or not, and by address, and
    lock them for a while; meanwhile even the right password is not accepted. `matches` compares a hash and a
    password, see `lockout.matched_before`."""
    login = _written(login)
    most = {f"staff {login}": STAFF_LOCKS.per_account, f"address {address}"[:80]: STAFF_LOCKS.per_origin}
    counters = {key: counter_for_update(session, key, now, STAFF_LOCKS) for key in sorted(most)}
    locked = any(is_locked(counter, now) for counter in counters.values())
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login, StaffRow.active))
    right = matches(staff.password_hash if staff else None, password)
    if locked:
        return StaffSignIn(None, locked=True)
    if right:
        counters[f"staff {login}"].failures = 0
        return StaffSignIn(staff, locked=False)
    for key, counter in counters.items():
        count_failure(counter, most[key], now, STAFF_LOCKS)
    session.flush()
    return StaffSignIn(None, locked=any(is_locked(counter, now) for counter in counters.values()))


def _written(login: str) -> str:
    return login.strip().lower()[:40]


def acting_staff(session: Session, login: str, task: Task) -> StaffRow:
    """The active account with this login, whose role allows the task, for a command. StaffError otherwise."""
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login.strip().lower()))
    if staff is None:
        raise StaffError(f"There is no account {login!r}: give a login that `list-staff` shows, or make one.")
    if not staff.active:
        raise StaffError(f"The account {staff.login!r} of {staff.name} is closed: somebody else has to do this.")
    if not staff.is_allowed(task):
        allowed = ", ".join(role for role in ROLES if role in PERMISSIONS[task])
        raise StaffError(f"{staff.name} ({staff.login}) is {staff.role}; this is for: {allowed}.")
    return staff


def close_account(session: Session, login: str) -> StaffRow:
    """Close the account: nobody signs in or acts as this person any more; what was done stays under the name."""
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login.strip().lower(), StaffRow.active))
    if staff is None:
        raise StaffError(f"There is no open account {login!r}: `list-staff` shows those there are.")
    staff.active = False
    session.flush()
    return staff


def hash_password(password: str) -> str:
    """The hash a password is stored as, worked out before the transaction that stores it; StaffError for a password
    that is too short."""
    if len(password) < PASSWORD_MIN_CHARS:
        raise StaffError(f"The password is too short: it needs {PASSWORD_MIN_CHARS} characters at least.")
    return hash_secret(password)


def create_staff(
    session: Session,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    password_hash: str,
    seat: str = "",
    phone: str | None = None,
) -> StaffRow:
    """A new account with a hash of `hash_password`; StaffError where it cannot be made."""
    login = login.strip().lower()
    if not login.isascii() or not login.replace("-", "").replace(".", "").isalnum() or len(login) > 40:
        raise StaffError(f"The login {login!r} is not allowed: letters, digits, dots and hyphens only, 40 at most.")
    if role not in ROLES:
        raise StaffError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if session.scalar(select(StaffRow.id).where(StaffRow.login == login)) is not None:
        raise StaffError(f"There is an account {login!r} already: choose another login.")
    # Records carry the name, so a name belongs to one person.
    if session.scalar(select(StaffRow.id).where(StaffRow.name == name)) is not None:
        raise StaffError(f"There is a {name!r} already: add to the name what distinguishes the two.")
    staff = StaffRow(
        login=login,
        name=name,
        role=role,
        seat=seat,
        phone=phone,
        password_hash=password_hash,
        active=True,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    return staff
