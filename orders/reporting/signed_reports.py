"""Diaries, weekly and monthly reports: drafted from the figures, written by one author, signed role by role (AY 4.4).

A report goes up from its author: operator, leader, clerk, director. Each signs it or sends it back with a reason; a
report sent back is with its author again, and every role above has to sign it again. What was signed is kept as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.book.models import OrderRow
from orders.hotline_settings import calendar
from orders.reporting.calls import CallFiguresOf
from orders.reporting.models import COMMENT_MAX, DepartmentReport, ReportKind, ReportStep, ReportStepKind
from orders.reporting.period import Period, Span
from orders.reporting.report_drafts import draft_text
from orders.staff.models import Role, StaffRow
from orders.windows import ONE_DAY, Calendar, business_day

APPROVAL_CHAIN: tuple[Role, ...] = ("operator", "leader", "clerk", "director")
"""The roles that write and sign, from the bottom up."""

SPANS: dict[ReportKind, Span] = {"diary": "day", "weekly": "week", "monthly": "month"}
TEXT_MAX = 20_000
# Reports older than this are no longer asked for.
OVERDUE_WINDOW = timedelta(days=35)


class ReportRefused(ValueError):
    """The report cannot be handled like this; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A report that should have been signed by the end of `due_on`. Without `report` it has not been begun."""

    kind: ReportKind
    period: Period
    due_on: date
    report: DepartmentReport | None


def draft(
    session: Session, kind: ReportKind, day: date, *, author: StaffRow, now: datetime, calls: CallFiguresOf
) -> DepartmentReport:
    """A new report of the period around `day`, its text made from the figures; or the one its author has already. The
    text of a report that has not been submitted is made again by `redraft`."""
    if author.role not in APPROVAL_CHAIN[:-1]:
        raise ReportRefused(f"Reports are written by {', '.join(APPROVAL_CHAIN[:-1])}; {author.name} is {author.role}.")
    period = Period.around(day, SPANS[kind])
    known = session.scalar(
        select(DepartmentReport).where(
            DepartmentReport.kind == kind,
            DepartmentReport.first == period.first,
            DepartmentReport.author_id == author.id,
        )
    )
    if known is not None:
        return known
    report = DepartmentReport(
        kind=kind,
        first=period.first,
        last=period.last,
        author_id=author.id,
        text=_text(session, period, calls, now),
        state="draft",
        due_on=due_on(period, calendar(session)),
        created_at=now,
    )
    session.add(report)
    session.flush()
    _add_step(session, report, "drafted", author, now)
    return report


def redraft(session: Session, report_id: int, *, by: StaffRow, now: datetime, calls: CallFiguresOf) -> DepartmentReport:
    """Make the text again from the figures as they are now; what its author wrote into it is discarded."""
    report = _editable_by(session, report_id, by)
    period = Period(report.first, report.last)
    report.text = _text(session, period, calls, now)
    _add_step(session, report, "drafted", by, now)
    return report


def save_text(session: Session, report_id: int, text: str, *, by: StaffRow) -> DepartmentReport:
    """Store the text as its author wrote it."""
    report = _editable_by(session, report_id, by)
    if not text.strip() or len(text) > TEXT_MAX:
        raise ReportRefused(f"A report has a text, of {TEXT_MAX} characters at most.")
    # Browsers submit text with CRLF line ends.
    report.text = text.replace("\r\n", "\n")
    session.flush()
    return report


def submit(session: Session, report_id: int, *, by: StaffRow, now: datetime, comment: str = "") -> DepartmentReport:
    """Submit the report to the first role that signs."""
    report = _editable_by(session, report_id, by)
    signer = _next_signer(session, by.role)
    if signer is None:
        raise ReportRefused("There is no one to sign the report: make an account of a leader, a clerk or a director.")
    report.state, report.waits_for = "submitted", signer
    _add_step(session, report, "submitted", by, now, comment, report.text)
    return report


def approve(session: Session, report_id: int, *, by: StaffRow, now: datetime, comment: str = "") -> DepartmentReport:
    """Sign the report; it goes on to the next role above, or is approved."""
    report = _awaiting_signature(session, report_id, by)
    report.waits_for = _next_signer(session, by.role)
    report.state = "approved" if report.waits_for is None else "submitted"
    _add_step(session, report, "signed", by, now, comment)
    return report


def send_back(session: Session, report_id: int, *, by: StaffRow, now: datetime, comment: str) -> DepartmentReport:
    """Send the report back to its author, with the reason."""
    report = _awaiting_signature(session, report_id, by)
    if not comment.strip():
        raise ReportRefused("Say why the report goes back, so that its author knows what to correct.")
    report.state, report.waits_for = "sent_back", None
    _add_step(session, report, "sent_back", by, now, comment)
    return report


def find_reports(
    session: Session,
    *,
    author: StaffRow | None = None,
    waits_for: Role | None = None,
    limit: int = 100,
) -> Sequence[DepartmentReport]:
    """Reports, the latest period first: all of them, of one author, or waiting for one role."""
    chosen = select(DepartmentReport).order_by(DepartmentReport.last.desc(), DepartmentReport.id.desc()).limit(limit)
    if author is not None:
        chosen = chosen.where(DepartmentReport.author_id == author.id)
    if waits_for is not None:
        chosen = chosen.where(DepartmentReport.waits_for == waits_for)
    return session.scalars(chosen).all()


def report_steps(session: Session, report_id: int) -> Sequence[tuple[ReportStep, StaffRow]]:
    """The steps taken on a report and who took them, from the beginning."""
    rows = session.execute(
        select(ReportStep, StaffRow)
        .join(StaffRow, StaffRow.id == ReportStep.by_id)
        .where(ReportStep.report_id == report_id)
        .order_by(ReportStep.id)
    )
    return [(step, staff) for step, staff in rows]


def overdue(session: Session, today: date) -> list[Overdue]:
    """The reports that should have been signed before today and are not, the oldest first: those under way, and those
    of days with orders that have not been begun."""
    open_days = calendar(session)
    late = [
        Overdue(report.kind, Period(report.first, report.last), report.due_on, report)
        for report in session.scalars(
            select(DepartmentReport).where(DepartmentReport.state != "approved", DepartmentReport.due_on < today)
        )
    ]
    begun = set(session.execute(select(DepartmentReport.kind, DepartmentReport.first).distinct()).all())
    ordered = session.scalars(
        select(OrderRow.business_day).where(OrderRow.business_day.between(today - OVERDUE_WINDOW, today)).distinct()
    ).all()
    for kind, span in SPANS.items():
        for first in {Period.around(day, span).first for day in ordered}:
            period = Period.around(first, span)
            due = due_on(period, open_days)
            if due < today and (kind, first) not in begun:
                late.append(Overdue(kind, period, due, None))
    return sorted(late, key=lambda one: (one.due_on, one.period.first, one.kind))


def due_on(period: Period, open_days: Calendar) -> date:
    """The working day after the period's last one: a report is written that day, and signed then or the next
    (AY 4.4.5)."""
    worked = [day for day in period.days if open_days.is_working(day)]
    day = (worked[-1] if worked else period.last) + ONE_DAY
    while not open_days.is_working(day):
        day += ONE_DAY
    return day


def _text(session: Session, period: Period, calls: CallFiguresOf, now: datetime) -> str:
    today = business_day(now)
    return draft_text(session, period, calls(session, period.until(today), now), today)


def _editable_by(session: Session, report_id: int, by: StaffRow) -> DepartmentReport:
    report = _locked(session, report_id)
    if report.author_id != by.id:
        raise ReportRefused("Only its author can change or submit a report.")
    if report.state not in ("draft", "sent_back"):
        raise ReportRefused("The report is on its way already; it can be changed when it is sent back.")
    return report


def _awaiting_signature(session: Session, report_id: int, by: StaffRow) -> DepartmentReport:
    report = _locked(session, report_id)
    if report.state != "submitted":
        raise ReportRefused(f"The report is {report.state.replace('_', ' ')}: there is nothing to sign.")
    if by.role != report.waits_for or not by.active:
        raise ReportRefused(f"The report waits for the {report.waits_for}; {by.name} is {by.role}.")
    return report


def _locked(session: Session, report_id: int) -> DepartmentReport:
    report = session.get(DepartmentReport, report_id, with_for_update=True, populate_existing=True)
    if report is None:
        raise ReportRefused(f"There is no report {report_id}.")
    return report


def _next_signer(session: Session, role: Role) -> Role | None:
    """The next role above that an active account has, or None."""
    there = set(session.scalars(select(StaffRow.role).where(StaffRow.active).distinct()))
    return next((above for above in APPROVAL_CHAIN[APPROVAL_CHAIN.index(role) + 1 :] if above in there), None)


def _add_step(
    session: Session,
    report: DepartmentReport,
    step: ReportStepKind,
    by: StaffRow,
    now: datetime,
    comment: str = "",
    text: str | None = None,
) -> None:
    session.add(
        ReportStep(
            report_id=report.id,
            at=now,
            by_id=by.id,
            role=by.role,
            step=step,
            comment=comment.strip()[:COMMENT_MAX],
            text=text,
        )
    )
    session.flush()
