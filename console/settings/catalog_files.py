"""Import of a whole catalogue from files, with a preview; the history of its versions; and its export."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from brand_catalog.catalog_changes import CatalogChanges, compare_catalogs
from brand_catalog.exporting import EXPORTED_ALIAS_COLUMNS, EXPORTED_CATALOG_COLUMNS, alias_rows, catalog_rows
from brand_catalog.importing import CatalogFileError, NameCheck, examine_catalog_file
from brand_catalog.models import CatalogVersion
from brand_catalog.name_overrides import merged_catalog, replace_catalog
from brand_catalog.sheets import RowProblem
from clock import local_date
from console.authentication import may, requires_task, staff
from console.language import _
from console.uploads import as_file, export_table, is_table
from ivr.services import services
from speech.grammars.vocabulary import vocabulary_of
from storage import read_only, transaction

VERSIONS_SHOWN = 60
WHY_MAX = 200


def catalog_file_routes() -> Blueprint:
    """Import, history and export of the catalogue."""
    routes = Blueprint("catalog_files", __name__, url_prefix="/catalog")

    @routes.get("/history")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            versions = session.scalars(
                select(CatalogVersion).order_by(CatalogVersion.id.desc()).limit(VERSIONS_SHOWN)
            ).all()
        return render_template("settings/catalog_history.html", versions=versions, may_edit=may("edit_catalog"))

    @routes.get("/history/<int:number>")
    @requires_task("see_day")
    def version(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            found = session.get(CatalogVersion, number)
        if found is None:
            abort(404)
        return render_template("settings/catalog_changes.html", changes=found.changes)

    @routes.post("/import")
    @requires_task("edit_catalog")
    def import_file() -> ResponseReturnValue:
        """Preview the catalogue's files, or import them with `apply`."""
        upload, aliases = request.files.get("file"), request.files.get("aliases")
        why, apply = request.form.get("why", "").strip()[:WHY_MAX], "apply" in request.form
        named = aliases is not None and bool(aliases.filename)
        errors = {
            name: sentence
            for name, sentence, is_wrong in (
                ("file", _("请选一个 CSV 或 XLSX 文件。"), not is_table(upload)),
                ("aliases", _("别名文件要用 CSV 或 XLSX。"), named and not is_table(aliases)),
                ("why", _("请写明原因，记录里要用。"), apply and not why),
            )
            if is_wrong
        }
        if errors or upload is None:
            return render_template("settings/catalog_imported.html", errors=errors), 422
        try:
            with ExitStack() as files:
                other = files.enter_context(as_file(aliases)) if aliases is not None and named else None
                examined = examine_catalog_file(files.enter_context(as_file(upload)), other, _name_check())
        except CatalogFileError as error:
            return render_template("settings/catalog_imported.html", problems=error.problems), 422
        with read_only(services().sessions) as session:
            whole = merged_catalog(session, examined.catalog, keep_names=not named)
            found = compare_catalogs(services().catalog(session), whole)
        if apply and not found.is_empty:
            with transaction(services().sessions) as session:
                replace_catalog(session, examined.catalog, services().now(), why, staff().name, keep_names=not named)
        return _answer(found, examined.warnings, applied=apply)

    @routes.get("/export")
    @requires_task("edit_catalog")
    def export() -> ResponseReturnValue:
        """The catalogue, or its listed and hand-made names, in the columns of the import."""
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
        day, kind = local_date(services().now()), request.args.get("kind", "csv")
        if request.args.get("what") == "names":
            return export_table(f"aliases-{day}", kind, EXPORTED_ALIAS_COLUMNS, alias_rows(catalog))
        return export_table(f"catalog-{day}", kind, EXPORTED_CATALOG_COLUMNS, catalog_rows(catalog))

    return routes


def _name_check() -> NameCheck | None:
    model = services().recognition.model
    return None if model is None else vocabulary_of(model).unsayable_reason


def _answer(found: CatalogChanges, warnings: tuple[RowProblem, ...], *, applied: bool) -> ResponseReturnValue:
    return render_template(
        "settings/catalog_imported.html",
        changes=found.to_json(),
        nothing=found.is_empty,
        warnings=warnings,
        applied=applied,
    )
