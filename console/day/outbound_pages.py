"""Outbound calling of the retailers due: started, stopped and watched by the leader (TR 3.1.2, 3.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import requires_task, staff
from console.event_stream import EventStream, streamed_response
from console.filters import time_of_day
from console.language import _, chosen
from ivr.operators import presence
from ivr.outbound.dialler import engaged_retailers
from ivr.services import services
from orders.book.due import due_count
from orders.book.models import COUNTED_STATES, OrderRow
from orders.hotline_settings import calendar
from orders.outbound import campaign, missed_calls
from orders.outbound.missed_calls import UnreachedRetailer
from orders.outbound.models import ALL_BATCHES, OutboundAttempt, OutboundDay
from orders.outbound.pacing import (
    Candidate,
    DialState,
    PacingRules,
    is_being_called,
    is_due,
    is_finished,
    next_dials,
    not_before,
)
from orders.retailers.lookup import by_code
from orders.retailers.models import RetailerRow
from orders.windows import ALWAYS, business_day
from storage import read_only, transaction

ATTEMPTS_SHOWN = 100
NEXT_SHOWN = 10
UNREACHED_SHOWN = 50

IdleReason = Literal[
    "", "stopped", "no_dialler", "no_line", "closed", "all_done", "window", "no_operator", "lines", "pause"
]
"""The reason nobody is being called now; empty if the next call is about to be placed."""


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One call attempt as listed, with the order it led to."""

    attempt: OutboundAttempt
    retailer: RetailerRow
    order: OrderRow | None

    @property
    def seconds(self) -> int | None:
        """The duration of the conversation in seconds, or None if there was none or it is not over."""
        attempt = self.attempt
        if attempt.answered_at is None or attempt.ended_at is None:
            return None
        return int((attempt.ended_at - attempt.answered_at).total_seconds())


@dataclass(frozen=True, slots=True)
class UpcomingCall:
    """A retailer still to be called; without `not_before`, as soon as a line is free."""

    retailer: RetailerRow
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class OutboundStatus:
    """The state of outbound calling at one moment."""

    day: date
    state: OutboundDay | None
    idle_reason: IdleReason
    due: int
    ordered: int
    suspended: int
    remaining: int
    ringing: int
    talking: int
    free_operators: int
    rules: PacingRules
    attempts: Sequence[AttemptView]
    more_attempts: int
    upcoming: Sequence[UpcomingCall]
    unreached: Sequence[UnreachedRetailer]
    unreached_count: int

    @property
    def calling_windows(self) -> list[tuple[str, str, str]]:
        """The calling hours of each batch as (name, from, until); the batch without a name stands for all others."""
        windows = {ALL_BATCHES: self.rules.window(ALL_BATCHES), **self.rules.windows}
        return [
            (batch, time_of_day(window.opens), time_of_day(window.closes)) for batch, window in sorted(windows.items())
        ]

    @property
    def running(self) -> bool:
        return self.state is not None and self.state.running


def outbound_routes() -> Blueprint:
    """The page of outbound calling."""
    routes = Blueprint("outbound", __name__, url_prefix="/outbound")
    live = OutboundStream()

    @routes.get("")
    @requires_task("run_outbound")
    def page() -> ResponseReturnValue:
        return render_template("day/outbound.html", status=_status())

    @routes.get("/events")
    @requires_task("run_outbound")
    def events() -> Response:
        return EventStream(live)

    @routes.post("/start")
    @requires_task("run_outbound")
    def start() -> ResponseReturnValue:
        return _set(True)

    @routes.post("/stop")
    @requires_task("run_outbound")
    def stop() -> ResponseReturnValue:
        return _set(False)

    @routes.post("/not-today")
    @requires_task("run_outbound")
    def not_today() -> ResponseReturnValue:
        """Call a retailer no more today, as it asked."""
        now = services().now()
        with transaction(services().sessions) as session:
            retailer = by_code(session, request.form.get("customer_code", ""))
            if retailer is None:
                abort(404, _("没有这个客户代码。"))
            campaign.opt_out(session, business_day(now), retailer.id, staff().name, now)
        return streamed_response()

    return routes


def _set(running: bool) -> ResponseReturnValue:
    now = services().now()
    with transaction(services().sessions) as session:
        campaign.set_running(session, business_day(now), running, staff().name, now)
    return streamed_response()


class OutboundStream:
    """The part of the page that changes, the same for all who look at it."""

    interval_s = 1.0

    def __init__(self) -> None:
        self._parts: tuple[OutboundStatus, dict[str, str]] | None = None

    def read(self, _viewers: Collection[int]) -> OutboundStatus:
        """The state at this moment."""
        return _status()

    def render(self, content: OutboundStatus, _viewer: int) -> Mapping[str, str]:
        """The part, rendered once for each language."""
        if self._parts is None or self._parts[0] is not content:
            self._parts = content, {}
        part = self._parts[1].get(chosen())
        if part is None:
            part = self._parts[1][chosen()] = render_template("day/outbound_status.html", status=content)
        return {"outbound": part}


def _status() -> OutboundStatus:
    with read_only(services().sessions) as session:
        return outbound_status(session, services().now(), services().settings.operator_numbers)


def outbound_status(session: Session, now: datetime, numbers: Collection[str] = ()) -> OutboundStatus:
    """The state of outbound calling: the retailers left, the attempts with their outcomes, and the reason if nobody is
    called. `numbers` are the operators of the fixed list."""
    day = business_day(now)
    rules = campaign.pacing_rules(session)
    found = campaign.candidates(session, day, now, engaged_retailers(session, now))
    state = session.get(OutboundDay, day)
    under_way = campaign.under_way(session)
    line = campaign.outbound_line(session)
    free = len(presence.available_operators(session, numbers, now))
    dial_state = DialState(now, day, line.window if line is not None else ALWAYS, len(under_way), free)
    remaining = [one for one in found if one.ready and not is_finished(one, rules) and not is_being_called(one)]
    idle_reason = _idle_reason(session, state, line is not None, remaining, rules, dial_state)
    attempts, attempt_count = campaign.latest_attempts(session, day, ATTEMPTS_SHOWN)
    due = due_count(session, day)
    return OutboundStatus(
        day=day,
        state=state,
        idle_reason=idle_reason,
        due=due.due,
        ordered=due.ordered,
        suspended=due.suspended,
        remaining=len(remaining),
        ringing=sum(attempt.answered_at is None for attempt in under_way),
        talking=sum(attempt.answered_at is not None for attempt in under_way),
        free_operators=free,
        rules=rules,
        attempts=_views(session, attempts),
        more_attempts=attempt_count - len(attempts),
        upcoming=_upcoming(session, remaining, rules, dial_state),
        unreached=missed_calls.unreached_retailers(session, day, most=UNREACHED_SHOWN),
        unreached_count=missed_calls.unreached_count(session, day),
    )


def _idle_reason(
    session: Session,
    state: OutboundDay | None,
    has_line: bool,
    remaining: Sequence[Candidate],
    rules: PacingRules,
    dial_state: DialState,
) -> IdleReason:
    """The first reason that applies, in the order in which it can be remedied; empty if none does."""
    reasons: tuple[tuple[IdleReason, bool], ...] = (
        ("stopped", state is None or not state.running),
        ("no_dialler", not campaign.dialler_is_running(session, dial_state.now)),
        ("no_line", not has_line),
        (
            "closed",
            dial_state.hours.day_at(dial_state.now) != dial_state.day
            or not campaign.takes_orders(session, dial_state.day, calendar(session)),
        ),
        ("all_done", not remaining),
        ("window", not any(rules.window(one.batch).day_at(dial_state.now) == dial_state.day for one in remaining)),
        ("no_operator", dial_state.free_operators == 0),
        (
            "lines",
            not next_dials(remaining, rules, dial_state) and any(is_due(one, rules, dial_state) for one in remaining),
        ),
        ("pause", not any(is_due(one, rules, dial_state) for one in remaining)),
    )
    return next((reason for reason, is_so in reasons if is_so), "")


def _views(session: Session, attempts: Sequence[OutboundAttempt]) -> list[AttemptView]:
    """The attempts as listed."""
    retailers = _retailers(session, [attempt.retailer_id for attempt in attempts])
    call_keys = [attempt.call_key for attempt in attempts if attempt.call_key is not None]
    orders = {
        order.call_key: order
        for order in session.scalars(
            select(OrderRow).where(OrderRow.call_key.in_(call_keys), OrderRow.state.in_(COUNTED_STATES))
        )
    }
    return [AttemptView(attempt, retailers[attempt.retailer_id], orders.get(attempt.call_key)) for attempt in attempts]


def _upcoming(
    session: Session, remaining: Sequence[Candidate], rules: PacingRules, dial_state: DialState
) -> list[UpcomingCall]:
    """The retailers to be called next, in their order, each with the time before which it is not called."""
    times = {one.retailer_id: not_before(one, rules, dial_state.day) for one in remaining}
    in_time = [one for one in remaining if times[one.retailer_id] < rules.window(one.batch).closes_at(dial_state.day)]
    in_time.sort(key=lambda one: (max(times[one.retailer_id], dial_state.now), len(one.attempts), one.retailer_id))
    first = [one.retailer_id for one in in_time[:NEXT_SHOWN]]
    retailers = _retailers(session, first)
    return [
        UpcomingCall(retailers[number], times[number] if times[number] > dial_state.now else None) for number in first
    ]


def _retailers(session: Session, numbers: Sequence[int]) -> dict[int, RetailerRow]:
    return {row.id: row for row in session.scalars(select(RetailerRow).where(RetailerRow.id.in_(numbers)))}
