"""Callbacks that callers asked for, made only to the number they called from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows.state import CallState
from ivr.models import Call
from ivr.operators.models import CallBack, Ticket

# Completed callbacks stay listed this long.
SHOWN = timedelta(hours=12)


def can_be_called(number: str) -> bool:
    """True if the number can be dialled; withheld numbers arrive as words."""
    return re.fullmatch(r"\+[0-9]{6,15}", number) is not None


def ask(session: Session, ticket: Ticket, call: Call, now: datetime) -> CallBack:
    """The call's open callback request, created if there is none."""
    found = session.scalar(select(CallBack).where(CallBack.call_sid == call.sid, CallBack.state != "reached"))
    if found is None:
        state = CallState.from_json(call.state)
        found = CallBack(
            call_sid=call.sid,
            phone=call.caller,
            customer_code=state.customer_code if state.signed_in else "",
            reason=ticket.reason,
            asked_at=now,
            state="open",
            tries=0,
        )
        session.add(found)
        session.flush()
    return found


def note(session: Session, number: int, reached: bool, staff_id: int, now: datetime) -> bool:
    """Record an operator's attempt; False if the caller was reached already, or there is no such request."""
    found = session.get(CallBack, number, with_for_update=True)
    if found is None or found.state == "reached":
        return False
    found.state = "reached" if reached else "rung"
    found.tries += 1
    found.handled_by, found.handled_at = staff_id, now
    return True


def listed(session: Session, now: datetime) -> Sequence[CallBack]:
    """The open callback requests, the longest wait first, and then those reached lately."""
    rows = session.scalars(
        select(CallBack)
        .where((CallBack.state != "reached") | (CallBack.handled_at > now - SHOWN))
        .order_by(CallBack.id)
    ).all()
    return sorted(rows, key=lambda row: row.state == "reached")
