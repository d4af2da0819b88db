"""The diary of a day and the report of a week or month, drafted from the figures for staff to complete and sign."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from orders.money import yuan
from orders.reporting.calls import CallFigures
from orders.reporting.figures import read_figures
from orders.reporting.labels import (
    CALL_OUTCOMES,
    CHANNELS,
    UNREACHED_REASONS,
    cartons,
    clock_time,
    percent_text,
)
from orders.reporting.period import Period

# A draft names the specs that were short of most; the tables have the rest.
SPECS_NAMED = 10


def draft_text(session: Session, period: Period, calls: CallFigures, today: date) -> str:
    """The diary of one day, or the report of a longer period, as Markdown. A period that is still running is reported
    until today, and the text says so."""
    template = "diary.zh.md" if period.first == period.last else "report.zh.md"
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
            missed=figures.missed_reasons,
            short=[need for need in short if need.unmet_packs][:SPECS_NAMED],
            words={"channels": CHANNELS, "outcomes": CALL_OUTCOMES, "unreached": UNREACHED_REASONS},
            percent=percent_text,
            yuan=yuan,
            cartons=cartons,
            clock=clock_time,
        )
    )


@cache
def _templates() -> Environment:
    # A draft is plain text, so nothing in it is escaped as a page would need.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
