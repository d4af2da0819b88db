"""The operator's desk: the queue, taking a call, and the order sheet that goes with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows.state import CallState
from console.authentication import requires_task, staff
from console.day.feedback_pages import form_context
from console.desk.call_handling import presence_context, read_presence, swap_work_area
from console.desk.call_views import call_view, hotline_status, turns_of
from console.desk.desk_stream import DeskStream
from console.desk.order_sheet import (
    OrderSheet,
    SheetRefusal,
    add_suggested_lines,
    build_sheet,
    differences,
    enter_line,
    order_version,
)
from console.desk.retailer_search import find_retailers
from console.desk.shop_facts import note_context
from console.desk.typed_names import SHELVES, TypedNames
from console.event_stream import EventStream
from console.language import _
from ivr.models import Call
from ivr.operators import callbacks, presence, tickets
from ivr.operators.models import Callback, Ticket
from ivr.services import services
from orders.book.desk import Desk, DeskRefusal, Hotline, LineOutcome, OrderView, Retailer
from orders.book.models import OrderRow
from orders.book.views import order_view, retailer_view
from orders.channels import follow_ups
from orders.retailers.models import RetailerRow
from orders.staff import feedback, notices
from orders.windows import business_day
from storage import read_only, transaction

FOUND_MAX = 8
REQUESTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class WorkItem:
    """The order an operator is working on: its retailer, and the call and ticket it belongs to, or the callback, if
    any."""

    key: str
    retailer: Retailer | None
    hotline: Hotline
    call: Call | None
    ticket: Ticket | None
    saved: OrderView | None
    callback: Callback | None = None


def desk_routes() -> Blueprint:
    """The desk's pages."""
    routes = Blueprint("desk", __name__, url_prefix="/desk")
    live = DeskStream()
    typed = TypedNames()

    @routes.get("")
    @requires_task("take_calls")
    def page() -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            presence.check_in(session, staff().id, services().now())
            return render_template(
                "desk/desk.html",
                status=hotline_status(session, services().now()),
                **presence_context(read_presence(session), staff()),
            )

    @routes.get("/events")
    @requires_task("take_calls")
    def events() -> ResponseReturnValue:
        return EventStream(live)

    @routes.get("/retailers")
    @requires_task("take_calls")
    def retailers() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()[:40]
        with read_only(services().sessions) as session:
            found = find_retailers(session, text, FOUND_MAX)
        key = request.args.get("key", "")
        return render_template("desk/retailers_found.html", found=found, text=text, key=key)

    @routes.get("/specs/<version>")
    @requires_task("take_calls")
    def typed_names(version: str) -> ResponseReturnValue:
        """The names the order sheet searches; a browser keeps those of one version of the catalogue."""
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
        answer = Response(typed.table(catalog), mimetype="application/json")
        if version == catalog.version:
            answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return answer

    @routes.post("/orders")
    @requires_task("take_calls")
    def begin() -> ResponseReturnValue:
        return begin_order(request.form.get("customer_code", ""), request.form.get("key", ""))

    @routes.get("/orders/<key>")
    @requires_task("take_calls")
    def order(key: str) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            desk = services().open_desk(session, by=staff().name)
            presence.check_in(session, staff().id, services().now())
            item = _work_item(session, desk, key)
            refusal = _open_draft(desk, item)
            return render_template(
                "desk/order.html",
                **presence_context(read_presence(session), staff()),
                work_item=item,
                sheet=_sheet(desk, item),
                refusal=refusal,
                requests=feedback.requests(session, retailer_id=item.retailer.id, limit=REQUESTS_SHOWN)
                if item.retailer
                else (),
                **form_context(),
                **(note_context(session, item.retailer.id) if item.retailer else {}),
                shelves=SHELVES,
                notices=notices.in_force(session, business_day(services().now())),
                call=call_view(session, item.call) if item.call is not None else None,
                turns=turns_of(session, key) if item.call is not None else [],
            )

    @routes.post("/orders/<key>/lines")
    @requires_task("take_calls")
    def line(key: str) -> ResponseReturnValue:
        return _set_line(key, request.form.get("barcode", ""), request.form.get("cartons", "").strip())

    @routes.post("/orders/<key>/suggested-lines")
    @requires_task("take_calls")
    def suggested_lines(key: str) -> ResponseReturnValue:
        """Add the lines of the last order, or those that failed by the web, in one go."""
        with transaction(services().sessions) as session:
            desk = services().open_desk(session, by=staff().name)
            item = _work_item(session, desk, key)
            if stale := _stale_page_response(desk, item):
                return stale
            sheet = _sheet(desk, item)
            if sheet is None:
                abort(404, _("没有这张订单。"))
            try:
                outcomes = add_suggested_lines(
                    desk, key, sheet.failed_web_lines if request.form.get("which") == "web" else sheet.last_order_lines
                )
            except SheetRefusal as refusal:
                return _render_sheet(desk, item, problem=refusal.reason), 422
            return _render_sheet(desk, item, outcomes=outcomes, specs=desk.catalog.specs)

    @routes.post("/orders/<key>/save")
    @requires_task("take_calls")
    def save(key: str) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            desk = services().open_desk(session, by=staff().name)
            item = _work_item(session, desk, key)
            if stale := _stale_page_response(desk, item):
                return stale
            try:
                desk.draft(key).confirm()
            except DeskRefusal as refusal:
                return _render_sheet(desk, item, problem=refusal.reason), 422
            tickets.close_served(session, services().now())
            return _render_sheet(desk, _work_item(session, desk, key), saved=True)

    return routes


def begin_order(customer_code: str, key: str = "") -> ResponseReturnValue:
    """Begin an order for a retailer: of the call `key`, whose caller the operator has identified, or of no call."""
    with transaction(services().sessions) as session:
        desk = services().open_desk(session, by=staff().name)
        retailer = desk.retailer(customer_code)
        if retailer is None:
            return _("没有这个客户代码。"), 409
        item = _work_item(session, desk, key) if key else None
        call = item.call if item is not None else None
        hotline = item.hotline if item is not None else desk.hotline("")
        if not key:
            key = f"desk-{staff().id}-{secrets.token_hex(8)}"
        try:
            desk.open_draft(key, retailer, hotline, channel="operator", region=_region(call))
        except DeskRefusal as refusal:
            eligibility = desk.eligibility(retailer, hotline)
            return render_template("desk/refusal.html", reason=refusal.reason, eligibility=eligibility), 422
    if call is not None:
        services().line.calls.identify_caller(call.call_key, retailer.customer_code)
    if item is not None:
        # Without a page load, in the middle of the call.
        return swap_work_area(url_for("console.desk.order", key=key))
    return "", 204, {"HX-Redirect": url_for("console.desk.order", key=key)}


def _work_item(session: Session, desk: Desk, key: str) -> WorkItem:
    """The call this operator has taken, or the order begun at the desk, with this key. 404 without one, 409 if the
    call is not in this operator's hands. The key of a callback stands for an order yet to be begun."""
    order = session.scalar(select(OrderRow).where(OrderRow.call_key == key))
    call = session.get(Call, key)
    ticket = None
    if call is not None:
        ticket = session.scalar(select(Ticket).where(Ticket.call_key == key).order_by(Ticket.id.desc()).limit(1))
        if ticket is None or ticket.taken_by != staff().id or ticket.state not in ("taken", "finished"):
            abort(409, _("这通电话现在不在您手里。"))
    callback = callbacks.of_order_key(session, key)
    if call is None and callback is None and (order is None or not key.startswith("desk-")):
        abort(404, _("没有这张订单。"))
    called_back = session.get(Call, callback.call_key) if callback is not None else None
    retailer: Retailer | None = None
    if order is not None:
        retailer = retailer_view(session.get_one(RetailerRow, order.retailer_id))
    elif call is not None and (state := CallState.from_json(call.state)).signed_in:
        retailer = desk.retailer(state.customer_code)
    elif callback is not None and callback.customer_code:
        retailer = desk.retailer(callback.customer_code)
    hotline = desk.hotline(_number(call or called_back))
    saved = order_view(order) if order is not None and order.number is not None else None
    return WorkItem(key, retailer, hotline, call, ticket, saved, callback)


def _number(call: Call | None) -> str:
    """The number of the hotline that serves the call: the one called, or the supplementary one it was passed to."""
    return CallState.from_json(call.state).served_by or call.called if call is not None else ""


def _region(call: Call | None) -> str:
    """The region the caller chose before an operator took the call, where the hotline asks for one."""
    return CallState.from_json(call.state).region if call is not None else ""


def _open_draft(desk: Desk, item: WorkItem) -> str:
    """Open the draft of a call whose caller is known. Return the reason for a refusal, or an empty string."""
    if item.retailer is None or item.saved is not None:
        return ""
    try:
        desk.open_draft(item.key, item.retailer, item.hotline, channel="operator", region=_region(item.call))
    except DeskRefusal as refusal:
        return refusal.reason
    return ""


def _sheet(desk: Desk, item: WorkItem) -> OrderSheet | None:
    if item.retailer is None:
        return None
    failed_web_packs = follow_ups.requested_packs(desk.session, business_day(desk.now), item.retailer.id, staff().id)
    return build_sheet(desk, item.key, item.retailer, item.hotline, item.saved, failed_web_packs)


def _set_line(key: str, barcode: str, cartons: str) -> ResponseReturnValue:
    with transaction(services().sessions) as session:
        desk = services().open_desk(session, by=staff().name)
        item = _work_item(session, desk, key)
        if stale := _stale_page_response(desk, item):
            return stale
        before = desk.draft(key).view()
        try:
            outcome = enter_line(desk, key, barcode, cartons)
        except SheetRefusal as refusal:
            return _render_sheet(desk, item, problem=refusal.reason, typed=cartons), 422
        removed = before.line(barcode) if outcome is None and before is not None else None
        return _render_sheet(desk, item, outcome=outcome, barcode=barcode, removed=removed)


def _stale_page_response(desk: Desk, item: WorkItem) -> ResponseReturnValue | None:
    """The current sheet with its differences if the page showed an older one, or None. Changes nothing."""
    shown = request.form.get("version", "")
    order = desk.draft(item.key).view() or item.saved
    if shown == order_version(order):
        return None
    return _render_sheet(desk, item, changed=differences(shown, order, desk.catalog.specs), stale=True), 422


def _render_sheet(
    desk: Desk, item: WorkItem, outcome: LineOutcome | None = None, barcode: str = "", **variables: object
) -> str:
    spec = desk.catalog.specs.get(barcode)
    return render_template(
        "desk/sheet.html", work_item=item, sheet=_sheet(desk, item), outcome=outcome, spec=spec, **variables
    )
