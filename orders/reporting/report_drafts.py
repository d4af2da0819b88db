"""The diary of a day and the report of a week or month, drafted from the figures for staff to complete and sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from orders.money import yuan
from orders.reporting import figures
from orders.reporting.figures import Period
from orders.reporting.labels import (
    CALL_OUTCOMES,
    CHANNELS,
    UNREACHED_REASONS,
    cartons,
    percent_text,
)

# A draft names the specs that were short of most; the tables have the rest.
SPECS_NAMED = 10


CallOutcome = Literal["ordered", "ordered_with_operator", "unsaved", "operator", "abandoned", "no_order"]


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """One operator's calls: how many were taken, how they ended, the orders they led to, and the time in all."""

    name: str
    taken: int
    finished: int
    given_back: int
    orders: int
    handling_time: timedelta


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The outcomes of a period's calls. The order desk does not know the telephone, so the caller passes them in."""

    outcomes: Mapping[CallOutcome, int]
    operators: Sequence[OperatorFigures]


def draft_text(session: Session, period: Period, calls: CallFigures) -> str:
    """The diary of one day, or the report of a longer period, as Markdown."""
    template = "diary.zh.md" if period.first == period.last else "report.zh.md"
    days = figures.days(session, period)
    short = sorted(figures.needs(session, period), key=lambda need: need.unmet_packs, reverse=True)
    return (
        _templates()
        .get_template(template)
        .render(
            day=period.first,
            period=period,
            days=days,
            total=figures.total(days, period),
            channels=figures.channels(session, period),
            calls=calls.outcomes,
            operators=calls.operators,
            missed=figures.missed_reasons(session, period),
            short=[need for need in short if need.unmet_packs][:SPECS_NAMED],
            words={"channels": CHANNELS, "outcomes": CALL_OUTCOMES, "unreached": UNREACHED_REASONS},
            percent=percent_text,
            yuan=yuan,
            cartons=cartons,
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
