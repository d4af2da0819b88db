"""The work that waits for one member of staff, shown on the brief, so that nobody has to look for it page by page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may
from console.language import _
from console.texts import order_folder_problems, report_kinds
from orders.assessment import assessments, meetings
from orders.book import order_changes
from orders.book.order_changes import same_person
from orders.channels.models import OrderSource
from orders.reporting import signed_reports
from orders.staff.models import StaffRow
from orders.supply import late_changes

# Requests are few; a list that is longer is counted as this many.
COUNTED_MAX = 200
REPORTS_NAMED = 10
MINUTES_UNREAD_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """One sentence of what waits, and the address of the page where it is done."""

    words: str
    url: str


def waiting_work(session: Session, me: StaffRow, today: date) -> list[WaitingWork]:
    """What waits for this person: requests of others to decide, folders of order files that cannot be read, reports and
    assessments to sign, minutes to read."""
    work: list[WaitingWork] = []
    if may("approve_supply"):
        asked = [one.requested_by for one in late_changes.open_changes(session, COUNTED_MAX)]
        if count := sum(not same_person(by, me.name) for by in asked):
            url = url_for("console.late_changes.page")
            work.append(WaitingWork(_("%(count)d个锁定后的改动等第二个人同意", count=count), url))
    if may("decide_changes"):
        changes = order_changes.requests(session, "requested", limit=COUNTED_MAX)
        if count := sum(not same_person(one.change.requested_by, me.name) for one in changes):
            work.append(WaitingWork(_("%(count)d个改单申请等批准", count=count), url_for("console.order_changes.page")))
    if may("set_rules"):
        troubled = select(OrderSource).where(OrderSource.is_on, OrderSource.problem != "").order_by(OrderSource.sender)
        for source in session.scalars(troubled):
            words = _(
                "取不到%(sender)s的订单文件：%(problem)s",
                sender=source.sender,
                problem=order_folder_problems[source.problem],
            )
            work.append(WaitingWork(words, url_for("console.order_imports.page")))
    work += _reports(session, me)
    awaited = assessments.awaited_by(session, me)
    names = _names(session, {one.staff_id for one in awaited})
    for one in awaited:
        words = _(
            "%(name)s%(month)s的考核等您签字",
            name=names[one.staff_id],
            month=one.month.strftime("%Y-%m"),
        )
        work.append(WaitingWork(words, url_for("console.assessments.form", number=one.id)))
    for meeting in meetings.unread_by(session, me.id, today - MINUTES_UNREAD_FOR):
        words = _("%(day)s的会议记录您还没有看", day=meeting.day.isoformat())
        work.append(WaitingWork(words, url_for("console.meetings.meeting", number=meeting.id)))
    return work


def _reports(session: Session, me: StaffRow) -> list[WaitingWork]:
    """The latest reports that wait for this person's signature by name, and how many more there are."""
    found = signed_reports.find_reports(session, signer=me, limit=COUNTED_MAX)
    named, others = found[:REPORTS_NAMED], found[REPORTS_NAMED:]
    names = _names(session, {one.author_id for one in named})
    work = []
    for one in named:
        words = _(
            "%(name)s的%(kind)s（%(day)s）等您审批",
            name=names[one.author_id],
            kind=report_kinds[one.kind],
            day=one.first.isoformat(),
        )
        work.append(WaitingWork(words, url_for("console.department_reports.report", number=one.id)))
    if others:
        words = _("另有%(count)d份报告等您审批", count=len(others))
        work.append(WaitingWork(words, url_for("console.department_reports.page")))
    return work


def _names(session: Session, staff_ids: Collection[int]) -> dict[int, str]:
    """The names of these people, by their ids."""
    return dict(session.execute(select(StaffRow.id, StaffRow.name).where(StaffRow.id.in_(staff_ids))).all())
