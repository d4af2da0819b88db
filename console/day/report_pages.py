"""Reports of a day, a week or a month: need met and unmet, retailers due and ordered, channels and reasons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import get_args

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from console.authentication import requires_task
from console.calls.order_and_call_pages import requested_day
from console.language import _
from console.uploads import export_table
from ivr.services import services
from orders.reporting import figures
from orders.reporting.figures import Period, Span
from orders.reporting.labels import percent_text
from orders.reporting.tables import (
    DUE_CHART,
    NEEDS_CHART,
    Cell,
    Chart,
    Table,
    channels_table,
    days_table,
    reasons_table,
    specs_table,
)
from storage import read_only

PLOTTED_MAX = 12


def report_routes() -> Blueprint:
    """The page of the reports, and their tables as files."""
    routes = Blueprint("reports", __name__, url_prefix="/reports")

    @routes.get("")
    @requires_task("reports")
    def page() -> ResponseReturnValue:
        day, span, period = _chosen()
        with read_only(services().sessions) as session:
            found = figures.days(session, period)
            days, specs = days_table(found), specs_table(session, period)
            channels, reasons = channels_table(session, period), reasons_table(session, period)
        return render_template(
            "day/reports.html",
            day=day,
            span=span,
            spans=get_args(Span),
            period=period,
            total=figures.total(found, period),
            days=days,
            specs=specs,
            channels=channels,
            reasons=reasons,
            percent=percent_text,
            # A month has all its days, but no more specs than can be told apart; the first are those short of most.
            plots={"days": _plot(DUE_CHART, days), "specs": _plot(NEEDS_CHART, specs, PLOTTED_MAX)},
        )

    @routes.get("/<any(days, specs):key>.<any(csv, xlsx):kind>")
    @requires_task("reports")
    def file(key: str, kind: str) -> ResponseReturnValue:
        _day, span, period = _chosen()
        with read_only(services().sessions) as session:
            table = days_table(figures.days(session, period)) if key == "days" else specs_table(session, period)
        return export_table(f"{key}-{span}-{period.first}", kind, list(table.columns.values()), table.rows)

    return routes


def _chosen() -> tuple[date, Span, Period]:
    day = requested_day()
    span: Span = next((span for span in get_args(Span) if span == request.args.get("span")), "day")
    return day, span, Period.around(day, span)


def _plot(chart: Chart, table: Table, most: int | None = None) -> dict[str, object]:
    """The labels and the series of a chart, of the first `most` rows of its table."""
    return {
        "labels": [_point(value) for value in table.values(chart.labels)[:most]],
        "series": [
            {"label": _(table.columns[column]), "values": [_point(value) for value in table.values(column)[:most]]}
            for column in chart.series
        ],
    }


def _point(value: Cell) -> str | int | float | None:
    if isinstance(value, date):
        return f"{value:%m-%d}"
    return float(value) if isinstance(value, Decimal) else value
