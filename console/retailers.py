"""The retailers and the hotlines, looked up: who orders when, what is on the account, which number is for whom."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from console.access import only_for
from console.room import room
from orders.models import HotlineRow, MissedCall, OrderRow, RetailerPhone, RetailerRow
from orders.retailers import calendar
from orders.windows import business_day, is_order_day, next_order_day
from storage import reading

ROWS_MAX = 100
ORDERS_SHOWN = 12


def retailer_routes() -> Blueprint:
    """The lists of retailers and hotlines."""
    routes = Blueprint("retailers", __name__)

    @routes.get("/retailers")
    @only_for("see_day")
    def page() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()[:40]
        found = select(RetailerRow).order_by(RetailerRow.customer_code).limit(ROWS_MAX + 1)
        if text:
            called = select(RetailerPhone.retailer_id).where(RetailerPhone.phone.contains(text, autoescape=True))
            found = found.where(
                RetailerRow.customer_code.contains(text, autoescape=True)
                | RetailerRow.name.contains(text, autoescape=True)
                | RetailerRow.id.in_(called)
            )
        with reading(room().sessions) as session:
            rows = session.scalars(found).all()
        part = "retailer_rows.html" if request.headers.get("HX-Request") else "retailers.html"
        return render_template(part, rows=rows[:ROWS_MAX], more=len(rows) > ROWS_MAX, text=text)

    @routes.get("/retailers/<code>")
    @only_for("see_day")
    def retailer(code: str) -> ResponseReturnValue:
        today = business_day(room().now())
        with reading(room().sessions) as session:
            row = session.scalar(select(RetailerRow).where(RetailerRow.customer_code == code))
            if row is None:
                abort(404)
            open_days = calendar(session)
            phones = session.scalars(select(RetailerPhone.phone).where(RetailerPhone.retailer_id == row.id)).all()
            orders = session.scalars(
                select(OrderRow)
                .where(OrderRow.retailer_id == row.id, OrderRow.number.is_not(None))
                .order_by(OrderRow.id.desc())
                .limit(ORDERS_SHOWN)
            ).all()
            missed = session.scalars(
                select(MissedCall)
                .where(MissedCall.retailer_id == row.id)
                .order_by(MissedCall.missed_on.desc())
                .limit(ORDERS_SHOWN)
            ).all()
        return render_template(
            "retailer.html",
            row=row,
            phones=phones,
            orders=orders,
            missed=missed,
            today=is_order_day(row, today, open_days),
            next_day=next_order_day(row, today, open_days),
        )

    @routes.get("/hotlines")
    @only_for("see_day")
    def hotlines() -> ResponseReturnValue:
        with reading(room().sessions) as session:
            rows = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
        return render_template("hotlines.html", rows=rows)

    return routes
