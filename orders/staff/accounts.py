"""The staff of the order department: their accounts, what each role may do, and how they sign in."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

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
from orders.staff.seats import leave_seat
from storage import SessionFactory, retry_on_deadlock, transaction

PASSWORD_MIN_CHARS = 10
NAME_MAX_CHARS = 40
# Without those that are easily taken for each other.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# An address is shared by a whole office behind one router, so it is given more tries than one person.
STAFF_RULES = SignInRules(
    origin=BackOff(50, timedelta(seconds=5), timedelta(minutes=5)), alarm_account=15, alarm_origin=50
)


StaffRefusal = Literal[
    "login", "login_taken", "name", "name_taken", "role", "area", "password", "gone", "closed", "open", "own", "last"
]


class StaffError(ValueError):
    """An account cannot be made or used like this; the message says why, and what to do. `reason` is one a page has
    words for."""

    def __init__(self, message: str, reason: StaffRefusal = "gone") -> None:
        super().__init__(message)
        self.reason: StaffRefusal = reason


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
    _end_waits(session, staff.login)
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


def staff_of_login(session: Session, login: str) -> StaffRow:
    """The account with this login, open or closed. StaffError if there is none."""
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login.strip().lower()))
    if staff is None:
        raise StaffError(f"There is no account {login!r}: `list-staff` shows those there are.")
    return staff


def close_account(session: Session, login: str, *, by: str, why: str = "", now: datetime) -> StaffRow:
    """Close the account: nobody signs in or acts as this person any more; what was done stays under the name, and the
    seat is free. StaffError if it is not open, or is the last one of a director."""
    staff = session.scalar(
        select(StaffRow)
        .where(StaffRow.login == login.strip().lower(), StaffRow.active)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if staff is None:
        raise StaffError(f"There is no open account {login!r}: `list-staff` shows those there are.", "closed")
    if staff.role == "director":
        check_not_the_last_director(session, staff)
    staff.active = False
    end_sessions(session, staff.id)
    leave_seat(session, staff.id)
    record_change(session, "staff", staff.login, {"active": True}, {"active": False}, by=by, why=why, now=now)
    session.flush()
    return staff


def reopen_account(
    session: Session, login: str, *, password_hash: str, by: str, why: str = "", now: datetime
) -> StaffRow:
    """Open a closed account again, with a new password that its holder has to change. StaffError if it is open, or
    another person has the name by now."""
    staff = staff_of_login(session, login)
    session.refresh(staff, with_for_update=True)
    if staff.active:
        raise StaffError(f"The account {staff.login!r} of {staff.name} is open already.", "open")
    _check_name(session, staff.name)
    staff.active, staff.closed_at = True, None
    record_change(session, "staff", staff.login, {"active": False}, {"active": True}, by=by, why=why, now=now)
    set_password(session, staff, password_hash, must_change=True, by=by, why=why, now=now)
    return staff


def set_password(
    session: Session, staff: StaffRow, password_hash: str, *, must_change: bool, by: str, why: str, now: datetime
) -> None:
    """Give the account a new password and end its sessions and every wait after wrong ones. With `must_change` the
    holder has to choose another one first."""
    staff.password_hash, staff.must_change_password = password_hash, must_change
    end_sessions(session, staff.id)
    _end_waits(session, staff.login)
    # Different from the new value, so that the audit log keeps every new password as a change; none is in it.
    record_change(session, "staff", staff.login, {"password": "old"}, {"password": "set"}, by=by, why=why, now=now)


def make_password() -> str:
    """A password by chance, for somebody to sign in with once and change: about 59 bits, easily read out."""
    return "-".join("".join(secrets.choice(PASSWORD_LETTERS) for _ in range(4)) for _ in range(3))


@dataclass(frozen=True, slots=True)
class AccountValues:
    """What is set of an account: the person's name, role, usual seat and number, and the retailers of their own."""

    name: str
    role: Role
    seat: str = ""
    phone: str = ""
    county: str = ""
    manager: str = ""

    @classmethod
    def of(cls, staff: StaffRow) -> AccountValues:
        return cls(staff.name, staff.role, staff.seat, staff.phone or "", staff.county, staff.manager)


def change_account(
    session: Session, staff: StaffRow, values: AccountValues, *, by: str, why: str, now: datetime
) -> bool:
    """Change what is set of an open account, whose row the caller has locked; False if nothing is different.
    StaffError where it cannot be."""
    before = AccountValues.of(staff)
    check_role(values.role, values.county, values.manager)
    _check_name(session, values.name, staff.id)
    if before.role == "director" != values.role:
        check_not_the_last_director(session, staff)
    staff.name, staff.role, staff.seat = values.name, values.role, values.seat
    staff.phone, staff.county, staff.manager = values.phone or None, values.county, values.manager
    return record_change(session, "staff", staff.login, asdict(before), asdict(values), by=by, why=why, now=now)


def check_not_the_last_director(session: Session, staff: StaffRow) -> None:
    """StaffError if no other director could make, change and reopen accounts."""
    # All are locked, in the order of their ids, so that two directors cannot close each other at once.
    directors = session.scalars(
        select(StaffRow.id).where(StaffRow.role == "director", StaffRow.active).order_by(StaffRow.id).with_for_update()
    ).all()
    if list(directors) == [staff.id]:
        raise StaffError(f"{staff.name} is the only director: make another one first.", "last")


def hash_password(password: str) -> str:
    """The hash a password is stored as, worked out before the transaction that stores it; StaffError for a password
    that is too short."""
    if len(password) < PASSWORD_MIN_CHARS:
        raise StaffError(f"The password is too short: it needs {PASSWORD_MIN_CHARS} characters at least.", "password")
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
    county: str = "",
    manager: str = "",
    must_change_password: bool = False,
) -> StaffRow:
    """A new account with a hash of `hash_password`; StaffError where it cannot be made. The login and the name of a
    closed account may be used again: the closed one gets another login, which nobody can sign in with."""
    login, name = login.strip().lower(), name.strip()
    if not login.isascii() or not login.replace("-", "").replace(".", "").replace("_", "").isalnum() or len(login) > 40:
        raise StaffError(
            f"The login {login!r} is not allowed: letters, digits, dots and hyphens only, 40 at most.", "login"
        )
    check_role(role, county, manager)
    if (known := session.scalar(select(StaffRow).where(StaffRow.login == login).with_for_update())) is not None:
        if known.active:
            raise StaffError(f"There is an account {login!r} already: choose another login.", "login_taken")
        # "#" is in no login that is given out.
        known.login = f"{login[:28]}#{known.id}"
        _end_waits(session, login)
        session.flush()
    _check_name(session, name)
    staff = StaffRow(
        login=login,
        name=name,
        role=role,
        seat=seat,
        phone=phone,
        password_hash=password_hash,
        active=True,
        created_at=now,
        county=county,
        manager=manager,
        must_change_password=must_change_password,
    )
    session.add(staff)
    session.flush()
    return staff


def check_role(role: Role, county: str, manager: str) -> None:
    """StaffError for a role there is not, or one of a county or a customer manager without it."""
    if role not in ROLES:
        raise StaffError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.", "role")
    if role == "county_clerk" and not county:
        raise StaffError("A county's clerk needs the county whose retailers are theirs.", "area")
    if role == "customer_manager" and not manager:
        raise StaffError("A customer manager needs the name that their retailers carry.", "area")


def _check_name(session: Session, name: str, but_for: int | None = None) -> None:
    """Records carry the name, so a name belongs to one person at a time."""
    if not name or len(name) > NAME_MAX_CHARS:
        raise StaffError(f"A name has 1 to {NAME_MAX_CHARS} characters.", "name")
    same = select(StaffRow.id).where(StaffRow.name == name, StaffRow.active, StaffRow.id != (but_for or 0))
    if session.scalar(same.limit(1)) is not None:
        raise StaffError(f"There is a {name!r} already: add to the name what distinguishes the two.", "name_taken")


def _end_waits(session: Session, login: str) -> None:
    key = f"staff {login}"
    session.execute(
        delete(SignInCounter).where(
            or_(SignInCounter.key == key, SignInCounter.key.startswith(f"{key} from ", autoescape=True))
        )
    )
