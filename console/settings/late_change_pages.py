"""Changes of supply and limits after 07:50, which somebody other than the requester approves or refuses (AY 4.1.1)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.language import _
from console.paging import requested_page
from ivr.services import services
from orders.book.order_changes import same_person
from orders.models import REASON_MAX_CHARS
from orders.supply import late_changes
from orders.supply.late_changes import LateChangeRefused
from orders.supply.limits import LimitsRefused
from orders.supply.locking import DayOver
from orders.supply.models import LateChange
from storage import read_only, transaction

OPEN_SHOWN = 200
DECIDED_SHOWN = 50


def late_change_routes() -> Blueprint:
    """The list of requests, and the page of each."""
    routes = Blueprint("late_changes", __name__, url_prefix="/supply/requests")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template(
                "settings/late_changes.html",
                waiting=late_changes.open_changes(session, OPEN_SHOWN),
                decided=late_changes.decided_changes(session, DECIDED_SHOWN),
            )

    @routes.get("/<int:number>")
    @requires_task("see_day")
    def request_page(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template("settings/late_change.html", **_context(session, number))

    @routes.post("/<int:number>")
    @requires_task("see_day")
    def decide(number: int) -> ResponseReturnValue:
        """Approve, refuse or withdraw a request; who may approve is not its requester, who alone may withdraw it."""
        decision, note = request.form.get("decision"), request.form.get("note", "").strip()[:REASON_MAX_CHARS]
        problem: dict[str, object] = {}
        if decision != "withdraw" and not may("approve_supply"):
            abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
        if decision == "refuse" and not note:
            problem = {"no_note": True}
        else:
            try:
                _decide(number, str(decision), note)
            except LateChangeRefused as refused:
                problem = {"refusal": refused.reason, "figures": refused.figures}
            except LimitsRefused as refused:
                problem = {"below": refused.lines}
            except DayOver:
                problem = {"over": True}
        with read_only(services().sessions) as session:
            part = render_template("settings/late_change_state.html", **_context(session, number), **problem)
        return part, 422 if problem else 200

    return routes


def _decide(number: int, decision: str, note: str) -> None:
    by, now = staff().name, services().now()
    with transaction(services().sessions) as session:
        if session.get(LateChange, number) is None:
            abort(404)
        if decision == "withdraw":
            late_changes.withdraw(session, number, by=by, now=now)
        else:
            catalog = services().catalog(session)
            late_changes.decide(session, catalog, number, approve=decision == "approve", by=by, now=now, note=note)


def _context(session: Session, number: int) -> dict[str, object]:
    change = session.get(LateChange, number)
    if change is None:
        abort(404)
    shown = requested_page(change.limit_count)
    return {
        "change": change,
        "specs": services().catalog(session).specs,
        "shown": shown,
        "limits": late_changes.limit_figures(session, change, most=shown.size, skip=shown.first),
        "is_own": same_person(change.requested_by, staff().name),
        "may_approve": may("approve_supply"),
    }
