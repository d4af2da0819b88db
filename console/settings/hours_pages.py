"""The hours of the channels other than the telephone, of outbound calls, and the days off; each with a reason."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.filters import parse_time_of_day
from console.language import _
from ivr.services import services
from orders import audit_log
from orders.book.models import Channel
from orders.hotline_settings import (
    MINUTES_A_DAY,
    set_calendar_day,
    set_channel_hours,
    set_outbound_hours,
    unset_outbound_hours,
)
from orders.models import REASON_MAX_CHARS, CalendarDay, ChannelWindow
from orders.outbound.campaign import pacing_rules
from orders.outbound.models import ALL_BATCHES, OutboundWindow
from orders.retailers.models import RetailerRow
from orders.windows import Calendar, business_day
from storage import read_only, transaction

# Each hotline has its own hours.
CHANNELS: tuple[Channel, ...] = ("web", "mobile", "proxy")
DAYS_SHOWN = 120
ENTRIES_SHOWN = 20


def hours_routes() -> Blueprint:
    """The page of hours and days off."""
    routes = Blueprint("hours", __name__, url_prefix="/hours")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template("settings/hours.html", **_page_context(session))

    @routes.post("/channel/<any(web, mobile, proxy):channel>")
    @requires_task("set_rules")
    def hours(channel: Channel) -> ResponseReturnValue:
        opens, closes = (
            parse_time_of_day(request.form.get("opens", "")),
            parse_time_of_day(request.form.get("closes", "")),
        )
        why, errors = _why(), {}
        before = "evening_before" in request.form
        for name, value in (("opens", opens), ("closes", closes)):
            if value is None:
                errors[name] = _("时间像 08:30 这样写，一天的最后是 24:00。")
        if opens is not None and closes is not None and closes <= opens - (MINUTES_A_DAY if before else 0):
            errors["closes"] = _("结束要比开始晚。")
        if not why:
            errors["why"] = _("请写明原因，记录里要用。")
        with transaction(services().sessions) as session:
            if not errors and opens is not None and closes is not None:
                starts = opens - (MINUTES_A_DAY if before else 0)
                set_channel_hours(session, channel, starts, closes, by=staff().name, why=why, now=services().now())
            page = render_template(
                "settings/hours_settings.html", errors={channel: errors}, typed=request.form, **_page_context(session)
            )
        return page, 422 if errors else 200

    @routes.post("/outbound")
    @requires_task("set_rules")
    def outbound() -> ResponseReturnValue:
        """Set when a batch's retailers are called, or with `unset` take its own hours away."""
        opens, closes = (
            parse_time_of_day(request.form.get("opens", "")),
            parse_time_of_day(request.form.get("closes", "")),
        )
        why, errors, unset = _why(), {}, "unset" in request.form
        batch = request.form.get("batch", ALL_BATCHES).strip()
        with transaction(services().sessions) as session:
            if batch != ALL_BATCHES and batch not in _batches(session):
                errors["batch"] = _("没有这条线路。")
            if not unset:
                for name, value in (("opens", opens), ("closes", closes)):
                    if value is None:
                        errors[name] = _("时间像 08:30 这样写，一天的最后是 24:00。")
                if opens is not None and closes is not None and closes <= opens:
                    errors["closes"] = _("结束要比开始晚。")
            if not why:
                errors["why"] = _("请写明原因，记录里要用。")
            if not errors:
                by, now = staff().name, services().now()
                if unset:
                    unset_outbound_hours(session, batch, by=by, why=why, now=now)
                elif opens is not None and closes is not None:
                    set_outbound_hours(session, batch, opens, closes, by=by, why=why, now=now)
            page = render_template(
                "settings/hours_settings.html",
                errors={"outbound": errors},
                typed=request.form,
                **_page_context(session),
            )
        return page, 422 if errors else 200

    @routes.post("/day")
    @requires_task("set_rules")
    def day() -> ResponseReturnValue:
        why, errors = _why(), {}
        chosen = {"open": True, "closed": False, "own": None}
        try:
            which: date | None = date.fromisoformat(request.form.get("day", ""))
        except ValueError:
            which, errors["day"] = None, _("请选一个日期。")
        if which is not None and which < business_day(services().now()):
            errors["day"] = _("这一天已经过去了。")
        if not why:
            errors["why"] = _("请写明原因，记录里要用。")
        with transaction(services().sessions) as session:
            if not errors and which is not None:
                is_open = chosen.get(request.form.get("as", ""), False)
                set_calendar_day(session, which, is_open, by=staff().name, why=why, now=services().now())
            page = render_template(
                "settings/hours_settings.html", errors={"day": errors}, typed=request.form, **_page_context(session)
            )
        return page, 422 if errors else 200

    return routes


def _why() -> str:
    return request.form.get("why", "").strip()[:REASON_MAX_CHARS]


def _batches(session: Session) -> list[str]:
    """The routes of the retailers, and those that have hours of their own."""
    routes = set(session.scalars(select(RetailerRow.route).where(RetailerRow.route != "").distinct()))
    return sorted(routes | set(session.scalars(select(OutboundWindow.batch)).all()) - {ALL_BATCHES})


def _page_context(session: Session) -> dict[str, object]:
    today = business_day(services().now())
    set_days = {row.day: row for row in session.scalars(select(CalendarDay).where(CalendarDay.day >= today))}
    known = Calendar({row.day: row.is_open for row in set_days.values()})
    ahead = (today + timedelta(days=count) for count in range(DAYS_SHOWN))
    windows = {row.channel: row for row in session.scalars(select(ChannelWindow))}
    rules = pacing_rules(session)
    changes = [
        *audit_log.entries(session, subject="channel_hours", limit=ENTRIES_SHOWN),
        *audit_log.entries(session, subject="calendar_day", limit=ENTRIES_SHOWN),
        *audit_log.entries(session, subject="outbound_hours", limit=ENTRIES_SHOWN),
    ]
    return {
        "channels": [(channel, windows.get(channel)) for channel in CHANNELS],
        "batches": _batches(session),
        "outbound": sorted({ALL_BATCHES: rules.window(ALL_BATCHES), **rules.windows}.items(), key=lambda one: one[0]),
        "off": [(day, set_days.get(day)) for day in ahead if day in set_days or not known.is_open(day)],
        "entries": sorted(changes, key=lambda entry: entry.at, reverse=True)[:ENTRIES_SHOWN],
        "may_edit": may("set_rules"),
    }
