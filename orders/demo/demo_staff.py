"""The demo's staff, one or two for each role. The password is public, so the accounts are made in the demo only."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.staff.accounts import create_staff, hash_password
from orders.staff.models import Role, StaffRow

DEMO_PASSWORD = "demo-2468-demo"
# login, name, role, seat
DEMO_STAFF: tuple[tuple[str, str, Role, str], ...] = (
    ("operator", "李晓燕", "operator", "1"),
    ("operator2", "王敏", "operator", "2"),
    ("leader", "赵红霞", "leader", "3"),
    ("clerk", "陈静", "clerk", ""),
    ("manager", "孙建国", "manager", ""),
    ("director", "周志强", "director", ""),
    ("customer_manager", "刘志明", "customer_manager", ""),
    ("county_clerk", "马丽", "county_clerk", ""),
)
DEMO_COUNTY, DEMO_MANAGER = "演示区", "演示经理"
"""The county and the customer manager of every retailer of the demo."""


@cache
def hash_demo_password() -> str:
    """The hash of the demo's password; called before a transaction, it is not worked out in it."""
    return hash_password(DEMO_PASSWORD)


def seed_demo_staff(session: Session, now: datetime) -> None:
    """Make the demo's accounts; those that exist already stay as they are."""
    there = set(session.scalars(select(StaffRow.login)))
    for login, name, role, seat in DEMO_STAFF:
        if login not in there:
            create_staff(
                session,
                now,
                login=login,
                name=name,
                role=role,
                seat=seat,
                password_hash=hash_demo_password(),
                county=DEMO_COUNTY if role in ("customer_manager", "county_clerk") else "",
                manager=DEMO_MANAGER if role == "customer_manager" else "",
            )
