"""Forms for supply and limits: the supply of one spec, one limit, and all limits of one retailer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec
from brand_catalog.sheets import FIGURE_MAX
from console.authentication import may, own_shops, requires_task
from console.dates import parse_date
from console.language import _
from console.numbers import parse_whole
from console.settings.supply_changes import Outcome, SupplyForm, answer, change_limits, change_supply, supply_form
from ivr.services import services
from orders.hotline_settings import calendar
from orders.retailers.lookup import by_code
from orders.retailers.models import RetailerRow
from orders.supply.allocate import BASES, Basis, SpecSupply
from orders.supply.limits import StagedLimit
from orders.supply.models import Limit, Supply
from orders.windows import business_day, cycle_start, is_order_day, next_order_day
from storage import read_only


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One spec on a retailer's page: its limit in this cycle and in the next, None where there is none."""

    spec: Spec
    present: Limit | None
    coming: Limit | None


def supply_form_routes() -> Blueprint:
    """The forms of the supply manager."""
    routes = Blueprint("supply_forms", __name__, url_prefix="/supply")

    @routes.post("/spec")
    @requires_task("edit_supply")
    def one_spec() -> ResponseReturnValue:
        """Preview the supply of one spec, or set it with `apply`."""
        form, sent = supply_form(), request.form
        cartons, most = _count("cartons"), _count("most")
        errors = {}
        if cartons is None:
            errors["cartons"] = _wrong_count()
        if sent.get("most", "").strip() and most is None:
            errors["most"] = _wrong_count()
        if sent.get("barcode") not in _specs():
            errors["barcode"] = _("请选一个品规。")
        basis: Basis = next((basis for basis in BASES if basis == sent.get("basis")), "free")
        introduce = sent.get("introduce", "") if sent.get("introduce") in ("new", "key") else ""

        def read(session: Session) -> Sequence[SpecSupply]:
            spec = services().catalog(session).specs[sent["barcode"]]
            return [SpecSupply(spec, cartons or 0, basis, most, introduce)]

        return answer(form, lambda day: change_supply(form, day, read, _("网页")), errors)

    @routes.post("/limit")
    @requires_task("edit_supply")
    def one_limit() -> ResponseReturnValue:
        """Preview one limit of one retailer, or set it with `apply`."""
        form, code, barcode = supply_form(), request.form.get("customer_code", "").strip(), request.form.get("barcode")
        with read_only(services().sessions) as session:
            known = by_code(session, code) is not None
        cartons = _count("cartons")
        errors = {}
        if not known:
            errors["customer_code"] = _("没有这个客户代码。")
        if barcode not in _specs():
            errors["barcode"] = _("请选一个品规。")
        if cartons is None:
            errors["cartons"] = _wrong_count()
        return answer(form, lambda day: _set_limits(form, code, {str(barcode): cartons or 0}, day), errors)

    @routes.get("/limits/<code>")
    @requires_task("see_shops")
    def limits_of(code: str) -> ResponseReturnValue:
        """A retailer's limits of this cycle and the next, of those that are the reader's own."""
        with own_shops() as session:
            return render_template("settings/supply_limits.html", **_limits_page(session, code))

    @routes.post("/limits/<code>")
    @requires_task("edit_limits")
    def set_limits_of(code: str) -> ResponseReturnValue:
        """Preview the limits of one retailer that were typed anew, or set them with `apply`. A limit that was changed
        by somebody else since the page was loaded is named, and nothing is changed."""
        form = supply_form()
        with own_shops() as session:
            page = _limits_page(session, code)
            typed, errors = _typed_limits(page, form.day)
        if not typed and not errors:
            errors["cartons"] = _("没有改动：和现在的限量一样。")
        return answer(form, lambda day: _set_limits(form, code, typed, day), errors)

    return routes


def _typed_limits(page: Mapping[str, object], day: date | None) -> tuple[dict[str, int], dict[str, str]]:
    """The limits that were typed anew, in cartons by barcode, and what is wrong in words."""
    typed: dict[str, int] = {}
    errors: dict[str, str] = {}
    coming = day == page["coming_day"]
    rows: list[LimitRow] = page["rows"]  # type: ignore[assignment]
    for row in rows:
        field, shown = f"limit-{row.spec.barcode}", request.form.get(f"was-{row.spec.barcode}", "")
        if field not in request.form or request.form[field].strip() == shown:
            continue
        limit = row.coming if coming else row.present
        present = "" if limit is None else str(limit.limit_packs // row.spec.packs_per_carton)
        cartons = _count(field)
        if cartons is None:
            errors[field] = f"{row.spec.name}：{_wrong_count()}"
        elif present != shown:
            errors[field] = _(
                "%(spec)s：您打开这一页以后有人改过，现在是%(now)s条。请刷新后再改。",
                spec=row.spec.name,
                now=present or 0,
            )
        else:
            typed[row.spec.barcode] = cartons
    return typed, errors


def _set_limits(form: SupplyForm, code: str, cartons: Mapping[str, int], day: date) -> Outcome:
    def read(session: Session) -> Iterator[StagedLimit]:
        retailer, catalog = by_code(session, code), services().catalog(session)
        assert retailer is not None
        staged = [
            (retailer.id, cycle_start(retailer, day), barcode, count * catalog.specs[barcode].packs_per_carton)
            for barcode, count in cartons.items()
        ]
        return iter(staged)

    return change_limits(form, day, read, _("网页"))


def _limits_page(session: Session, code: str) -> dict[str, object]:
    row = by_code(session, code)
    if row is None:
        abort(404)
    today = business_day(services().now())
    coming = next_order_day(row, today, calendar(session))
    ordering = is_order_day(row, today, calendar(session))
    day = parse_date(request.args.get("day") or request.form.get("day")) or (today if ordering else coming) or today
    return {
        "row": row,
        "day": day,
        "today": today,
        "coming_day": coming,
        "changes_coming": day == coming,
        "rows": limit_rows(session, services().catalog(session), row, day, coming),
        "may_edit": may("edit_limits"),
    }


def limit_rows(session: Session, catalog: Catalog, row: RetailerRow, day: date, coming: date | None) -> list[LimitRow]:
    """The specs that a retailer has limits of in the present cycle or the next, or that are supplied on one of these
    days, in catalogue order."""
    today = business_day(services().now())
    starts = {"present": cycle_start(row, today), "coming": cycle_start(row, coming) if coming else None}
    known: dict[str, dict[str, Limit]] = {name: {} for name in starts}
    for name, start in starts.items():
        if start is not None:
            found = session.scalars(select(Limit).where(Limit.retailer_id == row.id, Limit.cycle_start == start))
            known[name] = {limit.barcode: limit for limit in found}
    days = {one for one in (today, day, coming) if one is not None}
    supplied = set(session.scalars(select(Supply.barcode).where(Supply.business_day.in_(days)).distinct()))
    return [
        LimitRow(spec, known["present"].get(barcode), known["coming"].get(barcode))
        for barcode, spec in catalog.specs.items()
        if barcode in supplied or barcode in known["present"] or barcode in known["coming"]
    ]


def _specs() -> Mapping[str, Spec]:
    with read_only(services().sessions) as session:
        return services().catalog(session).specs


def _count(field: str) -> int | None:
    """The whole number in a field, or None."""
    return parse_whole(request.form.get(field), FIGURE_MAX)


def _wrong_count() -> str:
    return _("条数要写整数，从0到%(most)d。", most=FIGURE_MAX)
