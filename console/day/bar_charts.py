"""Charts of the reports as rows of bars, drawn on the server: lines of text that wrap, and are read aloud as they are.

Each bar is a link or a line with its name in full, its parts to scale, and its value; all of its numbers are shown
while it is pointed at or has the focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flask import url_for

from console.filters import format_cartons
from console.language import _
from orders.reporting.calls import CallFigures
from orders.reporting.figures import DayFigures, Figures, SpecDayFigures, SpecNeed
from orders.reporting.labels import ATTEMPT_OUTCOMES, CALL_OUTCOMES, percent_text
from orders.reporting.period import Span
from orders.reporting.tables import largest_shortage_first

Tone = Literal["part", "rest", "count"]

# More specs than this on one chart are no longer looked at; the table has them all.
SPECS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: where it begins and how long it is, in percent of the longest bar."""

    tone: Tone
    begins: float
    length: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, the value beside it, all its numbers in words, and the page it leads to, if any."""

    name: str
    value: str
    numbers: str
    parts: Sequence[Part]
    url: str = ""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class BarChart:
    """One chart: its bars, and the names of the tones in them where there are several."""

    key: str
    title: str
    bars: Sequence[Bar]
    tones: Sequence[tuple[Tone, str]] = ()


def days_chart(days: Sequence[DayFigures], span: Span) -> BarChart:
    """The retailers due on each day: those that ordered, and the rest."""
    most = max((day.due for day in days), default=0)
    bars = [
        Bar(
            name=_day_name(day),
            value=f"{day.due_ordered}/{day.due}",
            numbers=_(
                "应订%(due)d户，已订%(ordered)d户，成功率%(success)s，订足率%(met)s",
                due=day.due,
                ordered=day.due_ordered,
                success=percent_text(day.success),
                met=percent_text(day.met_rate),
            ),
            parts=_parts(most, day.due_ordered, day.due - day.due_ordered),
            url="" if span == "day" else url_for("console.reports.page", span="day", day=day.day.isoformat()),
        )
        for day in days
    ]
    return BarChart("due", _("应订与已订户数"), bars, (("part", _("已订")), ("rest", _("还没订"))))


def specs_chart(figures: Figures, chosen: SpecNeed | None, day: str, span: Span) -> BarChart:
    """The specs with the largest shortage: what was met, and what was not."""
    needs = largest_shortage_first(figures.needs)[:SPECS_SHOWN]
    if chosen is not None and chosen not in needs:
        needs.append(chosen)
    most = max((_cartons(need, need.requested_packs) for need in needs), default=0)
    bars = [
        Bar(
            name=need.name,
            value=percent_text(need.met_rate),
            numbers=_need_in_words(need, need),
            parts=_parts(
                most,
                _cartons(need, need.requested_packs - need.unmet_packs),
                _cartons(need, need.unmet_packs),
            ),
            url=url_for("console.reports.page", span=span, day=day, spec=need.barcode or need.name),
            is_chosen=need is chosen,
        )
        for need in needs
    ]
    return BarChart("specs", _("满足与未满足(条)"), bars, _met_tones())


def spec_days_chart(need: SpecNeed, days: Sequence[SpecDayFigures], span: Span) -> BarChart:
    """The days of one spec: what was met, and what was not."""
    most = max((day.requested_packs for day in days), default=0)
    bars = [
        Bar(
            name=_day_name(day),
            value=percent_text(day.met_rate),
            numbers=_need_in_words(need, day),
            parts=_parts(most, day.requested_packs - day.unmet_packs, day.unmet_packs),
            url="" if span == "day" else url_for("console.reports.page", span="day", day=day.day.isoformat()),
        )
        for day in days
    ]
    return BarChart("spec-days", _("每天满足与未满足(条)"), bars, _met_tones())


def calls_charts(calls: CallFigures) -> list[BarChart]:
    """The outcomes of the calls to the line, and those of the outbound calls where there were any."""
    charts = [_counts("calls", _("来电结果"), [(_(CALL_OUTCOMES[one]), n) for one, n in calls.outcomes.items()])]
    if calls.outbound:
        rows = [(_(ATTEMPT_OUTCOMES[one]), count) for one, count in calls.outbound.items()]
        charts.append(_counts("outbound", _("外呼结果"), rows))
    return charts


def _counts(key: str, title: str, rows: Sequence[tuple[str, int]]) -> BarChart:
    most, whole = max((count for _name, count in rows), default=0), sum(count for _name, count in rows)
    bars = [
        Bar(
            name,
            str(count),
            _("%(count)d通，占%(share)d%%", count=count, share=round(100 * count / whole) if whole else 0),
            (Part("count", 0, _percent(count, most)),),
        )
        for name, count in rows
    ]
    return BarChart(key, title, bars)


def _met_tones() -> Sequence[tuple[Tone, str]]:
    return ("part", _("满足")), ("rest", _("未满足"))


def _need_in_words(need: SpecNeed, figures: SpecNeed | SpecDayFigures) -> str:
    per = need.packs_per_carton
    return _(
        "需求%(wanted)s条，满足%(met)s条，未满足%(unmet)s条，订足率%(rate)s",
        wanted=_text(figures.requested_packs, per),
        met=_text(figures.met_packs, per),
        unmet=_text(figures.unmet_packs, per),
        rate=percent_text(figures.met_rate),
    )


def _text(packs: int, per: int) -> str:
    return format_cartons(packs, per) if packs % per else f"{packs // per:,}"


def _cartons(need: SpecNeed, packs: int) -> float:
    return packs / need.packs_per_carton


def _day_name(day: DayFigures | SpecDayFigures) -> str:
    return f"{day.day:%m-%d} {_weekdays()[day.day.weekday()]}"


def _weekdays() -> Sequence[str]:
    return _("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日")


def _parts(most: float, part: float, rest: float) -> Sequence[Part]:
    return Part("part", 0, _percent(part, most)), Part("rest", _percent(part, most), _percent(rest, most))


def _percent(value: float, most: float) -> float:
    return round(100 * value / most, 2) if most else 0.0
