"""Reports of a day, a week or a month: need met and unmet, retailers due and ordered, calls, operators, channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.models import BrandSpec
from console.authentication import may, own_shops, requires_task
from console.calls.order_and_call_pages import requested_day
from console.day.bar_charts import calls_charts, days_chart, spec_days_chart, specs_chart
from console.uploads import export_table
from ivr.figures import call_figures
from ivr.services import services
from orders.reporting.area_needs import area_needs
from orders.reporting.calls import ANSWERED_WITHIN, SERVICE_LEVEL_GOAL, CallFigures
from orders.reporting.figures import Figures, SpecNeed, read_figures
from orders.reporting.labels import clock_time, percent_text
from orders.reporting.need_days import keep
from orders.reporting.period import Period, Span
from orders.reporting.tables import (
    Table,
    calls_table,
    channels_table,
    counties_table,
    days_table,
    managers_table,
    operators_table,
    reasons_table,
    service_table,
    spec_days_table,
    specs_table,
)
from orders.windows import business_day
from storage import read_only

_CALL_TABLES: Mapping[str, Callable[[CallFigures], Table]] = {
    "calls": calls_table,
    "service": lambda calls: service_table(calls.service),
    "operators": lambda calls: operators_table(calls.operators),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: the period around a day, as it is at this moment."""

    day: date
    span: Span
    now: datetime

    @property
    def period(self) -> Period:
        return Period.around(self.day, self.span)

    @property
    def today(self) -> date:
        return business_day(self.now)


def report_routes() -> Blueprint:
    """The page of the reports, and their tables as files."""
    routes = Blueprint("reports", __name__, url_prefix="/reports")

    @routes.get("")
    @requires_task("area_reports")
    def page() -> ResponseReturnValue:
        """The reports of the whole line; for a customer manager and a county's clerk those of their own retailers."""
        asked, figures, spec = _read_figures()
        shown: dict[str, object] = {
            "day": asked.day,
            "span": asked.span,
            "spans": get_args(Span),
            "period": asked.period,
            "runs_until": figures.period.last if asked.period.last >= asked.today else None,
            "spec": spec,
        }
        if not may("reports"):
            return render_template("day/reports.html", **shown, **_area_tables(figures))
        calls = _read_calls()[1]
        days = [] if spec is None else figures.days_of(spec)
        charts = [
            specs_chart(figures, spec, asked.day.isoformat(), asked.span),
            days_chart(figures.days, asked.span) if spec is None else spec_days_chart(spec, days, asked.span),
        ]
        return render_template(
            "day/reports.html",
            **shown,
            total=figures.total,
            days=_table("days", figures, spec),
            specs=_table("specs", figures, spec),
            channels=channels_table(figures.channels),
            reasons=reasons_table(figures),
            calls=calls_table(calls),
            under_way=calls.under_way,
            service=calls.service,
            service_figures=service_table(calls.service),
            service_goal=SERVICE_LEVEL_GOAL,
            answered_within=int(ANSWERED_WITHIN.total_seconds()),
            operators=operators_table(calls.operators),
            percent=percent_text,
            clock=clock_time,
            charts=charts,
            calls_charts=calls_charts(calls),
        )

    @routes.get("/areas")
    @requires_task("area_reports")
    def areas() -> ResponseReturnValue:
        """The tables by county and customer manager, which the page of the whole line loads after itself."""
        asked, figures, _spec = _read_figures()
        return render_template(
            "day/report_areas.html", day=asked.day, span=asked.span, spec=None, **_area_tables(figures)
        )

    @routes.get("/<any(counties, managers):key>.<any(csv, xlsx):kind>")
    @requires_task("area_reports")
    def area_file(key: str, kind: str) -> ResponseReturnValue:
        """The figures by county or customer manager, of the retailers that are the reader's own."""
        asked, figures, _spec = _read_figures()
        return _export(asked, _area_tables(figures)[key], kind)

    @routes.get("/<any(days, specs, channels, reasons, calls, service, operators):key>.<any(csv, xlsx):kind>")
    @requires_task("reports")
    def file(key: str, kind: str) -> ResponseReturnValue:
        if key in _CALL_TABLES:
            asked, calls = _read_calls()
            table = _CALL_TABLES[key](calls)
        else:
            asked, figures, spec = _read_figures()
            table = _table(key, figures, spec)
        return _export(asked, table, kind, key)

    return routes


def _export(asked: _Asked, table: Table, kind: str, key: str = "") -> ResponseReturnValue:
    name = f"{key or table.key}-{asked.span}-{asked.period.first}"
    return export_table(name, kind, list(table.columns.values()), table.rows)


def _asked() -> _Asked:
    span: Span = next((span for span in get_args(Span) if span == request.args.get("span")), "day")
    return _Asked(requested_day(), span, services().now())


def _read_figures() -> tuple[_Asked, Figures, SpecNeed | None]:
    """What the request asks for, its figures, and the one spec it is about. What was added up for them is kept for the
    next request."""
    asked = _asked()
    with read_only(services().sessions) as session:
        figures = read_figures(session, asked.period, asked.today)
        spec = _chosen_spec(session, figures, request.args.get("spec", ""))
    keep(services().sessions, figures.need_days)
    return asked, figures, spec


def _area_tables(figures: Figures) -> dict[str, Table]:
    """The figures by county and by customer manager, of the retailers that are the reader's own."""
    with own_shops() as session:
        areas = area_needs(session, figures.period, figures.need_days)
    return {"counties": counties_table(areas), "managers": managers_table(areas)}


def _read_calls() -> tuple[_Asked, CallFigures]:
    """What the request asks for, and the calls of its period."""
    asked = _asked()
    with read_only(services().sessions) as session:
        return asked, call_figures.figures(session, asked.period.until(asked.today), asked.now)


def _table(key: str, figures: Figures, spec: SpecNeed | None) -> Table:
    """One of the tables that are no calls', of all specs or of one."""
    match key:
        case "days":
            return days_table(figures.days) if spec is None else spec_days_table(spec, figures.days_of(spec))
        case "specs":
            return specs_table(figures.needs if spec is None else [spec])
        case "channels":
            return channels_table(figures.channels)
        case _:
            return reasons_table(figures)


def _chosen_spec(session: Session, figures: Figures, wanted: str) -> SpecNeed | None:
    """The spec with this barcode or name, also where nobody asked for it; None where all are wanted."""
    if not wanted:
        return None
    found = next((need for need in figures.needs if wanted in (need.barcode, need.name)), None)
    if found is not None or (row := session.get(BrandSpec, wanted)) is None:
        return found
    return SpecNeed(row.barcode, row.name, row.packs_per_carton, 0, 0, 0, 0, 0, 0)
