"""Diaries, weekly and monthly reports: drafted from the figures, written by one author, signed role by role (AY 4.4).

A diary is signed by the role above its author: the leader signs the operators', the clerk the leaders'. Weekly and
monthly reports are the director's to sign. Whoever signs may send a report back with a reason instead; it is with its
author then. What was submitted is kept as it was.
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

DIARY_SIGNERS: dict[Role, tuple[Role, ...]] = {
    "operator": ("leader", "clerk", "director"),
    "leader": ("clerk", "director"),
    "clerk": ("director",),
    "customer_manager": ("county_clerk", "clerk", "director"),
    "county_clerk": ("clerk", "director"),
}
"""The role that signs the diary of each author's (AY 4.4.2, 4.4.3), and those that do where nobody has it."""

REPORT_SIGNER: Role = "director"
"""The role that signs weekly and monthly reports (AY 4.4.4)."""

OBLIGED: frozenset[Role] = frozenset({"operator", "leader", "customer_manager"})
"""The roles that have to write a diary of each day and a report of each week and month (AY 4.4.1, 4.4.6)."""

SPANS: dict[ReportKind, Span] = {"diary": "day", "weekly": "week", "monthly": "month"}
TEXT_MAX = 20_000
# Reports older than this are no longer asked for.
OVERDUE_WINDOW = timedelta(days=35)


class ReportRefused(ValueError):
    """The report cannot be handled like this; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A report that should have been signed by the end of `due_on`. Without `report` the `author` has not begun it."""

    kind: ReportKind
    period: Period
    due_on: date
    report: DepartmentReport | None
    author: StaffRow


def draft(
    session: Session, kind: ReportKind, day: date, *, author: StaffRow, now: datetime, calls: CallFiguresOf
) -> DepartmentReport:
    """A new report of the period around `day`, its text made from the figures; or the one its author has already. The
    text of a report that has not been submitted is made again by `redraft`."""
    if author.role not in DIARY_SIGNERS:
        raise ReportRefused(f"Reports are written by {', '.join(DIARY_SIGNERS)}; {author.name} is {author.role}.")
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
        text=_text(session, kind, period, author, calls, now),
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
    report.text = _text(session, report.kind, period, by, calls, now)
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
    """Submit the report to the role that signs it."""
    report = _editable_by(session, report_id, by)
    signer = signer_of(session, report.kind, by)
    if signer is None:
        raise ReportRefused("There is no one to sign the report: make an account of a leader, a clerk or a director.")
    report.state, report.waits_for = "submitted", signer
    _add_step(session, report, "submitted", by, now, comment, report.text)
    return report


def approve(session: Session, report_id: int, *, by: StaffRow, now: datetime, comment: str = "") -> DepartmentReport:
    """Sign the report, which is approved then."""
    report = _awaiting_signature(session, report_id, by)
    report.state, report.waits_for = "approved", None
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
    signer: StaffRow | None = None,
    seen_by: StaffRow | None = None,
    limit: int = 100,
) -> Sequence[DepartmentReport]:
    """Reports, the latest period first: all of them, of one author, waiting for one person's signature, or written by
    those whose reports a person may see."""
    chosen = select(DepartmentReport).order_by(DepartmentReport.last.desc(), DepartmentReport.id.desc()).limit(limit)
    if author is not None:
        chosen = chosen.where(DepartmentReport.author_id == author.id)
    if signer is not None:
        chosen = chosen.where(DepartmentReport.waits_for == signer.role)
    if (reader := signer or seen_by) is not None and reader.role == "county_clerk":
        managers = select(StaffRow.id).where(StaffRow.role == "customer_manager", StaffRow.county == reader.county)
        chosen = chosen.where(DepartmentReport.author_id.in_(managers))
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


def may_see(reader: StaffRow, author: StaffRow) -> bool:
    """True if a county's clerk reads the reports of this author: a customer manager of the county."""
    return (
        reader.role == "county_clerk"
        and author.role == "customer_manager"
        and bool(reader.county)
        and author.county == reader.county
    )


def overdue(session: Session, today: date) -> list[Overdue]:
    """The reports that should have been signed before today and are not, the oldest first: those under way, and by name
    those that somebody who had to write one on a day, in a week or a month with orders has not begun."""
    open_days = calendar(session)
    people = {person.id: person for person in session.scalars(select(StaffRow).order_by(StaffRow.name))}
    late = [
        Overdue(report.kind, Period(report.first, report.last), report.due_on, report, people[report.author_id])
        for report in session.scalars(
            select(DepartmentReport).where(DepartmentReport.state != "approved", DepartmentReport.due_on < today)
        )
    ]
    report = DepartmentReport
    begun = {tuple(row) for row in session.execute(select(report.kind, report.first, report.author_id))}
    ordered = session.scalars(
        select(OrderRow.business_day).where(OrderRow.business_day.between(today - OVERDUE_WINDOW, today)).distinct()
    ).all()
    obliged = [person for person in people.values() if person.active and person.role in OBLIGED]
    for kind, span in SPANS.items():
        for first in {Period.around(day, span).first for day in ordered}:
            period = Period.around(first, span)
            due = due_on(period, open_days)
            late += [
                Overdue(kind, period, due, None, person)
                for person in obliged
                if due < today
                and (kind, first, person.id) not in begun
                and business_day(person.created_at) <= period.last
            ]
    return sorted(late, key=lambda one: (one.due_on, one.period.first, one.kind))


def due_on(period: Period, open_days: Calendar) -> date:
    """The working day after the period's last one: a report is written that day, and signed then or the next
    (AY 4.4.5)."""
    worked = [day for day in period.days if open_days.is_working(day)]
    day = (worked[-1] if worked else period.last) + ONE_DAY
    while not open_days.is_working(day):
        day += ONE_DAY
    return day


def signer_of(session: Session, kind: ReportKind, author: StaffRow) -> Role | None:
    """The role that signs a report of this author: for a diary the one above, or the next that an active account has;
    None where nobody is there to sign. A county's clerk signs for the customer managers of the county."""
    there = set(
        session.scalars(select(StaffRow.role).where(StaffRow.active, StaffRow.role != "county_clerk").distinct())
    )
    clerks = session.scalars(select(StaffRow).where(StaffRow.active, StaffRow.role == "county_clerk"))
    if any(may_see(clerk, author) for clerk in clerks):
        there.add("county_clerk")
    wanted = DIARY_SIGNERS[author.role] if kind == "diary" else (REPORT_SIGNER,)
    return next((role for role in wanted if role in there), None)


def _text(
    session: Session, kind: ReportKind, period: Period, author: StaffRow, calls: CallFiguresOf, now: datetime
) -> str:
    today = business_day(now)
    signer = signer_of(session, kind, author) or REPORT_SIGNER
    figures = calls(session, period.until(today), now)
    return draft_text(session, period, figures, today, author=author, signer=signer)


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
    author = session.get_one(StaffRow, report.author_id)
    if by.role == "county_clerk" and not may_see(by, author):
        raise ReportRefused(f"{author.name} is no customer manager of {by.name}'s county.")
    return report


def _locked(session: Session, report_id: int) -> DepartmentReport:
    report = session.get(DepartmentReport, report_id, with_for_update=True, populate_existing=True)
    if report is None:
        raise ReportRefused(f"There is no report {report_id}.")
    return report


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
