"""The tables of a report as files: CSV, or one XLSX workbook with charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from brand_catalog.sheet_writing import fill_sheet, write_table
from orders.reporting.tables import CHARTED_SPECS, CHARTS, Chart, Table

# Two charts of one table are drawn below it, from these columns on.
COLUMNS_BELOW = ("B", "K")


def write_csv(folder: Path, name: str, tables: Sequence[Table]) -> list[Path]:
    """Write one file per table into `folder`, and return their paths."""
    paths = []
    for table in tables:
        path = folder / f"{name}-{table.key}.csv"
        write_table(path, list(table.columns.values()), table.rows)
        paths.append(path)
    return paths


def write_xlsx(folder: Path, name: str, tables: Sequence[Table]) -> Path:
    """Write one workbook, a sheet per table with its charts, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in tables:
        sheet = book.create_sheet(table.title)
        fill_sheet(sheet, list(table.columns.values()), table.rows)
        sheet.freeze_panes = "A2"
        if table.rows:
            _add_charts(sheet, table)
    path = folder / f"{name}.xlsx"
    book.save(path)
    return path


def _add_charts(sheet: Worksheet, table: Table) -> None:
    charts = [chart for chart in CHARTS if chart.table == table.key]
    below = [f"{column}{sheet.max_row + 3}" for column in COLUMNS_BELOW]
    places = below if len(charts) > 1 else [f"{get_column_letter(len(table.columns) + 2)}2"]
    for chart, place in zip(charts, places, strict=False):
        sheet.add_chart(_drawn(sheet, table, chart), place)


def _drawn(sheet: Worksheet, table: Table, chart: Chart) -> BarChart | LineChart:
    last = sheet.max_row
    drawn: BarChart | LineChart
    if chart.kind == "lines":
        drawn = LineChart()
    else:
        drawn = BarChart()
        if chart.kind == "stacked":
            last = min(last, CHARTED_SPECS + 1)
            drawn.type, drawn.grouping, drawn.overlap = "bar", "stacked", 100
            drawn.height = 2 + 0.7 * (last - 1)
    drawn.title = chart.title
    if len(chart.series) == 1:
        drawn.legend = None
    for column in chart.series:
        place = table.place(column) + 1
        drawn.add_data(Reference(sheet, min_col=place, min_row=1, max_row=last), titles_from_data=True)
    drawn.set_categories(Reference(sheet, min_col=table.place(chart.labels) + 1, min_row=2, max_row=last))
    return drawn
