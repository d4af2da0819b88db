"""The order book and the calls: the lists, an order with its history, and a call with its turns."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from console.authentication import own_shops, requires_task, staff
from console.calls.call_list import add_call_list
from console.calls.order_change_form import form_context
from console.calls.order_list import add_order_list
from console.dates import parse_date
from console.desk.call_views import call_view, turns_of
from ivr.call_sound.whole_call import has_sound
from ivr.models import Call
from ivr.operators import tickets
from ivr.services import services
from orders.book.models import OrderHistory, OrderRow
from orders.book.views import order_view
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from orders.windows import business_day
from storage import read_only


def book_routes() -> Blueprint:
    """The lists of orders and of calls, and the page of each."""
    routes = Blueprint("book", __name__)

    add_order_list(routes)
    add_call_list(routes)

    @routes.get("/orders/<int:number>")
    @requires_task("see_shops")
    def order(number: int) -> ResponseReturnValue:
        with own_shops() as session:
            row = session.scalar(select(OrderRow).where(OrderRow.id == number).options(selectinload(OrderRow.lines)))
            if row is None:
                abort(404)
            retailer = session.get_one(RetailerRow, row.retailer_id)
            history = session.scalars(
                select(OrderHistory).where(OrderHistory.order_id == row.id).order_by(OrderHistory.id)
            ).all()
            return render_template(
                "calls/order_details.html",
                row=row,
                order=order_view(row),
                retailer=retailer,
                history=history,
                specs=services().catalog(session).specs,
                **(form_context(session, row) if row.number is not None else {}),
            )

    @routes.get("/orders/numbered/<number>")
    @requires_task("see_shops")
    def numbered_order(number: str) -> ResponseReturnValue:
        """The page of the order with this number."""
        with own_shops() as session:
            order_id = session.scalar(select(OrderRow.id).where(OrderRow.number == number))
        if order_id is None:
            abort(404)
        return redirect(url_for("console.book.order", number=order_id))

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
