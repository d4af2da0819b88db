"""Tickets: calls handed over to operators, with the reason and the operator who took each. A call has at most one open
ticket, and only one operator can take it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from ivr.models import Call
from ivr.operators import presence
from ivr.operators.models import Presence, Ticket, TicketReason, TicketState
from orders.book.models import OrderLineRow, OrderRow
from orders.department_rules import wrap_up_time


def open_ticket(session: Session, call_key: str, reason: TicketReason, now: datetime) -> Ticket:
    """The call's open ticket, created if there is none. The call's row must be locked."""
    found = of_call(session, call_key)
    if found is None:
        found = Ticket(call_key=call_key, reason=reason, state="waiting", opened_at=now)
        session.add(found)
        session.flush()
    return found


def of_call(session: Session, call_key: str) -> Ticket | None:
    """The call's open ticket, or None."""
    return session.scalar(select(Ticket).where(Ticket.call_key == call_key, Ticket.closed_at.is_(None)))


def position(session: Session, call_key: str) -> int:
    """The call's place in the queue, counted from 1; 0 if it is not waiting."""
    own = of_call(session, call_key)
    if own is None or own.state != "waiting":
        return 0
    before = select(func.count()).select_from(Ticket).where(Ticket.state == "waiting", Ticket.id <= own.id)
    return session.scalar(before) or 0


def take(session: Session, ticket_id: int, staff_id: int | None, now: datetime) -> bool:
    """Take a waiting ticket; False if another operator was quicker, or the caller has gone. `staff_id` is None for a
    number of the fixed list."""
    return _update_if(session, ticket_id, "waiting", state="taken", taken_by=staff_id, taken_at=now)


def put_back(session: Session, ticket_id: int) -> bool:
    """Return a taken ticket to the queue, at its old place."""
    return _update_if(session, ticket_id, "taken", state="waiting", taken_by=None, taken_at=None, held_at=None)


def set_on_hold(session: Session, ticket_id: int, since: datetime | None) -> bool:
    """Put a taken call on hold, or with None take it off hold; False if nothing changes."""
    otherwise = Ticket.held_at.is_not(None) if since is None else Ticket.held_at.is_(None)
    return _update_if(session, ticket_id, "taken", otherwise, held_at=since)


def close(session: Session, ticket_id: int, how: Literal["finished", "given_back"], now: datetime) -> bool:
    """Close a taken ticket; False if it is no longer open."""
    return _update_if(session, ticket_id, "taken", state=how, closed_at=now, held_at=None)


def withdraw(session: Session, call_key: str, how: Literal["returned", "callback"], now: datetime) -> Ticket | None:
    """Close the ticket of a caller who chose to stop waiting; None if they do not wait, or an operator was quicker."""
    found = of_call(session, call_key)
    if found is None or not _update_if(session, found.id, "waiting", state=how, closed_at=now, queued_at=None):
        return None
    return found


def close_for_hang_up(session: Session, call_key: str, now: datetime) -> None:
    """Record that the caller hung up. A waiting ticket is closed as "abandoned"; a taken one stays with its operator,
    who is in wrap-up now, unless it was taken at a number of the fixed list."""
    found = of_call(session, call_key)
    if found is None:
        return
    found.queued_at = found.held_at = None
    if found.state == "waiting":
        found.state, found.closed_at = "abandoned", now
    elif found.taken_by is None:
        found.state, found.closed_at = "finished", now
    else:
        presence.begin_wrap_up(session, found.taken_by, now + wrap_up_time(session))


def close_served(session: Session, now: datetime) -> None:
    """Close the taken tickets that nothing is left to do for: the caller has hung up, the operator is not in wrap-up,
    and the order has no unsaved lines."""
    unsaved = (
        select(OrderLineRow.id)
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(OrderRow.call_key == Ticket.call_key, OrderRow.state == "draft")
    )
    in_wrap_up = select(Presence.staff_id).where(Presence.staff_id == Ticket.taken_by, Presence.wrap_up_until > now)
    ended = select(Call.call_key).where(Call.call_key == Ticket.call_key, Call.ended_at.is_not(None))
    session.execute(
        update(Ticket)
        .where(
            Ticket.state == "taken", Ticket.closed_at.is_(None), ended.exists(), ~in_wrap_up.exists(), ~unsaved.exists()
        )
        .values(state="finished", closed_at=now, held_at=None)
        .execution_options(synchronize_session=False)
    )


def _update_if(
    session: Session, ticket_id: int, was: TicketState, *also: ColumnElement[bool], **values: object
) -> bool:
    changed = session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id, Ticket.state == was, *also)
        .values(**values)
        .execution_options(synchronize_session="fetch")
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]
