"""`python -m tests.telephone.faults`: run the matrix or a part of it, and write docs/reliability.md from that."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tests.support.postgres import Postgres, find_binaries
from tests.telephone.faults.caller import Manner
from tests.telephone.faults.line import DatabaseKind
from tests.telephone.faults.matrix import Cell, Result, cells, faulty_line, run
from tests.telephone.faults.report import keep, write


@click.command()
@click.option("--database", "databases", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
@click.option("--manner", "manners", type=click.Choice(["keys", "voice"]), multiple=True)
@click.option("--fault", "wanted", multiple=True, help="Only faults whose name contains this.")
@click.option("--turn", "turns", type=int, multiple=True)
@click.option("--results", type=click.Path(path_type=Path), help="A file of results to add to; the tables are of all.")
@click.option("--report", type=click.Path(path_type=Path), help="The page to write the tables into.")
def main(
    databases: tuple[DatabaseKind, ...],
    manners: tuple[Manner, ...],
    wanted: tuple[str, ...],
    turns: tuple[int, ...],
    results: Path | None,
    report: Path | None,
) -> None:
    """Run the matrix, or a part of it; ends with 1 if something did not hold."""
    begun, count, failed = time.monotonic(), 0, 0
    for database in databases or ("sqlite", "postgresql"):
        chosen = [
            cell
            for cell in cells(database, manners or ("keys", "voice"))
            if (not wanted or any(part in cell.fault.name for part in wanted)) and (not turns or cell.turn in turns)
        ]
        for result in _run_all(database, chosen):
            count, failed = count + 1, failed + bool(result.wrong)
            _show(result)
            if results is not None:
                keep(results, result)
    if report is not None and results is not None:
        write(report, results)
    click.echo(f"{count} cells, {failed} with something wrong, {time.monotonic() - begun:.0f} s")
    raise SystemExit(1 if failed else 0)


def _run_all(database: DatabaseKind, chosen: list[Cell]) -> Iterator[Result]:
    if database == "sqlite":
        yield from _run_on(chosen, None)
        return
    binaries = find_binaries()
    if binaries is None:
        raise click.ClickException("PostgreSQL is not installed here: put initdb and postgres on the PATH.")
    with Postgres.started(binaries) as postgres:
        yield from _run_on(chosen, postgres)


def _run_on(chosen: list[Cell], postgres: Postgres | None) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, faulty_line(Path(folder), postgres) as (line, rest):
        for cell in chosen:
            yield run(cell, line, rest)


def _show(result: Result) -> None:
    seen = f"{result.outcome}, silence {result.silence_ms / 1000:.1f} s, slowest {result.slowest_ms / 1000:.1f} s"
    if not result.wrong:
        click.echo(f"held  {result.cell.name}: {seen}")
        return
    click.echo(f"WRONG {result.cell.name}: {seen}; {'; '.join(result.wrong)}")
    click.echo(f"      heard: {' | '.join(result.heard)}")


if __name__ == "__main__":
    main()
