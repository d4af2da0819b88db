"""The tables of a report as files: CSV, or one XLSX workbook with charts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.chart import Chart as WorkbookChart
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from brand_catalog.formula_texts import is_formula
from brand_catalog.sheet_writing import write_table
from brand_catalog.workbook_writing import CELL_MAX_CHARS
from orders.reporting.tables import CHARTED_SPECS, CHARTS, Cell, Chart, Table
from plain_text import printable

# Two charts of one table are drawn below it, from these columns on, counted from 0.
COLUMNS_BELOW = (1, 10)


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
    path = folder / f"{name}.xlsx"
    with Workbook(str(path)) as book:
        quoted = book.add_format({"quote_prefix": True})
        for table in tables:
            sheet = book.add_worksheet(table.title)
            sheet.write_row(0, 0, list(table.columns.values()))
            for number, row in enumerate(table.rows, 1):
                for place, value in enumerate(row):
                    _write_cell(sheet, number, place, value, quoted)
            sheet.freeze_panes(1, 0)
            if table.rows:
                _add_charts(book, sheet, table)
    return path


def _write_cell(sheet: Worksheet, number: int, place: int, value: Cell, quoted: Format) -> None:
    if isinstance(value, int | Decimal):
        sheet.write_number(number, place, value)
    elif value is not None:
        text = printable(str(value), CELL_MAX_CHARS)
        # A text that begins like a formula stays one, also once it is edited.
        sheet.write_string(number, place, text, quoted if is_formula(text) else None)


def _add_charts(book: Workbook, sheet: Worksheet, table: Table) -> None:
    charts = [chart for chart in CHARTS if chart.table == table.key]
    row_below = len(table.rows) + 3
    places = [(row_below, column) for column in COLUMNS_BELOW]
    if len(charts) == 1:
        places = [(1, len(table.columns) + 1)]
    for chart, (row, column) in zip(charts, places, strict=False):
        sheet.insert_chart(row, column, _drawn(book, table, chart))


def _drawn(book: Workbook, table: Table, chart: Chart) -> WorkbookChart:
    last = len(table.rows)
    if chart.kind == "stacked":
        last = min(last, CHARTED_SPECS)
        drawn = book.add_chart({"type": "bar", "subtype": "stacked"})
        drawn.set_size({"height": 75 + 26 * last})
    else:
        drawn = book.add_chart({"type": "line" if chart.kind == "lines" else "column"})
    drawn.set_title({"name": chart.title})
    if len(chart.series) == 1:
        drawn.set_legend({"none": True})
    labels = table.place(chart.labels)
    for column in chart.series:
        place = table.place(column)
        drawn.add_series(
            {
                "name": [table.title, 0, place],
                "categories": [table.title, 1, labels, last, labels],
                "values": [table.title, 1, place, last, place],
            }
        )
    return drawn
