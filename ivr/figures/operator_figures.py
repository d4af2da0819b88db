"""The figures of operators: the calls each of them took and left unanswered, how long they talked, what they saved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ivr.models import Call
from ivr.operators.models import Callback, RingAttempt, Ticket
from orders.book.models import COUNTED_STATES, OrderRow
from orders.reporting.calls import OperatorFigures
from orders.reporting.period import Period
from orders.staff.models import StaffRow


@dataclass(slots=True)
class _Work:
    """One operator's calls of a period, while they are gathered."""

    tickets: set[int] = field(default_factory=set)
    unanswered: int = 0
    talks: list[timedelta] = field(default_factory=list)
    wrap_ups: list[timedelta] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)


def operator_figures(session: Session, period: Period) -> list[OperatorFigures]:
    """The figures of everyone who took a call in the period, was rung for one, or as an operator saved an order, by
    name."""
    work = _work(session, period)
    reached: Counter[int | None] = Counter(
        session.scalars(
            select(Callback.handled_by).where(Callback.state == "reached", period.covers(Callback.handled_at))
        )
    )
    people = session.scalars(select(StaffRow).order_by(StaffRow.name, StaffRow.id)).all()
    orders, packs = _saved_orders(session, period, people)
    found = []
    for person in people:
        own = work.get(person.id, _Work())
        if person.id in work or person.id in reached or (person.role == "operator" and orders[person.id]):
            found.append(
                OperatorFigures(
                    person.name,
                    person.id,
                    taken=len(own.tickets),
                    unanswered=own.unanswered,
                    finished=own.ended["finished"],
                    given_back=own.ended["given_back"],
                    callbacks=reached[person.id],
                    orders=orders[person.id],
                    packs=packs[person.id],
                    talks=len(own.talks),
                    talk_time=sum(own.talks, timedelta()),
                    wrap_ups=len(own.wrap_ups),
                    wrap_up_time=sum(own.wrap_ups, timedelta()),
                )
            )
    return found


def _saved_orders(
    session: Session, period: Period, people: Sequence[StaffRow]
) -> tuple[Counter[int | None], Counter[int | None]]:
    """The number of orders of the period by the id of who saved them, and their packs. An order that its caller saved
    on the line, after an operator had the call, is that operator's."""
    named = Counter(person.name for person in people)
    by_name: dict[str | None, int] = {person.name: person.id for person in people if named[person.name] == 1}
    counted = (OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES))
    orders: Counter[int | None] = Counter()
    packs: Counter[int | None] = Counter()
    for name, count, total in session.execute(
        select(OrderRow.saved_by, func.count(), func.sum(OrderRow.total_packs))
        .where(*counted, OrderRow.saved_by.is_not(None))
        .group_by(OrderRow.saved_by)
    ):
        orders[by_name.get(name)] += count
        packs[by_name.get(name)] += int(total)
    # A call that was put back has been taken by several operators: it is the last one's.
    last = (
        select(func.max(Ticket.id))
        .where(Ticket.taken_by.is_not(None), period.covers(Ticket.taken_at))
        .group_by(Ticket.call_key)
    )
    for staff_id, count, total in session.execute(
        select(Ticket.taken_by, func.count(), func.sum(OrderRow.total_packs))
        .join(OrderRow, OrderRow.call_key == Ticket.call_key)
        .where(*counted, OrderRow.saved_by.is_(None), Ticket.id.in_(last))
        .group_by(Ticket.taken_by)
    ):
        orders[staff_id] += count
        packs[staff_id] += int(total)
    return orders, packs


def _work(session: Session, period: Period) -> dict[int, _Work]:
    """The operators' calls, by their telephones' and by the tickets they took at the desk."""
    work: dict[int, _Work] = defaultdict(_Work)
    talked: dict[tuple[int, int], datetime] = {}
    attempts = (
        select(
            RingAttempt.staff_id,
            RingAttempt.ticket_id,
            RingAttempt.state,
            RingAttempt.answered_at,
            RingAttempt.ended_at,
            Call.ended_at,
        )
        .join(Ticket, Ticket.id == RingAttempt.ticket_id)
        .join(Call, Call.call_key == Ticket.call_key)
        .where(RingAttempt.staff_id.is_not(None), period.covers(RingAttempt.dialled_at))
        .order_by(RingAttempt.id)
    )
    for staff_id, ticket_id, ring_state, answered_at, ended_at, hung_up_at in session.execute(attempts):
        assert staff_id is not None
        own = work[staff_id]
        own.unanswered += ring_state in ("unanswered", "declined")
        if answered_at is None:
            continue
        own.tickets.add(ticket_id)
        # The caller has gone, although the end of the operator's own call may be reported late, or never.
        if (end := _earliest(ended_at, hung_up_at)) is not None:
            own.talks.append(max(timedelta(), end - answered_at))
            talked[staff_id, ticket_id] = end
    taken = (
        select(Ticket.taken_by, Ticket.id, Ticket.state, Ticket.taken_at, Ticket.closed_at, Call.ended_at)
        .join(Call, Call.call_key == Ticket.call_key)
        .where(Ticket.taken_by.is_not(None), period.covers(Ticket.taken_at))
        .order_by(Ticket.id)
    )
    for staff_id, ticket_id, state, taken_at, closed_at, hung_up_at in session.execute(taken):
        assert staff_id is not None
        assert taken_at is not None
        own = work[staff_id]
        own.ended[state] += 1
        end = talked.get((staff_id, ticket_id))
        if ticket_id not in own.tickets and (end := _earliest(closed_at, hung_up_at)) is not None:
            # Taken at the desk alone, or before the answers of telephones were kept.
            own.talks.append(max(timedelta(), end - taken_at))
        own.tickets.add(ticket_id)
        if closed_at is not None and end is not None:
            own.wrap_ups.append(max(timedelta(), closed_at - end))
    return work


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
