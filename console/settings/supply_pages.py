"""Supply and limits of a day: the figures, their import from a file with a preview, and the changes before."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console.authentication import may, requires_task
from console.dates import parse_date
from console.language import _
from console.numbers import parse_whole
from console.paging import requested_page
from console.settings.supply_changes import Outcome, answer, change_limits_by_file, change_supply, supply_form
from console.uploads import as_file, export_table, is_table, stream_table
from ivr.services import services
from orders import audit_log
from orders.retailers.models import RetailerRow
from orders.supply import allocate, late_changes, limits
from orders.supply.allocate import SpecSupply, read_supply
from orders.supply.limits import LimitsResult
from orders.supply.locking import is_past_lock
from orders.supply.models import LimitBatch, LimitChange, Supply
from orders.windows import business_day
from storage import read_only

BATCHES_SHOWN = 30


def supply_routes() -> Blueprint:
    """The pages of the supply manager."""
    routes = Blueprint("supply", __name__, url_prefix="/supply")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        today = business_day(services().now())
        day = parse_date(request.args.get("day")) or today
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
            specs = catalog.specs
            uneven = allocate.out_of_balance(session, catalog, day)
            waiting = late_changes.open_count(session)
            rows = {row.barcode: row for row in session.scalars(select(Supply).where(Supply.business_day == day))}
            limited = limits.packs_by_spec(session, day)
            batches = session.scalars(select(LimitBatch).order_by(LimitBatch.id.desc()).limit(BATCHES_SHOWN)).all()
            entries = audit_log.entries(session, subject="supply", limit=BATCHES_SHOWN)
        return render_template(
            "settings/supply.html",
            day=day,
            next_day=today + timedelta(days=1),
            rows=[(spec, rows[barcode], limited.get(barcode, 0)) for barcode, spec in specs.items() if barcode in rows],
            batches=batches,
            uneven=uneven,
            is_past_lock=is_past_lock(day, services().now()),
            is_over=day < today,
            waiting=waiting,
            batch=parse_whole(request.args.get("batch")),
            entries=entries,
            specs=specs,
            may_edit=may("edit_supply"),
        )

    @routes.post("/import")
    @requires_task("edit_supply")
    def import_file() -> ResponseReturnValue:
        """Preview a file's figures, import them with `apply`, or request them where they are locked."""
        upload, form = request.files.get("file"), supply_form()
        if upload is None or not is_table(upload):
            return answer(form, _no_change, {"file": _("请选一个 CSV 或 XLSX 文件。")})
        with as_file(upload) as path:
            if request.form.get("kind") != "supply":
                return answer(form, lambda day: change_limits_by_file(form, day, path))

            def read(session: Session) -> list[SpecSupply]:
                return read_supply(path, services().catalog(session))

            return answer(form, lambda day: change_supply(form, day, read, path.name))

    @routes.get("/export")
    @requires_task("export_retailers")
    def export() -> ResponseReturnValue:
        """A day's supply, or its limits, in the columns of the import."""
        day = parse_date(request.args.get("day")) or business_day(services().now())
        what, kind = request.args.get("what"), request.args.get("kind", "csv")
        if what == "limits":
            return stream_table(
                f"limits-{day}", kind, limits.EXPORTED_COLUMNS, lambda session: limits.export_rows(session, day)
            )
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
            return export_table(f"supply-{day}", kind, allocate.COLUMNS, allocate.export_supply(session, catalog, day))

    @routes.get("/batches/<int:number>")
    @requires_task("see_day")
    def batch(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            specs = services().catalog(session).specs
            counted = select(func.count()).where(LimitChange.batch_id == number)
            shown = requested_page(session.scalar(counted) or 0)
            changes = session.execute(
                select(LimitChange, RetailerRow)
                .join(RetailerRow, RetailerRow.id == LimitChange.retailer_id)
                .where(LimitChange.batch_id == number)
                .order_by(RetailerRow.customer_code, LimitChange.barcode)
                .offset(shown.first)
                .limit(shown.size)
            ).all()
        return render_template("settings/supply_changes.html", changes=changes, specs=specs, shown=shown)

    return routes


def _no_change(_day: date) -> Outcome:
    return Outcome(LimitsResult(0, 0, 0))
