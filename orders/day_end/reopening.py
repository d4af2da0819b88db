"""Reopening a closed day on a page: one person requests it, another agrees to it or refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.book.order_changes import same_person
from orders.day_end.models import ReopeningRequest
from orders.day_end.settlement import retry_unpaid
from orders.day_end.steps import StepRefused, is_step_done, reopen

REASON_MAX_CHARS = 200


def request_reopening(
    session: Session, day: date, orders: Sequence[str], *, reason: str, by: str, now: datetime
) -> ReopeningRequest:
    """Request that a closed day is reopened, for these orders on hold to be settled. StepRefused where the day is not
    closed, without a reason, or while another request for it is open."""
    if not is_step_done(session, day, "close"):
        raise StepRefused(f"{day} is not closed, so there is nothing to reopen.", "not_closed")
    if not reason.strip():
        raise StepRefused("Reopening a closed day takes a reason and a second person.", "second_person")
    request = ReopeningRequest(
        business_day=day,
        orders=list(orders),
        reason=reason.strip()[:REASON_MAX_CHARS],
        state="requested",
        requested_at=now,
        requested_by=by,
    )
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError as error:
        raise StepRefused(f"Somebody else has just requested to reopen {day}.", "done") from error
    return request


def open_reopening(session: Session, day: date) -> ReopeningRequest | None:
    """The open request to reopen a day, or None."""
    return session.scalar(
        select(ReopeningRequest).where(ReopeningRequest.business_day == day, ReopeningRequest.state == "requested")
    )


def decide_reopening(session: Session, request_id: int, *, agree: bool, by: str, now: datetime) -> ReopeningRequest:
    """Agree to a request, which reopens the day and takes its orders off hold, or refuse it. Its requester can only
    withdraw it. StepRefused where it is not open any more, or the requester agrees."""
    request = session.get(ReopeningRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None or request.state != "requested":
        raise StepRefused(f"There is no open request {request_id} to reopen a day.", "not_open")
    is_own = same_person(request.requested_by, by)
    if agree and is_own:
        raise StepRefused("Reopening a closed day takes a reason and a second person.", "second_person")
    request.state = "agreed" if agree else "withdrawn" if is_own else "refused"
    request.decided_at, request.decided_by = now, by
    if agree:
        reopen(session, request.business_day, by=request.requested_by, second=by, reason=request.reason, now=now)
        retry_unpaid(session, request.orders, by=by, now=now)
    session.flush()
    return request
