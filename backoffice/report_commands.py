"""Commands for reports: tables of a day, week or month, and the drafts of diary and report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click
from flask.cli import with_appcontext

from backoffice.command_context import OUT, day_option
from backoffice.report_files import write_csv, write_xlsx
from ivr.figures import call_figures
from ivr.services import services
from orders.reporting.figures import read_figures
from orders.reporting.need_days import keep
from orders.reporting.period import Period, Span
from orders.reporting.report_drafts import draft_text
from orders.reporting.tables import report_tables
from orders.windows import business_day
from storage import read_only

_span = click.option("--span", type=click.Choice(["day", "week", "month"]), default="day", show_default=True)
_day = day_option("The day, or any day of the week or month.")


@click.command("report")
@_span
@_day
@OUT
@click.option("--format", "kind", type=click.Choice(["csv", "xlsx"]), default="xlsx", show_default=True)
@with_appcontext
def report_command(span: Span, day: datetime, out: Path, kind: Literal["csv", "xlsx"]) -> None:
    """Write the tables of a day, week or month: days, specs, channels, reasons, calls, service, operators."""
    now = services().now()
    period = Period.around(day.date(), span)
    with read_only(services().sessions) as session:
        figures = read_figures(session, period, business_day(now))
        found = report_tables(figures, call_figures.figures(session, figures.period, now))
    keep(services().sessions, figures.need_days)
    name = _name("report", span, period)
    paths = [write_xlsx(out, name, found)] if kind == "xlsx" else write_csv(out, name, found)
    for path in paths:
        click.echo(f"Written to {path}.")


@click.command("draft")
@_span
@_day
@OUT
@with_appcontext
def draft_report_command(span: Span, day: datetime, out: Path) -> None:
    """Draft the day's diary, or the report of a week or month, from the figures."""
    now, today = services().now(), business_day(services().now())
    period = Period.around(day.date(), span)
    with read_only(services().sessions) as session:
        calls = call_figures.figures(session, period.until(today), now)
        text = draft_text(session, period, calls, today)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{_name('diary' if span == 'day' else 'report', span, period)}.txt"
    path.write_text(text, encoding="utf-8")
    click.echo(f"Written to {path}.")


def _name(what: str, span: Span, period: Period) -> str:
    return f"{what}-{span}-{period.first}"
