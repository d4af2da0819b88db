"""The substitutes the line offers for a spec that is out: set for one spec, or all of them by a file."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError
from clock import local_date
from console.authentication import may, requires_task, staff
from console.language import _
from console.uploads import as_file, export_table, is_table
from ivr.services import services
from orders import audit_log
from orders.book.substitutes import COLUMNS, import_substitutes, read_substitutes, set_substitutes, substitutes
from orders.models import REASON_MAX_CHARS
from storage import read_only, transaction

SUBSTITUTES_MAX = 3
ENTRIES_SHOWN = 30


def substitute_routes() -> Blueprint:
    """The page of substitutes."""
    routes = Blueprint("substitutes", __name__, url_prefix="/substitutes")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template("settings/substitutes.html", **_context(session))

    @routes.post("")
    @requires_task("edit_supply")
    def one_spec() -> ResponseReturnValue:
        """Set the substitutes of one spec; without any the line finds one of the same price band itself."""
        why, barcode = _why(), request.form.get("barcode", "")
        instead = [one for one in request.form.getlist("instead") if one][:SUBSTITUTES_MAX]
        with transaction(services().sessions) as session:
            catalog = services().catalog(session)
            errors = {}
            if barcode not in catalog.specs:
                errors["barcode"] = _("请选一个品规。")
            elif not set(instead) <= set(catalog.specs):
                errors["instead"] = _("请选目录里的品规。")
            elif barcode in instead or len(set(instead)) < len(instead):
                errors["instead"] = _("推荐的要是别的品规，每个只选一次。")
            if not why:
                errors["why"] = _("请写明原因，记录里要用。")
            if not errors:
                by, now = staff().name, services().now()
                set_substitutes(session, barcode, instead, catalog, by=by, why=why, now=now)
            part = render_template("settings/substitute_rows.html", errors=errors, **_context(session))
        return part, 422 if errors else 200

    @routes.post("/import")
    @requires_task("edit_supply")
    def import_file() -> ResponseReturnValue:
        """Preview a file that replaces the whole table, or import it with `apply`."""
        upload, why, apply = request.files.get("file"), _why(), "apply" in request.form
        errors = {}
        if upload is None or not is_table(upload):
            errors["file"] = _("请选一个 CSV 或 XLSX 文件。")
        if apply and not why:
            errors["why"] = _("请写明原因，记录里要用。")
        template = "settings/substitutes_imported.html"
        if errors or upload is None:
            return render_template(template, errors=errors), 422
        with read_only(services().sessions) as session:
            catalog, present = services().catalog(session), substitutes(session)
        with as_file(upload) as path:
            try:
                read = read_substitutes(path, catalog)
                if apply:
                    with transaction(services().sessions) as session:
                        by, now = staff().name, services().now()
                        import_substitutes(session, path, catalog, by=by, why=why, now=now)
            except SheetError as error:
                return render_template(template, problems=error.problems), 422
        changed = [
            (catalog.specs[barcode], present.get(barcode, ()), read.get(barcode, ()))
            for barcode in catalog.specs
            if list(present.get(barcode, ())) != list(read.get(barcode, ()))
        ]
        return render_template(template, changed=changed, specs=catalog.specs, applied=apply)

    @routes.get("/export")
    @requires_task("export_retailers")
    def export() -> ResponseReturnValue:
        """The table in the columns of the import."""
        with read_only(services().sessions) as session:
            rows = list(_rows(session))
        name = f"substitutes-{local_date(services().now())}"
        return export_table(name, request.args.get("kind", "csv"), COLUMNS, rows)

    return routes


def _why() -> str:
    return request.form.get("why", "").strip()[:REASON_MAX_CHARS]


def _rows(session: Session) -> Iterator[tuple[str, str]]:
    specs = services().catalog(session).specs
    for barcode, others in substitutes(session).items():
        for instead in others:
            if barcode in specs and instead in specs:
                yield specs[barcode].name, specs[instead].name


def _context(session: Session) -> dict[str, object]:
    return {
        "specs": services().catalog(session).specs,
        "table": substitutes(session),
        "entries": audit_log.entries(session, subject="substitutes", limit=ENTRIES_SHOWN),
        "may_edit": may("edit_supply"),
        "places": range(SUBSTITUTES_MAX),
    }
