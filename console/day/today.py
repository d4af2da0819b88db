"""Today's list: the retailers due with their state, and every order of the day by any channel."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from console.authentication import requires_task
from console.day.day_list import DayList
from console.paging import requested_page
from ivr.services import services
from orders.book import order_changes
from orders.windows import business_day
from storage import read_only


def today_routes() -> Blueprint:
    """The page of today's list."""
    routes = Blueprint("today", __name__)

    @routes.get("/today")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        now = services().now()
        wanted, text = request.args.get("state", ""), request.args.get("q", "").strip()
        batch = request.args.get("batch", "")
        by_itself = bool(request.headers.get("HX-Request"))
        with read_only(services().sessions) as session:
            today = DayList(session, now)
            narrowed = today.narrowed(state=wanted, batch=batch, text=text)
            shown = requested_page(today.count(narrowed))
            return render_template(
                "day/today_rows.html" if by_itself else "day/today.html",
                rows=today.rows(narrowed, shown.first, shown.size),
                shown=shown,
                wanted=wanted,
                batch=batch,
                text=text,
                day=business_day(now),
                **(
                    {}
                    if by_itself
                    else {"counts": today.counts(), "changes_waiting": order_changes.open_count(session)}
                ),
            )

    return routes
