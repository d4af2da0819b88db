"""Monthly assessments (AY 4.6, 6.3): the figures of each operator, the form with score and remarks, the signatures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _
from console.numbers import parse_whole
from ivr.figures.assessment_figures import AssessmentFigures, assessment_figures, first_call_day
from ivr.services import services
from orders.assessment import assessments
from orders.assessment.assessments import AssessmentRefused
from orders.assessment.attendance import attendance
from orders.assessment.models import COMMENT_MAX, REMARKS_MAX, SCORE_MAX, Assessment
from orders.reporting.period import Period
from orders.staff.models import StaffRow
from orders.windows import business_day
from storage import read_only, transaction


def assessment_routes() -> Blueprint:
    """The month's list, and the form of each person; everybody sees their own."""
    routes = Blueprint("assessments", __name__, url_prefix="/assessments")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        today = business_day(services().now())
        with read_only(services().sessions) as session:
            began = first_call_day(session) or today
            month = min(max(_month(), began.replace(day=1)), today.replace(day=1))
            me = session.get_one(StaffRow, staff().id)
            shown = [one for one in assessments.assessed_people(session) if one.id == me.id or may("assess_staff")]
            there = assessments.of_month(session, month)
            return render_template(
                "day/assessments.html",
                month=month,
                before=month - timedelta(days=1) if month > began else None,
                after=Period.around(month, "month").last + timedelta(days=1),
                today=today,
                people=shown,
                figures=_figures(session, shown, month),
                assessments=there,
                may_begin={one.id for one in shown if assessments.may_assess(me, one)},
                awaited={one.staff_id for one in there.values() if assessments.is_awaited(one, me)},
            )

    @routes.post("")
    @requires_task("assess_staff")
    def begin() -> ResponseReturnValue:
        """Begin a person's assessment of a month, or open the one that exists."""
        month = parse_date(request.form.get("month", ""))
        number = parse_whole(request.form.get("staff"))
        with transaction(services().sessions) as session:
            person = session.get(StaffRow, number) if number is not None else None
            if month is None or person is None or month > business_day(services().now()):
                return _("请选一个人和一个月，不能晚于这个月。"), 422
            try:
                found = assessments.begin(session, person, month, by=_me(session), now=services().now())
            except AssessmentRefused:
                return _("只能考核岗位比自己低的人。"), 422
            return "", 204, {"HX-Redirect": url_for("console.assessments.form", number=found.id)}

    @routes.get("/<int:number>")
    @requires_task("see_day")
    def form(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session, _visible(session, number), "day/assessment.html")

    @routes.post("/<int:number>/write")
    @requires_task("assess_staff")
    def write(number: int) -> ResponseReturnValue:
        """Store score and remarks as typed; submit them with `pass_up`."""
        typed, remarks = request.form.get("score", "").strip(), request.form.get("remarks", "").strip()
        score = parse_whole(typed, SCORE_MAX)
        pass_up, errors = "pass_up" in request.form, {}
        if (typed or pass_up) and score is None:
            errors["score"] = _("分数是0到%(most)d的整数。", most=SCORE_MAX)
        if len(remarks) > REMARKS_MAX or (pass_up and not remarks):
            errors["remarks"] = _("请写评语，最多%(most)d个字。", most=REMARKS_MAX)

        def change(session: Session, me: StaffRow) -> str:
            one = assessments.write(session, number, score=score, remarks=remarks, by=me)
            if not pass_up:
                return _("已存。")
            person = session.get_one(StaffRow, one.staff_id)
            figures = _figures(session, [person], one.month)[person.id]
            assessments.submit(session, number, figures.as_kept(), by=me, now=services().now())
            return _("已提交。")

        return _change(number, change, errors)

    @routes.post("/<int:number>/sign")
    @requires_task("see_day")
    def sign(number: int) -> ResponseReturnValue:
        """Sign the assessment, or return it to its author with `send_back`."""
        comment, back = request.form.get("comment", "").strip()[:COMMENT_MAX], "send_back" in request.form
        errors = {"comment": _("退回要写明原因，写的人才知道改什么。")} if back and not comment else {}

        def change(session: Session, me: StaffRow) -> str:
            if back:
                assessments.send_back(session, number, by=me, now=services().now(), comment=comment)
                return _("已退回。")
            assessments.sign(session, number, by=me, now=services().now(), comment=comment)
            return _("已签字。")

        return _change(number, change, errors)

    return routes


def _change(number: int, change: Callable[[Session, StaffRow], str], errors: dict[str, str]) -> ResponseReturnValue:
    """Make a change in one transaction and show the form; after a failure it keeps what was typed."""
    if errors:
        with read_only(services().sessions) as session:
            one = _visible(session, number)
            return _page(session, one, "day/assessment_body.html", errors=errors, typed=request.form), 422
    try:
        with transaction(services().sessions) as session:
            _visible(session, number)
            notice = change(session, _me(session))
            return _page(session, _visible(session, number), "day/assessment_body.html", notice=notice)
    except AssessmentRefused:
        refused = _("操作未完成：这份考核刚才有了变化，下面是现在的情况。")
        with read_only(services().sessions) as session:
            return _page(session, _visible(session, number), "day/assessment_body.html", refused=refused), 422


def _page(session: Session, one: Assessment, template: str, **variables: object) -> str:
    me, person = _me(session), session.get_one(StaffRow, one.staff_id)
    is_editable = one.author_id == me.id and one.state in ("draft", "sent_back")
    steps = assessments.steps(session, one.id)
    back = next((step.comment for step, _by in reversed(steps) if step.step == "sent_back"), "")
    if one.figures:
        figures = AssessmentFigures.from_kept(one.figures)
    else:
        figures = _figures(session, [person], one.month)[person.id]
    return render_template(
        template,
        one=one,
        person=person,
        author=session.get_one(StaffRow, one.author_id),
        figures=figures,
        days=attendance(session, person.id, Period.around(one.month, "month")),
        steps=steps,
        is_editable=is_editable,
        to_sign=assessments.is_awaited(one, me),
        own=one.staff_id == me.id,
        return_reason=back if one.state == "sent_back" else "",
        score_max=SCORE_MAX,
        remarks_max=REMARKS_MAX,
        comment_max=COMMENT_MAX,
        **variables,
    )


def _figures(session: Session, people: list[StaffRow], month: date) -> dict[int, AssessmentFigures]:
    period = Period.around(month, "month").until(business_day(services().now()))
    return assessment_figures(session, people, period)


def _month() -> date:
    """The first day of the month asked for, or of this one."""
    asked = parse_date(f"{request.args.get('month', '')}-01") or parse_date(request.args.get("month"))
    return (asked or business_day(services().now())).replace(day=1)


def _me(session: Session) -> StaffRow:
    return session.get_one(StaffRow, staff().id)


def _visible(session: Session, number: int) -> Assessment:
    """The assessment, for the assessed person and for those who assess; 403 for others."""
    one = session.get(Assessment, number)
    if one is None:
        abort(404)
    # What was never submitted is its author's alone.
    seen_by_assessed = one.staff_id == staff().id and one.state != "draft"
    if not seen_by_assessed and (not may("assess_staff") or one.staff_id == staff().id):
        abort(403, _("考核表只有本人和考核人能看。"))
    return one
