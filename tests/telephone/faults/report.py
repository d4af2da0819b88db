"""docs/reliability.md, written from what the matrix has really seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from clock import SHANGHAI
from tests.telephone.faults.caller import TURNS
from tests.telephone.faults.matrix import FAULTS, Result

BEGIN, END = "<!-- tables: written by make faults -->", "<!-- end of the tables -->"
MANNERS = {"keys": "by keys", "voice": "by voice"}
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
SHORT = {"saved": "saved", "operator queue": "queue", "operator's number": "number", "goodbye": "goodbye"}


def write(page: Path, results: Sequence[Result], took_s: float) -> None:
    """Put the tables of these results into the page, in the place of earlier ones."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{tables(results, took_s)}{END}{after}", encoding="utf-8")


def tables(results: Sequence[Result], took_s: float) -> str:
    failed = [result for result in results if result.wrong]
    now = datetime.now(SHANGHAI)
    lines = [
        f"{now:%Y-%m-%d}, `make faults`: {len(results)} cells in {took_s / 60:.0f} min, "
        f"{len(results) - len(failed)} held, {len(failed)} did not.",
        "",
    ]
    for database, database_name in DATABASES.items():
        for manner, manner_name in MANNERS.items():
            own = [one for one in results if (one.cell.database, one.cell.manner) == (database, manner)]
            if own:
                lines += [f"### {database_name}, {manner_name}", "", *_table(own), ""]
    if failed:
        lines += ["### What did not hold", ""]
        lines += [f"* {result.cell.name}: {'; '.join(result.wrong)}" for result in failed] + [""]
    return "\n".join(lines)


def _table(results: Sequence[Result]) -> list[str]:
    head = ["fault", *(f"turn {turn}" for turn in range(1, TURNS + 1)), "longest silence", "slowest request"]
    rows = [head, ["---"] * len(head)]
    for fault in FAULTS:
        own = {one.cell.turn: one for one in results if one.cell.fault is fault}
        if own:
            cells = [_cell(own.get(turn)) for turn in range(1, TURNS + 1)]
            silence = max(one.silence_ms for one in own.values()) / 1000
            slowest = max(one.slowest_ms for one in own.values()) / 1000
            rows.append([fault.name, *cells, f"{silence:.1f} s", f"{slowest:.1f} s"])
    return [f"| {' | '.join(row)} |" for row in rows]


def _cell(result: Result | None) -> str:
    if result is None:
        return "not run"
    outcome = SHORT.get(result.outcome, result.outcome)
    return f"**{outcome}: did not hold**" if result.wrong else outcome
