"""Many callers at once, on each supported database: nothing is oversold, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import pytest
from sqlalchemy import Engine, select

import storage
from orders.book.desk import Confirmed, DeskRefusal, LineRequest
from orders.book.models import Channel, OrderRow
from orders.channels import web_orders
from orders.channels.web_orders import WebOrder
from orders.retailers.models import RetailerRow
from tests.support.desk_world import CARTON, CHINA, CLASSIC, ERA, MAIN, SHOP, MovingClock, World

T = TypeVar("T")

CALLERS = 8


@pytest.fixture
def busy(engine: Engine, clock: MovingClock) -> World:
    """The desk with as many retailers due today as there are callers."""
    world = World.build(storage.open_sessions(engine), clock)
    with world.session() as session:
        session.add_all(
            RetailerRow(customer_code=code(n), name=f"店{n}", order_weekday=clock().weekday()) for n in range(CALLERS)
        )
    world.allow_everything()
    return world


def code(number: int) -> str:
    return f"4105021001{number:02d}"


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run the tasks together, as nearly at one moment as threads allow, and return their results."""
    gate = threading.Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        gate.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def open_draft(world: World, call: str, retailer_code: str) -> None:
    with world.desk() as desk:
        retailer = desk.retailer(retailer_code)
        assert retailer is not None
        desk.open_draft(call, retailer, desk.hotline(MAIN))


def test_the_last_cartons_are_granted_once(busy: World) -> None:
    busy.stock(CLASSIC, 20)

    def caller(number: int) -> Callable[[], int]:
        def ring() -> int:
            open_draft(busy, f"call-{number}", code(number))
            granted = 0
            for _ in range(5):
                with busy.desk() as desk:
                    granted += desk.draft(f"call-{number}").set_line(CLASSIC, CARTON).granted_packs
            with busy.desk() as desk:
                if desk.draft(f"call-{number}").view().lines:  # type: ignore[union-attr]
                    desk.draft(f"call-{number}").confirm()
            return granted

        return ring

    granted = at_once([caller(number) for number in range(CALLERS)])
    assert sum(granted) == 20 * CARTON
    busy.check_books()


def test_callers_who_name_the_same_specs_in_other_orders_do_not_block_each_other(busy: World) -> None:
    forward = [CLASSIC, ERA, CHINA]

    def caller(number: int) -> Callable[[], int]:
        named = forward if number % 2 else forward[::-1]

        def turn() -> int:
            with busy.desk() as desk:
                desk.lock_specs(named)
                return sum(desk.draft(f"call-{number}").set_line(barcode, CARTON).granted_packs for barcode in named)

        def ring() -> int:
            open_draft(busy, f"call-{number}", code(number))
            return sum(turn() for _ in range(5))

        return ring

    assert sum(at_once([caller(number) for number in range(CALLERS)])) == CALLERS * 5 * len(forward) * CARTON
    busy.check_books()


def test_one_retailer_on_two_telephones_orders_once(busy: World) -> None:
    for number in range(4):
        open_draft(busy, f"call-{number}", SHOP)
        with busy.desk() as desk:
            desk.draft(f"call-{number}").set_line(CLASSIC, CARTON)

    def confirm(number: int) -> Callable[[], Confirmed | str]:
        @storage.retry_on_deadlock
        def yes() -> Confirmed | str:
            with busy.desk() as desk:
                try:
                    return desk.draft(f"call-{number}").confirm()
                except DeskRefusal as refusal:
                    return refusal.reason

        return yes

    answers = at_once([confirm(number) for number in range(4)])
    assert sorted(a if isinstance(a, str) else "saved" for a in answers) == ["already_ordered"] * 3 + ["saved"]
    busy.check_books()


def test_one_yes_that_arrives_twice_saves_once(busy: World) -> None:
    open_draft(busy, "call", SHOP)
    with busy.desk() as desk:
        desk.draft("call").set_line(CLASSIC, CARTON)

    def yes() -> Confirmed:
        with busy.desk() as desk:
            return desk.draft("call").confirm()

    answers = at_once([yes] * 4)
    assert sorted(answer.already for answer in answers) == [False, True, True, True]
    assert len({answer.order.number for answer in answers}) == 1
    busy.check_books()


def test_a_draft_left_behind_is_taken_up_by_one_call_only(busy: World) -> None:
    open_draft(busy, "dropped", SHOP)
    with busy.desk() as desk:
        desk.draft("dropped").set_line(CLASSIC, CARTON)
    with busy.desk() as desk:
        desk.draft("dropped").abandon()

    def again(number: int) -> Callable[[], int]:
        def ring() -> int:
            open_draft(busy, f"call-{number}", SHOP)
            with busy.desk() as desk:
                return len(desk.draft(f"call-{number}").view().lines)  # type: ignore[union-attr]

        return ring

    assert sorted(at_once([again(number) for number in range(4)])) == [0, 0, 0, 1]
    busy.check_books()


def test_holds_that_expire_while_others_ask_are_given_back_once(busy: World, clock: MovingClock) -> None:
    busy.stock(CLASSIC, 8)
    for number in range(4):
        open_draft(busy, f"dead-{number}", code(number))
        with busy.desk() as desk:
            desk.draft(f"dead-{number}").set_line(CLASSIC, 2 * CARTON)
    clock.move(minutes=16)

    def caller(number: int) -> Callable[[], int]:
        @storage.retry_on_deadlock
        def turn() -> int:
            with busy.desk() as desk:
                requests = [LineRequest(CLASSIC, 4 * CARTON), LineRequest(ERA, CARTON)]
                return desk.draft(f"call-{number}").set_lines(requests)[0].granted_packs

        def ring() -> int:
            open_draft(busy, f"call-{number}", code(number))
            return turn()

        return ring

    granted = at_once([caller(number) for number in range(4, 8)])
    assert sum(granted) <= 8 * CARTON
    busy.check_books()
    with busy.session() as session:
        assert not session.scalars(
            select(OrderRow).where(OrderRow.holds_active, OrderRow.hold_expires_at <= clock())
        ).all()
    assert sum(granted) == 8 * CARTON


def test_every_channel_takes_from_one_shelf(busy: World) -> None:
    busy.stock(CLASSIC, 20)
    channels: tuple[Channel, ...] = ("phone", "operator", "web", "mobile", "proxy", "phone", "web", "operator")

    def by_talk(number: int, channel: Channel) -> int:
        call = f"call-{number}"
        with busy.desk() as desk:
            retailer = desk.retailer(code(number))
            assert retailer is not None
            desk.open_draft(call, retailer, desk.hotline(MAIN), channel=channel)
        granted = 0
        for _ in range(2):
            with busy.desk() as desk:
                granted += desk.draft(call).set_line(CLASSIC, 2 * CARTON).granted_packs
        with busy.desk() as desk, suppress(DeskRefusal):
            desk.draft(call).confirm()
        return granted

    @storage.retry_on_deadlock
    def by_list(number: int, channel: Channel) -> int:
        order = WebOrder(code(number), {CLASSIC: 4 * CARTON}, busy.clock())
        with busy.desk() as desk:
            taken = web_orders.enter_order(desk, channel, "a sender", f"order-{number}", order, busy.clock())
            return int(taken.row.answer.get("total_packs", 0))

    def orders(number: int, channel: Channel) -> Callable[[], int]:
        take = by_talk if channel in ("phone", "operator") else by_list
        return lambda: take(number, channel)

    granted = at_once([orders(number, channel) for number, channel in enumerate(channels)])
    assert sum(granted) == 20 * CARTON
    busy.check_books()
    with busy.session() as session:
        assert sum(session.scalars(select(OrderRow.total_packs).where(OrderRow.state == "confirmed"))) == 20 * CARTON
