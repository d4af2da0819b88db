"""The shares of a day's supply by county and customer manager, and the allocation as it is published (AY 5.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from brand_catalog.sheet_words import in_chinese
from brand_catalog.sheet_writing import csv_bytes
from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _, chosen
from console.paging import requested_page
from console.uploads import export_table
from ivr.services import services
from orders.models import REASON_MAX_CHARS
from orders.supply import shares
from orders.supply.shares import Share
from orders.windows import business_day
from storage import read_only, transaction

DAYS_SHOWN = 14


def allocation_routes() -> Blueprint:
    """The shares of a day for the department, and what is published, which anybody may read."""
    routes = Blueprint("allocation", __name__)

    @routes.get("/supply/allocation")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        """The shares of a day, narrowed down to a spec, a county or a manager."""
        with read_only(services().sessions) as session:
            catalog, day = services().catalog(session), _day()
            found = shares.shares(session, catalog, day)
            published = shares.published(session, day)
        return render_template(
            "settings/allocation.html",
            **_listed(found),
            day=day,
            published=published,
            is_current=published is not None and shares.published_shares(published) == found,
            may_edit=may("edit_supply"),
        )

    @routes.get("/supply/allocation/export")
    @requires_task("reports")
    def export() -> ResponseReturnValue:
        day = _day()
        with read_only(services().sessions) as session:
            found = shares.shares(session, services().catalog(session), day)
        kind = request.args.get("kind", "csv")
        return export_table(f"allocation-{day}", kind, shares.COLUMNS, shares.file_rows(found), shares.NAMES)

    @routes.post("/supply/allocation/publish")
    @requires_task("edit_supply")
    def publish() -> ResponseReturnValue:
        """Publish a day's allocation as it is now."""
        day, why = parse_date(request.form.get("day")), request.form.get("why", "").strip()[:REASON_MAX_CHARS]
        errors = {}
        if day is None:
            errors["day"] = _("请选一个日期。")
        if not why:
            errors["why"] = _("请写明原因，记录里要用。")
        published = None
        if day is not None and not errors:
            with transaction(services().sessions) as session:
                catalog = services().catalog(session)
                if shares.shares(session, catalog, day):
                    published = shares.publish(session, catalog, day, by=staff().name, why=why, now=services().now())
                    session.expunge(published)
                else:
                    errors["day"] = _("这一天还没有分配，不能公布。")
        part = render_template(
            "settings/allocation_state.html", errors=errors, day=day, published=published, is_current=True
        )
        return part, 422 if errors else 200

    @routes.get("/allocation")
    def latest() -> ResponseReturnValue:
        """The allocation published last, for anybody to read."""
        with read_only(services().sessions) as session:
            days = shares.published_days(session, 1)
        return _public_page(days[0] if days else None)

    @routes.get("/allocation/<day>")
    def published_day(day: str) -> ResponseReturnValue:
        return _public_page(parse_date(day) or abort(404))

    @routes.get("/allocation/<day>/file")
    def published_file(day: str) -> ResponseReturnValue:
        """A published allocation as a CSV file, for anybody to take: it is for people, in the language of the page."""
        asked = parse_date(day) or abort(404)
        with read_only(services().sessions) as session:
            published = shares.published(session, asked)
        if published is None:
            abort(404)
        columns: Sequence[str] = shares.COLUMNS
        rows: Iterable[Sequence[object]] = shares.file_rows(shares.published_shares(published))
        if chosen() != "en":
            columns, rows = in_chinese(columns, rows, shares.NAMES)
        answer = Response(csv_bytes(columns, rows), mimetype="text/csv")
        answer.headers["Content-Disposition"] = f"attachment; filename=allocation-{asked}.csv"
        return answer

    return routes


def _public_page(day: date | None) -> ResponseReturnValue:
    with read_only(services().sessions) as session:
        published = None if day is None else shares.published(session, day)
        days = shares.published_days(session, DAYS_SHOWN)
    if day is not None and published is None:
        abort(404)
    found = [] if published is None else shares.published_shares(published)
    at: datetime | None = None if published is None else published.at
    return render_template("settings/allocation_public.html", **_listed(found), day=day, days=days, at=at)


def _listed(found: Sequence[Share]) -> dict[str, object]:
    """A page of the shares that the request asks for, what they may be narrowed down to, and their sums by county."""
    asked = {name: request.args.get(name, "") for name in ("spec", "county", "manager")}
    rows = [
        one
        for one in found
        if asked["spec"] in ("", one.barcode)
        and asked["county"] in ("", one.county)
        and asked["manager"] in ("", one.manager)
    ]
    shown = requested_page(len(rows))
    counties = sorted({one.county for one in found})
    return {
        "rows": rows[shown.first : shown.first + shown.size],
        "shown": shown,
        "asked": asked,
        "choices": {
            "spec": {one.barcode: f"{one.short_code} {one.spec}" for one in found},
            "county": {county: county for county in counties if county},
            "manager": {name: name for name in sorted({one.manager for one in found}) if name},
        },
        "by_county": [(county, sum(one.cartons for one in rows if one.county == county)) for county in counties],
        "cartons": sum(one.cartons for one in rows),
    }


def _day() -> date:
    """The day asked for; without one, tomorrow."""
    return parse_date(request.args.get("day")) or business_day(services().now()) + timedelta(days=1)
