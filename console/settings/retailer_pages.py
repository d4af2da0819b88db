"""The retailers: search, import from a file with a preview, export; their PINs and lock-outs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError
from console.authentication import may, own_shops, requires_task, staff
from console.desk.retailer_search import matches
from console.desk.shop_facts import note_context
from console.language import _
from console.paging import requested_page
from console.uploads import as_file, export_table, is_table
from ivr.services import services
from orders import audit_log
from orders.book.models import OrderRow
from orders.hotline_settings import calendar
from orders.models import REASON_MAX_CHARS
from orders.outbound.models import MissedCall
from orders.retailers.access import make_pin, set_pin, unlock, waits_until
from orders.retailers.importing import COLUMNS, import_retailers, preview_retailers, read_retailers
from orders.retailers.lookup import OrderPlanKey, by_code
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.supply.models import Limit
from orders.windows import OrderPlan, business_day, cycle_start, cycle_week, is_order_day, next_order_day
from storage import read_only, transaction, unhurried

ORDERS_SHOWN = 12
CHANGES_SHOWN = 50
CALLS_SHOWN_FOR = timedelta(days=30)
# The longest way to the next day of a plan is a monthly one over a month of five weeks.
_PLAN_DAYS = 70


def retailer_routes() -> Blueprint:
    """The list of retailers, and the page of each."""
    routes = Blueprint("retailers", __name__, url_prefix="/retailers")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()[:40]
        found = select(RetailerRow).order_by(RetailerRow.customer_code)
        if text:
            found = found.where(matches(text))
        with own_shops() as session:
            counted = found.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
            shown = requested_page(session.scalar(counted) or 0)
            rows = session.scalars(found.offset(shown.first).limit(shown.size)).all()
        part = "settings/retailer_rows.html" if request.headers.get("HX-Request") else "settings/retailers.html"
        return render_template(
            part,
            rows=rows,
            shown=shown,
            text=text,
            may_edit=may("edit_retailers"),
            may_export=may("export_shops"),
        )

    @routes.post("/import")
    @requires_task("edit_retailers")
    def import_file() -> ResponseReturnValue:
        """Preview a file of retailers, or import it with `apply`."""
        upload = request.files.get("file")
        why, apply = request.form.get("why", "").strip()[:REASON_MAX_CHARS], "apply" in request.form
        errors = {
            name: sentence
            for name, sentence, is_wrong in (
                ("file", _("请选一个 CSV 或 XLSX 文件。"), not is_table(upload)),
                ("why", _("请写明原因，记录里要用。"), apply and not why),
            )
            if is_wrong
        }
        if errors or upload is None:
            return render_template("settings/retailers_imported.html", errors=errors), 422
        now = services().now()
        by = staff().name
        with as_file(upload) as path:
            try:
                if apply:
                    done = import_retailers(services().sessions, path, by=by, why=why, now=now)
                else:
                    with unhurried(), read_only(services().sessions) as session:
                        done = preview_retailers(session, read_retailers(session, path))
            except SheetError as error:
                return render_template("settings/retailers_imported.html", problems=error.problems), 422
        entries = [
            audit_log.AuditEntry(now, by, why, "retailer", one.entry.code, None, one.before, one.after)
            for one in done.first
        ]
        return render_template("settings/retailers_imported.html", done=done, applied=apply, entries=entries)

    @routes.get("/export")
    @requires_task("export_shops")
    def export() -> ResponseReturnValue:
        """All retailers in the columns of the import and some more, without PINs."""
        today = business_day(services().now())
        more = ("status", "county", "region", "manager", "route", "grade", "balance", "phones")
        with own_shops() as session:
            rows = list(_export(session, today))
        names = {"name": "retailer"}
        return export_table(f"retailers-{today}", request.args.get("kind", "csv"), (*COLUMNS, *more), rows, names)

    @routes.get("/<code>")
    @requires_task("see_shops")
    def retailer(code: str) -> ResponseReturnValue:
        today = business_day(services().now())
        with own_shops() as session:
            row = _retailer(session, code)
            open_days = calendar(session)
            orders = session.scalars(
                select(OrderRow)
                .where(OrderRow.retailer_id == row.id, OrderRow.number.is_not(None))
                .order_by(OrderRow.id.desc())
                .limit(ORDERS_SHOWN)
            ).all()
            missed = session.scalars(
                select(MissedCall)
                .where(MissedCall.retailer_id == row.id)
                .order_by(MissedCall.missed_on.desc())
                .limit(ORDERS_SHOWN)
            ).all()
            began = cycle_start(row, today)
            specs = services().catalog(session).specs
            limits = session.scalars(select(Limit).where(Limit.retailer_id == row.id, Limit.cycle_start == began)).all()
            known = {limit.barcode: limit for limit in limits}
            return render_template(
                "settings/retailer.html",
                phones=session.scalars(select(RetailerPhone.phone).where(RetailerPhone.retailer_id == row.id)).all(),
                orders=orders,
                missed=missed,
                today=is_order_day(row, today, open_days),
                next_day=next_order_day(row, today, open_days),
                began=began,
                calls_from=today - CALLS_SHOWN_FOR,
                **note_context(session, row.id),
                limits=[(spec, known[barcode]) for barcode, spec in specs.items() if barcode in known],
                entries=audit_log.entries(session, subject="retailer", name=code, limit=CHANGES_SHOWN),
                **_access_context(session, row),
            )

    @routes.post("/<code>/pin")
    @requires_task("edit_retailers")
    def pin(code: str) -> ResponseReturnValue:
        """Set a new PIN for the retailer; it is shown only in this response."""
        with read_only(services().sessions) as session:
            new = make_pin(session, code)
        with transaction(services().sessions) as session:
            row = _retailer(session, code)
            why = _why()
            done: dict[str, object] = {}
            if why:
                set_pin(session, row, new, by=staff().name, why=why, now=services().now())
                done = {"new_pin": new.pin}
            return _access_page(session, row, why, done)

    @routes.post("/<code>/unlock")
    @requires_task("edit_retailers")
    def unlock_access(code: str) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            row = _retailer(session, code)
            why = _why()
            done: dict[str, object] = {}
            if why:
                done = {"unlocked": unlock(session, row, by=staff().name, why=why, now=services().now())}
            return _access_page(session, row, why, done)

    return routes


def _retailer(session: Session, code: str) -> RetailerRow:
    row = by_code(session, code)
    if row is None:
        abort(404)
    return row


def _why() -> str:
    return request.form.get("why", "").strip()[:REASON_MAX_CHARS]


def _access_context(session: Session, row: RetailerRow) -> dict[str, object]:
    until = waits_until(session, row.customer_code, services().now())
    return {"row": row, "waits_until": until, "may_edit": may("edit_retailers")}


def _access_page(session: Session, row: RetailerRow, why: str, done: Mapping[str, object]) -> ResponseReturnValue:
    page = render_template("settings/retailer_access.html", no_reason=not why, **done, **_access_context(session, row))
    return page, 200 if why else 422


def _export(session: Session, today: date) -> Iterator[tuple[object, ...]]:
    phones: dict[int, list[str]] = {}
    for retailer_id, phone in session.execute(
        select(RetailerPhone.retailer_id, RetailerPhone.phone).order_by(RetailerPhone.phone)
    ):
        phones.setdefault(retailer_id, []).append(phone)
    days: dict[OrderPlanKey, str] = {}
    row = RetailerRow
    columns = (row.id, row.customer_code, row.name, row.cycle, row.order_weekday, row.cycle_week, row.status)
    places = (row.county, row.region, row.manager, row.route, row.grade, row.balance_fen)
    # Columns and no rows: fifteen thousand objects would take longer than the file.
    for number, code, name, cycle, weekday, week, status, *place, grade, fen in session.execute(
        select(*columns, *places).order_by(row.customer_code)
    ):
        plan = OrderPlanKey(cycle, weekday, week)
        if plan not in days:
            days[plan] = _next_plan_day(plan, today).isoformat()
        registered = "|".join(phones.get(number, ()))
        yield (code, name, cycle, days[plan], status, *place, grade, f"{fen / 100:.2f}", registered)


def _next_plan_day(plan: OrderPlan, today: date) -> date:
    """The next day of a plan from today on, days off included."""
    days = (today + timedelta(days=ahead) for ahead in range(_PLAN_DAYS))
    return next(
        day
        for day in days
        if day.weekday() == plan.order_weekday
        and (plan.cycle == "weekly" or cycle_week(plan.cycle, day) == plan.cycle_week)
    )
