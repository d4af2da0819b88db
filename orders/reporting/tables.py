"""The tables of a report, built once for the page, its charts and the CSV and XLSX files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from orders.money import yuan
from orders.reporting.area_needs import AreaNeed, by_county
from orders.reporting.calls import CallFigures, OperatorFigures, ServiceFigures
from orders.reporting.figures import PACKS_PER_CARTON, ChannelFigures, DayFigures, Figures, SpecDayFigures, SpecNeed
from orders.reporting.labels import (
    ATTEMPT_OUTCOMES,
    CALL_OUTCOMES,
    CHANNELS,
    CUT_REASONS,
    N_,
    UNREACHED_REASONS,
    cartons,
    percent,
)
from orders.reporting.need_days import UNMET_REASONS

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

# The county and the customer manager of a retailer that has none.
_NO_COUNTY, _NO_MANAGER = N_("没有写县"), N_("没有写客户经理")

# More specs than this on one chart cannot be told apart.
CHARTED_SPECS = 20

_DAYS = {
    "day": N_("日期"),
    "due": N_("应订户数"),
    "due_ordered": N_("已订户数"),
    "suspended": N_("暂停供货户数"),
    "success": N_("订货成功率%"),
    "orders": N_("订单数"),
    "packs": N_("盒数"),
    "amount": N_("金额(元)"),
    "requested": N_("需求盒数"),
    "unmet": N_("未满足盒数"),
    "met_rate": N_("订足率%"),
    "unreached": N_("未接通户数"),
    "drafts": N_("未保存"),
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
_AREA_FIGURES = {
    "retailers": N_("户数"),
    "due": N_("应订户数"),
    "due_ordered": N_("已订户数"),
    "success": N_("订货成功率%"),
    "orders": N_("订单数"),
    "cartons": N_("条数"),
    "amount": N_("金额(元)"),
    "met_rate": N_("订足率%"),
}
_COUNTIES = {"county": N_("县"), **_AREA_FIGURES}
_MANAGERS = {"manager": N_("客户经理"), "county": N_("县"), **_AREA_FIGURES}
_REASONS = {"matter": N_("事项"), "reason": N_("原因"), "count": N_("次数")}
_SPEC_DAYS = {
    "day": N_("日期"),
    "requested": N_("需求(条)"),
    "met": N_("满足(条)"),
    "unmet": N_("未满足(条)"),
    "met_rate": N_("订足率%"),
}
_CALLS = {"direction": N_("方向"), "outcome": N_("结果"), "calls": N_("通数")}
_SERVICE = {"figure": N_("项目"), "value": N_("数值")}
_OPERATORS = {
    "operator": N_("订货员"),
    "taken": N_("接听"),
    "unanswered": N_("未接"),
    "finished": N_("办完"),
    "given_back": N_("转回自动订货"),
    "callbacks": N_("回电打通"),
    "orders": N_("订单数"),
    "packs": N_("盒数"),
    "talk": N_("通话总时长(秒)"),
    "mean_talk": N_("平均通话(秒)"),
    "mean_wrap_up": N_("平均整理(秒)"),
}


def report_tables(figures: Figures, calls: CallFigures) -> list[Table]:
    """Every table of the report of a period."""
    return [
        days_table(figures.days),
        specs_table(figures.needs),
        channels_table(figures.channels),
        reasons_table(figures),
        calls_table(calls),
        service_table(calls.service),
        operators_table(calls.operators),
    ]


def days_table(days: Sequence[DayFigures]) -> Table:
    """The days: the retailers due, the totals of all orders, and what did not become an order."""
    return Table("days", N_("每日"), _DAYS, 1, [_day_row(day) for day in days])


def specs_table(needs: Iterable[SpecNeed]) -> Table:
    """The need of each spec, the largest shortage first."""
    return Table("specs", N_("品规"), _SPECS, 2, [_spec_row(need) for need in largest_shortage_first(needs)])


def largest_shortage_first(needs: Iterable[SpecNeed]) -> list[SpecNeed]:
    """The specs by what is unmet of them, then by what was asked for."""
    return sorted(needs, key=lambda need: (need.unmet_packs, need.requested_packs), reverse=True)


def spec_days_table(need: SpecNeed, days: Sequence[SpecDayFigures]) -> Table:
    """The days of one spec."""
    per = need.packs_per_carton
    rows: list[tuple[Cell, ...]] = [
        (
            day.day,
            cartons(day.requested_packs, per),
            cartons(day.met_packs, per),
            cartons(day.unmet_packs, per),
            percent(day.met_rate),
        )
        for day in days
    ]
    return Table("spec-days", N_("每日"), _SPEC_DAYS, 1, rows)


def channels_table(channels: Sequence[ChannelFigures]) -> Table:
    """The totals of each channel, the most orders first."""
    rows = [(CHANNELS[one.channel], one.orders, one.packs, yuan(one.amount_fen)) for one in channels]
    return Table("channels", N_("渠道"), _CHANNELS, 1, rows)


def counties_table(areas: Iterable[AreaNeed]) -> Table:
    """The retailers, orders and need of each county."""
    rows = [(one.county or _NO_COUNTY, *_area_figures(one)) for one in by_county(areas)]
    return Table("counties", N_("各县"), _COUNTIES, 1, rows)


def managers_table(areas: Iterable[AreaNeed]) -> Table:
    """The retailers, orders and need of each customer manager."""
    rows = [(one.manager or _NO_MANAGER, one.county or _NO_COUNTY, *_area_figures(one)) for one in areas]
    return Table("managers", N_("各客户经理"), _MANAGERS, 2, rows)


def reasons_table(figures: Figures) -> Table:
    """The reasons why needs were not met and retailers not reached, with their counts."""
    unmet, unreached = N_("需求未满足"), N_("未接通")
    rows = [(unmet, CUT_REASONS.get(reason, reason), count) for reason, count in figures.unmet_reasons]
    rows += [(unreached, UNREACHED_REASONS.get(reason, reason), count) for reason, count in figures.missed_reasons]
    return Table("reasons", N_("原因"), _REASONS, 2, rows)


def calls_table(calls: CallFigures) -> Table:
    """The number of calls by outcome: those made to the line, then the outbound ones."""
    incoming, outbound = N_("来电"), N_("外呼")
    rows = [(incoming, CALL_OUTCOMES[one], count) for one, count in calls.outcomes.items()]
    rows += [(outbound, ATTEMPT_OUTCOMES[one], count) for one, count in calls.outbound.items()]
    return Table("calls", N_("通话结果"), _CALLS, 2, rows)


def service_table(service: ServiceFigures) -> Table:
    """The service of callers who waited for an operator, one figure a row; times in seconds."""
    rows: list[tuple[Cell, ...]] = [
        (N_("接通"), service.answered),
        (N_("20秒内接通"), service.in_time),
        (N_("服务水平%"), percent(service.level)),
        (N_("放弃等候"), service.abandoned),
        (N_("其中5秒内挂断"), service.at_once),
        (N_("放弃率%"), percent(service.abandonment)),
        (N_("要求回电"), service.callbacks),
        (N_("回到自动订货"), service.returned),
        (N_("平均等候(秒)"), _seconds(service.mean_wait)),
        (N_("最长等候(秒)"), _seconds(service.longest_wait)),
        (N_("放弃前平均等候(秒)"), _seconds(service.mean_abandoned)),
    ]
    return Table("service", N_("人工服务"), _SERVICE, 1, rows)


def operators_table(operators: Sequence[OperatorFigures]) -> Table:
    """The calls that each operator took, and the orders they saved."""
    rows = [
        (
            one.name,
            one.taken,
            one.unanswered,
            one.finished,
            one.given_back,
            one.callbacks,
            one.orders,
            one.packs,
            _seconds(one.talk_time),
            _seconds(one.mean_talk),
            _seconds(one.mean_wrap_up),
        )
        for one in operators
    ]
    return Table("operators", N_("订货员"), _OPERATORS, 1, rows)


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds())


def _area_figures(area: AreaNeed) -> tuple[Cell, ...]:
    return (
        area.retailers,
        area.due,
        area.due_ordered,
        percent(area.success),
        area.orders,
        cartons(area.packs, PACKS_PER_CARTON),
        yuan(area.amount_fen),
        percent(area.met_rate),
    )


def _day_row(day: DayFigures) -> tuple[Cell, ...]:
    return (
        day.day,
        day.due,
        day.due_ordered,
        day.suspended,
        percent(day.success),
        day.orders,
        day.packs,
        yuan(day.amount_fen),
        day.requested_packs,
        day.unmet_packs,
        percent(day.met_rate),
        day.missed,
        day.drafts,
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
        *(cartons(need.unmet_by_reason.get(reason, 0), need.packs_per_carton) for reason in UNMET_REASONS),
        percent(need.met_rate),
        need.asked,
        need.reached,
        percent(need.reach),
        percent(need.repeat_rate),
    )
