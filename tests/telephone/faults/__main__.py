"""`python -m tests.telephone.faults`: run the matrix and write docs/reliability.md from what was seen."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from tests.support.postgres import Postgres, find_binaries
from tests.telephone.faults.caller import Manner
from tests.telephone.faults.line import DatabaseKind
from tests.telephone.faults.matrix import Cell, Result, cells, faulty_line, run
from tests.telephone.faults.report import write


@click.command()
@click.option("--database", "databases", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
@click.option("--manner", "manners", type=click.Choice(["keys", "voice"]), multiple=True)
@click.option("--fault", "wanted", multiple=True, help="Only faults whose name contains this.")
@click.option("--turn", "turns", type=int, multiple=True)
@click.option("--report", type=click.Path(path_type=Path), help="The page to write the tables into.")
def main(
    databases: tuple[DatabaseKind, ...],
    manners: tuple[Manner, ...],
    wanted: tuple[str, ...],
    turns: tuple[int, ...],
    report: Path | None,
) -> None:
    """Run the matrix, or a part of it; ends with 1 if something did not hold."""
    results: list[Result] = []
    begun = time.monotonic()
    for database in databases or ("sqlite", "postgresql"):
        chosen = [
            cell
            for cell in cells(database, manners or ("keys", "voice"))
            if (not wanted or any(part in cell.fault.name for part in wanted)) and (not turns or cell.turn in turns)
        ]
        results += _run_all(database, chosen)
        if report is not None:
            write(report, results, time.monotonic() - begun)
    failed = [result for result in results if result.wrong]
    click.echo(f"{len(results)} cells, {len(failed)} with something wrong, {time.monotonic() - begun:.0f} s")
    raise SystemExit(1 if failed else 0)


def _run_all(database: DatabaseKind, chosen: list[Cell]) -> list[Result]:
    if database == "sqlite":
        return _run_on(chosen, None)
    binaries = find_binaries()
    if binaries is None:
        raise click.ClickException("PostgreSQL is not installed here: put initdb and postgres on the PATH.")
    with Postgres.started(binaries) as postgres:
        return _run_on(chosen, postgres)


def _run_on(chosen: list[Cell], postgres: Postgres | None) -> list[Result]:
    results = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, faulty_line(Path(folder), postgres) as (line, rest):
        for cell in chosen:
            result = run(cell, line, rest)
            results.append(result)
            if result.wrong:
                click.echo("      heard: " + " | ".join(result.heard))
            mark = "ok   " if not result.wrong else "WRONG"
            click.echo(
                f"{mark} {cell.name}: {result.outcome}, silence {result.silence_ms / 1000:.1f} s, "
                f"slowest {result.slowest_ms / 1000:.1f} s {'; '.join(result.wrong)}"
            )
    return results


if __name__ == "__main__":
    main()
