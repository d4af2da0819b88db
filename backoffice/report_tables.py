"""The reports as tables: one source for the CSV and XLSX files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy.orm import Session

from ivr import call_figures
from orders.reporting import figures
from orders.reporting.figures import Period, SpecNeed
from orders.reporting.labels import CALL_OUTCOMES, CHANNELS, REASONS, cartons, percent, yuan

Cell = str | int | Decimal | date | None

# More bars than this on one chart cannot be told apart.
CHARTED_SPECS = 20


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report. `key` names its file, `title` its sheet."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def tables(session: Session, period: Period) -> list[Table]:
    """Every table of the report of a period."""
    return [
        _days(session, period),
        _specs(figures.needs(session, period)),
        _channels(session, period),
        _reasons(session, period),
        _calls(session, period),
        _operators(session, period),
    ]


def _days(session: Session, period: Period) -> Table:
    columns = (
        "日期", "应订户数", "已订户数", "订货成功率%", "订单数", "盒数", "金额(元)", "需求盒数", "未满足盒数",
        "订足率%", "未访到户数", "过期未确认", "取消",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (
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
        for day in figures.days(session, period)
    ]
    return Table("days", "每日", columns, rows)


def _specs(needs: Sequence[SpecNeed]) -> Table:
    columns = (
        "条码", "品规", "需求(条)", "满足(条)", "未满足(条)", "订足率%", "需求户数", "订到户数", "上柜率%",
        "重复订货率%",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (
            need.barcode,
            need.name,
            cartons(need.requested_packs, need.packs_per_carton),
            cartons(need.met_packs, need.packs_per_carton),
            cartons(need.unmet_packs, need.packs_per_carton),
            percent(need.met_rate),
            need.asked,
            need.reached,
            percent(need.reach),
            percent(need.repeat_rate),
        )
        # The specs with the largest shortage come first, on the chart as well.
        for need in sorted(needs, key=lambda need: (need.unmet_packs, need.requested_packs), reverse=True)
    ]
    return Table("specs", "品规", columns, rows)


def _channels(session: Session, period: Period) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (CHANNELS[own.channel], own.orders, own.packs, yuan(own.amount_fen))
        for own in figures.channels(session, period)
    ]
    return Table("channels", "渠道", ("渠道", "订单数", "盒数", "金额(元)"), rows)


def _reasons(session: Session, period: Period) -> Table:
    rows: list[tuple[Cell, ...]] = [
        ("需求未满足", REASONS.get(reason, reason), count) for reason, count in figures.unmet_reasons(session, period)
    ]
    rows += [
        ("未访到", REASONS.get(reason, reason), count) for reason, count in figures.missed_reasons(session, period)
    ]
    return Table("reasons", "原因", ("事项", "原因", "次数"), rows)


def _calls(session: Session, period: Period) -> Table:
    found = call_figures.outcomes(session, period)
    rows: list[tuple[Cell, ...]] = [(CALL_OUTCOMES[outcome], count) for outcome, count in found.items()]
    return Table("calls", "来电", ("结果", "通数"), rows)


def _operators(session: Session, period: Period) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (own.name, own.taken, own.finished, own.given_back, own.orders, round(own.handling_time.total_seconds()))
        for own in call_figures.operators(session, period)
    ]
    return Table("operators", "订货员", ("订货员", "接听", "办完", "交回", "订单数", "总时长(秒)"), rows)


def write_csv(folder: Path, name: str, found: Sequence[Table]) -> list[Path]:
    """Write one file per table into `folder`, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in found:
        path = folder / f"{name}-{table.key}.csv"
        # Spreadsheet programs recognise UTF-8 only by its byte order mark.
        with path.open("w", newline="", encoding="utf-8-sig") as lines:
            writer = csv.writer(lines)
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        paths.append(path)
    return paths


def write_xlsx(folder: Path, name: str, found: Sequence[Table]) -> Path:
    """Write one workbook, a sheet per table, with charts of days, specs and calls, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    for number, table in enumerate(found):
        sheet = book.worksheets[0] if number == 0 else book.create_sheet()
        sheet.title = table.title
        sheet.append(table.columns)
        for row in table.rows:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                # A name that looks like a formula is still a name.
                if cell.data_type == "f":
                    cell.data_type = "s"
        sheet.freeze_panes = "A2"
        if table.rows and table.key in CHARTS:
            CHARTS[table.key](sheet)
    path = folder / f"{name}.xlsx"
    book.save(path)
    return path


def _chart_days(sheet: Worksheet) -> None:
    due = BarChart()
    due.title = "应订与已订户数"
    due.add_data(Reference(sheet, min_col=2, max_col=3, min_row=1, max_row=sheet.max_row), titles_from_data=True)
    rates = LineChart()
    rates.title = "订货成功率与订足率"
    for column in (4, 10):
        rates.add_data(Reference(sheet, min_col=column, min_row=1, max_row=sheet.max_row), titles_from_data=True)
    for chart, place in ((due, "B"), (rates, "K")):
        chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=sheet.max_row))
        sheet.add_chart(chart, f"{place}{sheet.max_row + 3}")


def _chart_calls(sheet: Worksheet) -> None:
    chart = BarChart()
    chart.title, chart.legend = "来电结果", None
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=sheet.max_row), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=sheet.max_row))
    sheet.add_chart(chart, "D2")


def _chart_specs(sheet: Worksheet) -> None:
    last = min(sheet.max_row, CHARTED_SPECS + 1)
    chart = BarChart()
    chart.type, chart.grouping, chart.overlap = "bar", "stacked", 100
    chart.title = "满足与未满足(条)"
    chart.add_data(Reference(sheet, min_col=4, max_col=5, min_row=1, max_row=last), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=2, min_row=2, max_row=last))
    chart.height = 2 + 0.7 * (last - 1)
    sheet.add_chart(chart, "L2")


CHARTS: dict[str, Callable[[Worksheet], None]] = {"days": _chart_days, "specs": _chart_specs, "calls": _chart_calls}
