"""For any change to saved orders at the day's end: counters, amounts and the bank's settlement stay consistent."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

import storage
from brand_catalog.sheets import read_sheet
from clock import local_date
from orders.book import order_changes
from orders.book.desk import DeskRefusal
from orders.book.models import OrderRow
from orders.book.order_changes import ChangeRefused
from orders.day_end import settlement, steps
from orders.day_end.models import FailureRule
from orders.day_end.steps import StepRefused
from orders.money import yuan
from tests.db.orders.test_day_end import DAY, Evening, begin_evening
from tests.support.commands import run_command
from tests.support.desk_world import CARTON, CHINA, CLASSIC, ERA, MAIN, SHOP, STATION, MovingClock, World

SPECS = (CHINA, CLASSIC, ERA)


@pytest.fixture
def evening(engine: Engine, clock: MovingClock, tmp_path: Path) -> Evening:
    return begin_evening(engine, clock, tmp_path)


def ask(evening: Evening, number: str, lines: dict[str, int], *, by: str = "the operator") -> int:
    with evening.world.session() as session:
        now = evening.world.clock()
        return order_changes.request_change(session, number, lines, by=by, reason="misheard", now=now).id


def approve(evening: Evening, change: int, by: str = "the leader") -> None:
    decide(evening, change, approve=True, by=by)


def decide(evening: Evening, change: int, *, approve: bool, by: str = "the leader") -> None:
    with evening.world.session() as session:
        order_changes.decide(session, change, approve=approve, by=by, now=evening.world.clock())


def test_what_is_at_the_bank_is_not_changed_until_the_answer_is_in(evening: Evening) -> None:
    shop, station = evening.states()
    evening.until("audit")
    evening.settle()
    for number in (shop, station):
        with pytest.raises(ChangeRefused, match="is at the bank"):
            ask(evening, number, {CHINA: CARTON})
    evening.answer((shop, "failed", "0"), (station, "paid", ""))
    approve(evening, ask(evening, shop, {CHINA: CARTON}))
    assert evening.states() == {shop: "confirmed", station: "settled"}
    evening.world.check_books()


def test_no_money_is_collected_for_an_order_whose_change_is_undecided(evening: Evening) -> None:
    shop, _ = evening.states()
    evening.until("audit")
    change = ask(evening, shop, {})
    with pytest.raises(StepRefused, match=f"for 1 orders \\({shop}\\): approve or refuse it"):
        evening.settle()
    decide(evening, change, approve=False)
    evening.settle()


@pytest.mark.parametrize("by", ["the operator", " The  OPERATOR ", "", " "])
def test_nobody_approves_a_change_of_their_own(evening: Evening, by: str) -> None:
    shop, _ = evening.states()
    with pytest.raises(ChangeRefused, match="somebody else"):
        approve(evening, ask(evening, shop, {}), by=by)


def test_nobody_opens_a_day_again_as_two_people(evening: Evening) -> None:
    evening.until("close")
    with pytest.raises(StepRefused, match="a second person"):
        evening.do(steps.reopen, DAY, second="THE  clerk", reason="a carton was forgotten")


def test_of_two_who_do_the_same_step_at_once_one_is_told(evening: Evening) -> None:
    evening.until("balances")
    with evening.world.session() as session, pytest.raises(StepRefused, match="just done by somebody else"):
        steps.finish_step(session, DAY, "balances", by="another", now=evening.world.clock(), detail={})


def test_what_becomes_of_what_is_not_paid_is_a_setting(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, station = evening.states()
    evening.until("audit")
    evening.settle()
    evening.world.engage("clerk")
    monkeypatch.setenv("SETTLEMENT_FAILURE", "cancel")
    answer = evening.file(settlement.ANSWER_COLUMNS, (shop, "failed", "0"), (station, "paid", ""))
    words = ("day-end", "answer", answer, "--day", DAY, "--by", "clerk")
    assert run_command(evening.world, *words).exit_code == 0
    assert evening.states() == {shop: "cancelled", station: "settled"}
    evening.world.check_books()


# --- any changes, any bank results

packs = st.integers(0, 12 * CARTON)
lines = st.dictionaries(st.sampled_from(SPECS), packs.filter(bool), min_size=1)
change_steps = st.tuples(st.sampled_from([SHOP, STATION]), st.dictionaries(st.sampled_from(SPECS), packs))
answers = st.tuples(st.booleans(), st.integers(0, 5_000_00))


@pytest.fixture
def scarce(engine: Engine, clock: MovingClock) -> World:
    return World.build(storage.open_sessions(engine), clock, stock=15, limit=10)


@given(
    wanted=st.tuples(lines, lines),
    asked=st.lists(change_steps, max_size=6),
    said=st.lists(answers, min_size=12, max_size=12),
    rule=st.sampled_from(["hold", "cut", "cancel"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changes_and_any_answer_leave_books_and_money_right(
    scarce: World,
    tmp_path: Path,
    wanted: tuple[dict[str, int], dict[str, int]],
    asked: list[tuple[str, dict[str, int]]],
    said: list[tuple[bool, int]],
    rule: FailureRule,
) -> None:
    begin_next_week(scarce)
    evening = Evening(scarce, tmp_path)
    day = local_date(scarce.clock())
    numbers = {code: saved(scarce, code, own) for code, own in zip((SHOP, STATION), wanted, strict=True)}
    for code, target in asked:
        if (number := numbers[code]) is not None:
            # A refusal changes nothing: each change is a unit of work of its own.
            with suppress(ChangeRefused):
                change = ask(evening, number, target)
                try:
                    approve(evening, change)
                except ChangeRefused:
                    decide(evening, change, approve=False)
        scarce.check_books()
    balances = read_sheet(evening.file(("customer_code", "balance"), (SHOP, 0), (STATION, 0)))
    evening.do(steps.import_balances, balances, day)
    evening.do(steps.audit, day)
    replies = iter(said)
    taken_fen = 0
    while rows := batch(evening, day):
        answered = [(row, *next(replies, (True, 0))) for row in rows]
        taken_fen += sum(yuan_to_fen(row[3]) for row, paid, _ in answered if paid)
        file = evening.file(
            settlement.ANSWER_COLUMNS,
            *((row[0], "paid" if paid else "failed", yuan(fen)) for row, paid, fen in answered),
        )
        evening.do(settlement.import_answer, read_sheet(file), day, rule)
        scarce.check_books()
    evening.do(steps.hand_over, day)
    with scarce.session() as session:
        delivered = session.scalars(
            select(OrderRow).where(OrderRow.business_day == day, OrderRow.state == "handed_over")
        ).all()
        assert sum(order.amount_fen for order in delivered) == taken_fen
        for order in delivered:
            assert order.amount_fen == order_changes.total_fen(order.lines)


def batch(evening: Evening, day: date) -> list[tuple[str, ...]]:
    try:
        _, rows = evening.do(settlement.make_batch, day)
    except StepRefused:
        return []
    return [tuple(map(str, row)) for row in rows]


def yuan_to_fen(text: str) -> int:
    yuan, fen = text.split(".")
    return int(yuan) * 100 + int(fen)


def saved(world: World, code: str, wanted: dict[str, int]) -> str | None:
    key = f"{code} {world.clock():%Y%m%d}"
    with world.desk() as desk, suppress(DeskRefusal):
        retailer = desk.retailer(code)
        assert retailer is not None
        desk.open_draft(key, retailer, desk.hotline(MAIN))
        for barcode, amount in wanted.items():
            desk.draft(key).set_line(barcode, amount)
        return desk.draft(key).confirm().order.number
    return None


def begin_next_week(world: World) -> None:
    """Move to a week later, when both are due again, with new supply and limits."""
    world.clock.move(weeks=1)
    world.supply(stock=15, limit=10)
