"""Operator presence: operators with the desk page open, ready to be dialled or paused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ivr.carrier import browser_address
from ivr.models import Call
from ivr.operators.models import Device, PauseReason, Presence, RingAttempt, Ticket
from orders.staff.models import StaffRow

# The desk page has a heartbeat every few seconds; without one for this long its operator is absent.
ABSENT_AFTER = timedelta(seconds=60)
# The presence of an operator who comes back after this long is reset to paused.
PRESENCE_RESET_AFTER = timedelta(minutes=30)
# A ticket left open at the desk for this long no longer makes its operator busy.
TICKET_STALE_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class AvailableOperator:
    """An operator who may be dialled at `address`, of a telephone or browser; without `staff_id` it is a number of the
    fixed list. `idle_since` is None for one who has had no call yet, `ready_since` for a listed number, which is always
    ready."""

    staff_id: int | None
    address: str
    idle_since: datetime | None
    ready_since: datetime | None = None


def check_in(session: Session, staff_id: int, now: datetime) -> Presence:
    """Check the operator in, paused at first, or record that they are still present."""
    row = session.get(Presence, staff_id)
    if row is None:
        row = Presence(
            staff_id=staff_id, ready=False, device="", pause_reason="", changed_at=now, idle_since=now, seen_at=now
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            row = session.get_one(Presence, staff_id)
    elif now - row.seen_at > PRESENCE_RESET_AFTER:
        row.ready, row.device, row.pause_reason, row.changed_at = False, "", "", now
    row.seen_at = now
    return row


def set_ready(session: Session, staff_id: int, device: Device, now: datetime) -> None:
    """Mark the operator as ready to be dialled."""
    row = check_in(session, staff_id, now)
    if not row.ready:
        row.idle_since = row.changed_at = now
    row.ready, row.device, row.pause_reason = True, device, ""


def pause(session: Session, staff_id: int, now: datetime, reason: PauseReason = "") -> None:
    """Pause the operator: present, but not dialled."""
    row = session.get(Presence, staff_id)
    if row is not None and row.ready:
        row.ready, row.pause_reason, row.changed_at = False, reason, now


def check_out(session: Session, staff_id: int) -> None:
    """Check the operator out."""
    session.execute(delete(Presence).where(Presence.staff_id == staff_id))


def record_call_end(session: Session, staff_id: int, now: datetime) -> None:
    """Record that a call of this operator's is over."""
    if (row := session.get(Presence, staff_id)) is not None:
        row.idle_since = now


def begin_wrap_up(session: Session, staff_id: int, until: datetime) -> None:
    """Begin the operator's wrap-up: until then they finish up the call whose caller has hung up, and no other caller
    is rung for them."""
    if (row := session.get(Presence, staff_id)) is not None:
        row.wrap_up_until = until


def end_wrap_up(session: Session, staff_id: int) -> None:
    """End the operator's wrap-up, if they are in one."""
    if (row := session.get(Presence, staff_id)) is not None:
        row.wrap_up_until = None


def any_wrap_up_over(session: Session, now: datetime) -> bool:
    """True if the time of an operator's wrap-up is over, and it has not been ended yet."""
    over = select(func.count()).select_from(Presence).where(Presence.wrap_up_until <= now)
    return bool(session.scalar(over))


def end_wrap_ups(session: Session, now: datetime) -> bool:
    """End the wrap-ups whose time is over; False if there were none, or another process was quicker."""
    rows = session.scalars(
        select(Presence).where(Presence.wrap_up_until <= now).with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.idle_since, row.wrap_up_until = now, None
    return bool(rows)


def is_in_wrap_up(row: Presence, now: datetime) -> bool:
    """True if the operator is in wrap-up."""
    return row.wrap_up_until is not None and row.wrap_up_until > now


def present_operators(session: Session, now: datetime) -> Sequence[tuple[Presence, StaffRow]]:
    """The operators who are present, by name."""
    rows = session.execute(
        select(Presence, StaffRow)
        .join(StaffRow, StaffRow.id == Presence.staff_id)
        .where(Presence.seen_at > now - ABSENT_AFTER, StaffRow.active)
        .order_by(StaffRow.name)
    )
    return [(row, operator) for row, operator in rows]


def operator_address(session: Session, operator: StaffRow) -> str:
    """The address this operator is dialled at, the telephone unless they chose the browser; empty if there is none."""
    return _address(session.get(Presence, operator.id), operator)


def carrier_identity(staff_id: int) -> str:
    """The operator's name at the carrier, as a browser's telephone registers it."""
    return f"staff-{staff_id}"


def available_operators(session: Session, numbers: Collection[str], now: datetime) -> list[AvailableOperator]:
    """The operators who can take a call now, the longest idle first."""
    dialled = set(session.scalars(select(RingAttempt.address).where(RingAttempt.ended_at.is_(None))))
    has_a_call = set(
        session.scalars(
            select(Ticket.taken_by)
            .join(Call, Call.call_key == Ticket.call_key)
            .where(Ticket.state == "taken", Ticket.taken_at > now - TICKET_STALE_AFTER, Call.ended_at.is_(None))
        )
    )
    present = present_operators(session, now)
    at_desks = [
        AvailableOperator(operator.id, _address(row, operator), row.idle_since, row.changed_at)
        for row, operator in present
        if row.ready and operator.id not in has_a_call and not is_in_wrap_up(row, now)
    ]
    own_numbers = {operator.phone for _row, operator in present}
    listed = [
        AvailableOperator(None, number, _last_call(session, number)) for number in numbers if number not in own_numbers
    ]
    return sorted(
        (one for one in (*at_desks, *listed) if one.address and one.address not in dialled),
        key=lambda one: (one.idle_since is not None, one.idle_since or now),
    )


def count_operators(session: Session, numbers: Collection[str], now: datetime) -> tuple[int, int]:
    """The number of operators present, and the number of them who take calls: paused operators do not."""
    present = present_operators(session, now)
    own_numbers = {operator.phone for _row, operator in present}
    listed = sum(number not in own_numbers for number in numbers)
    return len(present) + listed, sum(row.ready for row, _operator in present) + listed


def _last_call(session: Session, number: str) -> datetime | None:
    return session.scalar(
        select(RingAttempt.ended_at).where(RingAttempt.address == number).order_by(RingAttempt.id.desc()).limit(1)
    )


def _address(row: Presence | None, operator: StaffRow) -> str:
    if row is not None and row.device == "browser":
        return browser_address(carrier_identity(operator.id))
    return operator.phone or ""
