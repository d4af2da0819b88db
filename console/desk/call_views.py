"""The calls as operators see them: the queue, the taken and abandoned calls, the automated ones, and their turns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from callflows.state import RUNG, CallState
from ivr.models import Call, Turn
from ivr.operators import callbacks
from ivr.operators.models import Offer, Reason, Ticket
from ivr.recordings import recorded_turns
from orders.book.models import OrderRow
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow

# The carrier never reported the end of a call that has been open for this long.
CALL_MAX = timedelta(hours=2)
TURNS_SHOWN = 12
# Abandoned calls are listed for this long. A call that ends while taken stays taken: its order may be finished.
LEFT_SHOWN = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as listed, inbound or outbound."""

    sid: str
    caller: str
    called: str
    started_at: datetime
    ended: bool
    retailer: RetailerRow | None
    step: str
    last_heard: str
    packs: int
    lines: int
    rung: bool


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket as listed."""

    id: int
    reason: Reason
    state: str
    opened_at: datetime
    waited_s: int
    taken_by: StaffRow | None
    call: CallView
    held: bool = False
    ringing: str = ""


@dataclass(frozen=True, slots=True)
class CallBackView:
    """One requested callback as listed."""

    id: int
    phone: str
    retailer: RetailerRow | None
    reason: Reason
    asked_at: datetime
    state: str
    tries: int
    handled_by: str
    handled_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineNow:
    """All calls and callbacks the desk shows, at one moment."""

    waiting: tuple[TicketView, ...]
    taken: tuple[TicketView, ...]
    left: tuple[TicketView, ...]
    live: tuple[CallView, ...]
    callbacks: tuple[CallBackView, ...]


def line_now(session: Session, now: datetime) -> LineNow:
    """The waiting, taken and abandoned tickets, the calls in progress without an operator, and the callbacks."""
    tickets = session.scalars(
        select(Ticket).where(Ticket.closed_at.is_(None) | (Ticket.opened_at > now - LEFT_SHOWN)).order_by(Ticket.id)
    ).all()
    in_hand = {ticket.call_sid for ticket in tickets if ticket.closed_at is None}
    going_on = session.scalars(
        select(Call).where(Call.ended_at.is_(None), Call.started_at > now - CALL_MAX).order_by(Call.started_at)
    ).all()
    wanted = [ticket for ticket in tickets if ticket.closed_at is None or ticket.state == "left"]
    calls = {call.sid: call for call in going_on}
    missing = {ticket.call_sid for ticket in wanted} - calls.keys()
    calls |= {call.sid: call for call in session.scalars(select(Call).where(Call.sid.in_(missing)))}
    views = _views(session, calls)
    people = {person.id: person for person in session.scalars(select(StaffRow))}

    rung = {
        offer.ticket_id: people[offer.staff_id].name if offer.staff_id in people else offer.address
        for offer in session.scalars(select(Offer).where(Offer.ended_at.is_(None), Offer.state == "ringing"))
    }

    def view(ticket: Ticket) -> TicketView:
        return TicketView(
            id=ticket.id,
            reason=ticket.reason,
            state=ticket.state,
            opened_at=ticket.opened_at,
            waited_s=int(((ticket.taken_at or ticket.closed_at or now) - ticket.opened_at).total_seconds()),
            taken_by=people.get(ticket.taken_by) if ticket.taken_by is not None else None,
            call=views[ticket.call_sid],
            held=ticket.held_at is not None,
            ringing=rung.get(ticket.id, ""),
        )

    return LineNow(
        waiting=tuple(view(ticket) for ticket in wanted if ticket.state == "waiting"),
        taken=tuple(view(ticket) for ticket in wanted if ticket.state == "taken"),
        left=tuple(view(ticket) for ticket in reversed(wanted) if ticket.state == "left"),
        live=tuple(views[call.sid] for call in going_on if call.sid not in in_hand),
        callbacks=_call_backs(session, people, now),
    )


def _call_backs(session: Session, people: dict[int, StaffRow], now: datetime) -> tuple[CallBackView, ...]:
    rows = callbacks.listed(session, now)
    codes = {row.customer_code for row in rows if row.customer_code}
    retailers = {
        row.customer_code: row
        for row in session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(codes)))
    }
    return tuple(
        CallBackView(
            id=row.id,
            phone=row.phone,
            retailer=retailers.get(row.customer_code),
            reason=row.reason,
            asked_at=row.asked_at,
            state=row.state,
            tries=row.tries,
            handled_by=people[row.handled_by].name if row.handled_by in people else "",
            handled_at=row.handled_at,
        )
        for row in rows
    )


def call_view(session: Session, call: Call) -> CallView:
    """One call as listed."""
    return _views(session, {call.sid: call})[call.sid]


def turns_of(session: Session, sid: str, most: int = TURNS_SHOWN) -> list[dict[str, Any]]:
    """The call's latest turns as listed: the text and its score, the alternatives, the recording if there is one, and
    the reply."""
    recorded = recorded_turns(session, sid)
    rows = session.scalars(select(Turn).where(Turn.call_sid == sid).order_by(Turn.n.desc()).limit(most)).all()
    return [turn_view(turn, recorded=turn.n in recorded) for turn in reversed(rows)]


def turn_view(turn: Turn, *, recorded: bool) -> dict[str, Any]:
    """One turn as listed."""
    return {
        "n": turn.n,
        "at": turn.at,
        "silence": turn.heard.get("silence", False),
        "text": turn.heard.get("text", ""),
        "keyed": turn.heard.get("keyed", False),
        "score": turn.heard.get("score"),
        "others": turn.heard.get("others", ()),
        "recorded": recorded and not turn.heard.get("keyed", False),
        "understood": bool(
            turn.heard.get("items")
            or turn.heard.get("command")
            or turn.heard.get("digits")
            or turn.heard.get("choice") is not None
        ),
        "said": turn.reply["say"],
    }


def _views(session: Session, calls: dict[str, Call]) -> dict[str, CallView]:
    states = {sid: CallState.from_json(call.state) for sid, call in calls.items()}
    codes = {state.customer_code for state in states.values() if state.customer_code}
    retailers = {
        row.customer_code: row
        for row in session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(codes)))
    }
    orders = {
        row.call_key: row
        for row in session.scalars(
            select(OrderRow).where(OrderRow.call_key.in_(calls)).options(selectinload(OrderRow.lines))
        )
    }
    heard: dict[str, str] = {}
    for sid, words in session.execute(
        select(Turn.call_sid, Turn.heard).where(Turn.call_sid.in_(calls)).order_by(Turn.call_sid, Turn.n)
    ):
        heard[sid] = words.get("text", "") or heard.get(sid, "")
    views = {}
    for sid, call in calls.items():
        order = orders.get(sid)
        lines = order.lines if order is not None and order.state != "lapsed" else []
        views[sid] = CallView(
            sid=sid,
            caller=call.caller,
            called=call.called,
            started_at=call.started_at,
            ended=call.ended_at is not None,
            retailer=retailers.get(states[sid].customer_code),
            step=states[sid].step,
            last_heard=heard.get(sid, ""),
            packs=sum(line.granted_packs for line in lines),
            lines=len(lines),
            rung=states[sid].flow == RUNG,
        )
    return views
