"""The tables of a report, built once for the page, its charts and the CSV and XLSX files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from sqlalchemy.orm import Session

from orders.money import yuan
from orders.reporting import figures
from orders.reporting.figures import DayFigures, Period, SpecNeed
from orders.reporting.labels import (
    CALL_OUTCOMES,
    CHANNELS,
    CUT_REASONS,
    N_,
    UNREACHED_REASONS,
    cartons,
    percent,
)
from orders.reporting.report_drafts import CallFigures, CallOutcome, OperatorFigures

Cell = str | int | Decimal | date | None
ChartKind = Literal["bars", "stacked", "lines"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report. `key` names its file, `title` its sheet. `columns` are the headings by key; the first
    `texts` of them are texts, the others numbers."""

    key: str
    title: str
    columns: Mapping[str, str]
    texts: int
    rows: Sequence[tuple[Cell, ...]]

    def place(self, column: str) -> int:
        """The place of a column in each row, from 0."""
        return list(self.columns).index(column)

    def values(self, column: str) -> list[Cell]:
        """The cells of a column."""
        place = self.place(column)
        return [row[place] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of a table: the columns that are its series, over the column of its labels."""

    table: str
    title: str
    kind: ChartKind
    labels: str
    series: tuple[str, ...]


DUE_CHART = Chart("days", N_("应订与已订户数"), "bars", "day", ("due", "due_ordered"))
RATES_CHART = Chart("days", N_("订货成功率与订足率"), "lines", "day", ("success", "met_rate"))
NEEDS_CHART = Chart("specs", N_("满足与未满足(条)"), "stacked", "name", ("met", "unmet"))
CALLS_CHART = Chart("calls", N_("来电结果"), "bars", "outcome", ("calls",))
CHARTS = (DUE_CHART, RATES_CHART, NEEDS_CHART, CALLS_CHART)

# More specs than this on one chart cannot be told apart.
CHARTED_SPECS = 20

_DAYS = {
    "day": N_("日期"),
    "due": N_("应订户数"),
    "due_ordered": N_("已订户数"),
    "success": N_("订货成功率%"),
    "orders": N_("订单数"),
    "packs": N_("盒数"),
    "amount": N_("金额(元)"),
    "requested": N_("需求盒数"),
    "unmet": N_("未满足盒数"),
    "met_rate": N_("订足率%"),
    "unreached": N_("未接通户数"),
    "lapsed": N_("过期未确认"),
    "cancelled": N_("取消"),
}
_SPECS = {
    "barcode": N_("条码"),
    "name": N_("品规"),
    "requested": N_("需求(条)"),
    "met": N_("满足(条)"),
    "unmet": N_("未满足(条)"),
    "out_of_stock": N_("无货(条)"),
    "not_allotted": N_("没有分到(条)"),
    "limit": N_("超限量(条)"),
    "not_in_catalogue": N_("目录里没有(条)"),
    "unsaved": N_("最后没订(条)"),
    "met_rate": N_("订足率%"),
    "asked": N_("需求户数"),
    "reached": N_("订到户数"),
    "reach": N_("上柜率%"),
    "repeat_rate": N_("重复订货率%"),
}
_CHANNELS = {"channel": N_("渠道"), "orders": N_("订单数"), "packs": N_("盒数"), "amount": N_("金额(元)")}
_REASONS = {"matter": N_("事项"), "reason": N_("原因"), "count": N_("次数")}
_CALLS = {"outcome": N_("结果"), "calls": N_("通数")}
_OPERATORS = {
    "operator": N_("订货员"),
    "taken": N_("接听"),
    "finished": N_("办完"),
    "given_back": N_("交回"),
    "orders": N_("订单数"),
    "seconds": N_("总时长(秒)"),
}


def report_tables(session: Session, period: Period, calls: CallFigures) -> list[Table]:
    """Every table of the report of a period. The order desk does not know the telephone, so the caller passes the
    figures of its calls in."""
    return [
        days_table(figures.days(session, period)),
        specs_table(session, period),
        channels_table(session, period),
        reasons_table(session, period),
        calls_table(calls.outcomes),
        operators_table(calls.operators),
    ]


def days_table(days: Sequence[DayFigures]) -> Table:
    """The days: the retailers due, the totals of all orders, and what did not become an order."""
    return Table("days", N_("每日"), _DAYS, 1, [_day_row(day) for day in days])


def specs_table(session: Session, period: Period) -> Table:
    """The need of each spec, the largest shortage first."""
    needs = sorted(
        figures.needs(session, period), key=lambda need: (need.unmet_packs, need.requested_packs), reverse=True
    )
    return Table("specs", N_("品规"), _SPECS, 2, [_spec_row(need) for need in needs])


def channels_table(session: Session, period: Period) -> Table:
    """The totals of each channel, the most orders first."""
    rows = [
        (CHANNELS[one.channel], one.orders, one.packs, yuan(one.amount_fen))
        for one in figures.channels(session, period)
    ]
    return Table("channels", N_("渠道"), _CHANNELS, 1, rows)


def reasons_table(session: Session, period: Period) -> Table:
    """The reasons why needs were not met and retailers not reached, with their counts."""
    unmet, unreached = N_("需求未满足"), N_("未接通")
    rows = [(unmet, CUT_REASONS.get(reason, reason), count) for reason, count in figures.unmet_reasons(session, period)]
    rows += [
        (unreached, UNREACHED_REASONS.get(reason, reason), count)
        for reason, count in figures.missed_reasons(session, period)
    ]
    return Table("reasons", N_("原因"), _REASONS, 2, rows)


def calls_table(outcomes: Mapping[CallOutcome, int]) -> Table:
    """The number of calls by outcome."""
    return Table("calls", N_("来电"), _CALLS, 1, [(CALL_OUTCOMES[one], count) for one, count in outcomes.items()])


def operators_table(operators: Sequence[OperatorFigures]) -> Table:
    """The calls that each operator took."""
    rows = [
        (one.name, one.taken, one.finished, one.given_back, one.orders, round(one.handling_time.total_seconds()))
        for one in operators
    ]
    return Table("operators", N_("订货员"), _OPERATORS, 1, rows)


def _day_row(day: DayFigures) -> tuple[Cell, ...]:
    return (
        day.day,
        day.due,
        day.due_ordered,
        percent(day.success),
        day.orders,
        day.packs,
        yuan(day.amount_fen),
        day.requested_packs,
        day.unmet_packs,
        percent(day.met_rate),
        day.missed,
        day.lapsed,
        day.cancelled,
    )


def _spec_row(need: SpecNeed) -> tuple[Cell, ...]:
    return (
        need.barcode,
        need.name,
        cartons(need.requested_packs, need.packs_per_carton),
        cartons(need.met_packs, need.packs_per_carton),
        cartons(need.unmet_packs, need.packs_per_carton),
        *(
            cartons(need.unmet_by_reason.get(reason, 0), need.packs_per_carton)
            for reason in get_args(figures.UnmetReason)
        ),
        percent(need.met_rate),
        need.asked,
        need.reached,
        percent(need.reach),
        percent(need.repeat_rate),
    )
