"""Requests of retailers beyond an order: met at once, or passed up until answered (AS 4.2.2 b)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from orders.retailers.models import RetailerRow
from orders.staff.models import TEXT_MAX, Feedback, FeedbackKind, FeedbackStep, FeedbackStepKind, Role, StaffRow

KINDS: tuple[FeedbackKind, ...] = get_args(FeedbackKind)

PASSED_TO: dict[Role, tuple[Role, ...]] = {
    "operator": ("leader", "manager"),
    "clerk": ("leader", "manager"),
    "leader": ("manager", "director"),
    "manager": ("leader", "director"),
    "director": ("leader", "manager"),
    "customer_manager": ("leader", "manager"),
    "county_clerk": ("leader", "manager", "director"),
}
"""The roles to which each role may pass a request up."""


class FeedbackRefused(ValueError):
    """The request cannot be handled like this; the message says why."""


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """One request with its retailer and all steps taken on it, from the beginning."""

    row: Feedback
    retailer: RetailerRow
    steps: Sequence[tuple[FeedbackStep, StaffRow]]

    @property
    def answer(self) -> str:
        """The latest answer; empty where there is none."""
        return next((step.text for step, _ in reversed(self.steps) if step.step == "answered"), "")


def record_request(
    session: Session,
    retailer_id: int,
    kind: FeedbackKind,
    text: str,
    *,
    pass_to: Role | None,
    by: StaffRow,
    now: datetime,
) -> Feedback:
    """Record a request: met at once, or passed up to a role."""
    _check_text(text)
    if pass_to is not None:
        _check_recipient(by, pass_to)
    row = Feedback(
        retailer_id=retailer_id,
        kind=kind,
        text=text.strip(),
        state="met" if pass_to is None else "waiting",
        waits_for=pass_to,
        recorded_at=now,
        recorded_by=by.id,
    )
    session.add(row)
    session.flush()
    _add_step(session, row, "noted", by, now, to=pass_to)
    return row


def pass_up(session: Session, feedback_id: int, to: Role, text: str, *, by: StaffRow, now: datetime) -> None:
    """Pass a request that waits for one's own role on to another, with or without a comment."""
    row = _waiting_for(session, feedback_id, by)
    _check_recipient(by, to)
    row.waits_for = to
    _add_step(session, row, "passed_up", by, now, to=to, text=text.strip()[:TEXT_MAX])


def answer(session: Session, feedback_id: int, text: str, *, by: StaffRow, now: datetime) -> None:
    """Answer a request that waits for one's own role; the operators then inform the retailer."""
    _check_text(text)
    row = _waiting_for(session, feedback_id, by)
    row.state, row.waits_for = "answered", None
    _add_step(session, row, "answered", by, now, text=text.strip())


def requests(
    session: Session,
    *,
    waits_for: Role | None = None,
    noted_by: int | None = None,
    retailer_id: int | None = None,
    when: ColumnElement[bool] | None = None,
    limit: int = 100,
) -> list[FeedbackView]:
    """Requests, the latest first: those that wait for a role, that one person recorded, of one retailer, or recorded
    when the condition says."""
    chosen = (
        select(Feedback, RetailerRow)
        .join(RetailerRow, RetailerRow.id == Feedback.retailer_id)
        .order_by(Feedback.id.desc())
        .limit(limit)
    )
    if waits_for is not None:
        chosen = chosen.where(Feedback.waits_for == waits_for)
    if noted_by is not None:
        chosen = chosen.where(Feedback.recorded_by == noted_by)
    if retailer_id is not None:
        chosen = chosen.where(Feedback.retailer_id == retailer_id)
    if when is not None:
        chosen = chosen.where(when)
    rows = session.execute(chosen).all()
    steps: dict[int, list[tuple[FeedbackStep, StaffRow]]] = {row.id: [] for row, _ in rows}
    for step, staff in session.execute(
        select(FeedbackStep, StaffRow)
        .join(StaffRow, StaffRow.id == FeedbackStep.by_id)
        .where(FeedbackStep.feedback_id.in_(steps))
        .order_by(FeedbackStep.id)
    ):
        steps[step.feedback_id].append((step, staff))
    return [FeedbackView(row, retailer, steps[row.id]) for row, retailer in rows]


def _waiting_for(session: Session, feedback_id: int, by: StaffRow) -> Feedback:
    row = session.get(Feedback, feedback_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "waiting" or row.waits_for != by.role:
        raise FeedbackRefused(f"Request {feedback_id} does not wait for {by.name} now.")
    return row


def _check_text(text: str) -> None:
    if not text.strip() or len(text.strip()) > TEXT_MAX:
        raise FeedbackRefused(f"A text of {TEXT_MAX} characters at most is needed.")


def _check_recipient(by: StaffRow, to: Role) -> None:
    if to not in PASSED_TO[by.role]:
        raise FeedbackRefused(f"{by.name} passes up to {', '.join(PASSED_TO[by.role])}, not to the {to}.")


def _add_step(
    session: Session,
    row: Feedback,
    step: FeedbackStepKind,
    by: StaffRow,
    now: datetime,
    *,
    to: Role | None = None,
    text: str = "",
) -> None:
    session.add(FeedbackStep(feedback_id=row.id, at=now, by_id=by.id, step=step, to=to, text=text))
    session.flush()
