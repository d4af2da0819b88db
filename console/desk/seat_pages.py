"""The seat of a staff member: chosen when signing in or afterwards, remembered, and never shared by two."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from console.authentication import requires_task, staff
from console.language import _
from ivr.services import services
from orders.staff import seats
from orders.staff.models import SEAT_MAX_CHARS, StaffRow
from orders.staff.seats import InvalidSeat, SeatTaken
from storage import read_only, transaction


def seat_routes() -> Blueprint:
    """The page to take and leave a seat."""
    routes = Blueprint("seats", __name__, url_prefix="/seat")

    @routes.get("")
    @requires_task("take_calls")
    def page() -> ResponseReturnValue:
        wanted = request.args.get("wanted", "")[:SEAT_MAX_CHARS]
        return _page(wanted or staff().seat, seat_refusal(staff(), wanted) if wanted else "")

    @routes.post("")
    @requires_task("take_calls")
    def take() -> ResponseReturnValue:
        wanted = request.form.get("seat", "").strip()
        if problem := take_seat(staff(), wanted):
            return _page(wanted, problem), 422
        return redirect(url_for("console.home"))

    @routes.post("/leave")
    @requires_task("take_calls")
    def leave() -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            seats.leave_seat(session, staff().id)
        return redirect(url_for("console.seats.page"))

    return routes


def take_seat(person: StaffRow, wanted: str) -> str:
    """Take a seat. Return the reason for a refusal in a sentence, or an empty string."""
    try:
        with transaction(services().sessions) as session:
            seats.take_seat(session, person.id, wanted, services().now())
    except SeatTaken as taken:
        return _taken(taken.seat, taken.by)
    except InvalidSeat:
        return _("席位写数字或字母，最多10个，比如 3。")
    return ""


def seat_refusal(person: StaffRow, wanted: str) -> str:
    """The reason this person cannot take the seat now, or an empty string."""
    with read_only(services().sessions) as session:
        for row, other in seats.occupied_seats(session, services().now()):
            if row.seat == wanted and other.id != person.id:
                return _taken(wanted, other.name)
    return ""


def _taken(seat: str, by: str) -> str:
    return _("%(seat)s号席位现在是%(name)s在用，请换一个。", seat=seat, name=by)


def _page(wanted: str, problem: str) -> str:
    now = services().now()
    with read_only(services().sessions) as session:
        return render_template(
            "desk/seat.html",
            wanted=wanted,
            problem=problem,
            own_seat=seats.seat_of(session, staff().id, now),
            occupied_seats=seats.occupied_seats(session, now),
        )
