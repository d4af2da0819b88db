"""The calls as operators see them: the queue, the taken and abandoned calls, the automated ones, and their turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from callflows.state import OUTBOUND, CallState
from ivr.models import Call, TurnRow
from ivr.operators import callbacks
from ivr.operators.models import Callback, RingAttempt, Ticket, TicketReason
from ivr.recordings.recordings import recorded_turns
from ivr.services import services
from ivr.turns.calls import CALL_OPEN_MAX
from orders.book.models import OrderRow
from orders.retailers.dialling import may_be_dialled
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow

TURNS_SHOWN = 12
# Abandoned calls are listed for this long. A call that ends while taken stays taken: its order may be finished.
ABANDONED_SHOWN_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as listed, inbound or outbound. `by_number_only` says that the caller is known by its number alone,
    which anybody can send: no PIN was keyed."""

    call_key: str
    caller: str
    started_at: datetime
    ended: bool
    retailer: RetailerRow | None
    step: str
    last_text: str
    packs: int
    lines: int
    is_outbound: bool
    by_number_only: bool = False


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket as listed. `may_ring` is true of a caller who gave up and whose number can be called back."""

    id: int
    reason: TicketReason
    opened_at: datetime
    waited_s: int
    taken_by: StaffRow | None
    call: CallView
    held: bool = False
    operator_dialled: str = ""
    may_ring: bool = False


@dataclass(frozen=True, slots=True)
class CallbackView:
    """One requested callback as listed; `order` is what the retailer has ordered since, by whichever way."""

    id: int
    phone: str
    retailer: RetailerRow | None
    reason: TicketReason
    requested_at: datetime
    state: str
    attempts: int
    handled_by: str
    order_key: str
    order: OrderRow | None


@dataclass(frozen=True, slots=True)
class HotlineStatus:
    """All calls and callbacks the desk shows, at one moment."""

    waiting: tuple[TicketView, ...]
    taken: tuple[TicketView, ...]
    abandoned: tuple[TicketView, ...]
    automated: tuple[CallView, ...]
    callbacks: tuple[CallbackView, ...]


def hotline_status(session: Session, now: datetime) -> HotlineStatus:
    """The waiting, taken and abandoned tickets, the calls in progress without an operator, and the callbacks."""
    tickets = session.scalars(
        select(Ticket)
        .where(Ticket.closed_at.is_(None) | (Ticket.opened_at > now - ABANDONED_SHOWN_FOR))
        .order_by(Ticket.id)
    ).all()
    open_tickets = {ticket.call_key for ticket in tickets if ticket.closed_at is None}
    going_on = session.scalars(
        select(Call).where(Call.ended_at.is_(None), Call.started_at > now - CALL_OPEN_MAX).order_by(Call.started_at)
    ).all()
    wanted = [ticket for ticket in tickets if ticket.closed_at is None or ticket.state == "abandoned"]
    calls = {call.call_key: call for call in going_on}
    missing = {ticket.call_key for ticket in wanted} - calls.keys()
    calls |= {call.call_key: call for call in session.scalars(select(Call).where(Call.call_key.in_(missing)))}
    served = _served_since(session, [ticket for ticket in wanted if ticket.state == "abandoned"], calls)
    wanted = [ticket for ticket in wanted if ticket.id not in served]
    views = _views(session, calls)
    staff_by_id = {person.id: person for person in session.scalars(select(StaffRow))}

    dialled = {
        attempt.ticket_id: staff_by_id[attempt.staff_id].name if attempt.staff_id in staff_by_id else attempt.address
        for attempt in session.scalars(
            select(RingAttempt).where(RingAttempt.ended_at.is_(None), RingAttempt.state == "ringing")
        )
    }

    def view(ticket: Ticket) -> TicketView:
        return TicketView(
            id=ticket.id,
            reason=ticket.reason,
            opened_at=ticket.opened_at,
            waited_s=int(((ticket.taken_at or ticket.closed_at or now) - ticket.opened_at).total_seconds()),
            taken_by=staff_by_id.get(ticket.taken_by) if ticket.taken_by is not None else None,
            call=views[ticket.call_key],
            held=ticket.held_at is not None,
            operator_dialled=dialled.get(ticket.id, ""),
            may_ring=ticket.state == "abandoned"
            and may_be_dialled(calls[ticket.call_key].caller, services().settings.dialled_prefixes),
        )

    return HotlineStatus(
        waiting=tuple(view(ticket) for ticket in wanted if ticket.state == "waiting"),
        taken=tuple(view(ticket) for ticket in wanted if ticket.state == "taken"),
        abandoned=tuple(view(ticket) for ticket in reversed(wanted) if ticket.state == "abandoned"),
        automated=tuple(views[call.call_key] for call in going_on if call.call_key not in open_tickets),
        callbacks=_callbacks(session, staff_by_id, now),
    )


def _served_since(session: Session, abandoned: Sequence[Ticket], calls: Mapping[str, Call]) -> set[int]:
    """The ids of the tickets whose callers gave up waiting, and who have called again since or are called back."""
    if not abandoned:
        return set()
    keys = [ticket.call_key for ticket in abandoned]
    called_back = set(session.scalars(select(Callback.call_key).where(Callback.call_key.in_(keys))))
    callers = {calls[key].caller for key in keys if calls[key].caller}
    latest = dict(
        session.execute(
            select(Call.caller, func.max(Call.started_at)).where(Call.caller.in_(callers)).group_by(Call.caller)
        ).all()
    )
    return {
        ticket.id
        for ticket in abandoned
        if ticket.call_key in called_back
        or latest.get(calls[ticket.call_key].caller, ticket.opened_at) > ticket.opened_at
    }


def _callbacks(session: Session, staff_by_id: dict[int, StaffRow], now: datetime) -> tuple[CallbackView, ...]:
    rows = callbacks.listed_callbacks(session, now)
    codes = {row.customer_code for row in rows if row.customer_code}
    retailers = {
        row.customer_code: row
        for row in session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(codes)))
    }
    orders = _orders_since(session, rows, retailers)
    return tuple(
        CallbackView(
            id=row.id,
            phone=row.phone,
            retailer=retailers.get(row.customer_code),
            reason=row.reason,
            requested_at=row.requested_at,
            state=row.state,
            attempts=row.attempts,
            handled_by=staff_by_id[row.handled_by].name if row.handled_by in staff_by_id else "",
            order_key=callbacks.order_key(row.id),
            order=orders.get(row.id),
        )
        for row in rows
    )


def _orders_since(
    session: Session, rows: Sequence[Callback], retailers: Mapping[str, RetailerRow]
) -> dict[int, OrderRow]:
    """What came of the callbacks, by their ids: the order saved in the callback, or another one of the retailer's that
    was saved since it was asked for."""
    if not rows:
        return {}
    keys = {callbacks.order_key(row.id): row.id for row in rows}
    retailer_ids = [retailer.id for retailer in retailers.values()]
    first_request = min(row.requested_at for row in rows)
    saved = session.scalars(
        select(OrderRow)
        .where(OrderRow.number.is_not(None), OrderRow.state != "cancelled")
        .where(
            OrderRow.call_key.in_(keys)
            | (OrderRow.retailer_id.in_(retailer_ids) & (OrderRow.confirmed_at >= first_request))
        )
        .order_by(OrderRow.id)
    ).all()
    found: dict[int, OrderRow] = {}
    for row in rows:
        retailer = retailers.get(row.customer_code)
        for order in saved:
            of_retailer = retailer is not None and order.retailer_id == retailer.id
            since = order.confirmed_at is not None and order.confirmed_at >= row.requested_at
            if keys.get(order.call_key or "") == row.id or (of_retailer and since):
                found[row.id] = order
    return found


def _by_number_only(state: CallState) -> bool:
    return state.signed_in and not state.proved and state.flow != OUTBOUND


def call_view(session: Session, call: Call) -> CallView:
    """One call as listed."""
    return _views(session, {call.call_key: call})[call.call_key]


def caller_names(session: Session, call_keys: Collection[str]) -> dict[str, str]:
    """The shops' names of these calls, by call; without those whose caller is not known."""
    codes = {
        call.call_key: CallState.from_json(call.state).customer_code
        for call in session.scalars(select(Call).where(Call.call_key.in_(call_keys)))
    }
    retailers = session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(set(codes.values()))))
    names = {row.customer_code: row.name for row in retailers}
    return {call_key: names[code] for call_key, code in codes.items() if code in names}


def turns_of(session: Session, call_key: str, limit: int = TURNS_SHOWN) -> list[dict[str, Any]]:
    """The call's latest turns as listed: the text and its score, the alternatives, the recording if there is one, and
    the reply."""
    recorded = recorded_turns(session, call_key)
    rows = session.scalars(
        select(TurnRow).where(TurnRow.call_key == call_key).order_by(TurnRow.turn_number.desc()).limit(limit)
    ).all()
    return [turn_view(turn, recorded=turn.turn_number in recorded) for turn in reversed(rows)]


def turn_view(turn: TurnRow, *, recorded: bool) -> dict[str, Any]:
    """One turn as listed."""
    return {
        "turn_number": turn.turn_number,
        "taken_at": turn.taken_at,
        "silence": turn.turn_input.get("silence", False),
        "text": turn.turn_input.get("text", ""),
        "keyed": turn.turn_input.get("keyed", False),
        "confidence": turn.turn_input.get("confidence"),
        "alternatives": turn.turn_input.get("others", ()),
        "recorded": recorded and not turn.turn_input.get("keyed", False),
        "understood": bool(
            turn.turn_input.get("items")
            or turn.turn_input.get("command")
            or turn.turn_input.get("digits")
            or turn.turn_input.get("choice") is not None
        ),
        "reply": turn.reply["say"],
    }


def _views(session: Session, calls: dict[str, Call]) -> dict[str, CallView]:
    states = {call_key: CallState.from_json(call.state) for call_key, call in calls.items()}
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
    texts: dict[str, str] = {}
    for call_key, turn_input in session.execute(
        select(TurnRow.call_key, TurnRow.turn_input)
        .where(TurnRow.call_key.in_(calls))
        .order_by(TurnRow.call_key, TurnRow.turn_number)
    ):
        texts[call_key] = turn_input.get("text", "") or texts.get(call_key, "")
    views = {}
    for call_key, call in calls.items():
        order = orders.get(call_key)
        lines = order.lines if order is not None and order.state != "lapsed" else []
        views[call_key] = CallView(
            call_key=call_key,
            caller=call.caller,
            started_at=call.started_at,
            ended=call.ended_at is not None,
            retailer=retailers.get(states[call_key].customer_code),
            step=states[call_key].step,
            last_text=texts.get(call_key, ""),
            packs=sum(line.granted_packs for line in lines),
            lines=len(lines),
            is_outbound=states[call_key].flow == OUTBOUND,
            by_number_only=_by_number_only(states[call_key]),
        )
    return views
