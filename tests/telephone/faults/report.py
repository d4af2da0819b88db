"""docs/reliability.md, written from what the matrix has really seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clock import SHANGHAI
from tests.telephone.faults.caller import TURNS
from tests.telephone.faults.matrix import FAULTS, Result

BEGIN, END = "<!-- tables: written by make faults -->", "<!-- end of the tables -->"
MANNERS = {"keys": "by keys", "voice": "by voice"}
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
SHORT = {"operator queue": "queue", "operator's number": "number"}


@dataclass(frozen=True)
class Seen:
    """One line of a file of results."""

    at: str
    fault: str
    turn: int
    manner: str
    database: str
    outcome: str
    silence_ms: int
    slowest_ms: int
    wrong: list[str]

    @property
    def name(self) -> str:
        return f"{self.fault}, turn {self.turn}, {MANNERS[self.manner]}, {DATABASES[self.database]}"


def keep(file: Path, result: Result) -> None:
    """Add a result to the file."""
    cell = result.cell
    seen = Seen(
        f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M}",
        cell.fault.name,
        cell.turn,
        cell.manner,
        cell.database,
        result.outcome,
        result.silence_ms,
        result.slowest_ms,
        list(result.wrong),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(vars(seen), ensure_ascii=False) + "\n")


def write(page: Path, file: Path) -> None:
    """Put the tables of the results in the file into the page, in the place of earlier ones."""
    rows = [Seen(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    # Of a cell that was run again the last result counts.
    last = {(row.fault, row.turn, row.manner, row.database): row for row in rows}
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{_tables(list(last.values()))}{END}{after}", encoding="utf-8")


def _tables(results: Sequence[Seen]) -> str:
    failed = [result for result in results if result.wrong]
    first, last = min(result.at for result in results), max(result.at for result in results)
    lines = [
        f"`make faults`, {first} to {last} (Shanghai): {len(results)} cells, {len(results) - len(failed)} held, "
        f"{len(failed)} did not.",
        "",
    ]
    for database, database_name in DATABASES.items():
        for manner, manner_name in MANNERS.items():
            own = [one for one in results if (one.database, one.manner) == (database, manner)]
            if own:
                lines += [f"## {database_name}, {manner_name}", "", *_table(own), ""]
    if failed:
        lines += ["## What did not hold", "", *(f"* {one.name}: {'; '.join(one.wrong)}." for one in failed), ""]
    return "\n".join(lines)


def _table(results: Sequence[Seen]) -> Iterator[str]:
    turns = range(1, TURNS + 1)
    yield _row(["fault", *(f"turn {turn}" for turn in turns), "longest silence", "slowest request"])
    yield _row(["---"] * (TURNS + 3))
    for fault in FAULTS:
        own = {one.turn: one for one in results if one.fault == fault.name}
        if own:
            silence = max(one.silence_ms for one in own.values()) / 1000
            slowest = max(one.slowest_ms for one in own.values()) / 1000
            cells = [_cell(own.get(turn)) for turn in turns]
            yield _row([fault.name, *cells, f"{silence:.1f} s", f"{slowest:.1f} s"])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(seen: Seen | None) -> str:
    if seen is None:
        return "not run"
    return f"**{seen.outcome}, did not hold**" if seen.wrong else SHORT.get(seen.outcome, seen.outcome)
