"""Web orders that need an operator: cut ones waiting for an audit, failed ones to be followed up (AY 4.2.7-10)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.calls.order_and_call_pages import requested_day
from console.desk.desk_pages import begin_order
from console.language import _
from ivr.services import services
from orders.channels import follow_ups, web_orders
from orders.channels.follow_ups import RESULTS, FollowUpClaimed
from orders.channels.web_orders import AuditRefused
from orders.models import NOTE_MAX_CHARS
from orders.retailers.lookup import by_code, phones_of
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import read_only, transaction


def web_order_routes() -> Blueprint:
    """The audit list and the phone list of failed web orders."""
    routes = Blueprint("web_orders", __name__, url_prefix="/web-orders")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session)

    @routes.post("/<int:number>/audit")
    @requires_task("audit_orders")
    def audit(number: int) -> ResponseReturnValue:
        note = request.form.get("note", "").strip()
        with transaction(services().sessions) as session:
            if not note or len(note) > NOTE_MAX_CHARS:
                sentence = _("请写明审核意见，最多%(most)d个字。", most=NOTE_MAX_CHARS)
                return _page(session, error=(f"audit-{number}", sentence), typed=note), 422
            try:
                web_orders.audit_order(session, number, by=staff().name, note=note, now=services().now())
            except AuditRefused:
                return _page(session, notice=_("这张单已经有人看过了。"))
            return _page(session)

    @routes.post("/<code>/take")
    @requires_task("take_calls")
    def take(code: str) -> ResponseReturnValue:
        """Take a retailer of the phone list, and open its order sheet."""
        now = services().now()
        with transaction(services().sessions) as session:
            try:
                follow_ups.claim(session, business_day(now), _retailer(session, code).id, staff(), now)
            except FollowUpClaimed as taken:
                return _("这一户%(name)s已经在打了。", name=taken.by), 409
        return begin_order(code)

    @routes.post("/<code>/release")
    @requires_task("take_calls")
    def release(code: str) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            follow_ups.release(session, business_day(services().now()), _retailer(session, code).id, staff())
            return _page(session)

    @routes.post("/<code>/done")
    @requires_task("take_calls")
    def done(code: str) -> ResponseReturnValue:
        now, note = services().now(), request.form.get("note", "").strip()
        result = next((one for one in RESULTS if one == request.form.get("result")), None)
        with transaction(services().sessions) as session:
            if result is None:
                return _page(session, error=(f"done-{code}", _("请选结果。")), typed=note), 422
            try:
                retailer = _retailer(session, code)
                follow_ups.close(session, business_day(now), retailer.id, staff(), result, note, now)
            except FollowUpClaimed as taken:
                return _("这一户%(name)s已经在打了。", name=taken.by), 409
            return _page(session)

    return routes


def _retailer(session: Session, code: str) -> RetailerRow:
    found = by_code(session, code)
    if found is None:
        abort(404)
    return found


def _page(session: Session, error: tuple[str, str] = ("", ""), typed: str = "", notice: str = "") -> str:
    day = requested_day()
    to_audit = web_orders.audit_list(session, day)
    codes = {row.customer_code for row in to_audit}
    retailers = session.scalars(select(RetailerRow).where(RetailerRow.customer_code.in_(codes)))
    to_call = follow_ups.due_follow_ups(session, day)
    return render_template(
        "day/web_order_lists.html" if request.headers.get("HX-Request") else "day/web_orders.html",
        day=day,
        is_today=day == business_day(services().now()),
        to_audit=to_audit,
        retailers={row.customer_code: row for row in retailers},
        to_call=to_call,
        phones=phones_of(session, [one.retailer.id for one in to_call]),
        done_follow_ups=follow_ups.done_follow_ups(session, day),
        specs=services().catalog(session).specs,
        me=staff(),
        may_audit=may("audit_orders"),
        may_call=may("take_calls"),
        error=error,
        typed=typed,
        notice=notice,
        note_max=NOTE_MAX_CHARS,
    )
