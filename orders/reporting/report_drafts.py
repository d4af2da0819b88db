"""The diary of a day and the report of a week or month, drafted from the figures for staff to complete and sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.money import yuan
from orders.outbound.models import MissedCall, VisitRow
from orders.reporting.area_figures import area_figures
from orders.reporting.calls import CallFigures
from orders.reporting.figures import PACKS_PER_CARTON, read_figures
from orders.reporting.labels import (
    CALL_OUTCOMES,
    CHANNELS,
    UNREACHED_REASONS,
    cartons,
    clock_time,
    percent_text,
)
from orders.reporting.period import Period
from orders.retailers.models import RetailerRow
from orders.retailers.scope import Scope, scope_of
from orders.staff.feedback import FeedbackView, requests
from orders.staff.models import Feedback, Role, StaffRow

SIGNERS: Mapping[Role, str] = {"leader": "班长", "clerk": "内勤", "director": "主任", "county_clerk": "县内勤"}
FEEDBACK_STATES = {"met": "当时办好", "waiting": "等答复", "answered": "已答复"}
# A draft names the specs that were short of most; the tables have the rest.
SPECS_NAMED = 10
HEADING_NUMBERS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")


def draft_text(
    session: Session,
    period: Period,
    calls: CallFigures,
    today: date,
    *,
    author: StaffRow | None = None,
    signer: Role = "director",
) -> str:
    """The diary of one day, or the report of a longer period, as plain text with numbered headings, with the
    author's own calls and the requests they recorded; that of a customer manager or a county's clerk is of their own
    retailers. A period that is still running is reported until today, and the text says so."""
    if author is not None and (scope := scope_of(author)) is not None:
        return _area_text(session, period, today, author, scope, signer)
    template = "diary.zh.txt" if period.first == period.last else "report.zh.txt"
    figures = read_figures(session, period, today)
    short = sorted(figures.needs, key=lambda need: need.unmet_packs, reverse=True)
    return (
        _templates()
        .get_template(template)
        .render(
            day=period.first,
            period=period,
            runs_until=figures.period.last if figures.period.last < period.last else None,
            days=figures.days,
            total=figures.total,
            channels=figures.channels,
            calls=calls.outcomes,
            service=calls.service,
            operators=calls.operators,
            own=next((one for one in calls.operators if author is not None and one.staff_id == author.id), None),
            areas=area_figures(session, figures.period),
            feedback=_recorded(session, period, author),
            signer=SIGNERS[signer],
            missed=figures.missed_reasons,
            short=[need for need in short if need.unmet_packs][:SPECS_NAMED],
            words={
                "channels": CHANNELS,
                "outcomes": CALL_OUTCOMES,
                "unreached": UNREACHED_REASONS,
                "feedback": FEEDBACK_STATES,
            },
            percent=percent_text,
            yuan=yuan,
            cartons=_cartons_text,
            packs_per_carton=PACKS_PER_CARTON,
            number=iter(HEADING_NUMBERS).__next__,
            clock=clock_time,
        )
    )


def _area_text(session: Session, period: Period, today: date, author: StaffRow, scope: Scope, signer: Role) -> str:
    covered = period.until(today)
    made = session.scalars(
        select(VisitRow.outcome)
        .join(MissedCall, MissedCall.id == VisitRow.missed_call_id)
        .join(RetailerRow, RetailerRow.id == MissedCall.retailer_id)
        .where(covered.covers(VisitRow.at), *scope.conditions())
    ).all()
    return (
        _templates()
        .get_template("area.zh.txt")
        .render(
            period=period,
            is_county=author.role == "county_clerk",
            runs_until=covered.last if covered.last < period.last else None,
            areas=area_figures(session, covered, scope.conditions()),
            visits={"made": len(made), "ordered": sum(outcome == "ordered" for outcome in made)},
            feedback=_recorded(session, period, author),
            signer=SIGNERS[signer],
            words={"feedback": FEEDBACK_STATES},
            yuan=yuan,
            cartons=_cartons_text,
            packs_per_carton=PACKS_PER_CARTON,
            number=iter(HEADING_NUMBERS).__next__,
        )
    )


def _recorded(session: Session, period: Period, author: StaffRow | None) -> Sequence[FeedbackView]:
    """The requests that the author recorded in the period, from the earliest on."""
    if author is None:
        return ()
    return requests(session, noted_by=author.id, when=period.covers(Feedback.recorded_at))[::-1]


def _cartons_text(packs: int, packs_per_carton: int) -> str:
    return f"{cartons(packs, packs_per_carton)}".rstrip("0").rstrip(".")


@cache
def _templates() -> Environment:
    # A draft is plain text, so nothing in it is escaped as a page would need.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
