"""Diaries and reports: drafted from the figures, completed by their author, and approved by a chain (AY 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _
from ivr.figures import call_figures
from ivr.services import services
from orders.reporting import signed_reports
from orders.reporting.models import COMMENT_MAX, DepartmentReport, ReportKind
from orders.reporting.signed_reports import TEXT_MAX, ReportRefused
from orders.staff.models import StaffRow
from orders.windows import business_day
from storage import read_only, transaction

KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
LISTED = 40


def department_report_routes() -> Blueprint:
    """The user's own reports, those waiting for their signature, and the page of each."""
    routes = Blueprint("department_reports", __name__, url_prefix="/department-reports")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        me, today = staff(), business_day(services().now())
        with read_only(services().sessions) as session:
            late = signed_reports.overdue(session, today)
            return render_template(
                "day/department_reports.html",
                today=today,
                kinds=KINDS,
                own=signed_reports.find_reports(session, author=me, limit=LISTED),
                to_sign=signed_reports.find_reports(session, signer=me, limit=LISTED),
                late=[one for one in late if _may_see(one.author)],
                me=me,
                all_reports=_others(session, me),
                staff_by_id={person.id: person for person in session.query(StaffRow)},
                may_write=may("write_reports"),
            )

    @routes.post("")
    @requires_task("write_reports")
    def begin() -> ResponseReturnValue:
        """Draft a report from the figures, or open the one that exists."""
        kind = next((kind for kind in KINDS if kind == request.form.get("kind")), None)
        day = parse_date(request.form.get("day", ""))
        today = business_day(services().now())
        if kind is None or day is None or day > today:
            return _("请选一个日期，不能晚于今天。"), 422
        with transaction(services().sessions) as session:
            report = signed_reports.draft(
                session, kind, day, author=_me(session), now=services().now(), calls=call_figures.figures
            )
            return "", 204, {"HX-Redirect": url_for("console.department_reports.report", number=report.id)}

    @routes.get("/<int:number>")
    @requires_task("see_shops")
    def report(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _report_page(session, _visible_report(session, number), "day/department_report.html")

    @routes.post("/<int:number>/write")
    @requires_task("write_reports")
    def write(number: int) -> ResponseReturnValue:
        """Store the text as typed; submit it with `pass_up`."""
        text, comment, pass_up = request.form.get("text", ""), _comment(), "pass_up" in request.form
        errors = {}
        if not text.strip() or len(text) > TEXT_MAX:
            errors["text"] = _("请写内容，最多%(most)d个字。", most=TEXT_MAX)

        def change(session: Session, me: StaffRow) -> str:
            signed_reports.save_text(session, number, text, by=me)
            if not pass_up:
                return _("已存。")
            signed_reports.submit(session, number, by=me, now=services().now(), comment=comment)
            return _("已提交。")

        return _change_report(number, change, errors, text)

    @routes.post("/<int:number>/redraft")
    @requires_task("write_reports")
    def redraft(number: int) -> ResponseReturnValue:
        def change(session: Session, me: StaffRow) -> str:
            signed_reports.redraft(session, number, by=me, now=services().now(), calls=call_figures.figures)
            return _("已按现在的数据重新起草。")

        return _change_report(number, change)

    @routes.post("/<int:number>/sign")
    @requires_task("see_shops")
    def sign(number: int) -> ResponseReturnValue:
        """Sign the report, or return it to its author with `send_back`."""
        comment, back = _comment(), "send_back" in request.form
        errors = {"comment": _("退回要写明原因，写的人才知道改什么。")} if back and not comment else {}

        def change(session: Session, me: StaffRow) -> str:
            if back:
                signed_reports.send_back(session, number, by=me, now=services().now(), comment=comment)
                return _("已退回。")
            signed_reports.approve(session, number, by=me, now=services().now(), comment=comment)
            return _("已同意。")

        return _change_report(number, change, errors)

    return routes


def _change_report(
    number: int,
    change: Callable[[Session, StaffRow], str],
    errors: dict[str, str] | None = None,
    typed: str | None = None,
) -> ResponseReturnValue:
    """Make a change in one transaction and show the report; after a failure the form keeps what was typed."""
    if errors:
        with read_only(services().sessions) as session:
            return _report_page(
                session, _visible_report(session, number), "day/report_body.html", errors=errors, typed=typed
            ), 422
    try:
        with transaction(services().sessions) as session:
            _visible_report(session, number)
            notice = change(session, _me(session))
            return _report_page(session, _visible_report(session, number), "day/report_body.html", notice=notice)
    except ReportRefused:
        with read_only(services().sessions) as session:
            refused = _("操作未完成：这份报告刚才有了变化，下面是现在的情况。")
            return _report_page(
                session, _visible_report(session, number), "day/report_body.html", refused=refused, typed=typed
            ), 422


def _may_see(author: StaffRow) -> bool:
    return author.id == staff().id or may("reports") or signed_reports.may_see(staff(), author)


def _others(session: Session, me: StaffRow) -> Sequence[DepartmentReport]:
    """The reports of others that the person may see."""
    if not may("reports") and me.role != "county_clerk":
        return ()
    return signed_reports.find_reports(session, seen_by=me, limit=LISTED)


def _me(session: Session) -> StaffRow:
    return session.get_one(StaffRow, staff().id)


def _visible_report(session: Session, number: int) -> DepartmentReport:
    """The report, for its author and for those who may see reports; 403 for others."""
    report = session.get(DepartmentReport, number)
    if report is None:
        abort(404)
    if not _may_see(session.get_one(StaffRow, report.author_id)):
        abort(403, _("只有撰写人和审批人能看。"))
    return report


def _report_page(session: Session, report: DepartmentReport, template: str, **variables: object) -> str:
    me, steps = staff(), signed_reports.report_steps(session, report.id)
    author = session.get_one(StaffRow, report.author_id)
    signer = report.waits_for or signed_reports.signer_of(session, report.kind, author)
    is_editable = report.author_id == me.id and report.state in ("draft", "sent_back")
    returned = next((step.comment for step, _by in reversed(steps) if step.step == "sent_back"), "")
    return render_template(
        template,
        report=report,
        author=author,
        steps=steps,
        signer=signer,
        is_editable=is_editable,
        to_sign=report.state == "submitted"
        and report.waits_for == me.role
        and (me.role != "county_clerk" or signed_reports.may_see(me, author)),
        return_reason=returned if report.state == "sent_back" else "",
        is_late=report.state != "approved" and report.due_on < business_day(services().now()),
        text_max=TEXT_MAX,
        comment_max=COMMENT_MAX,
        **variables,
    )


def _comment() -> str:
    return request.form.get("comment", "").strip()[:COMMENT_MAX]
