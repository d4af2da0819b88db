"""Changes and cancellations of saved orders: requested by one person, decided by another, and kept for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from brand_catalog.models import BrandSpec
from orders.book import holds
from orders.book.models import ChangeState, Channel, DemandRecord, OrderChange, OrderLineRow, OrderRow
from orders.book.order_history import record_event
from orders.day_end.models import SettlementLine
from orders.department_rules import draft_rules
from orders.money import amount_fen
from orders.retailers.models import RetailerRow
from orders.supply.models import Limit, Supply

REASON_MAX_CHARS = 200
# A retailer that asks for a change itself may have a longer name.
BY_MAX_CHARS = 40


RefusedFor = Literal["invalid", "not_open", "own_request", "not_enough", "too_small", "too_big", "settled", "at_bank"]


class ChangeRefused(ValueError):
    """The change cannot be requested or made; the message says why, and `reason` the same in one word."""

    def __init__(self, message: str, reason: RefusedFor = "invalid") -> None:
        super().__init__(message)
        self.reason = reason


def request_change(
    session: Session,
    number: str,
    lines: Mapping[str, int],
    *,
    by: str,
    reason: str,
    now: datetime,
    channel: Channel = "operator",
    call_key: str | None = None,
) -> OrderChange:
    """Request the lines of a saved order to be as given, in packs by barcode, specs not on it yet included; none at all
    cancels it. An open request for the order is withdrawn for this one."""
    order = locked_order(session, number)
    check_changeable(session, order)
    if not reason.strip() or not by.strip():
        raise ChangeRefused("A change of a saved order needs a reason, and the name of its requester.")
    if any(packs < 0 for packs in lines.values()):
        raise ChangeRefused("A line cannot be less than nothing.")
    wanted = {barcode: packs for barcode, packs in lines.items() if packs}
    _check_specs(session, order, wanted)
    if (earlier := open_request(session, order)) is not None:
        _withdraw(session, order, earlier, by, now)
    change = OrderChange(
        order_id=order.id,
        lines=wanted,
        lines_before=granted_packs(order),
        channel=channel,
        call_key=call_key,
        reason=reason.strip()[:REASON_MAX_CHARS],
        state="requested",
        requested_at=now,
        requested_by=by,
    )
    session.add(change)
    record_event(session, order, "change requested", now, by=by, lines=wanted, reason=change.reason)
    session.flush()
    return change


def withdraw(session: Session, number: str, *, by: str, now: datetime) -> bool:
    """Withdraw the open request for a saved order, which then stays as it is; False where there is none."""
    order = locked_order(session, number)
    change = open_request(session, order)
    if change is None:
        return False
    _withdraw(session, order, change, by, now)
    session.flush()
    return True


def decide(session: Session, change_id: int, *, approve: bool, by: str, now: datetime, note: str = "") -> OrderChange:
    """Approve or refuse a change; its requester cannot. An approved one is made at once; ChangeRefused where it cannot
    be: more than is left, against the department's rules, or the order can no longer be changed. `note` is kept with
    the decision and said to the retailer."""
    change = session.get(OrderChange, change_id, with_for_update=True, populate_existing=True)
    if change is None or change.state != "requested":
        raise ChangeRefused(f"There is no open change {change_id}.", "not_open")
    if not by.strip() or same_person(change.requested_by, by):
        raise ChangeRefused(f"Change {change_id} was requested by {by}; somebody else has to decide it.", "own_request")
    order = session.get_one(OrderRow, change.order_id, with_for_update=True, populate_existing=True)
    if approve:
        check_changeable(session, order)
        holds.release_expired(session, now)
        before = granted_packs(order)
        set_lines(session, order, change.lines)
        _check_rules(session, order, sum(before.values()))
        _record_demand(session, order, before, now)
        if not order.lines:
            order.state, order.on_hold = "cancelled", False
    change.state = "approved" if approve else "refused"
    change.decided_at, change.decided_by, change.decision_note = now, by, note.strip()[:REASON_MAX_CHARS]
    record_event(session, order, "change approved" if approve else "change refused", now, by=by, change=change.id)
    session.flush()
    return change


def set_lines(session: Session, order: OrderRow, lines: Mapping[str, int]) -> None:
    """Set a saved order's lines to the given packs; lines not given, or given as nothing, are removed, and specs that
    are not on it become lines at today's price. The order keeps its number. ChangeRefused where supply or limit does
    not suffice."""
    known = {line.barcode for line in order.lines}
    order.lines.extend(
        _new_line(session, barcode) for barcode, packs in lines.items() if packs and barcode not in known
    )
    for line in holds.in_lock_order(order.lines):
        packs = lines.get(line.barcode, 0)
        more = packs - line.granted_packs
        if more > 0:
            if not holds.reserve(session, order, line.barcode, more):
                raise ChangeRefused(
                    f"There is not enough left of {line.spec_name} for order {order.number}.", "not_enough"
                )
            holds.sell(session, order, line.barcode, more)
        elif more < 0:
            holds.return_sold(session, order, line.barcode, -more)
        line.requested_packs = max(line.requested_packs, packs)
        line.granted_packs = packs
    order.lines[:] = [line for line in order.lines if line.granted_packs]
    order.total_packs = sum(line.granted_packs for line in order.lines)
    order.amount_fen = total_fen(order.lines)


def total_fen(lines: list[OrderLineRow]) -> int:
    return sum(amount_fen(line.price_fen, line.granted_packs, line.packs_per_carton) for line in lines)


def granted_packs(order: OrderRow) -> dict[str, int]:
    """The lines of an order: packs by barcode."""
    return {line.barcode: line.granted_packs for line in order.lines}


def most_packs(session: Session, order: OrderRow, barcode: str) -> int:
    """The most packs of a spec that a change of this saved order can come to now: what is on it, and what its limit and
    the stock still leave."""
    left = holds.packs_left(session, order, barcode)
    on_order = granted_packs(order).get(barcode, 0)
    return on_order + max(0, min(left.by_limit, left.in_stock))


def most_new_packs(session: Session, order: OrderRow) -> dict[str, int]:
    """The most packs of each spec that is supplied on the order's day and allowed to its retailer, besides what is on
    the order: what limit and stock still leave."""
    rows = session.execute(
        select(
            Supply.barcode,
            Supply.supplied_packs - Supply.held_packs - Supply.sold_packs,
            Limit.limit_packs - Limit.held_packs - Limit.used_packs,
        )
        .join(Limit, Limit.barcode == Supply.barcode)
        .where(Supply.business_day == order.business_day)
        .where(Limit.retailer_id == order.retailer_id, Limit.cycle_start == order.cycle_start)
    )
    return {barcode: max(0, min(in_stock, by_limit)) for barcode, in_stock, by_limit in rows}


def locked_order(session: Session, number: str) -> OrderRow:
    """The order with this number, its row locked; ChangeRefused where there is none."""
    order = session.scalar(
        select(OrderRow)
        .where(OrderRow.number == number)
        .with_for_update()
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise ChangeRefused(f"There is no order {number}.")
    return order


def same_person(one: str, other: str) -> bool:
    """True if the two names are one person's, whatever their case and spacing."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def is_at_bank(session: Session, order: OrderRow) -> bool:
    """True while the order is in a batch the bank has not answered."""
    unanswered = select(SettlementLine.order_id).where(
        SettlementLine.order_id == order.id, SettlementLine.result.is_(None)
    )
    return session.scalar(unanswered) is not None


def check_changeable(session: Session, order: OrderRow) -> None:
    """Raise ChangeRefused unless the order is saved and neither settled nor at the bank."""
    if order.state != "confirmed":
        raise ChangeRefused(
            f"Order {order.number} is {order.state}; only one that is saved and not settled changes.", "settled"
        )
    if is_at_bank(session, order):
        raise ChangeRefused(f"Order {order.number} is at the bank; change it when the bank's answer is in.", "at_bank")


# --- the requests


@dataclass(frozen=True, slots=True)
class ListedChange:
    """One request with its order and the retailer."""

    change: OrderChange
    order: OrderRow
    retailer: RetailerRow


def open_request(session: Session, order: OrderRow) -> OrderChange | None:
    """The open request for an order, or None."""
    return session.scalar(
        select(OrderChange)
        .where(OrderChange.order_id == order.id, OrderChange.state == "requested")
        .order_by(OrderChange.id.desc())
        .limit(1)
    )


def latest_request(session: Session, order: OrderRow) -> OrderChange | None:
    """The latest request for an order that was not withdrawn, or None."""
    return session.scalar(
        select(OrderChange)
        .where(OrderChange.order_id == order.id, OrderChange.state != "withdrawn")
        .order_by(OrderChange.id.desc())
        .limit(1)
    )


def requests_of(session: Session, order: OrderRow) -> Sequence[OrderChange]:
    """Every request for an order, the latest first."""
    return session.scalars(
        select(OrderChange).where(OrderChange.order_id == order.id).order_by(OrderChange.id.desc())
    ).all()


def requests(session: Session, *states: ChangeState, limit: int) -> list[ListedChange]:
    """The requests in these states, the oldest first while they are open, and otherwise the latest first."""
    order = OrderChange.id if states == ("requested",) else OrderChange.id.desc()
    rows = session.execute(
        select(OrderChange, OrderRow, RetailerRow)
        .join(OrderRow, OrderRow.id == OrderChange.order_id)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(OrderChange.state.in_(states))
        .order_by(order)
        .limit(limit)
        .options(selectinload(OrderRow.lines))
    )
    return [ListedChange(change, order_row, retailer) for change, order_row, retailer in rows]


def open_count(session: Session) -> int:
    """The number of open requests."""
    return session.scalar(select(func.count()).where(OrderChange.state == "requested")) or 0


def undecided_numbers(session: Session, orders: Sequence[OrderRow]) -> list[str]:
    """The numbers of those of these orders for which a request is open."""
    waiting = set(session.scalars(select(OrderChange.order_id).where(OrderChange.state == "requested")))
    return [str(order.number) for order in orders if order.id in waiting]


def _withdraw(session: Session, order: OrderRow, change: OrderChange, by: str, now: datetime) -> None:
    change.state, change.decided_at, change.decided_by = "withdrawn", now, by
    record_event(session, order, "change withdrawn", now, by=by, change=change.id)


def _check_specs(session: Session, order: OrderRow, wanted: Mapping[str, int]) -> None:
    """Raise ChangeRefused for a spec that is not on the order and of which its retailer can have nothing that day."""
    for barcode in sorted(set(wanted) - set(granted_packs(order))):
        if session.get(BrandSpec, barcode) is None or not most_packs(session, order, barcode):
            raise ChangeRefused(
                f"Order {order.number}: its retailer can have nothing of {barcode} on its day.", "not_enough"
            )


def _check_rules(session: Session, order: OrderRow, packs_before: int) -> None:
    """Raise ChangeRefused where the changed order is less or more than the department allows of one."""
    rules = draft_rules(session)
    if order.lines and order.total_packs < min(packs_before, rules.order_min_packs):
        raise ChangeRefused(f"Order {order.number} would have fewer than {rules.order_min_packs} packs.", "too_small")
    if rules.order_max_packs is not None and order.total_packs > max(packs_before, rules.order_max_packs):
        raise ChangeRefused(f"Order {order.number} would have more than {rules.order_max_packs} packs.", "too_big")


def _new_line(session: Session, barcode: str) -> OrderLineRow:
    spec = session.get(BrandSpec, barcode)
    if spec is None:
        raise ChangeRefused(f"There is no spec {barcode} any more.")
    return OrderLineRow(
        barcode=barcode,
        spec_name=spec.name,
        packs_per_carton=spec.packs_per_carton,
        price_fen=spec.wholesale_fen,
        requested_packs=0,
        granted_packs=0,
    )


def _record_demand(session: Session, order: OrderRow, before: Mapping[str, int], now: datetime) -> None:
    """Bring the demand of the order's specs up to date with an approved change: what the retailer takes off is
    withdrawn, what it adds is wanted (AY 4.1.6)."""
    after = granted_packs(order)
    for line in order.lines:
        if line.granted_packs != before.get(line.barcode, 0):
            line.requested_packs = line.granted_packs
    records = {
        record.barcode: record
        for record in session.scalars(select(DemandRecord).where(DemandRecord.order_id == order.id))
    }
    for barcode in sorted({*before, *after}):
        packs, record = after.get(barcode, 0), records.get(barcode)
        if packs == before.get(barcode, 0) or (record is None and not packs):
            continue
        if record is None:
            record = DemandRecord(
                order_id=order.id, retailer_id=order.retailer_id, business_day=order.business_day, barcode=barcode
            )
            session.add(record)
        record.withdrawn, record.at = not packs, now
        if packs:
            record.requested_packs, record.granted_packs, record.reason = packs, packs, None
