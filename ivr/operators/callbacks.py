"""Callbacks that callers asked for, made only to the number they called from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows.state import CallState
from ivr.models import Call
from ivr.operators.models import Callback, Ticket

# Completed callbacks stay listed this long.
CALLBACK_LISTED_FOR = timedelta(hours=12)
_ORDER_KEY_PREFIX = "desk-callback-"


def order_key(callback_id: int) -> str:
    """The key of the order that is begun at the desk for this callback, as calls have one."""
    return f"{_ORDER_KEY_PREFIX}{callback_id}"


def of_order_key(session: Session, key: str) -> Callback | None:
    """The callback whose order has this key, or None."""
    number = key.removeprefix(_ORDER_KEY_PREFIX)
    if number == key or not re.fullmatch(r"[0-9]{1,9}", number):
        return None
    return session.get(Callback, int(number))


def request_callback(session: Session, ticket: Ticket, call: Call, now: datetime) -> Callback:
    """The call's open callback request, created if there is none."""
    found = session.scalar(select(Callback).where(Callback.call_key == call.call_key, Callback.state != "reached"))
    if found is None:
        state = CallState.from_json(call.state)
        found = Callback(
            call_key=call.call_key,
            phone=call.caller,
            customer_code=state.customer_code if state.signed_in else "",
            reason=ticket.reason,
            requested_at=now,
            state="open",
            attempts=0,
        )
        session.add(found)
        session.flush()
    return found


def record_attempt(session: Session, callback_id: int, reached: bool, staff_id: int, now: datetime) -> bool:
    """Record an operator's attempt; False if the caller was reached already, or there is no such request."""
    found = session.get(Callback, callback_id, with_for_update=True)
    if found is None or found.state == "reached":
        return False
    found.state = "reached" if reached else "attempted"
    found.attempts += 1
    found.handled_by, found.handled_at = staff_id, now
    return True


def listed_callbacks(session: Session, now: datetime) -> Sequence[Callback]:
    """The open callback requests, the longest wait first, and then those reached lately."""
    rows = session.scalars(
        select(Callback)
        .where((Callback.state != "reached") | (Callback.handled_at > now - CALLBACK_LISTED_FOR))
        .order_by(Callback.id)
    ).all()
    return sorted(rows, key=lambda row: row.state == "reached")
