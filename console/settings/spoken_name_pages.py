"""The catalogue with its spoken names: preview a name with its confusables, add one, remove one."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.name_overrides import NameRefused, remove_name
from console import spoken_name_preview
from console.authentication import may, requires_task, staff
from console.desk.typed_names import spoken_initials, written_initials
from console.language import _
from ivr.services import services
from storage import read_only, transaction

SPECS_SHOWN = 60


def spoken_name_routes() -> Blueprint:
    """The catalogue page."""
    routes = Blueprint("spoken_names", __name__, url_prefix="/catalog")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
        by_spec: dict[str, list[SpokenName]] = {barcode: [] for barcode in catalog.specs}
        for name in catalog.spoken_names:
            for barcode in name.barcodes:
                by_spec[barcode].append(name)
        plain = text.lower()
        found = [
            (spec, by_spec[barcode])
            for barcode, spec in catalog.specs.items()
            if not text
            or text in spec.name
            or spec.short_code == text
            or written_initials(spec).startswith(plain)
            or any(text in name.text or spoken_initials(name).startswith(plain) for name in by_spec[barcode])
        ]
        part = "settings/catalog_rows.html" if request.headers.get("HX-Request") else "settings/catalog.html"
        return render_template(
            part,
            rows=found[:SPECS_SHOWN],
            found=len(found),
            text=text,
            catalog=catalog,
            may_edit=may("edit_catalog"),
        )

    @routes.post("/names")
    @requires_task("edit_catalog")
    def preview_or_add() -> ResponseReturnValue:
        """Preview a name for a spec, or add it with `add`."""
        text, barcode = request.form.get("text", "").strip(), request.form.get("barcode", "")
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
        page, status, _added = spoken_name_preview.preview_or_add(catalog, text, barcode)
        return page, status

    @routes.post("/names/known")
    @requires_task("see_day")
    def known() -> ResponseReturnValue:
        """Preview a name the spec already has."""
        text, barcode = request.form.get("known", ""), request.form.get("barcode", "")
        with read_only(services().sessions) as session:
            catalog = services().catalog(session)
        if not spoken_name_preview.has_name(catalog, text, barcode):
            return render_template("settings/name_preview.html", refused=_("这个品规已经没有这个叫法了。")), 422
        return render_template(
            "settings/name_known.html",
            preview=spoken_name_preview.preview_name(catalog, text),
            catalog=catalog,
            barcode=barcode,
            may_edit=may("edit_catalog"),
        )

    @routes.post("/names/remove")
    @requires_task("edit_catalog")
    def remove() -> ResponseReturnValue:
        """Remove a name from a spec."""
        text, barcode = request.form.get("remove", ""), request.form.get("barcode", "")
        try:
            with transaction(services().sessions) as session:
                remove_name(session, text, barcode, services().now(), staff().name)
        except NameRefused:
            with read_only(services().sessions) as session:
                catalog = services().catalog(session)
            return render_template("settings/name_preview.html", refused=_why_kept(catalog, text, barcode)), 422
        return render_template("settings/name_preview.html", removed=text)

    return routes


def _why_kept(catalog: Catalog, text: str, barcode: str) -> str:
    if not spoken_name_preview.has_name(catalog, text, barcode):
        return _("这个品规已经没有这个叫法了。")
    return _("这是这个品规唯一的叫法，请先加一个别的。")
