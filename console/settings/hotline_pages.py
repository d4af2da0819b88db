"""The hotline numbers and their settings, each change with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from console.authentication import may, requires_task, staff
from console.filters import parse_time_of_day, time_of_day
from console.language import _
from ivr.services import services
from orders import audit_log
from orders.book.models import OrderKind
from orders.hotline_settings import set_hotline
from orders.models import REASON_MAX_CHARS, HotlineRow, MissedCallers
from storage import read_only, transaction

REGIONS_MAX = 9
ENTRIES_SHOWN = 20
_NUMBER = re.compile(r"\+[0-9]{6,15}")
_SEPARATORS = re.compile(r"[、，,;；\n]+")
KINDS: tuple[OrderKind, ...] = get_args(OrderKind)


@dataclass
class HotlineForm:
    """The values of the form; `errors` holds them by field name."""

    number: str = ""
    name: str = ""
    seat: str = ""
    kind: OrderKind = "regular"
    opens: str = "08:00"
    closes: str = "17:00"
    regions: str = ""
    missed_callers: MissedCallers = "tell"
    why: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def region_names(self) -> list[str]:
        return [name for part in _SEPARATORS.split(self.regions) if (name := part.strip())]


def hotline_routes() -> Blueprint:
    """The list of hotlines, and the form of each."""
    routes = Blueprint("hotlines", __name__, url_prefix="/hotlines")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            rows = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
            entries = audit_log.entries(session, subject="hotline", limit=ENTRIES_SHOWN)
        return render_template("settings/hotlines.html", rows=rows, entries=entries, may_edit=may("set_rules"))

    @routes.get("/new")
    @requires_task("set_rules")
    def new() -> ResponseReturnValue:
        return render_template("settings/hotline.html", form=HotlineForm(), number=None, kinds=KINDS)

    @routes.get("/<number>")
    @requires_task("set_rules")
    def hotline(number: str) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = session.scalar(select(HotlineRow).where(HotlineRow.number == number))
        if row is None:
            abort(404)
        regions = "、".join(name for _key, name in row.regions)
        form = HotlineForm(
            number,
            row.name,
            row.seat,
            row.kind,
            time_of_day(row.opens),
            time_of_day(row.closes),
            regions,
            row.missed_callers,
        )
        return render_template("settings/hotline.html", form=form, number=number, kinds=KINDS)

    @routes.post("/new")
    @requires_task("set_rules")
    def add() -> ResponseReturnValue:
        form = _from_form(request.form)
        form.number = re.sub(r"[\s()-]", "", request.form.get("number", ""))
        if not _NUMBER.fullmatch(form.number):
            form.errors["number"] = _("号码要带国家码，像 +8637255550000 这样写。")
        with read_only(services().sessions) as session:
            if session.scalar(select(HotlineRow.id).where(HotlineRow.number == form.number)) is not None:
                form.errors["number"] = _("已经有这个号码了。")
        return _save(form, None)

    @routes.post("/<number>")
    @requires_task("set_rules")
    def change(number: str) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            if session.scalar(select(HotlineRow.id).where(HotlineRow.number == number)) is None:
                abort(404)
        form = _from_form(request.form)
        form.number = number
        return _save(form, number)

    return routes


def _save(form: HotlineForm, number: str | None) -> ResponseReturnValue:
    """Store the hotline and return to the list, or show the form again with its errors."""
    opens, closes = _minutes(form, "opens", form.opens), _minutes(form, "closes", form.closes)
    if opens is not None and closes is not None and closes <= opens:
        form.errors["closes"] = _("结束要比开始晚。")
    if form.errors or opens is None or closes is None:
        return render_template("settings/hotline_form.html", form=form, number=number, kinds=KINDS), 422
    with transaction(services().sessions) as session:
        set_hotline(
            session,
            form.number,
            name=form.name,
            seat=form.seat,
            kind=form.kind,
            opens=opens,
            closes=closes,
            regions=form.region_names,
            missed_callers=form.missed_callers,
            by=staff().name,
            why=form.why,
            now=services().now(),
        )
    return "", 204, {"HX-Redirect": url_for("console.hotlines.page")}


def _from_form(form: Mapping[str, str]) -> HotlineForm:
    typed = HotlineForm(
        name=form.get("name", "").strip(),
        seat=form.get("seat", "").strip(),
        kind=next((kind for kind in KINDS if kind == form.get("kind")), "regular"),
        opens=form.get("opens", "").strip(),
        closes=form.get("closes", "").strip(),
        regions=form.get("regions", "").strip(),
        missed_callers="serve" if form.get("missed_callers") == "serve" else "tell",
        why=form.get("why", "").strip()[:REASON_MAX_CHARS],
    )
    for name, most in (("name", 40), ("seat", 10)):
        if not 0 < len(getattr(typed, name)) <= most:
            typed.errors[name] = _("要写1到%(most)d个字。", most=most)
    if not typed.why:
        typed.errors["why"] = _("请写明原因，记录里要用。")
    regions = typed.region_names
    if len(regions) > REGIONS_MAX:
        typed.errors["regions"] = _("最多9个区，每个区一个按键。")
    elif len(set(regions)) < len(regions):
        typed.errors["regions"] = _("有的区写了两次。")
    return typed


def _minutes(form: HotlineForm, name: str, text: str) -> int | None:
    minutes = parse_time_of_day(text)
    if minutes is None:
        form.errors[name] = _("时间像 08:30 这样写，一天的最后是 24:00。")
    return minutes
