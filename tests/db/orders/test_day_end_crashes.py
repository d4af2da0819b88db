"""A step of the day's end may be killed at any moment: it is done whole or not at all, and the same command
continues."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

import storage
from app import create_app
from orders.day_end import settlement
from orders.day_end.models import DayStepDone
from orders.retailers.models import RetailerRow
from settings import Settings
from tests.db.orders.test_day_end import DAY, order
from tests.support.desk_world import CHINA, CLASSIC, SHOP, STATION, MovingClock, World

Moment = Literal["before the commit", "after the commit", "in the middle of the file"]

STEPS = ("balances", "audit", "settle", "answer", "hand-over", "notice", "close")
WRITES = {"settle": "settlement-20261123-1", "hand-over": "delivery-20261123", "notice": "notices-20261123"}


class Clerk:
    """Runs the day's commands, each in a process of its own that can be killed."""

    def __init__(self, url: str, clock: MovingClock, folder: Path) -> None:
        self.url = url
        self.clock = clock
        self.folder = folder
        self.out = folder / "out"

    def command(self, step: str) -> list[str]:
        words = ["day-end", step]
        if step == "balances":
            words.append(str(self.file("balances", ("customer_code", "balance"), [(SHOP, 5000), (STATION, 5000)])))
        if step == "answer":
            answers = [(row[0], "paid", "") for row in self.written("settle")[1:]]
            words.append(str(self.file("answer", settlement.ANSWER_COLUMNS, answers)))
        out = ["--out", str(self.out)] if step in WRITES else []
        return [*words, *out, "--day", str(DAY), "--by", "clerk"]

    def give(self, step: str, killed: Moment | None = None) -> int:
        """The exit code of the process: 0, 1 if the step was refused, or negative if it was killed."""
        process = multiprocessing.get_context("fork").Process(target=self._work, args=(self.command(step), killed))
        process.start()
        process.join(60)
        assert process.exitcode is not None
        return process.exitcode

    def _work(self, words: list[str], killed: Moment | None) -> None:
        if killed is not None:
            arrange(killed)
        app = create_app(Settings(database_url=self.url, listen_mode="keypad"), clock=self.clock)
        os._exit(app.test_cli_runner().invoke(args=words).exit_code)

    def file(self, name: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([columns, *rows])
        return path

    def written(self, step: str) -> list[list[str]]:
        with (self.out / f"{WRITES[step]}.csv").open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.reader(lines))


def arrange(killed: Moment) -> None:
    """Kill this process at that moment, as in a power cut."""

    def die(*_args: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def die_unless_nested(session: Session) -> None:
        if not session.in_nested_transaction():
            die()

    if killed == "before the commit":
        event.listen(Session, "before_commit", die_unless_nested)
    elif killed == "after the commit":
        event.listen(Session, "after_commit", die_unless_nested)
    else:
        whole: Callable[..., object] = csv.writer

        class Torn:
            def __init__(self, file: object) -> None:
                self.rows = whole(file)

            def writerow(self, row: object) -> None:
                self.rows.writerow(row)  # type: ignore[attr-defined]

            writerows = die

        csv.writer = Torn  # type: ignore[assignment,misc]


def begin_evening(url: str, clock: MovingClock, folder: Path) -> tuple[World, Clerk]:
    """A day with two saved orders, and no process with the database open."""
    engine = storage.open_engine(url)
    world = World.build(storage.open_sessions(engine), clock)
    world.engage("clerk")
    order(world, SHOP, {CHINA: 2, CLASSIC: 4})
    order(world, STATION, {CLASSIC: 10})
    engine.dispose()
    folder.mkdir()
    return world, Clerk(url, clock, folder)


@pytest.mark.parametrize("killed", ["before the commit", "after the commit", "in the middle of the file"])
def test_killed_in_every_step_the_day_still_ends_as_it_would_have(
    database_url: str, clock: MovingClock, tmp_path: Path, killed: Moment
) -> None:
    world, clerk = begin_evening(database_url, clock, tmp_path / "killed")
    for step in STEPS:
        if killed != "in the middle of the file" or step in WRITES:
            assert clerk.give(step, killed) == -signal.SIGKILL
        if step in WRITES:
            assert not (clerk.out / f"{WRITES[step]}.csv").exists(), "half a file is no file"
        # A step without a file that was done before the power cut is refused as done; every other is done now.
        done = killed == "after the commit" and step in ("balances", "audit", "close")
        assert clerk.give(step) == (1 if done else 0), step
    assert [path.suffix for path in clerk.out.iterdir()] == [".csv"] * 3
    assert [row[4] for row in clerk.written("notice")[1:]] == ["106320", "75000"]
    assert len(clerk.written("hand-over")) == 1 + 3
    with world.session() as session:
        steps = session.scalars(select(DayStepDone.step).where(DayStepDone.business_day == DAY)).all()
        balances = session.scalars(
            select(RetailerRow.balance_fen).where(RetailerRow.customer_code.in_((SHOP, STATION)))
        ).all()
    assert len(steps) == 6
    assert sorted(balances) == [5000_00 - 1063_20, 5000_00 - 750_00]
    world.check_books()
