"""The banner of open alarms about guessed PINs and passwords, on the pages that people have open all day."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from ivr.services import services
from orders.sign_in_alarms import open_alarms, settle
from storage import read_only, transaction

# Pages ask for it by themselves, which keeps nobody signed in.
POLLED = frozenset({"console.alarms.banner"})


def alarm_routes() -> Blueprint:
    """The banner, and the button of who has seen to an alarm."""
    routes = Blueprint("alarms", __name__, url_prefix="/alarms")

    @routes.get("")
    @requires_task("see_day")
    def banner() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _banner(session)

    @routes.post("/<int:number>/settle")
    @requires_task("settle_alarms")
    def settle_alarm(number: int) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            settle(session, number, by=staff().name, now=services().now())
            return _banner(session)

    return routes


def _banner(session: Session) -> str:
    return render_template("day/alarms.html", alarms=open_alarms(session), may_settle=may("settle_alarms"))
