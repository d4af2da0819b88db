"""The day's brief, read by operators before the first call (AS 4.2.1-2, AY 4.1.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Spec
from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.day.pre_shift_check import checks
from console.day.waiting_work import waiting_work
from console.language import _
from console.numbers import parse_whole
from ivr.figures import call_figures
from ivr.services import services
from orders.assessment import meetings
from orders.book.due import due_count
from orders.book.models import COUNTED_STATES, OrderRow
from orders.day_end.checklist import unclosed_days
from orders.day_end.exceptions import orders_on_hold, unaudited_orders
from orders.hotline_settings import calendar
from orders.reporting.figures import DayFigures, day_figures
from orders.reporting.labels import percent_text
from orders.reporting.need_days import NeedDays, keep
from orders.reporting.period import Period
from orders.staff import notices
from orders.staff.models import NOTICE_MAX_CHARS, Notice, StaffRow
from orders.staff.notices import NOTICE_KINDS
from orders.supply.allocate import BASES
from orders.supply.locking import LOCKED_FROM
from orders.supply.models import LimitBatch, Supply
from orders.windows import ONE_DAY, business_day
from storage import read_only, transaction


@dataclass(frozen=True, slots=True)
class SpecToday:
    """One spec of today's supply, and what is left of it."""

    spec: Spec
    supplied_packs: int
    left_packs: int
    is_new: bool
    is_key: bool
    basis: str
    max_cartons: int | None


@dataclass(frozen=True, slots=True)
class SupplyToday:
    """The part of today's supply an operator should know. `scarce` are the specs with less than one carton for each due
    retailer who has not ordered yet; `by_basis` groups all specs by the
    basis of their allocation."""

    specs: int
    new: Sequence[SpecToday]
    key: Sequence[SpecToday]
    scarce: Sequence[SpecToday]
    out: Sequence[SpecToday]
    by_basis: Mapping[str, Sequence[SpecToday]]


def supply_today(session: Session, now: datetime) -> SupplyToday:
    """Today's supply."""
    today = business_day(now)
    specs = services().catalog(session).specs
    rows = {row.barcode: row for row in session.scalars(select(Supply).where(Supply.business_day == today))}
    found = [
        SpecToday(
            spec,
            row.supplied_packs,
            row.supplied_packs - row.held_packs - row.sold_packs,
            row.is_new,
            row.is_key,
            row.basis or "free",
            row.max_cartons,
        )
        for barcode, spec in specs.items()
        if (row := rows.get(barcode)) is not None
    ]
    out = [one for one in found if one.left_packs < one.spec.packs_per_carton]
    waiting = due_count(session, today).waiting
    scarce = [one for one in found if one not in out and one.left_packs < waiting * one.spec.packs_per_carton]
    return SupplyToday(
        specs=len(found),
        new=[one for one in found if one.is_new],
        key=[one for one in found if one.is_key],
        scarce=scarce,
        out=out,
        by_basis={basis: group for basis in BASES if (group := [one for one in found if one.basis == basis])},
    )


@dataclass(frozen=True, slots=True)
class LastOrderDay:
    """The last day on which orders were taken, with its figures."""

    day: date
    figures: DayFigures
    calls: int
    abandoned: int
    need_days: NeedDays


def last_order_day(session: Session, now: datetime) -> LastOrderDay:
    """The last working day, or the day of the last order if that was later."""
    today = business_day(now)
    working_days = calendar(session)
    day = today - ONE_DAY
    while not working_days.is_working(day):
        day -= ONE_DAY
    last = session.scalar(
        select(func.max(OrderRow.business_day)).where(
            OrderRow.business_day < today, OrderRow.business_day > day, OrderRow.state.in_(COUNTED_STATES)
        )
    )
    period = Period(last or day, last or day)
    outcomes = call_figures.outcomes(session, period, now)
    figures, need_days = day_figures(session, period.first, today)
    return LastOrderDay(period.first, figures, sum(outcomes.values()), outcomes["abandoned"], need_days)


def brief_routes() -> Blueprint:
    """The brief, its notices, and the pre-shift check."""
    routes = Blueprint("brief", __name__, url_prefix="/brief")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        now = services().now()
        today = business_day(now)
        with read_only(services().sessions) as session:
            last_day = last_order_day(session, now)
            page = render_template(
                "day/brief.html",
                day=today,
                supply=supply_today(session, now),
                last_day=last_day,
                policy=session.scalars(
                    select(LimitBatch).where(LimitBatch.business_day == today).order_by(LimitBatch.id.desc())
                ).all(),
                locks_at=LOCKED_FROM.opens_at(today),
                is_locked=now >= LOCKED_FROM.opens_at(today),
                percent=percent_text,
                minutes=[one for one in meetings.meetings(session, today, today) if one.kind == "morning"],
                work=waiting_work(session, session.get_one(StaffRow, staff().id), today),
                **_notices(session, today),
                **_orders_that_wait(session, today),
            )
        keep(services().sessions, last_day.need_days)
        return page

    @routes.get("/health")
    @requires_task("see_day")
    def health() -> ResponseReturnValue:
        return render_template("day/health.html", checks=checks(services()), checked_at=services().now())

    @routes.post("/notices")
    @requires_task("edit_notices")
    def post() -> ResponseReturnValue:
        now = services().now()
        today = business_day(now)
        form = {name: request.form.get(name, "").strip() for name in ("kind", "text", "first", "last", "instead_of")}
        kind = next((kind for kind in NOTICE_KINDS if kind == form["kind"]), NOTICE_KINDS[0])
        first, last = parse_date(form["first"]), parse_date(form["last"])
        errors = _errors(form["text"], first, last, today)
        with transaction(services().sessions) as session:
            if errors or first is None or last is None:
                return render_template("day/notices.html", form=form, errors=errors, **_notices(session, today)), 422
            number = parse_whole(form["instead_of"])
            if number is not None:
                notices.change(session, number, kind, form["text"], first, last, by=staff().name, now=now)
            else:
                notices.post(session, kind, form["text"], first, last, by=staff().name, now=now)
            return render_template("day/notices.html", posted=True, **_notices(session, today))

    @routes.get("/notices/<int:number>")
    @requires_task("edit_notices")
    def edit(number: int) -> ResponseReturnValue:
        """The form filled in with a notice, to be changed."""
        today = business_day(services().now())
        with read_only(services().sessions) as session:
            one = session.get(Notice, number)
            if one is None:
                abort(404)
            form = {
                "kind": one.kind,
                "text": one.text,
                "first": one.first.isoformat(),
                "last": one.last.isoformat(),
                "instead_of": str(one.id),
            }
            return render_template("day/notices.html", form=form, **_notices(session, today))

    @routes.post("/notices/<int:number>/take-down")
    @requires_task("edit_notices")
    def take_down(number: int) -> ResponseReturnValue:
        now = services().now()
        with transaction(services().sessions) as session:
            notices.take_down(session, number, by=staff().name, now=now)
            return render_template("day/notices.html", **_notices(session, business_day(now)))

    return routes


def _orders_that_wait(session: Session, today: date) -> dict[str, object]:
    """What whoever ends the day has to see of this and earlier days: orders on hold or unaudited, days not closed."""
    if not may("end_day"):
        return {"on_hold": (), "unaudited": (), "unclosed": ()}
    return {
        "on_hold": orders_on_hold(session),
        "unaudited": unaudited_orders(session),
        "unclosed": unclosed_days(session, today),
    }


def _notices(session: Session, today: date) -> dict[str, object]:
    return {
        "today": today,
        "notices": notices.in_force(session, today),
        "later": notices.upcoming(session, today) if may("edit_notices") else (),
        "may_edit": may("edit_notices"),
        "text_max": NOTICE_MAX_CHARS,
    }


def _errors(text: str, first: date | None, last: date | None, today: date) -> dict[str, str]:
    """The errors of a notice, by field."""
    return {
        name: sentence
        for name, sentence, is_wrong in (
            ("text", _("请写明要告诉订货员什么。"), not text),
            ("text", _("最多%(most)d个字。", most=NOTICE_MAX_CHARS), len(text) > NOTICE_MAX_CHARS),
            ("first", _("请选一个日期。"), first is None),
            ("last", _("请选一个日期。"), last is None),
            ("last", _("不能早于开始的那一天。"), first is not None and last is not None and last < first),
            ("last", _("这一天已经过了。"), last is not None and last < today),
        )
        if is_wrong
    }
