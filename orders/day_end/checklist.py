"""The checklist of a day's end: each step with its state, who did it, and what is missing before it can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, OrderChange, OrderRow
from orders.channels.models import WebOrderRow
from orders.day_end.models import DayStepDone, ReopeningRequest, SettlementBatch, SettlementLine
from orders.day_end.reopening import open_reopening
from orders.supply.models import Supply

ListedStep = Literal["balances", "audit", "settlement", "answer", "hand_over", "notice", "close"]
"""The steps as they are listed: the settlement's two halves, what goes out to the bank and its answer, apart."""

LISTED_STEPS: tuple[ListedStep, ...] = get_args(ListedStep)
StepState = Literal["done", "open", "blocked", "later"]
"""Done; to be done now; its turn, but something is missing; or still to come."""

Missing = Literal["unaudited", "undecided", "unsettled"]
# A day that nobody closed for longer than this is no task of the day any more.
UNCLOSED_SHOWN_DAYS = 31


@dataclass(frozen=True, slots=True)
class ChecklistStep:
    """One step: its state, the moment it was done and the name of who did it, its result, and how many of what it waits
    for."""

    name: ListedStep
    state: StepState
    at: datetime | None = None
    by: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[Missing, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchOfDay:
    """One batch of the day: its orders, their amount in fen, and how many of them the bank paid, did not pay, and has
    not answered."""

    batch: SettlementBatch
    orders: int
    amount_fen: int
    paid: int
    failed: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Checklist:
    """The end of one business day: its steps in their order, its batches, and an open request to reopen it."""

    day: date
    steps: tuple[ChecklistStep, ...]
    batches: Sequence[BatchOfDay]
    reopening: ReopeningRequest | None

    @property
    def version(self) -> str:
        """The states of all steps as text; a page sends it back, so that a stale one is known."""
        states = "-".join(step.state for step in self.steps)
        return f"{states}-{len(self.batches)}-{self.reopening.id if self.reopening else 0}"

    def step(self, name: ListedStep) -> ChecklistStep:
        return self.steps[LISTED_STEPS.index(name)]

    @property
    def is_closed(self) -> bool:
        return self.step("close").state == "done"


def checklist(session: Session, day: date) -> Checklist:
    """The checklist of a business day as it stands now."""
    done = {row.step: row for row in session.scalars(select(DayStepDone).where(DayStepDone.business_day == day))}
    batches = _batches(session, day)
    last = batches[-1] if batches else None
    is_at_bank = last is not None and last.unanswered > 0
    at_bank = select(SettlementLine.order_id).where(SettlementLine.result.is_(None))
    to_settle = (OrderRow.business_day == day, OrderRow.state == "confirmed", ~OrderRow.on_hold)
    unsettled = session.scalar(select(func.count()).where(*to_settle, OrderRow.id.not_in(at_bank))) or 0
    missing: dict[Missing, int] = {
        "unaudited": session.scalar(
            select(func.count()).where(
                WebOrderRow.business_day == day, WebOrderRow.to_audit, WebOrderRow.audited_at.is_(None)
            )
        )
        or 0,
        "undecided": session.scalar(
            select(func.count(OrderChange.id))
            .join(OrderRow, OrderRow.id == OrderChange.order_id)
            .where(OrderChange.state == "requested", *to_settle)
        )
        or 0,
    }
    waits: dict[Missing, int] = {kind: count for kind, count in missing.items() if count}
    is_settled = "settlement" in done and not unsettled and not is_at_bank

    def step(name: ListedStep, before: bool, blocked_by: Mapping[Missing, int] | None = None) -> ChecklistStep:
        """A step that is a row of its own once it is done, and that may be done when what is `before` it is."""
        if name in done:
            row = done[name]
            return ChecklistStep(name, "done", row.at, row.by, row.detail)
        if not before:
            return ChecklistStep(name, "later")
        return ChecklistStep(name, "blocked" if blocked_by else "open", missing=blocked_by or {})

    to_audit: dict[Missing, int] = {"unaudited": waits["unaudited"]} if "unaudited" in waits else {}
    not_settled: dict[Missing, int] = {"unsettled": unsettled} if unsettled else {}
    steps = (
        step("balances", True),
        step("audit", "balances" in done, to_audit),
        _settlement_out(done, last, is_done=is_at_bank or is_settled, waits=waits),
        _answer(done, last, is_at_bank=is_at_bank, is_settled=is_settled),
        step("hand_over", "settlement" in done and not is_at_bank, not_settled),
        step("notice", "hand_over" in done),
        step("close", "notice" in done),
    )
    return Checklist(day, steps, batches, open_reopening(session, day))


def unclosed_days(session: Session, today: date) -> list[date]:
    """The days of the last month before today on which something was ordered and that are not closed, the latest
    first."""
    first = today - timedelta(days=UNCLOSED_SHOWN_DAYS)
    closed = select(DayStepDone.business_day).where(DayStepDone.step == "close", DayStepDone.business_day >= first)
    days = session.scalars(
        select(Supply.business_day)
        .where(Supply.business_day >= first, Supply.business_day < today, Supply.business_day.not_in(closed))
        .distinct()
        .order_by(Supply.business_day.desc())
    ).all()
    counted = select(OrderRow.id).where(OrderRow.state.in_(COUNTED_STATES))
    return [day for day in days if session.scalar(counted.where(OrderRow.business_day == day).limit(1)) is not None]


def _settlement_out(
    done: Mapping[Any, DayStepDone], last: BatchOfDay | None, *, is_done: bool, waits: Mapping[Missing, int]
) -> ChecklistStep:
    if is_done and last is not None:
        return ChecklistStep("settlement", "done", last.batch.created_at, last.batch.created_by)
    if is_done:
        return ChecklistStep("settlement", "done", done["settlement"].at, done["settlement"].by)
    if "audit" not in done:
        return ChecklistStep("settlement", "later")
    return ChecklistStep("settlement", "blocked" if waits else "open", missing=waits)


def _answer(
    done: Mapping[Any, DayStepDone], last: BatchOfDay | None, *, is_at_bank: bool, is_settled: bool
) -> ChecklistStep:
    if is_at_bank:
        return ChecklistStep("answer", "open")
    if not is_settled:
        return ChecklistStep("answer", "later")
    row = done["settlement"]
    if last is not None and last.batch.answered_at is not None:
        return ChecklistStep("answer", "done", last.batch.answered_at, last.batch.answered_by or "")
    return ChecklistStep("answer", "done", row.at, row.by)


def _batches(session: Session, day: date) -> list[BatchOfDay]:
    rows = session.execute(
        select(
            SettlementBatch,
            func.count(),
            func.sum(SettlementLine.amount_fen),
            func.count().filter(SettlementLine.result == "paid"),
            func.count().filter(SettlementLine.result == "failed"),
            func.count().filter(SettlementLine.result.is_(None)),
        )
        .join(SettlementLine, SettlementLine.batch_id == SettlementBatch.id)
        .where(SettlementBatch.business_day == day)
        .group_by(SettlementBatch.id)
        .order_by(SettlementBatch.number)
    )
    return [
        BatchOfDay(batch, int(n), int(fen), int(paid), int(no), int(open_)) for batch, n, fen, paid, no, open_ in rows
    ]
