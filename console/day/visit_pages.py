"""Visits to retailers that missed their call: the customer manager records them, with the order placed (TR 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from console.authentication import is_own_shop, may, own_shops, requires_task, staff
from console.language import _
from console.numbers import parse_whole
from console.paging import requested_page
from ivr.services import services
from orders.book.desk import Desk
from orders.book.views import retailer_view
from orders.channels import visits
from orders.channels.order_rows import CARTONS_MAX
from orders.channels.visits import PlannedVisit, VisitOrder, VisitRefused
from orders.models import NOTE_MAX_CHARS
from orders.outbound.models import VisitOutcome
from orders.windows import business_day
from storage import dry_run, read_only, retry_on_deadlock, transaction

EMPTY_ROWS = 6
LINES_MAX = 60
WITHOUT_ORDER: tuple[VisitOutcome, ...] = tuple(one for one in get_args(VisitOutcome) if one != "ordered")


@dataclass
class VisitForm:
    """The lines as they were typed, names and cartons, and what is wrong with each by its place."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""
    errors: dict[int, str] = field(default_factory=dict)
    packs: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The lines, and some empty ones to go on with."""
        return [*self.lines, *[("", "")] * EMPTY_ROWS]


def visit_routes() -> Blueprint:
    """The list of planned visits, and the page of each."""
    routes = Blueprint("visits", __name__, url_prefix="/visits")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        today = business_day(services().now())
        with own_shops() as session:
            shown = requested_page(visits.planned_visit_count(session, today))
            planned = visits.planned_visits(session, today, first=shown.first, most=shown.size)
        may_record = may("record_visits")
        return render_template("day/visits.html", day=today, planned=planned, shown=shown, may_record=may_record)

    @routes.get("/<int:number>")
    @requires_task("record_visits")
    def visit(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session, "day/visit.html", _planned(session, number), VisitForm())

    @routes.post("/<int:number>/order")
    @requires_task("record_visits")
    def order(number: int) -> ResponseReturnValue:
        """Preview the order of the visit, or save it with `apply`."""
        form, apply = _from_form(request.form), "apply" in request.form
        if form.errors or not form.packs:
            with read_only(services().sessions) as session:
                empty = "" if form.errors else _("还没有写要什么烟。")
                return _page(session, "day/visit_form.html", _planned(session, number), form, refused=empty), 422
        try:
            done = _save(number, form) if apply else _preview(number, form)
        except VisitRefused as refused:
            with read_only(services().sessions) as session:
                reason = refused.reason
                return _page(session, "day/visit_form.html", _planned(session, number), form, reason=reason), 422
        if apply and done.order is not None:
            return "", 204, {"HX-Redirect": url_for("console.visits.page")}
        with read_only(services().sessions) as session:
            return _page(session, "day/visit_form.html", _planned(session, number), form, preview=done)

    @routes.post("/<int:number>/without-order")
    @requires_task("record_visits")
    def without_order(number: int) -> ResponseReturnValue:
        outcome = next((one for one in WITHOUT_ORDER if one == request.form.get("outcome")), None)
        with transaction(services().sessions) as session:
            planned = _planned(session, number)
            if outcome is None or not planned.is_open:
                return _page(session, "day/visit_form.html", planned, VisitForm(), refused=_("请选一个结果。")), 422
            note = request.form.get("note", "")
            visits.record_visit(session, planned, outcome, by=staff().name, note=note, now=services().now())
        return "", 204, {"HX-Redirect": url_for("console.visits.page")}

    return routes


@retry_on_deadlock
def _save(number: int, form: VisitForm) -> VisitOrder:
    with transaction(services().sessions) as session:
        return _order(session, number, form)


@retry_on_deadlock
def _preview(number: int, form: VisitForm) -> VisitOrder:
    """The order as it would be saved now; nothing is kept."""
    with dry_run(services().sessions) as session:
        return _order(session, number, form)


def _order(session: Session, number: int, form: VisitForm) -> VisitOrder:
    desk = services().open_desk(session, by=staff().name)
    return visits.order_at_visit(desk, _planned(session, number), form.packs, by=staff().name, note=form.note)


def _planned(session: Session, number: int) -> PlannedVisit:
    planned = visits.planned_visit(session, number)
    if planned is None or not is_own_shop(planned.retailer):
        abort(404, _("没有这一次上门。"))
    return planned


def _page(
    session: Session,
    template: str,
    planned: PlannedVisit,
    form: VisitForm,
    *,
    refused: str = "",
    reason: str = "",
    preview: VisitOrder | None = None,
) -> str:
    desk, day = services().open_desk(session, by=staff().name), business_day(services().now())
    return render_template(
        template,
        visit=planned,
        form=form,
        day=day,
        may_order=visits.takes_orders(session, planned, day),
        options=_options(desk, planned),
        balance_fen=planned.retailer.balance_fen,
        without_order=WITHOUT_ORDER,
        note_max=NOTE_MAX_CHARS,
        refused=refused,
        reason=reason,
        preview=preview,
        specs=desk.catalog.specs,
    )


def _options(desk: Desk, planned: PlannedVisit) -> list[tuple[str, int]]:
    """The specs this retailer may order, with the whole cartons left of each."""
    available = desk.available_specs(retailer_view(planned.retailer))
    return [(one.spec.name, one.left_packs // one.spec.packs_per_carton) for one in available]


def _from_form(sent: Mapping[str, str]) -> VisitForm:
    typed = [
        (sent.get(f"name-{place}", "").strip(), sent.get(f"cartons-{place}", "").strip()) for place in range(LINES_MAX)
    ]
    form = VisitForm([line for line in typed if any(line)], sent.get("note", "").strip())
    with read_only(services().sessions) as session:
        catalog = services().catalog(session)
    for place, (name, cartons) in enumerate(form.lines):
        if error := _read_line(catalog, form.packs, name, cartons):
            form.errors[place] = error
    return form


def _read_line(catalog: Catalog, packs: dict[str, int], name: str, cartons: str) -> str:
    """Add a line to the packs by barcode; what is wrong with it instead, empty where nothing is."""
    by_code = {spec.short_code: spec for spec in catalog.specs.values()}
    spec = catalog.by_name_or_barcode.get(name) or by_code.get(name)
    if spec is None:
        return _("目录里没有这个烟。")
    number = parse_whole(cartons, CARTONS_MAX)
    if not number:
        return _("条数要写1到%(most)d的整数。", most=CARTONS_MAX)
    if spec.barcode in packs:
        return _("这个烟前面写过了。")
    packs[spec.barcode] = number * spec.packs_per_carton
    return ""
