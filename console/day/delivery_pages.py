"""Deliveries: what has become of the orders handed over to delivery, by the delivery system's file or one at a time."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError, read_sheet
from console.authentication import may, requires_task, staff
from console.calls.order_and_call_pages import requested_day
from console.dates import parse_date
from console.file_errors import localised_reason
from console.language import _
from console.uploads import as_file, is_table
from ivr.services import services
from orders.book.models import OrderRow
from orders.day_end import deliveries
from orders.day_end.deliveries import NOTE_MAX_CHARS, RESULTS, Delivery, DeliveryRefused
from orders.windows import business_day
from storage import read_only, transaction

ROWS_MAX = 100


def delivery_routes() -> Blueprint:
    """The day's orders at delivery, the import and the form for one order."""
    routes = Blueprint("deliveries", __name__, url_prefix="/deliveries")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session, "day/deliveries.html")

    @routes.get("/list")
    @requires_task("see_day")
    def delivery_list() -> ResponseReturnValue:
        """The list the drivers take along, one sheet of paper or more for each route."""
        day = requested_day()
        with read_only(services().sessions) as session:
            by_route = deliveries.orders_to_deliver(session, day, request.args.get("route") or None)
            return render_template("day/delivery_list.html", day=day, by_route=by_route)

    @routes.post("/import")
    @requires_task("end_day")
    def import_file() -> ResponseReturnValue:
        """Import the delivery system's file, all or none."""
        upload = request.files.get("file")
        if upload is None or not is_table(upload):
            sentence = _("请选一个 CSV 或 XLSX 文件。")
            return render_template("day/deliveries_imported.html", error=sentence), 422
        with as_file(upload) as path:
            try:
                sheet = read_sheet(path)
                with transaction(services().sessions) as session:
                    counts = deliveries.import_deliveries(session, sheet, by=staff().name, now=services().now())
            except SheetError as error:
                return render_template("day/deliveries_imported.html", problems=error.problems), 422
        return render_template("day/deliveries_imported.html", counts=counts)

    @routes.post("/<int:number>")
    @requires_task("end_day")
    def record(number: int) -> ResponseReturnValue:
        """Record the result of one order."""
        note, day = request.form.get("note", "").strip(), parse_date(request.form.get("day"))
        result = next((one for one in RESULTS if one == request.form.get("result")), None)
        error = ""
        if result is None or day is None:
            error = _("请选结果和日期。")
        elif len(note) > NOTE_MAX_CHARS or (result == "not_delivered" and not note):
            error = _("没有送到请写明原因，最多%(most)d个字，客户来电时会听到。", most=NOTE_MAX_CHARS)
        else:
            try:
                with transaction(services().sessions) as session:
                    order = session.get(OrderRow, number)
                    reported = Delivery(str(order.number) if order is not None else str(number), result, day, note)
                    deliveries.record_deliveries(session, [reported], by=staff().name, now=services().now())
            except DeliveryRefused as refused:
                error = localised_reason(refused.problem)
        with read_only(services().sessions) as session:
            listed = _page(session, "day/delivery_rows.html", error=(number, error), typed=note if error else "")
        return listed, 422 if error else 200

    return routes


def _page(session: Session, template: str, **variables: object) -> str:
    day = parse_date(request.form.get("order_day")) or requested_day()
    text = request.values.get("q", "").strip()
    found, rows = deliveries.handed_over_orders(session, day, text, limit=ROWS_MAX)
    return render_template(
        template,
        day=day,
        today=business_day(services().now()),
        text=text,
        found=found,
        rows=rows,
        may_record=may("end_day"),
        note_max=NOTE_MAX_CHARS,
        **({"error": (0, ""), "typed": ""} | variables),
    )
