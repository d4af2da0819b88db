"""The end of a business day: check balances, audit, settle, hand over to delivery, notify, close; always in this order,
and never twice (AY 4.3, AS 4.2.4).

Each step is one transaction. What a step writes to a file follows from the tables, so a step that was interrupted, or
whose file was lost, gives the same file again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from brand_catalog.sheets import Sheet, SheetError
from orders.book import holds
from orders.book.models import COUNTED_STATES, HANDED_OVER_STATES, OrderKind, OrderLineRow, OrderRow
from orders.book.order_changes import same_person
from orders.book.order_history import record_event
from orders.channels.web_orders import audit_list
from orders.day_end.models import DayReopening, DayStep, DayStepDone, SettlementBatch, SettlementLine
from orders.money import amount_fen
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.supply.models import Limit, Supply

STEPS: tuple[DayStep, ...] = ("balances", "audit", "settlement", "hand_over", "notice", "close")

ExportRow = tuple[str | int, ...]


RefusedFor = Literal[
    "done",
    "too_early",
    "unaudited",
    "undecided",
    "unsettled",
    "discrepancies",
    "incomplete",
    "nothing_due",
    "not_closed",
    "second_person",
    "not_open",
    "handed_over",
]


class StepRefused(ValueError):
    """A day-end step cannot be done now; the message says why, and what to do first. `reason` is the same in one word,
    and `items` are what it is about: numbers of orders, steps, or sentences about the books."""

    def __init__(self, message: str, reason: RefusedFor, items: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.items = tuple(items)


def import_balances(
    session: Session, sheet: Sheet, day: date, *, by: str, now: datetime, file: str = ""
) -> dict[str, Any]:
    """Step 1: import the balances from the bank (customer_code, balance in yuan). It ends the day's regular orders:
    unsaved ones lapse and are reported. Returns the retailers whose balance is short of what they ordered. `file` is
    the name under which the file was uploaded."""
    start_step(session, day, "balances")
    retailers = {row.customer_code: row for row in session.scalars(select(RetailerRow))}
    seen: dict[str, int] = {}
    if sheet.require(("customer_code", "balance")):
        for row in sheet:
            code, fen = row.required("customer_code"), row.fen("balance", least=0)
            if code is not None and code not in retailers:
                row.problem("customer_code", f"there is no retailer {code!r}")
            elif code is not None and seen.setdefault(code, row.number) != row.number:
                row.problem("customer_code", f"{code} is in row {seen[code]} already")
            elif code is not None and fen is not None:
                retailers[code].balance_fen = fen
    if sheet.problems:
        raise SheetError(sheet.problems)
    lapsed = lapse_drafts(session, day, "regular", now)
    owed = {order.retailer_id: order.amount_fen for order in orders_of(session, day, states=("confirmed",))}
    by_id = {row.id: row for row in retailers.values()}
    short = {
        by_id[retailer_id].customer_code: amount - by_id[retailer_id].balance_fen
        for retailer_id, amount in owed.items()
        if amount > by_id[retailer_id].balance_fen
    }
    unknown = sorted(
        by_id[retailer_id].customer_code for retailer_id in owed if by_id[retailer_id].customer_code not in seen
    )
    # The amounts as they are now, for whoever asks after a change, or after the settlement, why an account was short.
    ordered = {by_id[retailer_id].customer_code: fen for retailer_id, fen in owed.items()}
    detail: dict[str, Any] = {
        "lapsed": lapsed,
        "short_fen": short,
        "ordered_fen": {code: ordered[code] for code in short},
        "without_balance": unknown,
    }
    if file:
        detail["file"] = file
    return finish_step(session, day, "balances", by=by, now=now, detail=detail)


def audit(session: Session, day: date, *, by: str, now: datetime) -> dict[str, Any]:
    """Step 2: check that no web order waits for its audit, that the books add up, to the pack and the fen, and that no
    suspended retailer ordered. StepRefused lists what is wrong; no further step is done before that is corrected."""
    start_step(session, day, "audit")
    check_audited(session, day)
    orders = orders_of(session, day)
    wrong = _discrepancies(session, day, orders)
    if wrong:
        heading = f"The books of {day} do not add up; nothing can be settled."
        raise StepRefused("\n".join([heading, *wrong]), "discrepancies", wrong)
    detail = {
        "orders": len(orders),
        "packs": sum(order.total_packs for order in orders),
        "amount_fen": sum(order.amount_fen for order in orders),
    }
    return finish_step(session, day, "audit", by=by, now=now, detail=detail)


def hand_over(session: Session, day: date, *, by: str, now: datetime) -> list[ExportRow]:
    """Step 4: hand everything settled over to delivery. Supplementary orders end here; orders not settled have to be
    settled, or put on hold, first. Returns the lines to deliver, by route; once done, the same lines again."""
    if not is_step_done(session, day, "hand_over"):
        start_step(session, day, "hand_over")
        lapsed = lapse_drafts(session, day, "supplementary", now)
        waiting = [order for order in orders_of(session, day, states=("confirmed",)) if not order.on_hold]
        if waiting:
            numbers = [str(order.number) for order in waiting]
            named = ", ".join(numbers[:20])
            raise StepRefused(
                f"{len(waiting)} orders are not settled yet ({named}): settle them in a further batch.",
                "unsettled",
                numbers,
            )
        settled = orders_of(session, day, states=("settled",))
        for order in settled:
            order.state, order.handed_over_at = "handed_over", now
            record_event(session, order, "handed over", now, by=by)
        finish_step(session, day, "hand_over", by=by, now=now, detail={"orders": len(settled), "lapsed": lapsed})
    # After a reopening only the orders that were not handed over before.
    done_at = session.get_one(DayStepDone, (day, "hand_over")).at
    rows = session.execute(
        select(
            RetailerRow.route,
            RetailerRow.customer_code,
            RetailerRow.name,
            OrderRow.number,
            OrderLineRow.barcode,
            OrderLineRow.spec_name,
            OrderLineRow.granted_packs,
            OrderLineRow.packs_per_carton,
            func.coalesce(func.nullif(OrderRow.region, ""), RetailerRow.region),
        )
        .join(OrderRow, OrderRow.retailer_id == RetailerRow.id)
        .join(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
        .where(
            OrderRow.business_day == day,
            OrderRow.state.in_(HANDED_OVER_STATES),
            OrderRow.handed_over_at == done_at,
        )
        .order_by(RetailerRow.route, RetailerRow.customer_code, OrderLineRow.id)
    )
    return [
        (route, code, name, str(number), barcode, spec, packs // per_carton, packs % per_carton, region)
        for route, code, name, number, barcode, spec, packs, per_carton, region in rows
    ]


HAND_OVER_COLUMNS = ("route", "customer_code", "retailer", "order", "barcode", "name", "cartons", "packs", "region")


def delivery_notices(session: Session, day: date, *, by: str, now: datetime) -> list[ExportRow]:
    """Step 5: the notice to each retailer of what will be delivered, and to those the bank did not pay for of what has
    become of their order and the fen that are missing; when repeated, the same list."""
    if not is_step_done(session, day, "notice"):
        start_step(session, day, "notice")
        finish_step(session, day, "notice", by=by, now=now, detail={})
    unpaid = {
        order_id: (max(0, amount - (available or 0)), rule)
        for order_id, amount, available, rule in session.execute(
            select(
                SettlementLine.order_id,
                SettlementLine.amount_fen,
                SettlementLine.available_fen,
                SettlementBatch.rule,
            )
            .join(SettlementBatch, SettlementBatch.id == SettlementLine.batch_id)
            .where(SettlementBatch.business_day == day, SettlementLine.result == "failed")
            .order_by(SettlementBatch.number)
        )
    }
    noticed = orders_of(session, day, states=HANDED_OVER_STATES)
    noticed += [order for order in orders_of(session, day, states=("confirmed", "cancelled")) if order.id in unpaid]
    retailers = _retailers(session, day)
    phones = {phone.retailer_id: phone.phone for phone in session.scalars(select(RetailerPhone))}
    rows: list[ExportRow] = []
    for order in noticed:
        short_fen, rule = unpaid.get(order.id, (0, None))
        notice: Notice = "delivered"
        if order.state in ("confirmed", "cancelled"):
            notice = "unpaid_on_hold" if order.state == "confirmed" else "unpaid_cancelled"
        elif rule == "cut":
            notice = "unpaid_cut"
        else:
            # Put on hold and paid later: nothing is missing any more.
            short_fen = 0
        retailer = retailers[order.retailer_id]
        contact = retailer.customer_code, phones.get(order.retailer_id, ""), str(order.number)
        rows.append((*contact, order.total_packs, order.amount_fen, retailer.name, notice, short_fen))
    return rows


Notice = Literal["delivered", "unpaid_on_hold", "unpaid_cut", "unpaid_cancelled"]
"""What a retailer is told: its order is delivered, or it was not paid and is on hold, was cut, or was cancelled."""

NOTICE_COLUMNS = ("customer_code", "phone", "order", "packs", "amount_fen", "retailer", "notice", "short_fen")


def close(session: Session, day: date, *, by: str, now: datetime) -> dict[str, Any]:
    """Step 6: close the day; its figures are final."""
    start_step(session, day, "close")
    orders = orders_of(session, day)
    detail = {
        "orders": len(orders),
        "packs": sum(order.total_packs for order in orders),
        "amount_fen": sum(order.amount_fen for order in orders),
        "on_hold": sorted(str(order.number) for order in orders if order.on_hold),
    }
    return finish_step(session, day, "close", by=by, now=now, detail=detail)


def reopen(session: Session, day: date, *, by: str, second: str, reason: str, now: datetime) -> None:
    """Reopen a closed day from the hand-over on, for the orders on hold; it takes two people and a reason."""
    if not is_step_done(session, day, "close"):
        raise StepRefused(f"{day} is not closed, so there is nothing to reopen.", "not_closed")
    if not reason.strip() or not second.strip() or same_person(by, second):
        raise StepRefused("Reopening a closed day takes a reason and a second person.", "second_person")
    session.add(DayReopening(business_day=day, at=now, by=by, second_person=second, reason=reason))
    for step in ("hand_over", "notice", "close"):
        session.delete(session.get_one(DayStepDone, (day, step)))
    session.flush()


# --- steps and their order


def is_step_done(session: Session, day: date, step: DayStep) -> bool:
    return session.get(DayStepDone, (day, step), populate_existing=True) is not None


def start_step(session: Session, day: date, step: DayStep) -> None:
    """Raise StepRefused unless every step before this one is done and this one is not."""
    done = set(session.scalars(select(DayStepDone.step).where(DayStepDone.business_day == day)))
    if step in done:
        raise StepRefused(f"The step {step} of {day} is done already.", "done", (step,))
    before = STEPS[: STEPS.index(step)]
    if missing := [earlier for earlier in before if earlier not in done]:
        raise StepRefused(f"{step} of {day} comes after {', '.join(missing)}: do that first.", "too_early", missing)


def finish_step(
    session: Session, day: date, step: DayStep, *, by: str, now: datetime, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """Mark the step as done, and return `detail`. The key lets only one of two people do it; the other is refused."""
    try:
        with session.begin_nested():
            session.add(DayStepDone(business_day=day, step=step, at=now, by=by, detail=dict(detail)))
    except IntegrityError as error:
        raise StepRefused(f"The step {step} of {day} was just done by somebody else.", "done", (step,)) from error
    return dict(detail)


def check_audited(session: Session, day: date) -> None:
    """Raise StepRefused while a web order of the day waits for its audit (AY 4.2.7)."""
    if waiting := [str(row.answer.get("number", "")) for row in audit_list(session, day)]:
        raise StepRefused(
            f"{len(waiting)} web orders of {day} wait for their audit ({', '.join(waiting[:20])}): audit them first.",
            "unaudited",
            waiting,
        )


# --- the day's orders


def orders_of(session: Session, day: date, *, states: tuple[str, ...] = COUNTED_STATES) -> list[OrderRow]:
    """The day's orders in these states, in the order of their numbers."""
    return list(
        session.scalars(
            select(OrderRow)
            .where(OrderRow.business_day == day, OrderRow.state.in_(states))
            .order_by(OrderRow.number)
            .execution_options(populate_existing=True)
        )
    )


def lapse_drafts(session: Session, day: date, kind: OrderKind, now: datetime) -> list[str]:
    """Let the unsaved orders of this kind lapse, release what they held, and return the customer codes of those with
    lines, to be called. Waits for those just being saved."""
    drafts = session.scalars(
        select(OrderRow)
        .where(OrderRow.business_day == day, OrderRow.kind == kind, OrderRow.state == "draft")
        .order_by(OrderRow.id)
        .with_for_update()
        .options(selectinload(OrderRow.lines))
        .execution_options(populate_existing=True)
    ).all()
    for line in sorted(
        (line for order in drafts if order.holds_active for line in order.lines), key=lambda x: x.barcode
    ):
        holds.release(session, next(o for o in drafts if o.id == line.order_id), line.barcode, line.granted_packs)
    for order in drafts:
        order.state, order.holds_active, order.call_key = "lapsed", False, None
        record_event(session, order, "lapsed", now)
    session.flush()
    with_lines = [order.retailer_id for order in drafts if order.lines]
    return sorted(session.scalars(select(RetailerRow.customer_code).where(RetailerRow.id.in_(with_lines))))


def _retailers(session: Session, day: date) -> dict[int, RetailerRow]:
    ordered = select(OrderRow.retailer_id).where(OrderRow.business_day == day)
    return {row.id: row for row in session.scalars(select(RetailerRow).where(RetailerRow.id.in_(ordered)))}


def _discrepancies(session: Session, day: date, orders: list[OrderRow]) -> list[str]:
    totals: dict[int, tuple[int, int]] = {}
    lines = session.execute(
        select(OrderLineRow.order_id, OrderLineRow.price_fen, OrderLineRow.granted_packs, OrderLineRow.packs_per_carton)
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES))
    )
    for order_id, price, packs, per_carton in lines:
        had_packs, had_fen = totals.get(order_id, (0, 0))
        totals[order_id] = had_packs + packs, had_fen + amount_fen(price, packs, per_carton)
    wrong = [
        f"Order {order.number}: its total is not the sum of its lines."
        for order in orders
        if totals.get(order.id, (0, 0)) != (order.total_packs, order.amount_fen)
    ]
    suspended = {row.id: row for row in _retailers(session, day).values() if row.status == "suspended"}
    wrong += [
        f"Order {order.number}: retailer {suspended[order.retailer_id].customer_code} is suspended."
        for order in orders
        if order.retailer_id in suspended
    ]
    sold = {
        barcode: int(packs)
        for barcode, packs in session.execute(
            select(OrderLineRow.barcode, func.sum(OrderLineRow.granted_packs))
            .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
            .where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES))
            .group_by(OrderLineRow.barcode)
        )
    }
    for supply in session.scalars(select(Supply).where(Supply.business_day == day)):
        if supply.sold_packs != sold.get(supply.barcode, 0):
            wrong.append(
                f"Spec {supply.barcode}: {supply.sold_packs} packs are booked, {sold.get(supply.barcode, 0)} sold."
            )
    # Summed by itself first: joined with all limits at once, the database may well start from the limits.
    ordered = (
        select(
            OrderRow.retailer_id,
            OrderRow.cycle_start,
            OrderLineRow.barcode,
            func.min(OrderLineRow.spec_name).label("name"),
            func.sum(OrderLineRow.granted_packs).label("packs"),
        )
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES))
        .group_by(OrderRow.retailer_id, OrderRow.cycle_start, OrderLineRow.barcode)
        .cte("ordered")
    )
    booked_less = session.execute(
        select(RetailerRow.customer_code, ordered.c.name)
        .join(RetailerRow, RetailerRow.id == ordered.c.retailer_id)
        .join(
            Limit,
            (Limit.retailer_id == ordered.c.retailer_id)
            & (Limit.cycle_start == ordered.c.cycle_start)
            & (Limit.barcode == ordered.c.barcode),
        )
        .where(ordered.c.packs > Limit.used_packs)
        .order_by(RetailerRow.customer_code)
    )
    wrong += [f"Retailer {code}: more {name} is ordered than is booked on its limit." for code, name in booked_less]
    return wrong
