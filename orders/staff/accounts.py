"""The staff of the order department: their accounts, what each role may do, and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.lockout import (
    BackOff,
    SignInRules,
    count_failure,
    counter_for_update,
    counter_key,
    hash_secret,
    matches_hash,
    take_back,
    waits,
)
from orders.models import SignInCounter
from orders.sign_in_alarms import alarm
from orders.staff.models import PERMISSIONS, ROLES, Role, StaffRow, Task
from storage import SessionFactory, retry_on_deadlock, transaction

PASSWORD_MIN_CHARS = 10
# An address is shared by a whole office behind one router, so it is given more tries than one person.
STAFF_RULES = SignInRules(
    origin=BackOff(50, timedelta(seconds=5), timedelta(minutes=5)), alarm_account=15, alarm_origin=50
)


class StaffError(ValueError):
    """An account cannot be made or used like this; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class StaffSignIn:
    """The answer to a password. Nothing in it tells an unknown login from a wrong password; `waits_until` is the moment
    before which none is taken."""

    staff: StaffRow | None
    waits_until: datetime | None = None


@retry_on_deadlock
def check_password(
    sessions: SessionFactory, login: str, password: str, *, address: str, browser: str, now: datetime
) -> StaffSignIn:
    """The account that signs in with these, if any. `browser` names a browser this login was used in before; it is
    empty for any other. Wrong passwords from unknown browsers are counted by login, known or not, and by address, and
    these then have to wait; who sits at the usual browser is counted apart, and does not.

    The password is hashed outside of any transaction, so that sign-ins hold nobody up. Therefore a try is counted as
    wrong before it is checked, and taken back if it was right: guesses made at once cannot all pass before one counts.
    """
    login = login.strip().lower()[:40]
    if browser:
        back_offs = {counter_key("staff", login, "from", browser): STAFF_RULES.usual}
    else:
        back_offs = {
            f"staff {login}": STAFF_RULES.account,
            counter_key("address", address): STAFF_RULES.origin,
        }
    with transaction(sessions) as session:
        counters = {key: counter_for_update(session, key, now) for key in sorted(back_offs)}
        if waiting := [
            counter.waits_until for counter in counters.values() if counter.waits_until and waits(counter, now)
        ]:
            return StaffSignIn(None, max(waiting))
        for key, counter in counters.items():
            count_failure(counter, back_offs[key], now)
        staff = session.scalar(select(StaffRow).where(StaffRow.login == login, StaffRow.active))
    right = matches_hash(staff.password_hash if staff else None, password)
    with transaction(sessions) as session:
        counters = {key: counter_for_update(session, key, now) for key in sorted(back_offs)}
        if right:
            for key, counter in counters.items():
                take_back(counter, back_offs[key])
                if not key.startswith("address "):
                    counter.failures, counter.waits_until = 0, None
            return StaffSignIn(staff)
        for key, counter in counters.items():
            if key.startswith("address "):
                if counter.failures >= STAFF_RULES.alarm_origin:
                    alarm(session, "address", address[:80], counter.failures, now)
            elif counter.failures >= STAFF_RULES.alarm_account:
                alarm(session, "staff", login, counter.failures, now)
        waiting = [counter.waits_until for counter in counters.values() if counter.waits_until and waits(counter, now)]
    return StaffSignIn(None, max(waiting, default=None))


def end_wait(session: Session, login: str, *, by: str, why: str, now: datetime) -> StaffRow:
    """End the wait after wrong passwords for this login, wherever they were tried. StaffError if there is no such
    account."""
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login.strip().lower(), StaffRow.active))
    if staff is None:
        raise StaffError(f"There is no open account {login!r}: `list-staff` shows those there are.")
    key = f"staff {staff.login}"
    session.execute(
        delete(SignInCounter).where(
            or_(SignInCounter.key == key, SignInCounter.key.startswith(f"{key} from ", autoescape=True))
        )
    )
    record_change(session, "staff", staff.login, {"locked": True}, {"locked": False}, by=by, why=why, now=now)
    return staff


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
    end_sessions(session, staff.id)
    session.flush()
    return staff


def hash_password(password: str) -> str:
    """The hash a password is stored as, worked out before the transaction that stores it; StaffError for a password
    that is too short."""
    if len(password) < PASSWORD_MIN_CHARS:
        raise StaffError(f"The password is too short: it needs {PASSWORD_MIN_CHARS} characters at least.")
    return hash_secret(password)


def end_sessions(session: Session, staff_id: int) -> None:
    """End every session of this person at the console."""
    session.execute(update(StaffRow).where(StaffRow.id == staff_id).values(session_number=StaffRow.session_number + 1))


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
