"""Reports of a day, a week or a month: need met and unmet, retailers due and ordered, channels and reasons."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from console.authentication import requires_task
from console.calls.order_and_call_pages import requested_day
from console.language import _
from console.services import services
from console.uploads import table
from orders.reporting import figures
from orders.reporting.figures import DayFigures, Period, Span, SpecNeed
from storage import read_only

PLOTTED_MAX = 12
NEEDS_COLUMNS = (
    "barcode",
    "name",
    "requested_cartons",
    "met_cartons",
    "unmet_cartons",
    "met_rate",
    "asked",
    "reached",
)
DAYS_COLUMNS = (
    "day",
    "due",
    "due_ordered",
    "success",
    "orders",
    "packs",
    "amount_yuan",
    "met_rate",
    "missed",
    "lapsed",
    "cancelled",
)


def report_routes() -> Blueprint:
    """The page of the reports, and their tables as files."""
    routes = Blueprint("reports", __name__, url_prefix="/reports")

    @routes.get("")
    @requires_task("reports")
    def page() -> ResponseReturnValue:
        day, span, period = _chosen()
        with read_only(services().sessions) as session:
            needs, days = figures.needs(session, period), figures.days(session, period)
            channels = figures.channels(session, period)
            unmet = figures.unmet_reasons(session, period)
            missed = figures.missed_reasons(session, period)
        wanted = sum(one.requested_packs for one in days)
        due = sum(one.due for one in days)
        return render_template(
            "day/reports.html",
            day=day,
            span=span,
            spans=get_args(Span),
            period=period,
            needs=sorted(needs, key=lambda need: (-need.unmet_packs, -need.requested_packs)),
            days=days,
            channels=channels,
            unmet=unmet,
            missed=missed,
            met_rate=_rate(Fraction(wanted - sum(one.unmet_packs for one in days), wanted) if wanted else None),
            success=_rate(Fraction(sum(one.due_ordered for one in days), due) if due else None),
            rate=_rate,
            plots=_plots(needs, days),
        )

    @routes.get("/needs.<any(csv, xlsx):kind>")
    @requires_task("reports")
    def needs_file(kind: str) -> ResponseReturnValue:
        _day, span, period = _chosen()
        with read_only(services().sessions) as session:
            needs = figures.needs(session, period)
        return table(f"needs-{span}-{period.first}", kind, NEEDS_COLUMNS, map(_need_row, needs))

    @routes.get("/days.<any(csv, xlsx):kind>")
    @requires_task("reports")
    def days_file(kind: str) -> ResponseReturnValue:
        _day, span, period = _chosen()
        with read_only(services().sessions) as session:
            days = figures.days(session, period)
        return table(f"days-{span}-{period.first}", kind, DAYS_COLUMNS, map(_day_row, days))

    return routes


def _chosen() -> tuple[object, Span, Period]:
    day = requested_day()
    span: Span = next((span for span in get_args(Span) if span == request.args.get("span")), "day")
    return day, span, Period.around(day, span)


def _rate(share: Fraction | None) -> str:
    return "" if share is None else f"{float(share):.1%}"


def _plots(needs: list[SpecNeed], days: list[DayFigures]) -> dict[str, object]:
    """The data of the plots: the most wanted specs in cartons, and the retailers due and ordered by day."""
    most = sorted(needs, key=lambda need: -need.requested_packs)[:PLOTTED_MAX]
    met = [_cartons(need, need.requested_packs - need.unmet_packs) for need in most]
    return {
        "needs": {
            "labels": [need.name for need in most],
            "series": [
                {"label": _("订上"), "values": met},
                {"label": _("没订上"), "values": [_cartons(need, need.unmet_packs) for need in most]},
            ],
        },
        "days": {
            "labels": [f"{one.day:%m-%d}" for one in days],
            "series": [
                {"label": _("应订"), "values": [one.due for one in days]},
                {"label": _("已订"), "values": [one.due_ordered for one in days]},
            ],
        },
    }


def _cartons(need: SpecNeed, packs: int) -> float:
    return packs / need.packs_per_carton


def _need_row(need: SpecNeed) -> tuple[object, ...]:
    return (
        need.barcode,
        need.name,
        _cartons(need, need.requested_packs),
        _cartons(need, need.met_packs),
        _cartons(need, need.unmet_packs),
        _share(need.met_rate),
        need.asked,
        need.reached,
    )


def _day_row(one: DayFigures) -> tuple[object, ...]:
    return (
        one.day.isoformat(),
        one.due,
        one.due_ordered,
        _share(one.success),
        one.orders,
        one.packs,
        f"{one.amount_fen / 100:.2f}",
        _share(one.met_rate),
        one.missed,
        one.lapsed,
        one.cancelled,
    )


def _share(share: Fraction | None) -> str:
    return "" if share is None else f"{float(share):.4f}"
