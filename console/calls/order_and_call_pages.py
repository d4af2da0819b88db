"""The order book and the calls of a day, to look up orders with their history and calls with their turns."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from clock import SHANGHAI
from console.authentication import requires_task, staff
from console.dates import parse_date
from console.desk.call_views import call_view, turns_of
from ivr.call_sound.whole_call import has_sound
from ivr.models import Call
from ivr.operators import tickets
from ivr.operators.models import Ticket
from ivr.services import services
from orders.book.models import OrderHistory, OrderRow
from orders.book.views import order_view
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from orders.windows import business_day
from storage import read_only

ROWS_MAX = 300


def book_routes() -> Blueprint:
    """The lists of orders and of calls, and the page of each."""
    routes = Blueprint("book", __name__)

    @routes.get("/orders")
    @requires_task("see_day")
    def orders() -> ResponseReturnValue:
        day = requested_day()
        state = request.args.get("state", "")
        with read_only(services().sessions) as session:
            counts = dict(
                session.execute(
                    select(OrderRow.state, func.count()).where(OrderRow.business_day == day).group_by(OrderRow.state)
                ).all()
            )
            found = session.execute(
                select(OrderRow, RetailerRow)
                .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
                .where(OrderRow.business_day == day, OrderRow.state == state if state else OrderRow.state != "lapsed")
                .order_by(OrderRow.id.desc())
                .limit(ROWS_MAX)
            ).all()
        return render_template("calls/orders.html", day=day, state=state, counts=counts, rows=found)

    @routes.get("/orders/<int:number>")
    @requires_task("see_day")
    def order(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = session.scalar(select(OrderRow).where(OrderRow.id == number).options(selectinload(OrderRow.lines)))
            if row is None:
                abort(404)
            retailer = session.get_one(RetailerRow, row.retailer_id)
            history = session.scalars(
                select(OrderHistory).where(OrderHistory.order_id == row.id).order_by(OrderHistory.id)
            ).all()
            specs = services().catalog(session).specs
        return render_template(
            "calls/order_details.html", row=row, order=order_view(row), retailer=retailer, history=history, specs=specs
        )

    @routes.get("/calls")
    @requires_task("see_day")
    def calls() -> ResponseReturnValue:
        day = requested_day()
        begins, ends = day_bounds(day)
        with read_only(services().sessions) as session:
            rows = session.scalars(
                select(Call)
                .where(Call.started_at >= begins, Call.started_at < ends)
                .order_by(Call.started_at.desc())
                .limit(ROWS_MAX)
            ).all()
            reasons = dict(
                session.execute(
                    select(Ticket.call_key, Ticket.reason).where(Ticket.call_key.in_([row.call_key for row in rows]))
                ).all()
            )
            listed = [(row, call_view(session, row), reasons.get(row.call_key)) for row in rows]
        return render_template("calls/calls.html", day=day, rows=listed)

    @routes.get("/calls/<call_key>")
    @requires_task("hear_recordings")
    def call(call_key: str) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = session.get(Call, call_key)
            if row is None:
                abort(404)
            view, turns = call_view(session, row), turns_of(session, call_key, limit=200)
            order_row = session.scalar(select(OrderRow).where(OrderRow.call_key == call_key))
            ticket, with_sound = tickets.of_call(session, call_key), has_sound(session, call_key)
            taker = session.get(StaffRow, ticket.taken_by) if ticket is not None and ticket.taken_by else None
        return render_template(
            "calls/call_details.html",
            call=row,
            view=view,
            turns=turns,
            order=order_row,
            ticket=ticket,
            taker=taker,
            me=staff(),
            with_sound=with_sound,
        )

    return routes


def requested_day() -> date:
    """The business day in the request; today where it is missing or invalid."""
    return parse_date(request.args.get("day")) or business_day(services().now())


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The beginning and the end of a day in Shanghai, in UTC."""
    begins = datetime.combine(day, time(), SHANGHAI).astimezone(UTC)
    return begins, begins + timedelta(days=1)
