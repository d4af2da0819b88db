"""Settlement: the amounts the bank is asked to collect, and what follows from its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from brand_catalog.sheets import Sheet, SheetError
from orders.book.models import OrderRow
from orders.book.order_changes import set_lines, undecided_numbers
from orders.book.order_history import record_event
from orders.day_end.models import FailureRule, SettlementBatch, SettlementLine
from orders.day_end.steps import (
    ExportRow,
    StepRefused,
    check_audited,
    finish_step,
    is_step_done,
    orders_of,
    start_step,
)
from orders.money import yuan
from orders.retailers.models import RetailerRow

BATCH_COLUMNS = ("order", "customer_code", "retailer", "amount")
ANSWER_COLUMNS = ("order", "result", "available")


def make_batch(session: Session, day: date, *, by: str, now: datetime) -> tuple[int, list[ExportRow]]:
    """Step 3, first half: the number of the batch and its lines for the bank, in yuan. An unanswered batch is returned
    again; the next one has the orders saved or cut since. A day without orders is settled at once. StepRefused while a
    web order waits for its audit, or a requested change for its decision."""
    if not is_step_done(session, day, "settlement"):
        start_step(session, day, "settlement")
    batch = session.scalar(
        select(SettlementBatch)
        .join(SettlementLine, SettlementLine.batch_id == SettlementBatch.id)
        .where(SettlementBatch.business_day == day, SettlementLine.result.is_(None))
        .limit(1)
    )
    if batch is None:
        check_audited(session, day)
        _lock_confirmed(session, day)
        due = [order for order in orders_of(session, day, states=("confirmed",)) if not order.on_hold]
        if undecided := undecided_numbers(session, due):
            raise StepRefused(
                f"A change is requested and not decided for {len(undecided)} orders ({', '.join(undecided[:20])}):"
                " approve or refuse it before they are settled.",
                "undecided",
                undecided,
            )
        if not due and not is_step_done(session, day, "settlement"):
            finish_step(session, day, "settlement", by=by, now=now, detail={})
            return 0, []
        if not due:
            raise StepRefused(f"No order of {day} is waiting to be settled.", "nothing_due")
        last = session.scalar(select(func.max(SettlementBatch.number)).where(SettlementBatch.business_day == day))
        batch = SettlementBatch(business_day=day, number=(last or 0) + 1, created_at=now, created_by=by)
        try:
            with session.begin_nested():
                session.add(batch)
        except IntegrityError as error:
            raise StepRefused(f"Batch {batch.number} of {day} was just made by somebody else.", "done") from error
        session.add_all(
            SettlementLine(batch_id=batch.id, order_id=order.id, amount_fen=order.amount_fen) for order in due
        )
        session.flush()
    return batch.number, batch_rows(session, batch.id)


def batch_rows(session: Session, batch_id: int) -> list[ExportRow]:
    """The lines of a batch as they go to the bank, by the orders' numbers: order, customer code, name, amount in
    yuan."""
    rows = session.execute(
        select(OrderRow.number, RetailerRow.customer_code, RetailerRow.name, SettlementLine.amount_fen)
        .join(OrderRow, OrderRow.id == SettlementLine.order_id)
        .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
        .where(SettlementLine.batch_id == batch_id)
        .order_by(OrderRow.number)
    )
    return [(str(number), code, name, str(yuan(fen))) for number, code, name, fen in rows]


def import_answer(
    session: Session, sheet: Sheet, day: date, rule: FailureRule, *, by: str, now: datetime
) -> dict[str, int]:
    """Step 3, second half: import the bank's answer to the open batch (order, paid or failed, and what was available in
    yuan). Every order of the batch has to be in it. The same answer again changes nothing."""
    lines = {
        str(order.number): (line, order)
        for line, order in session.execute(
            select(SettlementLine, OrderRow)
            .join(SettlementBatch, SettlementBatch.id == SettlementLine.batch_id)
            .join(OrderRow, OrderRow.id == SettlementLine.order_id)
            .where(SettlementBatch.business_day == day)
            .order_by(SettlementBatch.number)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    answers = _read_answers(sheet, lines)
    missing = [number for number, (line, _) in lines.items() if line.result is None and number not in answers]
    if missing:
        named = ", ".join(missing[:20])
        raise StepRefused(f"The answer lacks {len(missing)} orders of the batch ({named}).", "incomplete", missing)
    accounts = {
        row.id: row
        for row in session.scalars(
            select(RetailerRow)
            .where(RetailerRow.id.in_(select(OrderRow.retailer_id).where(OrderRow.business_day == day)))
            .order_by(RetailerRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    counts = {"paid": 0, "failed": 0, "already answered": 0}
    for number, (result, available) in answers.items():
        line, order = lines[number]
        if line.result is not None:
            counts["already answered"] += 1
            continue
        line.result = "paid" if result == "paid" else "failed"
        line.available_fen, line.answered_at = available, now
        counts[line.result] += 1
        if line.result == "paid":
            order.state = "settled"
            accounts[order.retailer_id].balance_fen -= line.amount_fen
            record_event(session, order, "settled", now, by=by, amount_fen=line.amount_fen)
        else:
            _apply_failure_rule(session, order, available, rule, by, now)
    if counts["paid"] or counts["failed"]:
        newest = select(func.max(SettlementBatch.number)).where(SettlementBatch.business_day == day)
        batch = session.scalars(
            select(SettlementBatch).where(
                SettlementBatch.business_day == day, SettlementBatch.number == newest.scalar_subquery()
            )
        ).one()
        batch.answered_at, batch.answered_by, batch.rule = now, by, rule
    session.flush()
    open_orders = [order for order in orders_of(session, day, states=("confirmed",)) if not order.on_hold]
    if not open_orders and not is_step_done(session, day, "settlement"):
        finish_step(session, day, "settlement", by=by, now=now, detail=counts)
    return counts


def _lock_confirmed(session: Session, day: date) -> None:
    # A change that is being approved has to be in the amount, or be refused because the order is at the bank.
    session.execute(
        select(OrderRow.id)
        .where(OrderRow.business_day == day, OrderRow.state == "confirmed")
        .order_by(OrderRow.id)
        .with_for_update()
    ).all()


def retry_unpaid(session: Session, numbers: Sequence[str], *, by: str, now: datetime) -> None:
    """Take orders off hold, to be settled in the next batch."""
    for order in session.scalars(
        select(OrderRow).where(OrderRow.number.in_(numbers), OrderRow.on_hold).order_by(OrderRow.id).with_for_update()
    ).all():
        order.on_hold = False
        record_event(session, order, "off hold", now, by=by)
    session.flush()


def take_off_hold(session: Session, day: date, numbers: Sequence[str], *, by: str, now: datetime) -> None:
    """Take orders of a day off hold; StepRefused once it is handed over, when it has to be closed and reopened for
    them."""
    if is_step_done(session, day, "hand_over"):
        raise StepRefused(f"{day} is handed over to delivery: close it, and reopen it for these orders.", "handed_over")
    own = session.scalars(select(OrderRow.number).where(OrderRow.business_day == day, OrderRow.number.in_(numbers)))
    retry_unpaid(session, [str(number) for number in own], by=by, now=now)


def _apply_failure_rule(
    session: Session, order: OrderRow, available: int, rule: FailureRule, by: str, now: datetime
) -> None:
    if rule == "cut":
        lines = {line.barcode: line.granted_packs for line in order.lines}
        amount = order.amount_fen
        # The last line is cut first, carton by carton.
        for line in reversed(order.lines):
            while amount > available and lines[line.barcode] >= line.packs_per_carton:
                lines[line.barcode] -= line.packs_per_carton
                amount -= line.price_fen
        set_lines(session, order, lines if amount <= available else {})
    elif rule == "cancel":
        set_lines(session, order, {})
    else:
        order.on_hold = True
    if not order.lines:
        order.state = "cancelled"
    record_event(session, order, "not paid", now, by=by, rule=rule, available_fen=available, left_fen=order.amount_fen)


def _read_answers(sheet: Sheet, lines: dict[str, tuple[SettlementLine, OrderRow]]) -> dict[str, tuple[str, int]]:
    answers: dict[str, tuple[str, int]] = {}
    for row in sheet if sheet.require(ANSWER_COLUMNS) else ():
        number, result = row.required("order"), row.one_of("result", ("paid", "failed"))
        available = row.fen("available", least=0) if result == "failed" else 0
        if number is None or result is None or available is None:
            continue
        if number not in lines:
            row.problem("order", f"order {number} is in no batch of this day")
        elif number in answers:
            row.problem("order", f"order {number} is answered in an earlier row already")
        elif lines[number][0].result not in (None, result):
            row.problem("result", f"order {number} was answered with {lines[number][0].result} before")
        answers[number] = (result, available)
    if sheet.problems:
        raise SheetError(sheet.problems)
    return answers
