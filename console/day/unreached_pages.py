"""Unreached retailers with reason and remedy, recorded by the operator or the leader (TR 3.3)."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, own_shops, requires_task, staff
from console.calls.order_and_call_pages import requested_day
from console.dates import parse_date
from console.language import _
from console.paging import requested_page
from ivr.services import services
from orders.models import NOTE_MAX_CHARS
from orders.outbound import missed_calls
from orders.outbound.missed_calls import REASONS, REMEDIES, MissedRefused
from orders.retailers.lookup import by_code
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import transaction

FIELDS = ("code", "reason", "remedy", "remedy_day", "note")


def unreached_routes() -> Blueprint:
    """The unreached retailers of a day, and the form that records one."""
    routes = Blueprint("unreached", __name__, url_prefix="/unreached")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        day, code = requested_day(), request.args.get("code", "").strip()
        with own_shops() as session:
            known = next(iter(missed_calls.unreached_retailers(session, day, code=code)), None) if code else None
            form = {"code": code, "remedy_day": business_day(services().now()).isoformat()}
            if known is not None:
                form |= {
                    "reason": known.row.reason,
                    "remedy": known.row.remedy,
                    "remedy_day": known.row.remedy_day.isoformat(),
                }
            return _page(session, day, form)

    @routes.post("")
    @requires_task("take_calls")
    def record() -> ResponseReturnValue:
        now, day = services().now(), parse_date(request.form.get("day", "")) or business_day(services().now())
        form = {name: request.form.get(name, "").strip() for name in FIELDS}
        with transaction(services().sessions) as session:
            retailer, remedy_day = by_code(session, form["code"]), parse_date(form["remedy_day"])
            errors = _errors(form, retailer, day)
            remedy = next((one for one in REMEDIES if one == form["remedy"]), None)
            if not errors and retailer is not None and remedy is not None:
                try:
                    missed_calls.record_missed_call(
                        session,
                        retailer,
                        day,
                        form["reason"],
                        remedy,
                        remedy_day,
                        note=form["note"],
                        by=staff().name,
                        now=now,
                    )
                except MissedRefused as refused:
                    field, sentence = {
                        "ordered": ("code", _("这一户后来订过货了，不用再记。")),
                        "past": ("remedy_day", _("请选当天或者以后的日期。")),
                    }[refused.reason]
                    errors = {field: sentence}
            if errors:
                return _page(session, day, form, errors), 422
        return "", 204, {"HX-Redirect": url_for("console.unreached.page", day=day.isoformat())}

    return routes


def _page(session: Session, day: date, form: dict[str, str], errors: dict[str, str] | None = None) -> str:
    variables: dict[str, object] = {}
    if not (by_itself := bool(request.headers.get("HX-Request"))):
        shown = requested_page(missed_calls.unreached_count(session, day))
        listed = missed_calls.unreached_retailers(session, day, first=shown.first, most=shown.size)
        variables = {"listed": listed, "shown": shown}
    return render_template(
        "day/unreached_form.html" if by_itself else "day/unreached.html",
        **variables,
        day=day,
        form=form,
        errors=errors or {},
        may_record=may("take_calls"),
        note_max=NOTE_MAX_CHARS,
    )


def _errors(form: dict[str, str], retailer: RetailerRow | None, day: date) -> dict[str, str]:
    """The errors of a record, by field."""
    return {
        name: sentence
        for name, sentence, is_wrong in (
            ("code", _("没有这个客户代码。"), retailer is None),
            ("reason", _("请选一个原因。"), form["reason"] not in REASONS),
            ("remedy", _("请选补救方式。"), form["remedy"] not in REMEDIES),
            (
                "remedy_day",
                _("请选一个日期。"),
                form["remedy"] != "next_cycle" and parse_date(form["remedy_day"]) is None,
            ),
            ("note", _("最多%(most)d个字。", most=NOTE_MAX_CHARS), len(form["note"]) > NOTE_MAX_CHARS),
            ("code", _("这一天还没有到。"), day > business_day(services().now())),
        )
        if is_wrong
    }
