"""Web orders that need an operator: cut ones waiting for an audit, failed ones to be followed up (AY 4.2.7-10)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, only_for, staff
from console.calls.order_and_call_pages import chosen_day
from console.desk.desk_pages import begin_order
from console.language import _
from console.services import room
from orders.channels import follow_ups, web_orders
from orders.channels.follow_ups import RESULTS, FollowUpTaken
from orders.channels.models import NOTE_MAX_CHARS
from orders.channels.web_orders import AuditRefused
from orders.retailers.lookup import by_code
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import reading, transaction


def web_order_routes() -> Blueprint:
    """The audit list and the phone list of failed web orders."""
    routes = Blueprint("web_orders", __name__, url_prefix="/web-orders")

    @routes.get("")
    @only_for("see_day")
    def page() -> ResponseReturnValue:
        with reading(room().sessions) as session:
            return _page(session)

    @routes.post("/<int:number>/audit")
    @only_for("audit_orders")
    def audit(number: int) -> ResponseReturnValue:
        note = request.form.get("note", "").strip()
        with transaction(room().sessions) as session:
            if not note or len(note) > NOTE_MAX_CHARS:
                sentence = _("请写明看到了什么，最多%(most)d个字。", most=NOTE_MAX_CHARS)
                return _page(session, wrong=(f"audit-{number}", sentence), typed=note), 422
            try:
                web_orders.audit(session, number, by=staff().name, note=note, now=room().now())
            except AuditRefused:
                return _page(session, said=_("这张单已经有人看过了。"))
            return _page(session)

    @routes.post("/<code>/take")
    @only_for("take_calls")
    def take(code: str) -> ResponseReturnValue:
        """Take a retailer of the phone list, and open its order sheet."""
        now = room().now()
        with transaction(room().sessions) as session:
            try:
                follow_ups.take(session, business_day(now), _retailer(session, code).id, staff(), now)
            except FollowUpTaken as taken:
                return _("这一户%(name)s已经在打了。", name=taken.by), 409
        return begin_order(code)

    @routes.post("/<code>/put-back")
    @only_for("take_calls")
    def put_back(code: str) -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            follow_ups.put_back(session, business_day(room().now()), _retailer(session, code).id, staff())
            return _page(session)

    @routes.post("/<code>/done")
    @only_for("take_calls")
    def done(code: str) -> ResponseReturnValue:
        now, note = room().now(), request.form.get("note", "").strip()
        result = next((one for one in RESULTS if one == request.form.get("result")), None)
        with transaction(room().sessions) as session:
            if result is None:
                return _page(session, wrong=(f"done-{code}", _("请选结果。")), typed=note), 422
            try:
                retailer = _retailer(session, code)
                follow_ups.close(session, business_day(now), retailer.id, staff(), result, note, now)
            except FollowUpTaken as taken:
                return _("这一户%(name)s已经在打了。", name=taken.by), 409
            return _page(session)

    return routes


def _retailer(session: Session, code: str) -> RetailerRow:
    found = by_code(session, code)
    if found is None:
        abort(404)
    return found


def _page(session: Session, wrong: tuple[str, str] = ("", ""), typed: str = "", said: str = "") -> str:
    day = chosen_day()
    return render_template(
        "day/web_order_lists.html" if request.headers.get("HX-Request") else "day/web_orders.html",
        day=day,
        is_today=day == business_day(room().now()),
        to_audit=web_orders.audit_list(session, day),
        to_ring=follow_ups.to_ring(session, day),
        rung_off=follow_ups.rung_off(session, day),
        retailer_of=lambda code: by_code(session, code),
        specs=room().line.hearing.catalog(session).specs,
        me=staff(),
        may_audit=may("audit_orders"),
        may_ring=may("take_calls"),
        wrong=wrong,
        typed=typed,
        said=said,
        note_max=NOTE_MAX_CHARS,
    )
