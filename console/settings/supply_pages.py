"""Supply and limits of a day: the figures, their import from a file with a preview, and the changes before."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from brand_catalog.sheets import SheetError
from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _
from console.uploads import as_file, export_table, is_table, stream_table
from ivr.services import services
from orders import audit_log
from orders.retailers.models import RetailerRow
from orders.supply import allocate, limits
from orders.supply.allocate import import_supply, preview_split, read_supply
from orders.supply.limits import LimitsLocked, LimitsRefused, LimitsResult
from orders.supply.models import LimitBatch, LimitChange, Supply
from orders.windows import business_day
from storage import read_only, unhurried

BATCHES_SHOWN = 30
CHANGES_SHOWN = 200


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
            batch=request.args.get("batch", type=int),
            entries=entries,
            specs=specs,
            may_edit=may("edit_supply"),
        )

    @routes.post("/import")
    @requires_task("edit_supply")
    def import_file() -> ResponseReturnValue:
        """Preview a file's figures, or import them with `apply`."""
        upload = request.files.get("file")
        why, kind, apply = request.form.get("why", "").strip(), request.form.get("kind"), "apply" in request.form
        day = parse_date(request.form.get("day"))
        errors = {
            name: sentence
            for name, sentence, is_wrong in (
                ("day", _("请选一个日期。"), day is None),
                ("file", _("请选一个 CSV 或 XLSX 文件。"), not is_table(upload)),
                ("why", _("请写明原因，记录里要用。"), apply and not why),
            )
            if is_wrong
        }
        if errors or upload is None or day is None:
            return render_template("settings/supply_imported.html", errors=errors), 422
        with as_file(upload) as path:
            try:
                done = _import_or_preview(path, str(kind), day, why[:200], apply=apply)
            except SheetError as error:
                return render_template("settings/supply_imported.html", problems=error.problems), 422
            except LimitsRefused as refused:
                return render_template("settings/supply_imported.html", below=refused.lines), 422
            except LimitsLocked:
                return render_template("settings/supply_imported.html", locked=day), 422
        return render_template("settings/supply_imported.html", done=done, applied=apply, day=day)

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
            changes = session.execute(
                select(LimitChange, RetailerRow)
                .join(RetailerRow, RetailerRow.id == LimitChange.retailer_id)
                .where(LimitChange.batch_id == number)
                .order_by(RetailerRow.customer_code, LimitChange.barcode)
                .limit(CHANGES_SHOWN)
            ).all()
        return render_template("settings/supply_changes.html", changes=changes, specs=specs)

    return routes


def _import_or_preview(path: Path, kind: str, day: date, why: str, *, apply: bool) -> LimitsResult:
    """Import a file's figures with `apply`; without it return what they would change, and change nothing."""
    by, now = staff().name, services().now()
    own, load_catalog = services().sessions, services().catalog
    if kind != "supply":
        if apply:
            return limits.import_limits(own, path, load_catalog, day, now, by, why)
        return limits.preview_file(own, path, load_catalog, day, now)
    with unhurried(), read_only(own) as session:
        supplies = read_supply(path, load_catalog(session))
        if not apply:
            return preview_split(session, supplies, day, now)
    return import_supply(own, supplies, day, now, by=by, why=why, source=path.name)
