"""The staff of the order department: their accounts, what each role may do, and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from orders.sign_in import LockRules, count_failure, hash_pin, is_locked, is_right, lock_counter
from storage import Base, UtcDateTime

# AY 4.1: 电话订货员, 电访班长, 内勤, 货源管理员 or 客户经理, 主任.
Role = Literal["operator", "leader", "clerk", "manager", "director"]
ROLES: tuple[Role, ...] = get_args(Role)

Task = Literal[
    "take_calls",
    "see_day",
    "edit_catalog",
    "edit_supply",
    "hear_recordings",
    "reports",
    "edit_notices",
    "write_reports",
    "set_rules",
    "edit_retailers",
    "enter_lists",
    "audit_orders",
    "ask_changes",
    "decide_changes",
    "end_day",
    "run_outbound",
]

MAY: dict[Task, frozenset[Role]] = {
    "take_calls": frozenset({"operator", "leader", "clerk"}),
    "see_day": frozenset(ROLES),
    "edit_catalog": frozenset({"leader", "clerk", "manager", "director"}),
    "edit_supply": frozenset({"manager", "director"}),
    "hear_recordings": frozenset({"leader", "manager", "director"}),
    "reports": frozenset({"leader", "clerk", "manager", "director"}),
    "edit_notices": frozenset({"leader", "manager", "director"}),
    "write_reports": frozenset({"operator", "leader", "clerk"}),
    "set_rules": frozenset({"leader", "manager", "director"}),
    "edit_retailers": frozenset({"clerk", "manager", "director"}),
    "enter_lists": frozenset({"operator", "leader", "clerk"}),
    "audit_orders": frozenset({"leader", "clerk", "director"}),
    "ask_changes": frozenset({"operator", "leader", "clerk", "director"}),
    "decide_changes": frozenset({"leader", "director"}),
    # AY 4.3: the leader settles and hands over, the clerk closes the day.
    "end_day": frozenset({"leader", "clerk", "director"}),
    "run_outbound": frozenset({"leader", "clerk", "director"}),
}
"""The roles that may do each task, at the console and by command."""

PASSWORD_LEAST = 10
# An address is shared by a whole office behind one router, so it is given more tries than one person.
STAFF_LOCKS = LockRules(per_retailer=5, per_caller=50, window=timedelta(minutes=15), locked_for=timedelta(minutes=15))


class StaffError(ValueError):
    """An account cannot be made or used like this; the message says why, and what to do."""


class StaffRow(Base):
    """One person who signs in at the console. `phone` is the number calls reach them at, if any; `seat` is the one
    callers hear."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[Role] = mapped_column(String(10))
    seat: Mapped[str] = mapped_column(String(10), default="")
    phone: Mapped[str | None] = mapped_column(String(32))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def may(self, task: Task) -> bool:
        """True if the account is active and its role allows the task."""
        return self.active and self.role in MAY[task]


@dataclass(frozen=True, slots=True)
class StaffSignIn:
    """The answer to a password. Nothing in it tells an unknown login from a wrong password."""

    staff: StaffRow | None
    locked: bool


def check_password(session: Session, login: str, password: str, address: str, now: datetime) -> StaffSignIn:
    """The account that signs in with these, if any. Wrong ones are counted by login, known or not, and by address, and
    lock them for a while; meanwhile even the right password is not accepted."""
    login = login.strip().lower()[:40]
    most = {f"staff {login}": STAFF_LOCKS.per_retailer, f"address {address}"[:80]: STAFF_LOCKS.per_caller}
    counters = {key: lock_counter(session, key, now, STAFF_LOCKS) for key in sorted(most)}
    locked = any(is_locked(counter, now) for counter in counters.values())
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login, StaffRow.active))
    right = is_right(staff.password_hash if staff else None, password)
    if locked:
        return StaffSignIn(None, locked=True)
    if right:
        counters[f"staff {login}"].failures = 0
        return StaffSignIn(staff, locked=False)
    for key, counter in counters.items():
        count_failure(counter, most[key], now, STAFF_LOCKS)
    session.flush()
    return StaffSignIn(None, locked=any(is_locked(counter, now) for counter in counters.values()))


def acting(session: Session, login: str, task: Task) -> StaffRow:
    """The active account with this login, whose role allows the task, for a command. StaffError otherwise."""
    staff = session.scalar(select(StaffRow).where(StaffRow.login == login.strip().lower()))
    if staff is None:
        raise StaffError(f"There is no account {login!r}: give a login that `list-staff` shows, or make one.")
    if not staff.active:
        raise StaffError(f"The account {staff.login!r} of {staff.name} is closed: somebody else has to do this.")
    if not staff.may(task):
        allowed = ", ".join(role for role in ROLES if role in MAY[task])
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


def create_staff(
    session: Session,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    password: str,
    seat: str = "",
    phone: str | None = None,
) -> StaffRow:
    """A new account; StaffError where it cannot be made."""
    login = login.strip().lower()
    if not login.isascii() or not login.replace("-", "").replace(".", "").isalnum() or len(login) > 40:
        raise StaffError(f"The login {login!r} will not do: letters, digits, dots and hyphens only, 40 at most.")
    if role not in ROLES:
        raise StaffError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if len(password) < PASSWORD_LEAST:
        raise StaffError(f"The password is too short: it needs {PASSWORD_LEAST} characters at least.")
    if session.scalar(select(StaffRow.id).where(StaffRow.login == login)) is not None:
        raise StaffError(f"There is an account {login!r} already: choose another login.")
    # Records carry the name, so a name belongs to one person.
    if session.scalar(select(StaffRow.id).where(StaffRow.name == name)) is not None:
        raise StaffError(f"There is a {name!r} already: add to the name what tells the two apart.")
    staff = StaffRow(
        login=login,
        name=name,
        role=role,
        seat=seat,
        phone=phone,
        password_hash=hash_pin(password),
        active=True,
        created_at=now,
    )
    session.add(staff)
    session.flush()
    return staff
