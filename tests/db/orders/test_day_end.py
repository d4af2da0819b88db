"""The end of a day: every step in its order, once, and the books balance to the carton and the fen."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from brand_catalog.sheets import SheetError, read_sheet
from clock import SHANGHAI
from orders.book import order_changes
from orders.book.desk import DeskRefusal
from orders.book.models import OrderHistory, OrderRow
from orders.book.order_changes import ChangeRefused
from orders.day_end import settlement, steps
from orders.day_end.models import FailureRule
from orders.day_end.steps import StepRefused
from orders.retailers.models import RetailerRow
from orders.supply.models import Supply
from tests.support.commands import application_on
from tests.support.desk_world import (
    CARTON,
    CHINA,
    CLASSIC,
    CORNER,
    MAIN,
    SHOP,
    STATION,
    SUPPLEMENTARY,
    MovingClock,
    World,
)

DAY = date(2026, 11, 23)
CLERK = "the clerk"


@pytest.fixture
def evening(engine: Engine, clock: MovingClock, tmp_path: Path) -> Evening:
    return begin_evening(engine, clock, tmp_path)


@pytest.fixture
def evening_on_each(engine: Engine, clock: MovingClock, tmp_path: Path) -> Evening:
    return begin_evening(engine, clock, tmp_path)


def begin_evening(engine: Engine, clock: MovingClock, tmp_path: Path) -> Evening:
    """The evening of a day with two saved orders, at six o'clock."""
    world = World.build(storage.open_sessions(engine), clock)
    world.change_retailer(STATION, route="西一线")
    world.change_retailer(SHOP, route="东一线")
    order(world, SHOP, {CHINA: 2, CLASSIC: 4})
    order(world, STATION, {CLASSIC: 10})
    world.clock.move_to(datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI))
    return Evening(world, tmp_path)


def order(world: World, code: str, cartons: dict[str, int], number: str = MAIN, *, save: bool = True) -> str:
    call = f"{code} {number}"
    with world.desk() as desk:
        retailer = desk.retailer(code)
        assert retailer is not None
        desk.open_draft(call, retailer, desk.hotline(number))
        for barcode, amount in cartons.items():
            desk.draft(call).set_line(barcode, amount * CARTON)
    if not save:
        return ""
    with world.desk() as desk:
        return str(desk.draft(call).confirm().order.number)


class Evening:
    """The clerk's evening, one step a line."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder

    def do(self, step: Callable[..., Any], *args: Any, **how: Any) -> Any:
        with self.world.session() as session:
            return step(session, *args, by=CLERK, now=self.world.clock(), **how)

    def file(self, columns: tuple[str, ...], *rows: tuple[object, ...]) -> Path:
        path = self.folder / "file.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    def balances(self, shop: int = 5000, station: int = 5000) -> dict[str, Any]:
        path = self.file(("customer_code", "balance"), (SHOP, shop), (STATION, station))
        found: dict[str, Any] = self.do(steps.import_balances, read_sheet(path), DAY)
        return found

    def settle(self) -> list[str]:
        _, rows = self.do(settlement.make_batch, DAY)
        return [row[0] for row in rows]

    def answer(self, *rows: tuple[object, ...], rule: FailureRule = "hold") -> dict[str, int]:
        counts: dict[str, int] = self.do(
            settlement.import_answer, read_sheet(self.file(settlement.ANSWER_COLUMNS, *rows)), DAY, rule
        )
        return counts

    def paid(self) -> None:
        self.answer(*((number, "paid", "") for number in self.settle()))

    def until(self, last: str) -> None:
        for name, step in (
            ("balances", self.balances),
            ("audit", lambda: self.do(steps.audit, DAY)),
            ("settlement", self.paid),
            ("hand_over", lambda: self.do(steps.hand_over, DAY)),
            ("notice", lambda: self.do(steps.delivery_notices, DAY)),
            ("close", lambda: self.do(steps.close, DAY)),
        ):
            step()
            if name == last:
                return

    def states(self) -> dict[str, str]:
        with self.world.session() as session:
            return {
                str(row.number): row.state
                for row in session.scalars(select(OrderRow).where(OrderRow.number.is_not(None)))
            }


def test_a_day_ends_step_by_step_and_the_money_and_cartons_add_up(evening_on_each: Evening) -> None:
    evening = evening_on_each
    shop, station = evening.states()
    assert evening.balances()["short_fen"] == {}
    assert evening.do(steps.audit, DAY) == {
        "orders": 2,
        "packs": 16 * CARTON,
        "amount_fen": 2 * 381_60 + 14 * 75_00,
    }
    number, rows = evening.do(settlement.make_batch, DAY)
    assert (number, rows) == (1, [(shop, SHOP, "店12", "1063.20"), (station, STATION, "店37", "750.00")])
    assert evening.answer((shop, "paid", ""), (station, "paid", "")) == {"paid": 2, "failed": 0, "already answered": 0}
    delivery = evening.do(steps.hand_over, DAY)
    assert [(line[0], line[1], line[5], line[6]) for line in delivery] == [
        ("东一线", SHOP, "中华(硬)", 2),
        ("东一线", SHOP, "红塔山(硬经典)", 4),
        ("西一线", STATION, "红塔山(硬经典)", 10),
    ]
    contact = (SHOP, "+8613800000012", shop)
    assert evening.do(steps.delivery_notices, DAY)[0] == (*contact, 60, 1063_20, "店12", "delivered", 0)
    evening.do(steps.close, DAY)
    with evening.world.session() as session:
        balances = {row.customer_code: row.balance_fen for row in session.scalars(select(RetailerRow))}
        events = list(session.scalars(select(OrderHistory.event).where(OrderHistory.order_id == 1)))
    assert (balances[SHOP], balances[STATION]) == (5000_00 - 1063_20, 5000_00 - 750_00)
    assert events[-3:] == ["confirmed", "settled", "handed over"]
    evening.world.check_books()


@pytest.mark.parametrize(
    ("step", "first"),
    [
        (steps.audit, "balances"),
        (settlement.make_batch, "balances, audit"),
        (steps.hand_over, "balances, audit, settlement"),
        (steps.delivery_notices, "balances, audit, settlement, hand_over"),
        (steps.close, "balances, audit, settlement, hand_over, notice"),
    ],
)
def test_no_step_is_taken_before_its_turn(evening: Evening, step: Callable[..., Any], first: str) -> None:
    with pytest.raises(StepRefused, match=f"comes after {first}: do that first"):
        evening.do(step, DAY)


def test_no_step_is_done_twice(evening: Evening) -> None:
    evening.until("close")
    for step in (steps.audit, steps.close):
        with pytest.raises(StepRefused, match="done already"):
            evening.do(step, DAY)
    with pytest.raises(StepRefused, match="done already"):
        evening.balances()
    with pytest.raises(StepRefused, match="is waiting to be settled"):
        evening.settle()


def test_a_lost_file_is_written_again_with_the_same_lines(evening: Evening) -> None:
    evening.until("audit")
    assert evening.settle() == evening.settle()
    evening.paid()
    first = evening.do(steps.hand_over, DAY)
    evening.world.clock.move(minutes=5)
    assert evening.do(steps.hand_over, DAY) == first
    assert evening.do(steps.delivery_notices, DAY) == evening.do(steps.delivery_notices, DAY)


def test_what_was_not_saved_lapses_at_the_days_end_and_is_reported(evening: Evening) -> None:
    evening.world.change_retailer(CORNER, order_weekday=0)
    evening.world.allow_everything()
    order(evening.world, CORNER, {CHINA: 3}, save=False)
    assert evening.balances()["lapsed"] == [CORNER]
    with evening.world.desk() as desk, pytest.raises(DeskRefusal, match="no_draft"):
        desk.draft(f"{CORNER} {MAIN}").confirm()
    with pytest.raises(DeskRefusal, match="closed"):
        order(evening.world, CORNER, {CHINA: 1}, save=False)
    evening.world.check_books()


def test_who_has_not_enough_is_reported_before_settling(evening: Evening) -> None:
    assert evening.balances(shop=1000)["short_fen"] == {SHOP: 63_20}


def test_a_wrong_balance_file_begins_nothing(evening: Evening) -> None:
    path = evening.file(("customer_code", "balance"), (SHOP, "-1"), ("410502199999", 5), (SHOP, 3))
    with pytest.raises(SheetError) as refused:
        evening.do(steps.import_balances, read_sheet(path), DAY)
    assert [(p.row, p.column) for p in refused.value.problems] == [
        (2, "balance"),
        (3, "customer_code"),
        (4, "customer_code"),
    ]
    with evening.world.desk() as desk:
        assert not steps.is_step_done(desk.session, DAY, "balances")


def test_books_that_do_not_add_up_are_not_settled(evening: Evening) -> None:
    evening.until("balances")
    with evening.world.session() as session:
        session.execute(update(OrderRow).where(OrderRow.id == 1).values(amount_fen=1))
        session.execute(update(Supply).where(Supply.barcode == CLASSIC).values(sold_packs=10))
        session.execute(update(RetailerRow).where(RetailerRow.customer_code == STATION).values(status="suspended"))
    with pytest.raises(StepRefused) as refused:
        evening.do(steps.audit, DAY)
    assert len(str(refused.value).splitlines()) == 4
    with evening.world.session() as session:
        assert not steps.is_step_done(session, DAY, "audit")


class TestAnOrderTheBankDoesNotPay:
    @pytest.fixture
    def failed(self, evening: Evening) -> Callable[[FailureRule, str], tuple[str, str]]:
        def answer(rule: FailureRule, available: str) -> tuple[str, str]:
            evening.until("audit")
            shop, station = evening.settle()
            evening.answer((shop, "failed", available), (station, "paid", ""), rule=rule)
            return shop, station

        return answer

    def test_waits_on_hold_and_is_delivered_when_it_is_paid(
        self, evening: Evening, failed: Callable[[FailureRule, str], tuple[str, str]]
    ) -> None:
        shop, station = failed("hold", "10")
        assert {line[3] for line in evening.do(steps.hand_over, DAY)} == {station}
        notices = evening.do(steps.delivery_notices, DAY)
        assert [(row[2], *row[-2:]) for row in notices] == [
            (station, "delivered", 0),
            (shop, "unpaid_on_hold", 1053_20),
        ]
        assert evening.do(steps.close, DAY)["on_hold"] == [shop]
        evening.do(steps.reopen, DAY, second="the director", reason="paid on the next morning")
        evening.do(settlement.retry_unpaid, [shop])
        evening.world.clock.move(hours=14)
        evening.paid()
        assert {line[3] for line in evening.do(steps.hand_over, DAY)} == {shop}, "the other is with delivery already"
        assert {row[-2] for row in evening.do(steps.delivery_notices, DAY)} == {"delivered"}
        evening.do(steps.close, DAY)
        assert set(evening.states().values()) == {"handed_over"}
        evening.world.check_books()

    def test_is_cut_to_what_is_there(
        self, evening: Evening, failed: Callable[[FailureRule, str], tuple[str, str]]
    ) -> None:
        shop, _ = failed("cut", "900")
        with pytest.raises(StepRefused, match="comes after settlement"):
            evening.do(steps.hand_over, DAY)
        _, rows = evening.do(settlement.make_batch, DAY)
        assert rows == [(shop, SHOP, "店12", "838.20")], "the last named line went first, carton by carton"
        evening.paid()
        assert sum(line[6] for line in evening.do(steps.hand_over, DAY) if line[3] == shop) == 3
        notices = {row[2]: row[-2:] for row in evening.do(steps.delivery_notices, DAY)}
        assert notices[shop] == ("unpaid_cut", 163_20)
        evening.world.check_books()

    def test_is_cancelled(self, evening: Evening, failed: Callable[[FailureRule, str], tuple[str, str]]) -> None:
        shop, _ = failed("cancel", "0")
        evening.do(steps.hand_over, DAY)
        assert evening.states()[shop] == "cancelled"
        evening.world.check_books()


def test_an_answer_has_to_fit_the_batch(evening: Evening) -> None:
    evening.until("audit")
    shop, station = evening.settle()
    with pytest.raises(StepRefused, match="lacks 1 orders"):
        evening.answer((shop, "paid", ""))
    with pytest.raises(SheetError, match="in no batch"):
        evening.answer((shop, "paid", ""), (station, "paid", ""), ("1", "paid", ""))
    evening.answer((shop, "paid", ""), (station, "failed", "1"))
    assert evening.answer((shop, "paid", ""), (station, "failed", "1"))["already answered"] == 2
    with pytest.raises(SheetError, match="was answered with paid before"):
        evening.answer((shop, "failed", "1"), (station, "failed", "1"))


def test_supplementary_orders_are_settled_before_the_hand_over(evening: Evening) -> None:
    evening.world.missed(CORNER)
    evening.until("settlement")
    late = order(evening.world, CORNER, {CHINA: 1}, SUPPLEMENTARY)
    with pytest.raises(StepRefused, match=f"1 orders are not settled yet .{late}"):
        evening.do(steps.hand_over, DAY)
    evening.paid()
    assert late in {line[3] for line in evening.do(steps.hand_over, DAY)}
    evening.world.check_books()


def test_delivery_is_told_the_region_chosen_for_an_order_else_the_retailers_own(evening: Evening) -> None:
    evening.world.change_retailer(SHOP, region="东区")
    evening.world.missed(CORNER)
    late = order(evening.world, CORNER, {CHINA: 1}, SUPPLEMENTARY)
    with evening.world.session() as session:
        session.scalars(select(OrderRow).where(OrderRow.number == late)).one().region = "西区"
    evening.until("settlement")
    regions = {line[1]: line[-1] for line in evening.do(steps.hand_over, DAY)}
    assert regions[CORNER] == "西区"
    assert regions[SHOP] == "东区"


def test_a_closed_day_is_opened_by_two_people_with_a_reason(evening: Evening) -> None:
    with pytest.raises(StepRefused, match="not closed"):
        evening.do(steps.reopen, DAY, second="the director", reason="why not")
    evening.until("close")
    for second, reason in ((CLERK, "paid late"), ("the director", " "), ("", "paid late")):
        with pytest.raises(StepRefused, match="a reason and a second person"):
            evening.do(steps.reopen, DAY, second=second, reason=reason)


@pytest.mark.parametrize("statement", ["UPDATE order_history SET event = 'nothing'", "DELETE FROM order_history"])
def test_history_cannot_be_rewritten(evening_on_each: Evening, statement: str) -> None:
    with pytest.raises(DBAPIError, match="only appended"), evening_on_each.world.session() as session:
        session.execute(text(statement))


class TestASavedOrder:
    def ask(self, evening: Evening, number: str, lines: dict[str, int], by: str = "the operator") -> int:
        with evening.world.session() as session:
            now = evening.world.clock()
            return order_changes.request_change(session, number, lines, by=by, reason="misheard", now=now).id

    def decide(self, evening: Evening, change: int, *, approve: bool = True, by: str = "the leader") -> None:
        def decided(session: Session) -> None:
            order_changes.decide(session, change, approve=approve, by=by, now=evening.world.clock())

        with evening.world.session() as session:
            decided(session)

    def test_is_changed_when_somebody_else_approves(self, evening: Evening) -> None:
        shop, _ = evening.states()
        change = self.ask(evening, shop, {CHINA: 3 * CARTON, CLASSIC: 0})
        evening.world.check_books()
        with pytest.raises(ChangeRefused, match="somebody else"):
            self.decide(evening, change, by="the operator")
        self.decide(evening, change)
        evening.world.check_books()
        with evening.world.session() as session:
            row = session.scalars(select(OrderRow).where(OrderRow.number == shop)).one()
            events = list(session.scalars(select(OrderHistory.event).where(OrderHistory.order_id == row.id)))
            assert (row.state, row.total_packs, row.amount_fen) == ("confirmed", 30, 3 * 381_60)
        assert events[-2:] == ["change requested", "change approved"]
        with pytest.raises(ChangeRefused, match="no open change"):
            self.decide(evening, change)

    def test_is_cancelled_when_somebody_else_approves(self, evening: Evening) -> None:
        shop, _ = evening.states()
        self.decide(evening, self.ask(evening, shop, {}))
        assert evening.states()[shop] == "cancelled"
        evening.world.check_books()

    def test_stays_as_it_is_when_the_change_is_refused(self, evening: Evening) -> None:
        shop, _ = evening.states()
        self.decide(evening, self.ask(evening, shop, {}), approve=False)
        assert evening.states()[shop] == "confirmed"

    def test_never_grows_beyond_its_limit(self, evening: Evening) -> None:
        shop, _ = evening.states()
        change = self.ask(evening, shop, {CHINA: 21 * CARTON})
        with pytest.raises(ChangeRefused, match="not enough left"):
            self.decide(evening, change)
        evening.world.check_books()

    def test_cannot_change_once_it_is_settled(self, evening: Evening) -> None:
        shop, _ = evening.states()
        evening.until("settlement")
        with pytest.raises(ChangeRefused, match="is settled"):
            self.ask(evening, shop, {})


def test_the_commands_take_a_day_to_its_end(evening: Evening) -> None:
    app = application_on(evening.world)
    evening.world.engage("clerk", "director", "operator")

    def run(*args: object, code: int = 0) -> str:
        who = ("--day", "2026-11-23", "--by", "clerk")
        result = app.test_cli_runner().invoke(args=["day-end", *map(str, args), *who])
        assert result.exit_code == code, result.output
        return result.output

    out = ("--out", evening.folder / "out")
    assert "comes after" in run("audit", code=1)
    run("balances", evening.file(("customer_code", "balance"), (SHOP, 5000)))
    run("audit")
    run("settle", *out)
    with (evening.folder / "out" / "settlement-20261123-1.csv").open(encoding="utf-8-sig") as file:
        numbers = [row["order"] for row in csv.DictReader(file)]
    run("answer", evening.file(settlement.ANSWER_COLUMNS, *((number, "paid", "") for number in numbers)))
    run("hand-over", *out)
    run("notice", *out)
    assert '"orders": 2' in run("close")
    assert sorted(path.name for path in (evening.folder / "out").iterdir()) == [
        "delivery-20261123.csv",
        "notices-20261123.csv",
        "settlement-20261123-1.csv",
    ]
    reopen = ("reopen", "--reason", "a carton was forgotten", "--second")
    assert "There is no account 'somebody'" in run(*reopen, "somebody", code=1)
    assert "the operator (operator) is operator; this is for: leader, clerk, director" in run(
        *reopen, "operator", code=1
    )
    assert "a second person" in run(*reopen, "clerk", code=1)
    run(*reopen, "director")
